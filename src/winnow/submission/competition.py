"""The rules of the Data-Centric AI competition of 2021: its classes, its layout, and its way of counting to 10,000."""

import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from winnow.data.pixel_digest import pixel_digest
from winnow.data.writers.imagefolder import SPLITS
from winnow.submission.lint import Finding, finding

CLASS_NAMES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
"""In the grader's order, which is not the alphabetical one of the folders."""

MOST_IMAGES = 10_000
_BATCH = 8


def graded_count(training: int, validation: int) -> int:
    """How many images the grader counts: it counts batches of eight, and takes a last one that is not full for full.

    More than `MOST_IMAGES` ends its run: 9,993 + 1 images are 10,008.
    """
    return _BATCH * (-(-training // _BATCH) - (-validation // _BATCH))


def lint_competition(
    directory: str | Path, *, class_names: Sequence[str] = CLASS_NAMES, reference: Collection[str] = ()
) -> list[Finding]:
    """Check a folder with `train/` and `val/` by the competition's rules.

    Args:
        directory: what is handed in.
        class_names: the folders that each split must have.
        reference: `pixel_digest`s of images that must not be handed in, such as those by which images were valued.

    Returns:
        One finding per rule, always all of them, in a fixed order; whatever the folder holds gives findings.
    """
    directory = Path(directory)
    missing = [split for split in SPLITS.values() if not (directory / split).is_dir()]
    there = [split for split in SPLITS.values() if split not in missing]
    stray = [entry.name for entry in _entries(directory) if entry.name not in SPLITS.values()]
    files: dict[str, list[Path]] = {}
    classes = []
    for split in there:
        names = {entry.name for entry in _entries(directory / split) if entry.is_dir()}
        classes += [f"{split}/{name} is missing" for name in class_names if name not in names]
        classes += [f"{split}/{name} is no class" for name in sorted(names - set(class_names))]
        stray += [f"{split}/{entry.name}" for entry in _entries(directory / split) if not entry.is_dir()]
        files[split] = [file for name in sorted(names) for file in _entries(directory / split / name)]
        classes += [f"{split}/{name} is empty" for name in sorted(names) if not _entries(directory / split / name)]
    seen = _examine(files, directory)
    training, validation = (len(files.get(split, [])) for split in SPLITS.values())
    counted = graded_count(training, validation)
    shared = sorted(path for digest, path in seen.digests["val"] if digest in {one for one, _ in seen.digests["train"]})
    known = sorted(path for split in seen.digests.values() for digest, path in split if digest in reference)
    count = f"{training:,} + {validation:,} images, which the grader counts as {counted:,} of {MOST_IMAGES:,}"
    if missing:
        count = f"not checked: {' and '.join(missing)} missing"
    return [
        finding("folders", missing, "train and val are there", "missing"),
        finding("no-stray-files", stray, "nothing else is there", "what does not belong there"),
        finding("classes", classes, f"all {len(class_names)} classes are in both", "faults"),
        Finding("count", None if missing else counted <= MOST_IMAGES, count),
        finding("png", seen.no_png, "every file is a whole PNG", "files that are no whole PNG"),
        finding("grey", seen.coloured, "every image is grey", "images with colours"),
        finding("leak", shared, "no image of val is in train, pixel for pixel", "images of val that are in train"),
        finding(
            "reference",
            known,
            "no reference image is handed in" if reference else "no reference images are known to compare with",
            "reference images",
        ),
    ]


@dataclass(frozen=True)
class _Seen:
    no_png: list[str]
    coloured: list[str]
    digests: dict[str, list[tuple[str, str]]]


def _examine(files: dict[str, list[Path]], directory: Path) -> _Seen:
    no_png, coloured = [], []
    digests: dict[str, list[tuple[str, str]]] = {split: [] for split in SPLITS.values()}
    for split, paths in files.items():
        for path in paths:
            shown = path.relative_to(directory).as_posix()
            try:
                image = Image.open(io.BytesIO(path.read_bytes()), formats=("PNG",))
                image.load()
            except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
                no_png.append(shown)
                continue
            if image.mode not in ("1", "L"):
                channels = np.asarray(image.convert("RGB"))
                if (channels != channels[..., :1]).any():
                    coloured.append(shown)
            digests[split].append((pixel_digest(image), shown))
    return _Seen(no_png, coloured, digests)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
