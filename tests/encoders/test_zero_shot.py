"""Matching class names to ImageNet's labels, and class probabilities from logits, by hand."""

import numpy as np
import pytest
import torch

from winnow.encoders.frozen.imagenet_names import imagenet_descriptions, match_names
from winnow.encoders.zero_shot import ZeroShot, joined, zero_shot_from_logits

ANIMALS = [
    "tabby, tabby cat: a cat with a grey or tawny coat mottled with black",
    "Madagascar cat, ring-tailed lemur, Lemur catta: small lemur having its tail barred with black",
    "timber wolf, grey wolf, Canis lupus: a wolf with a brindled grey coat",
    "coyote, prairie wolf, brush wolf, Canis latrans: small wolf native to western North America",
    "killer whale, orca, sea wolf, Orcinus orca: predatory black-and-white toothed whale",
    "golden retriever: an English breed having a long silky golden coat",
    "guinea pig, Cavia cobaya: stout-bodied nearly tailless domesticated cavy",
    "lion, king of beasts: large gregarious predatory feline",
    "sea lion: any of several large eared seals of the northern Pacific",
    "cougar, mountain lion: large American feline resembling a lion",
    "jaguar, panther: a large spotted feline",
    "hammerhead, hammerhead shark: medium-sized live-bearing shark",
]


@pytest.mark.parametrize(
    ("names", "matched"),
    [
        (["cat"], {0: 0}),  # the lemur is no cat: its definition says lemur
        (["wolf", "coyote"], {2: 0, 3: 1}),  # a whole name wins over last words; the whale is no wolf
        (["coyote", "wolf"], {2: 1, 3: 0}),  # in any order
        (["wolf"], {2: 0, 3: 0}),  # by its definition a coyote is one
        (["retriever"], {5: 0}),  # the definition names nothing else
        (["GUINEA_PIGS"], {6: 0}),
        (["lion"], {7: 0}),  # a label of its own: neither the seal nor the cougar
        (["lion", "sea-lion"], {7: 0, 8: 1}),
        (["panther", "jaguar"], {10: 1}),  # both whole names: the better known one
        (["sharks", "wolves"], {11: 0, 2: 1, 3: 1}),
        (["feline"], {}),  # no name at all, though three are defined by it
        (["_", "", "s"], {}),
    ],
)
def test_names_by_hand(names, matched):
    expected = np.full(len(ANIMALS), -1)
    expected[list(matched)] = list(matched.values())
    np.testing.assert_array_equal(match_names(names, ANIMALS), expected)


def test_a_name_wider_than_the_labels_that_bear_it_claims_none():
    dogs = ["Eskimo dog, husky: a sled dog", "beagle: a small hound", "Doberman: large breed of dog"]
    assert match_names(["dog"], dogs).tolist() == [0, -1, -1]
    assert match_names(["dog"], [*dogs, "borzoi: fast-moving dog breed"]).tolist() == [-1, -1, -1, -1]


def test_names_of_the_course():
    names = ["cat", "lynx", "wolf", "coyote", "jaguar", "cheetah", "chimpanzee", "orangutan", "hamster", "guinea pig"]
    matched = match_names(names, imagenet_descriptions())
    assert len(matched) == 1000
    labels = [np.flatnonzero(matched == index).tolist() for index in range(10)]
    singles = [[272], [290], [293], [367], [365], [333], [338]]
    assert labels == [[281, 282, 283, 284, 285], [287], [269, 270, 271], *singles]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("bear", [294, 295, 296, 297, 388, 850]),  # four bears, the giant panda, the teddy; no koala, no red panda
        ("fox", [277, 278, 279, 280]),
        ("lion", [291]),
        ("pig", [341]),  # hog, pig; no guinea pig
        ("dog", []),
        ("bird", []),
        ("ship", []),
        ("zero", []),
    ],
)
def test_names_of_imagenet(name, labels):
    assert np.flatnonzero(match_names([name], imagenet_descriptions()) == 0).tolist() == labels


def test_probabilities_by_hand():
    """Softmax gives (4, 2, 1, 1) / 8: class 0 has the first and third, class 1 the second, no class the last."""
    logits = torch.tensor([[4.0, 2.0, 1.0, 1.0]]).log()
    said = zero_shot_from_logits(logits, np.array([0, 1, 0, -1]))
    np.testing.assert_allclose(said.pred_probs, [[5 / 7, 2 / 7]], rtol=1e-6)
    np.testing.assert_allclose(said.in_class_probability, [7 / 8], rtol=1e-6)
    assert said.pred_probs.dtype == said.in_class_probability.dtype == np.float32


def test_an_image_of_no_class_still_has_class_probabilities():
    logits = torch.tensor([[0.0, np.log(3), 5000.0], [5000.0, 0.0, 0.0]], dtype=torch.float64)
    said = zero_shot_from_logits(logits, np.array([0, 1, -1]))
    np.testing.assert_allclose(said.pred_probs, [[0.25, 0.75], [1, 0]], atol=1e-6)
    np.testing.assert_array_equal(said.in_class_probability, [0, 1])


def test_parts_joined_are_the_whole():
    logits = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 6)))
    owner = np.array([0, 1, 2, -1, 1, -1])
    whole = zero_shot_from_logits(logits, owner)
    parts = joined([zero_shot_from_logits(part, owner) for part in logits.split(4)])
    assert isinstance(parts, ZeroShot)
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(parts.arrays()[name], array)
