"""What threads may hold in memory together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """So much of something (pixels, bytes) that threads share; who wants more than is free waits.

    More than there is at all goes through alone, so that nothing waits for ever.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held, self._changed = limit, 0, threading.Condition()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Take an amount for the time of a block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + amount <= self._limit)
            self._held += amount
        try:
            yield
        finally:
            with self._changed:
                self._held -= amount
                self._changed.notify_all()
