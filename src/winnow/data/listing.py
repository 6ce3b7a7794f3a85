"""Names in a sentence."""

from collections.abc import Sequence

_MANY = 5


def listed(names: Sequence[str]) -> str:
    """The first few names with commas between, and how many there are beside them."""
    shown = ", ".join(names[:_MANY])
    return shown if len(names) <= _MANY else f"{shown} and {len(names) - _MANY} more"
