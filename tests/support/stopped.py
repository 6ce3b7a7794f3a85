"""A function that a run is stopped in, and that is counted when it goes on."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


def stop_in(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, *, after: int) -> Callable[[], list[int]]:
    """Raise KeyboardInterrupt at the call after so many of a module's function.

    Returns:
        What lets it work again: its result grows by an element with each call from then on.
    """
    real, calls = getattr(module, name), []

    def until_stopped(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    def go_on() -> list[int]:
        calls.clear()
        monkeypatch.setattr(module, name, lambda *arguments, **options: calls.append(1) or real(*arguments, **options))
        return calls

    monkeypatch.setattr(module, name, until_stopped)
    return go_on
