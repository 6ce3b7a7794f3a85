"""Progress of long work: a live bar in a terminal, a plain line now and then where there is none (logs, CI)."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 15.0


class Reporter(Protocol):
    def __call__(self, advance: int, note: str = "") -> None: ...


@contextmanager
def progress(description: str, total: int, *, done: int = 0) -> Iterator[Reporter]:
    """Yield `report(advance, note)`, to be called as units of work finish.

    Args:
        description: what is being done, for example "embed".
        total: units of work in all.
        done: units that an earlier, interrupted run had finished.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(description, total=total, completed=done, note="")

            def report(advance: int, note: str = "") -> None:
                bar.update(task, advance=advance, note=note)

            yield report
        return

    start = last = time.monotonic()
    finished = done

    def report_line(advance: int, note: str = "") -> None:
        nonlocal finished, last
        finished += advance
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES and finished > done:
            left = (now - start) / (finished - done) * (total - finished)
            print(
                f"{description}: {finished}/{total}, {left:.0f} s left {note}".rstrip(),
                file=sys.stderr,
                flush=True,
            )
            last = now

    yield report_line
