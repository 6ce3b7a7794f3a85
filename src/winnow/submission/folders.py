"""Reading the folders of a submission as they are, without trusting any of it."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from winnow.data.layouts.course import IMAGES_FOLDER, LABELS_FILE
from winnow.data.layouts.entries import image_stem
from winnow.data.writers.course import SUFFIXES

TRAINING, VALIDATION = SUFFIXES["training"], SUFFIXES["validation"]


@dataclass(frozen=True)
class SetFolder:
    """One set of a submission.

    Attributes:
        path: its folder.
        files: the images under `imgs/` by file name, sorted.
        labels: content of `data-labels.json`, None if that cannot be read.
        labels_problem: why it cannot, "" if it can.
        missing: which of `imgs` and `data-labels.json` are not there.
        stray: what else is there, as paths from the submission's folder.
    """

    path: Path
    files: dict[str, Path]
    labels: dict[str, Any] | None
    labels_problem: str
    missing: list[str]
    stray: list[str]

    @property
    def has_images(self) -> bool:
        return IMAGES_FOLDER not in self.missing

    def shown(self, file_name: str) -> str:
        """An image's path from the submission's folder, for people."""
        return printable(f"{self.path.name}/{IMAGES_FOLDER}/{file_name}")


@dataclass(frozen=True)
class Folders:
    """What is in a submission's folder; `training` and `validation` are None where there is not exactly one."""

    training: SetFolder | None
    validation: SetFolder | None
    problems: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)


def read_folders(directory: str | Path) -> Folders:
    """Find the two sets in a submission's folder and list their files; never raises for what it finds."""
    directory = Path(directory)
    if not directory.is_dir():
        return Folders(None, None, [f"there is no folder {directory}"])
    try:
        return _read_folders(directory)
    except OSError as error:
        return Folders(None, None, [f"{error.filename} cannot be read ({error.strerror})"])


def _read_folders(directory: Path) -> Folders:
    entries = sorted(directory.iterdir())
    found: dict[str, SetFolder | None] = {}
    problems: list[str] = []
    stray: list[str] = []
    teams: set[str] = set()
    for suffix in (TRAINING, VALIDATION):
        paths = [path for path in entries if path.is_dir() and path.name.endswith(suffix) and path.name != suffix]
        teams.update(path.name.removesuffix(suffix) for path in paths)
        found[suffix] = _read_set(paths[0]) if len(paths) == 1 else None
        if len(paths) != 1:
            names = f": {', '.join(printable(path.name) for path in paths)}" if paths else ""
            problems.append(f"{len(paths)} folders <team>{suffix} instead of one{names}")
        entries = [path for path in entries if path not in paths]
    if not problems and len(teams) > 1:
        problems.append(f"the folders name two teams: {', '.join(printable(team) for team in sorted(teams))}")
    stray.extend(printable(path.name) for path in entries)
    for part in found.values():
        if part is not None:
            problems.extend(f"{printable(part.path.name)} lacks {name}" for name in part.missing)
            stray.extend(part.stray)
    return Folders(found[TRAINING], found[VALIDATION], problems, stray)


def printable(name: str) -> str:
    """A file name as it can be printed: control characters and what is no valid Unicode come escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)


def _read_set(path: Path) -> SetFolder:
    images, labels_file = path / IMAGES_FOLDER, path / LABELS_FILE
    has_images, has_labels = images.is_dir(), labels_file.is_file()
    stray = [
        entry
        for entry in sorted(path.iterdir())
        if not (entry == images and has_images) and not (entry == labels_file and has_labels)
    ]
    files = {}
    for entry in sorted(images.iterdir()) if has_images else []:
        # What is meant as an image, if wrongly named; any other file is a stray one.
        if entry.is_file() and image_stem(entry.name) is not None:
            files[entry.name] = entry
        else:
            stray.append(entry)
    labels, problem = _read_labels(labels_file) if has_labels else (None, "missing")
    return SetFolder(
        path=path,
        files=files,
        labels=labels,
        labels_problem=problem,
        missing=[name for name, there in ((IMAGES_FOLDER, has_images), (LABELS_FILE, has_labels)) if not there],
        stray=[printable(entry.relative_to(path.parent).as_posix()) for entry in stray],
    )


class _RepeatedKey(ValueError):
    pass


def _read_labels(path: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        labels = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_without_repeats)
    except UnicodeDecodeError as error:
        return None, f"is not UTF-8 text (byte {error.start})"
    except json.JSONDecodeError as error:
        return None, f"is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except _RepeatedKey as error:
        return None, f"has the key {error.args[0]!r} twice"
    except (ValueError, RecursionError, OSError) as error:  # numbers of thousands of digits, brackets, permissions
        return None, f"cannot be read: {error}"
    if not isinstance(labels, dict):
        return None, 'is no object {"img_<key>": [0, 1, ...], ...}'
    return labels, ""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _RepeatedKey(next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1))
    return content
