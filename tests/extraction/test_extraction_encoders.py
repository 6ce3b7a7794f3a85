"""Encoders of winnow's own as a source of features."""

import numpy as np
import pytest
from PIL import Image

from winnow.errors import WinnowError
from winnow.extraction.encoders import encoder_features

HALVES = Image.new("RGB", (64, 64))
HALVES.paste((255, 0, 0), (0, 0, 32, 64))


def test_plain_needs_no_weights_and_no_arguments():
    encode, fingerprint = encoder_features("plain", arguments={}, image_size=50)
    assert fingerprint == {"encoder": "plain", "input_size": 48, "image_size": 50}
    found = encode([HALVES, HALVES.rotate(90)])
    assert found.shape == (2, 320) and found.dtype == np.float32 and np.abs(found[0] - found[1]).max() > 0.1
    _, fingerprint = encoder_features("plain", arguments={"input_size": 64}, image_size=224)
    assert fingerprint["input_size"] == 64
    with pytest.raises(WinnowError, match=r"encoder:plain does not take these arguments \(.*model.*\); see"):
        encoder_features("plain", arguments={"model": "x"}, image_size=224)


@pytest.mark.parametrize("name", ["trained", "finetuned", "clip"])
def test_others_are_refused_with_the_names_that_there_are(name):
    with pytest.raises(WinnowError, match=f"'{name}' is none of timm, open_clip, plain; one fitted on the dataset"):
        encoder_features(name, arguments={}, image_size=224)
