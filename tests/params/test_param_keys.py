"""What the model says of each key: words and limits."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from winnow.params import describe, limits
from winnow.params.keys import Group, Key, closest, first_sentence, keys, tree
from winnow.params.section import Section


def test_every_key_and_section_has_words():
    for member in tree().walk():
        assert len(first_sentence(member.description)) > 5, f"{member.name} is not described"
        assert member.description.strip().endswith("."), member.name


def test_descriptions_are_plain_text():
    assert describe("curate.ood_threshold") == (
        "An image is dropped from this probability of being none of the classes on. Lower drops more."
    )
    assert "`" not in describe("embed.open_clip.negatives")


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("curate.ood_threshold", (0, 1)),
        ("curate.ood_detectors", (1, None)),
        ("embed.trained.learning_rate", (0, None)),
        ("train.patience", (1, None)),
        ("curate.drop_near_duplicates", (None, None)),
        ("data.class_names", (None, None)),
    ],
)
def test_limits_are_open_where_there_are_none(key, expected):
    assert limits(key) == expected


def test_an_unknown_key_has_no_words():
    with pytest.raises(KeyError):
        describe("curate.ood_treshold")


class Inner(Section):
    """An inner section. With more words."""

    share: float = Field(ge=0, lt=0.5, description="A `share`. And more.")
    triple: Annotated[list[int], Field(min_length=3, max_length=3)] = Field(description="Three.")
    even: int = Field(gt=0, multiple_of=2, description="Even.")


class Outer(Section):
    """All."""

    kind: Literal["a", "b"] = Field(description="Which.")
    kinds: Literal["a", "b"] | list[Literal["a", "b"]] = Field(description="Which, or several.")
    text: str | None = Field(description="Any.")
    any_number: float = Field(description="Any.")
    inner: Inner


def test_a_model_becomes_a_tree_of_keys_in_its_order():
    inner = Group(
        "inner",
        "An inner section. With more words.",
        (
            Key("inner.share", "A `share`. And more.", "float in [0, 0.5)", 0, 0.5),
            Key("inner.triple", "Three.", "list of 3 int", None, None),
            Key("inner.even", "Even.", "int > 0, a multiple of 2", 0, None),
        ),
    )
    assert tree(Outer) == Group(
        "",
        "All.",
        (
            Key("kind", "Which.", "a or b", None, None),
            Key("kinds", "Which, or several.", "a or b, or a list", None, None),
            Key("text", "Any.", "str or null", None, None),
            Key("any_number", "Any.", "float", None, None),
            inner,
        ),
    )
    assert list(keys(Outer)) == ["kind", "kinds", "text", "any_number", "inner.share", "inner.triple", "inner.even"]


def test_the_first_sentence_stands_alone():
    assert first_sentence("A `share` of 0.5. And\nmore.") == "A share of 0.5"


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("curate.ood_treshold", "curate.ood_threshold"),
        ("ood_threshold", "curate.ood_threshold"),
        ("curat", "curate"),
        ("augment.class_floor", "curate.class_floor"),
        ("curate.zzz", None),
        ("nothing.like.it", None),
    ],
)
def test_a_misspelt_key_has_a_closest_one(misspelt, meant):
    assert closest(misspelt) == meant
