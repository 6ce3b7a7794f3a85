"""What the report was made from: the hashes that `dvc.lock` holds for the same files."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def hashed_files(paths: Iterable[str | Path]) -> pd.DataFrame:
    """`path`, `bytes` and `md5` of each file, in the order of `paths`.

    They are taken from the files and not read from dvc.lock: the lock changes with the very stage that would read it.
    """
    rows = []
    for path in map(Path, paths):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        rows.append((path.as_posix(), path.stat().st_size, digest))
    return pd.DataFrame(rows, columns=["path", "bytes", "md5"])
