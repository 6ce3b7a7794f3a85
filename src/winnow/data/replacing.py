"""Folders that are replaced whole, or stay as they were."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from winnow.errors import WinnowError
from winnow.tables import remove_leftovers


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; on success it replaces `folder`, on an error it is removed.

    Raises:
        WinnowError: if no folder can be made there.
    """
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    before = folder.with_name(f".{folder.name}.old.{os.getpid()}.tmp")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        unfinished.mkdir()
    except OSError as error:
        raise WinnowError(f"{folder} cannot be written ({error.strerror}); name another folder.") from None
    try:
        yield unfinished
        if folder.exists():
            folder.replace(before)  # in one step: a kill leaves no half of it under its name
        unfinished.replace(folder)
    finally:
        for place in (unfinished, before):
            shutil.rmtree(place, ignore_errors=True)
