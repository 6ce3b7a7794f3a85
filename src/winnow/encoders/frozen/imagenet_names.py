"""Matching of class names with ImageNet-1k's 1000 labels, by the labels' names and definitions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from timm.data.imagenet_info import ImageNetInfo

_SINGULARS = (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", ""))


@dataclass(frozen=True)
class _Label:
    """A label's names, best known first, as words; the words of its definition, plurals also as singulars."""

    names: list[tuple[str, ...]]
    defined_by: frozenset[str]


def imagenet_descriptions() -> list[str]:
    """ImageNet-1k's labels in the order of a classifier's outputs: `tabby, tabby cat: a cat with a grey or ...`."""
    info = ImageNetInfo("imagenet-1k")
    return [info.index_to_description(index, detailed=True) for index in range(info.num_classes())]


def match_names(class_names: Sequence[str], descriptions: Sequence[str]) -> np.ndarray:
    """Match every label with a class, by words alone: case, plural, `_` and `-` do not matter.

    A class matches a label that has its name, or a longer name that ends in it: `cat` matches `tabby cat`. A match of
    the whole name wins, so `coyote, prairie wolf` is no `wolf` beside a class `coyote`. An ending can mislead (sea
    wolf, Madagascar cat, koala bear, hot dog), so the label's definition is compared too: see `_is_kind_of`. A name
    that more labels use in their definition than in their names (dog, bird, ship) is wider than the labels that have
    it, which would cover only a part of its images; it matches none.

    Args:
        class_names: K names.
        descriptions: M texts `name, name, ...: definition`, as `imagenet_descriptions` gives them.

    Returns:
        (M,) int64, the class in [0, K) of every label, or -1.
    """
    labels = [_read(description) for description in descriptions]
    matched = np.full(len(labels), -1)
    strongest: dict[int, tuple[int, ...]] = {}
    for index, class_name in enumerate(class_names):
        *before, last = _words(class_name) or [""]
        matches = (_matches((*before, form), labels) for form in _forms(last))
        for label, strength in next(filter(None, matches), {}).items():
            if strength > strongest.get(label, ()):
                matched[label], strongest[label] = index, strength
    return matched


def _matches(name: tuple[str, ...], labels: Sequence[_Label]) -> dict[int, tuple[int, ...]]:
    """Labels that the name matches, and how well: a whole name, then more words, then a better known name."""
    is_a_label = any(name in label.names for label in labels)
    matches: dict[int, tuple[int, ...]] = {}
    for index, label in enumerate(labels):
        ending = [place for place, own in enumerate(label.names) if own[-len(name) :] == name]
        if name in label.names:
            matches[index] = (1, len(name), -label.names.index(name))
        elif ending and _is_kind_of(name, label, strict=is_a_label):
            matches[index] = (0, len(name), -ending[0])
    defined = sum(name[-1] in label.defined_by for index, label in enumerate(labels) if index not in matches)
    return matches if is_a_label or defined <= len(matches) else {}


def _is_kind_of(name: tuple[str, ...], label: _Label, *, strict: bool) -> bool:
    """Whether a label with a longer name that ends in `name` is of that kind.

    It is if its definition uses the word; or, where the definition uses none of the label's names, if its best known
    name ends so. `strict`, for a name that another label has whole (lion: neither sea lion nor mountain lion; pig: no
    guinea pig), needs both.
    """
    head = name[-1]
    best_known = label.names[0][-len(name) :] == name
    defined = head in label.defined_by
    as_other = any(own[-1] in label.defined_by for own in label.names if own[-1] != head)
    return best_known and defined if strict else defined or (best_known and not as_other)


def _read(description: str) -> _Label:
    names, _, definition = description.partition(": ")
    return _Label(
        names=[tuple(_words(name)) for name in names.split(", ")],
        defined_by=frozenset(form for word in _words(definition) for form in _forms(word)),
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _forms(word: str) -> list[str]:
    """The word as it is, then what it may be the plural of; forms that are no words match nothing."""
    singulars = [
        word.removesuffix(plural) + ending
        for plural, ending in _SINGULARS
        if word.endswith(plural) and len(word) > len(plural) + 1
    ]
    return [word, *singulars]
