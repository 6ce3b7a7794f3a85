"""What differs, put over what it differs from."""

from collections.abc import Mapping
from typing import Any


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `above` in the place of those of `below`, mapping by mapping; lists as a whole."""
    both = dict(below)
    for key, value in above.items():
        inside = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = merged(both[key], value) if inside else value
    return both
