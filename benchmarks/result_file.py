"""A result file that several processes of a benchmark write to, each what it measured."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from winnow import tables


@contextmanager
def shared_result(file: Path) -> Iterator[dict[str, Any]]:
    """The JSON object in `file`, empty where there is none; what changes within is written, one process at a time."""
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        yield content
        with tables.replacing(file) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
