"""Which of ImageNet-1k's 1000 labels a class name means, from the labels' names and definitions."""

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
    """Give every label to the class that it belongs to, by words alone: case, plural, `_` and `-` do not matter.

    A class claims a label that bears its name, or that bears a longer name with the class's as last words: `cat` claims
    `tabby cat`. A label bearing one class's whole name is that class's, so `coyote, prairie wolf` is no `wolf` beside a
    class `coyote`. Last words can be false friends (sea wolf, Madagascar cat, koala bear, hot dog), so the label's
    definition has a say: see `_is_kind_of`. A name that more labels are defined by than bear it (dog, bird, ship) is
    wider than the labels that bear it, which would know only a part of its images; it claims none.

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
        claims = (_claims((*before, form), labels) for form in _forms(last))
        for label, strength in next(filter(None, claims), {}).items():
            if strength > strongest.get(label, ()):
                matched[label], strongest[label] = index, strength
    return matched


def _claims(name: tuple[str, ...], labels: Sequence[_Label]) -> dict[int, tuple[int, ...]]:
    """Labels that the name claims, and how strongly: a whole name, then more words, then a better known name."""
    is_a_label = any(name in label.names for label in labels)
    claims: dict[int, tuple[int, ...]] = {}
    for index, label in enumerate(labels):
        ending = [place for place, own in enumerate(label.names) if own[-len(name) :] == name]
        if name in label.names:
            claims[index] = (1, len(name), -label.names.index(name))
        elif ending and _is_kind_of(name, label, strict=is_a_label):
            claims[index] = (0, len(name), -ending[0])
    defined = sum(name[-1] in label.defined_by for index, label in enumerate(labels) if index not in claims)
    return claims if is_a_label or defined <= len(claims) else {}


def _is_kind_of(name: tuple[str, ...], label: _Label, *, strict: bool) -> bool:
    """Whether a label with a longer name that ends in `name` is of that kind.

    It is if its definition uses the word; or, where the definition uses none of the label's names, if its best known
    name ends so. `strict`, for a name that some other label bears whole (lion: neither sea lion nor mountain lion;
    pig: no guinea pig), asks for both.
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
