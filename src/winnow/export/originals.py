"""The original files of a dataset, put somewhere else as they are."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from winnow.data.archive import Archive
from winnow.errors import WinnowError


def originals(archive: Archive, files: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Path in the archive and content of each file, in the order that is fastest to read.

    Args:
        archive: open archive.
        files: `file` (unique paths in the archive) and `bytes_sha256`, "" where it is not known.

    Raises:
        WinnowError: if a file is gone, or is not what it was when the pipeline read it.
    """
    digests: dict[str, str] = dict(zip(files["file"], files["bytes_sha256"], strict=True))
    if missing := sorted(set(digests) - set(archive.names())):
        raise WinnowError(f"{archive.label} lacks {missing[0]}, which was there when it was read; run 'dvc repro'.")
    for name, content in archive.items(list(digests)):
        if digests[name] and hashlib.sha256(content).hexdigest() != digests[name]:
            raise WinnowError(f"{archive.label}: {name} is not what it was when it was read; run 'dvc repro'.")
        yield name, content


def put(content: bytes, target: Path, *, original: Path | None) -> None:
    """Write a file, or link it to its original where there is one on the same disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if original is not None:
        try:
            os.link(original.resolve(), target)
            return
        except OSError:  # another disk, or one without hard links
            pass
    target.write_bytes(content)
