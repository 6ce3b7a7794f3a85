"""Features of colours and edges: no weights, no labels."""

import numpy as np
import pytest
import torch

from winnow.encoders.frozen.plain import plain_features
from winnow.encoders.registry import load_encoder
from winnow.errors import WinnowError

CPU = torch.device("cpu")


def stripes(axis):
    image = torch.zeros(1, 3, 32, 32)
    image[..., ::4, :] = 1
    image[..., 1::4, :] = 1
    return image if axis == 0 else image.transpose(2, 3).contiguous()


def test_grey_has_no_features_and_a_colour_has_no_edges():
    assert plain_features(torch.full((1, 3, 32, 32), 0.5)).abs().sum() == 0
    red = torch.zeros(1, 3, 32, 32)
    red[:, 0] = 1
    found = plain_features(red)
    assert found.shape == (1, 320) and found[0, 192:].abs().sum() == 0
    torch.testing.assert_close(torch.linalg.vector_norm(found), torch.tensor(1.0))
    assert (found[0, :64] > 0).all() and (found[0, 64:192] < 0).all()


def test_edges_of_other_directions_fall_into_other_bins():
    across, down = (plain_features(stripes(axis))[0, 192:].reshape(8, 16).sum(dim=1) for axis in (1, 0))
    assert across.argmax() == 0 and down.argmax() == 4  # of eight from 0 to 180 degrees


def test_a_copy_of_other_brightness_is_nearer_than_another_picture():
    images = np.random.default_rng(0).integers(0, 200, (3, 8, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    images[1] = images[0] + 20
    embed = {
        "encoder": "plain",
        "batch_size": 2,
        "flip": False,
        "plain": {"weight_candidates": [1.0], "input_size": 64},
    }
    embedding = load_encoder(embed, class_names=[], device=CPU).embed_dataset(images, np.full(3, -1))
    likeness = embedding.features @ embedding.features.T
    assert likeness[0, 1] > 0.95 > 0.8 > likeness[0, 2]
    assert embedding.zero_shot is None and embedding.no_zero_shot


def test_an_encoder_that_learns_from_labels_says_what_to_name_where_there_are_none():
    embed = {"encoder": "trained", "batch_size": 2, "flip": False, "trained": {"weight_candidates": [1.0]}}
    with pytest.raises(WinnowError, match="learns from labels, and these images have none; set it to plain"):
        load_encoder(embed, class_names=[], device=CPU)
