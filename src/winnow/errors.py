"""The one exception that users are meant to read, and the system's faults in words."""

import difflib
import errno
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from winnow.extras import how_to_install

NO_LABELS = "the images have no labels"
"""Why what needs labels was skipped."""


class WinnowError(Exception):
    """Bad input: its message is one sentence that says what is wrong, where, and how to fix it.

    Stage scripts and the command line print the message alone and exit with status 1; any other exception is a
    defect of winnow and keeps its traceback.
    """


def require_labels(num_classes: int) -> None:
    """Raise a WinnowError if there are no classes, so that nothing can be trained."""
    if not num_classes:
        raise WinnowError(
            f"{NO_LABELS}, so nothing can be trained on them; 'winnow review' and 'winnow export' have what was found."
        )


# What the system may run out of or refuse, and what helps.
_FAULTS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EFBIG: "a file grew beyond what the system or the shell (ulimit -f) allows; raise the limit",
    errno.EROFS: "the file system is read-only; work in a folder that can be written",
    errno.EACCES: "access is denied; check who owns it and its permissions",
    errno.EPERM: "access is denied; check who owns it and its permissions",
    errno.EIO: "the disk reports an input or output error; check it",
    errno.EISDIR: "a folder lies where a file belongs; move it",
    errno.ENOTDIR: "a file lies where a folder belongs; move it",
    errno.EEXIST: "a file lies where a folder belongs; move it",
    errno.ENAMETOOLONG: "the name is too long for the file system; use a shorter one",
    errno.EMFILE: "too many files are open at once (ulimit -n); raise the limit",
    errno.ENFILE: "too many files are open at once on this machine; close other programs",
    errno.EAGAIN: "the system starts no more processes or threads; raise the limit (ulimit -u) or close other programs",
    errno.ENOMEM: "the memory is used up; close other programs, or use a machine with more",
}
_DEVICE_FULL = "the GPU's memory is used up; end what else runs on it, or lower the batch size"


def in_words(error: BaseException) -> str | None:
    """What a user reads of an error: one sentence, or None where it is a defect of winnow and needs its traceback."""
    if isinstance(error, WinnowError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").partition(".")[0]
        how = how_to_install(package)
        return f"this needs the package {package}; install it with {how}." if how else None
    # Told by its name, as importing torch takes a second.
    if (type(error).__module__.partition(".")[0], type(error).__name__) == ("torch", "OutOfMemoryError"):
        return f"{_DEVICE_FULL}, then run the same command again."
    runtime = str(error) if isinstance(error, RuntimeError) else ""
    if isinstance(error, MemoryError) or "can't allocate memory" in runtime:  # torch's, on a CPU
        number: int | None = errno.ENOMEM
    elif "can't start new thread" in runtime:
        number = errno.EAGAIN
    else:
        number = error.errno if isinstance(error, OSError) else None
    if number not in _FAULTS:
        return None
    place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    return f"{place}{_FAULTS[number]}, then run the same command again."


@contextmanager
def one_sentence() -> Iterator[None]:
    """For commands: print an error that a user is meant to read as one sentence, and exit with status 1."""
    try:
        yield
    except (WinnowError, OSError, MemoryError, RuntimeError, ModuleNotFoundError) as error:
        words = in_words(error)
        if words is None:
            raise
        print(f"winnow: {words}", file=sys.stderr)
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
