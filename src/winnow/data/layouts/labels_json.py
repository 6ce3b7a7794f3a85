"""The course's data-labels.json, read pair by pair: a file of hundreds of megabytes is never a tree of Python lists."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from winnow.progress import progress

_SPACE = re.compile(r"[ \t\n\r]*")
_PAIRS_BETWEEN_REPORTS = 10_000


class OneHot(NamedTuple):
    """A list of so many whole numbers, 1 at the position and 0 elsewhere."""

    length: int
    position: int

    def as_list(self) -> list[int]:
        return [int(place == self.position) for place in range(self.length)]


class Repeated(Exception):
    """An object has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def read_labels(text: str) -> Any:
    """Parse a labels file.

    Returns:
        As `json.loads` does, but for the values of an outermost object that are one-hot lists of whole numbers: these
        are `OneHot`, one of each kind for all keys.

    Raises:
        json.JSONDecodeError: if it is no JSON.
        Repeated: if an object has a key twice.
        ValueError, RecursionError: for numbers of thousands of digits, and for thousands of brackets.
    """
    begin = _skip(text, 0)
    if not text.startswith("{", begin):
        return json.loads(text, object_pairs_hook=_without_repeats)
    labels: dict[str, Any] = {}
    with progress("read labels, characters", len(text)) as report:
        reported = 0
        for key, value, end in _pairs(text, begin + 1):
            if key in labels:
                raise Repeated(key)
            labels[key] = _compact(value)
            if len(labels) % _PAIRS_BETWEEN_REPORTS == 0:
                report(end - reported)
                reported = end
        report(len(text) - reported)
    return labels


def _pairs(text: str, place: int) -> Iterator[tuple[str, Any, int]]:
    """The object's keys and values from behind its bracket, and where each value ends."""
    decode = json.JSONDecoder(object_pairs_hook=_without_repeats).raw_decode
    place = _skip(text, place)
    more = not text.startswith("}", place)
    while more:
        if not text.startswith('"', place):
            raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, place)
        key, place = decode(text, place)
        place = _past(":", text, _skip(text, place))
        value, place = decode(text, _skip(text, place))
        yield key, value, place
        place = _skip(text, place)
        more = not text.startswith("}", place)
        if more:
            place = _skip(text, _past(",", text, place))
    if (end := _skip(text, place + 1)) != len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    assert found is not None  # it matches nothing at all, too
    return found.end()


def _past(mark: str, text: str, place: int) -> int:
    if not text.startswith(mark, place):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, place)
    return place + 1


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise Repeated(key)
        content[key] = value
    return content


def _compact(value: Any) -> Any:
    if not isinstance(value, list) or set(map(type, value)) != {int}:
        return value
    if value.count(1) != 1 or value.count(0) != len(value) - 1:
        return value
    return _one_hot(len(value), value.index(1))


@cache
def _one_hot(length: int, position: int) -> OneHot:
    return OneHot(length, position)
