"""The augmentation policy: its file and its use."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from policy_data import photo
from winnow.augmentation.policy.operations import OPERATIONS
from winnow.augmentation.policy.policy import Policy, Step, read_policy, write_policy
from winnow.errors import WinnowError

POLICY = Policy(
    (
        (Step("rotate", 0.5, 0.25), Step("flip", 1.0)),
        (Step("brightness", 0.125, 1.0),),
        (Step("equalize", 0.0), Step("cutout", 1.0, 0.4), Step("rotate", 0.75, 0.0)),
    )
)


def test_a_policy_survives_its_file(tmp_path):
    path = tmp_path / "policy.yaml"
    for policy in (POLICY, Policy(())):
        write_policy(policy, path)
        assert read_policy(path) == policy
    write_policy(POLICY, path)
    text = path.read_text()
    assert "rotate: 30 degrees, either way" in text and "flip: has no magnitude" in text and "shear_x" not in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must hold sub_policies"),
        ("sub_policies: []\nextra: 1\n", "must hold sub_policies and nothing else"),
        ("- 1\n", "must hold sub_policies"),
        ("sub_policies: [\n", "is not valid YAML at line 2"),
        ("sub_policies: rotate\n", "must be a list of lists"),
        ("sub_policies: [[]]\n", "sub-policy 1: it must be a list of at least one"),
        ("sub_policies: [[rotate]]\n", "sub-policy 1, operation 1: it must hold operation and probability"),
        ("sub_policies: [[{operation: spin, probability: 1}]]\n", "no operation is called 'spin'; there are shear_x, "),
        ("sub_policies: [[{operation: [flip], probability: 1}]]\n", "no operation is called ['flip']"),
        ("sub_policies: [[{operation: flip, probability: 1.5}]]\n", "the probability of flip is 1.5"),
        ("sub_policies: [[{operation: flip, probability: .nan}]]\n", "the probability of flip is nan"),
        ("sub_policies: [[{operation: flip, probability: yes}]]\n", "the probability of flip is True"),
        ("sub_policies: [[{operation: flip, probability: '1'}]]\n", "the probability of flip is '1'"),
        ("sub_policies: [[{operation: flip, probability: 1, magnitude: 1}]]\n", "flip has no magnitude"),
        (
            "sub_policies: [[{operation: flip, probability: 1}], [{operation: flip, probability: 1}, "
            "{operation: rotate, probability: 1}]]\n",
            "sub-policy 2, operation 2: the magnitude of rotate is None",
        ),
        ("sub_policies: [[{operation: rotate, probability: 1, magnitude: -0.1}]]\n", "magnitude of rotate is -0.1"),
        ("sub_policies: [[{operation: flip, probability: 1, amount: 1}]]\n", "'amount' is none of"),
    ],
)
def test_a_bad_file_is_named_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(WinnowError) as error:
        read_policy(path)
    assert str(path) in str(error.value) and words in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_says_how_to_build_it(tmp_path):
    with pytest.raises(WinnowError, match="dvc repro search_policy"):
        read_policy(tmp_path / "none.yaml")


# Its use


def test_one_seed_one_copy():
    pixels = photo()
    pixels.flags.writeable = False
    first = [POLICY.apply(pixels, seed) for seed in range(40)]
    again = [POLICY.apply(pixels.copy(), seed) for seed in range(40)]
    for one, other in zip(first, again, strict=True):
        assert one.dtype == np.uint8 and one.shape == pixels.shape and np.array_equal(one, other)
    assert len({copy.tobytes() for copy in first}) > 20


def test_operations_run_on_one_thread_and_the_caller_keeps_its_own(monkeypatch):
    """PyTorch adds up large images in parts, one for each thread: the last digits would depend on the machine."""
    seen = []

    def failing(images, magnitude, chance):
        seen.append(torch.get_num_threads())
        raise KeyboardInterrupt

    monkeypatch.setitem(OPERATIONS, "flip", replace(OPERATIONS["flip"], apply=failing))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with pytest.raises(KeyboardInterrupt):
            Policy(((Step("flip", 1.0),),)).apply(photo(), 0)
        assert seen == [1] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_probabilities_are_kept_among_the_draws_that_do_something():
    """Of the draws half invert, 0.15 flip and 0.35 do nothing and are drawn again."""
    pixels = photo((8, 8))
    policy = Policy(((Step("flip", 0.3),), (Step("invert", 1.0),)))
    results = [policy.apply(pixels, seed) for seed in range(1000)]
    inverted = sum(np.array_equal(result, 255 - pixels) for result in results)
    flipped = sum(np.array_equal(result, pixels[:, ::-1]) for result in results)
    assert inverted + flipped == 1000
    assert 716 < inverted < 823  # 0.5 / 0.65 of 1,000, within four standard deviations


def test_a_policy_that_does_nothing_gives_the_original():
    pixels = photo((8, 8))
    assert Policy(((Step("flip", 0.0),),)).apply(pixels, 0) is pixels


def test_steps_follow_one_another():
    pixels = np.full((8, 8, 3), 100, dtype=np.uint8)
    steps = (Step("posterize", 1.0, 1.0), Step("invert", 1.0))
    assert (Policy((steps,)).apply(pixels, 0) == 255 - 96).all()
    assert (Policy((steps[::-1],)).apply(pixels, 0) == 144).all()  # 155 without its lowest four bits


def test_an_empty_policy_makes_no_copies():
    with pytest.raises(WinnowError, match=r"set policy_search\.enabled"):
        Policy(()).apply(photo(), 0)


def test_a_fill_is_written_where_it_is_not_the_usual_one_and_read_again(tmp_path):
    steps = ((Step("translate_x", 1.0, 0.8),),)
    plain, bordered = Policy(steps), Policy(steps, fill="border")
    for policy in (plain, bordered):
        write_policy(policy, tmp_path / "policy.yaml")
        assert read_policy(tmp_path / "policy.yaml") == policy
        assert ("fill" in (tmp_path / "policy.yaml").read_text()) == (policy is bordered)
    white = np.full((20, 20, 3), 255, dtype=np.uint8)
    white[5:15, 1:4] = white[5:15, 16:19] = 0  # near either edge
    assert (plain.apply(white, 1) != bordered.apply(white, 1)).any()
    (tmp_path / "policy.yaml").write_text("fill: black\nsub_policies: []\n")
    with pytest.raises(WinnowError, match="fill is 'black'; it must be reflect or border"):
        read_policy(tmp_path / "policy.yaml")
