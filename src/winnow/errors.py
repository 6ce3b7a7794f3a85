"""The one exception that users are meant to read."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class WinnowError(Exception):
    """Bad input: its message is one sentence that says what is wrong, where, and how to fix it.

    Stage scripts and the command line print the message alone and exit with status 1; any other exception is a
    defect of winnow and keeps its traceback.
    """


@contextmanager
def one_sentence() -> Iterator[None]:
    """For commands: print a WinnowError as one sentence and exit with status 1."""
    try:
        yield
    except WinnowError as error:
        print(f"winnow: {error}", file=sys.stderr)
        sys.exit(1)


def first_sentence(error: BaseException) -> str:
    """The start of another library's error, fit for the inside of one of ours."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines[:2]) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def unknown_model(model: str, known: Iterable[str], *, key: str, library: str) -> WinnowError:
    """The error for a model that `library` does not have, with the names nearest to it."""
    names = {name.lower(): name for name in known}
    near = [names[match] for match in difflib.get_close_matches(model.lower(), names, n=4, cutoff=0.5)]
    hint = f"did you mean {', '.join(near)}?" if near else "no name is near to it."
    return WinnowError(f"{key} is {model!r}, which {library} does not know; {hint}")
