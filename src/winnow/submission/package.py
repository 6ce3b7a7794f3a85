"""Writing the folders that the course asks for."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.data.packed import check_packed
from winnow.errors import WinnowError
from winnow.progress import progress
from winnow.submission.folders import IMAGES, LABELS, TRAINING, VALIDATION

_BATCH = 1000


def write_submission(
    directory: str | Path, *, team: str, training: pd.DataFrame, validation: pd.DataFrame, class_count: int
) -> None:
    """Write `<team>-training-set/` and `<team>-validation-set/`, each with `imgs/*.jpg` and `data-labels.json`.

    A former submission in `directory` is replaced, and only once the new one is complete.

    Args:
        directory: folder to write; created if need be.
        team: first part of the folders' names.
        training, validation: packed sets.
        class_count: K, the length of the one-hot lists.

    Raises:
        WinnowError: if `directory` holds anything else than a submission, or a set is no packed set.
    """
    directory = Path(directory)
    _check_replaceable(directory)
    sets = {f"{team}{TRAINING}": training, f"{team}{VALIDATION}": validation}
    for name, packed in sets.items():
        check_packed(packed, what=f"the packed {name}", class_count=class_count)

    directory.parent.mkdir(parents=True, exist_ok=True)
    unfinished = directory.with_name(f".{directory.name}.{os.getpid()}.tmp")
    try:
        with progress("write submission", len(training) + len(validation)) as report:
            for name, packed in sets.items():
                (unfinished / name / IMAGES).mkdir(parents=True)
                _write_labels(packed, unfinished / name / LABELS, class_count)
                for start in range(0, len(packed), _BATCH):
                    rows = packed.iloc[start : start + _BATCH]
                    for file_stem, image_bytes in zip(rows["name"], rows["image_bytes"], strict=True):
                        (unfinished / name / IMAGES / f"{file_stem}.jpg").write_bytes(image_bytes)
                    report(len(rows))
        if directory.exists():
            shutil.rmtree(directory)
        unfinished.replace(directory)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_labels(packed: pd.DataFrame, path: Path, class_count: int) -> None:
    one_hot = np.eye(class_count, dtype=int)[packed["label"].to_numpy()].tolist()
    labels = dict(zip(packed["name"], one_hot, strict=True))
    path.write_text(json.dumps(labels, sort_keys=True) + "\n", encoding="utf-8")


def _check_replaceable(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise WinnowError(f"{directory} is a file; move it, the submission is written to a folder of that name.")
    foreign = sorted(path.name for path in directory.iterdir() if not path.name.endswith((TRAINING, VALIDATION)))
    if foreign:
        raise WinnowError(
            f"{directory} holds {foreign[0]!r}, which is no part of a submission and would be lost; move it elsewhere."
        )
