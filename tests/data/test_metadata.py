"""What a picture says beside its pixels: taken out of copies that are passed on, and counted."""

import io

import numpy as np
import pytest
from PIL import Image

from pictures import CAMERA, located, picture
from winnow.data.metadata import is_located, without_metadata


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100, "restart_marker_blocks": 1}])
@pytest.mark.parametrize("behind", [b"", b"\0\0", b"\xff\xd8 another picture " + CAMERA.encode()])
def test_pixels_and_colours_stay_and_all_else_goes(options, behind):
    before = located(**options) + behind
    after = without_metadata(before)
    old, new = (Image.open(io.BytesIO(content)) for content in (before, after))
    assert CAMERA.encode() in before and CAMERA.encode() not in after
    assert (np.asarray(old) == np.asarray(new)).all()
    assert new.info["icc_profile"] == old.info["icc_profile"] and not new.getexif()
    assert is_located(before) and not is_located(after)


def test_a_picture_without_metadata_is_left_as_it_is():
    assert without_metadata(picture()) == picture()
    assert without_metadata(b"") == b"" and not is_located(b"no picture") and not is_located(picture())


def test_wherever_a_picture_is_cut_nothing_is_raised():
    whole = located()
    for end in range(0, len(whole), 13):
        assert len(without_metadata(whole[:end])) <= end and is_located(whole[:end]) in (True, False)
