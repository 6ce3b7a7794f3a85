"""The policy of random moves: what is drawn, and what is written where the params ask for it."""

import pytest

from winnow.augmentation.policy.policy import Policy, Step, read_policy
from winnow.augmentation.policy.random_moves import random_policy
from winnow.augmentation.policy.searched import write_searched
from winnow.params import load_sections

MOVES = {"shear_x", "shear_y", "translate_x", "translate_y", "rotate", "zoom"}


@pytest.fixture
def options(root):
    sections = {"policy_search", "copies"}
    return load_sections(sections, root / "pipelines/competition/params.yaml").policy_search


def not_read():
    raise AssertionError("nothing is searched, so no image is read")


def test_three_different_moves_of_random_size_over_the_border_s_level():
    policy = random_policy()
    assert len(policy.sub_policies) == 100 and policy.fill == "border"
    assert policy == random_policy(seed=0) != random_policy(seed=1)
    for steps in policy.sub_policies:
        assert len({step.operation for step in steps} & MOVES) == len(steps) == 3
        assert all(0.1 <= step.magnitude <= 0.6 and step.probability == 0.8 for step in steps)


def test_the_table_s_rows_of_random_copies_are_drawn_as_ever():
    """docs/competition.md has accuracies of copies by these very moves."""
    first, second, *_ = random_policy(sub_policies=5, length=2).sub_policies
    assert first == (Step("rotate", 0.8, 0.12), Step("translate_y", 0.8, 0.108))
    assert second == (Step("shear_y", 0.8, 0.556), Step("zoom", 0.8, 0.403))


def test_strokes_and_sizes_join_the_moves_and_a_share_is_inverted():
    sizes = (Step("zoom", 0.8, 1.0),)
    for steps in random_policy(strokes=("thickness",), sizes=sizes, invert=0.25, sub_policies=20).sub_policies:
        *moves, stroke, size, inverted = steps
        assert {step.operation for step in moves} <= MOVES - {"zoom"} and len(moves) == 3
        assert stroke.operation == "thickness" and size == sizes[0] and inverted == Step("invert", 0.25)


@pytest.mark.parametrize("enabled", [True, False])
def test_random_moves_are_written_without_a_search(options, tmp_path, enabled):
    path = tmp_path / "policy.yaml"
    asked = options.model_copy(update={"enabled": enabled, "seed": 3})
    words = write_searched(path, asked, not_read, scratch=tmp_path / "scratch", random=True)
    assert read_policy(path) == random_policy(seed=3)
    assert words.startswith("100 sub-policies of random moves")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Random moves") and "Faster AutoAugment" not in text


def test_a_search_that_is_off_leaves_no_policy(options, tmp_path):
    path = tmp_path / "policy.yaml"
    off = options.model_copy(update={"enabled": False})
    write_searched(path, off, not_read, scratch=tmp_path / "scratch")
    assert read_policy(path) == Policy(())
