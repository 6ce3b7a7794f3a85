"""winnow: turn a noisy image dataset into a better one, and prove it."""

from importlib import import_module
from typing import Any

__all__ = ["find_issues"]


def __getattr__(name: str) -> Any:
    """`winnow.find_issues`, imported when it is asked for: commands answer at once, and no stage depends on it."""
    if name == "find_issues":
        return import_module("winnow.issues.find").find_issues
    raise AttributeError(f"module 'winnow' has no attribute {name!r}")
