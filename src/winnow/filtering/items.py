"""The images of a dataset as a table: which of them are filtered, and what is known of each."""

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from winnow.data.archive import Archive, read_in_order
from winnow.data.images import BadImage, upright_rgb
from winnow.data.layouts.collection import Dataset, Problem
from winnow.data.layouts.entries import too_large
from winnow.errors import WinnowError
from winnow.progress import progress


def item_tables(
    archive: Archive, dataset: Dataset, *, splits: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Look at every image once.

    Args:
        archive: that `dataset` was read from.
        dataset: of it.
        splits: those that are filtered; none for the training split, or for all images of a dataset without splits.

    Returns:
        `items`, a row per readable image sorted by `image_id`, its path: `split`, `label`, `classes` (of its boxes,
        each once, comma-separated), `boxes`, `width`, `height`, `bytes_sha256`, `is_filtered`. `boxes`, a row each.
        `problems`: `kind`, `file`, `detail`, unreadable images among them.

    Raises:
        WinnowError: if no readable image is in the splits.
    """
    by_file = {item.file: item for item in dataset.items}
    problems, rows = list(dataset.problems), []
    with progress("read", len(by_file)) as report:
        unread = {file: words for file in by_file if (words := too_large(archive, file))}
        problems += [Problem("unreadable-image", file, words) for file, words in unread.items()]
        for name, content in archive.items(file for file in by_file if file not in unread):
            report(1)
            item = by_file[name]
            try:
                _, width, height, _ = upright_rgb(content, file_name=name)
            except BadImage as error:
                problems.append(Problem("unreadable-image", name, str(error)))
                continue
            classes = ",".join(sorted({box.class_name for box in item.boxes}))
            digest = hashlib.sha256(content).hexdigest()
            rows.append((name, item.split, item.label, classes, len(item.boxes), width, height, digest))
    columns = ["image_id", "split", "label", "classes", "boxes", "width", "height", "bytes_sha256"]
    items = pd.DataFrame(rows, columns=columns).sort_values("image_id", ignore_index=True)
    wanted = set(splits) or ({"train"} if "train" in set(items["split"]) else set(items["split"]))
    items["is_filtered"] = items["split"].isin(wanted)
    if not items["is_filtered"].any():
        there = ", ".join(sorted(set(items["split"]) - {""}))
        if not wanted:
            raise WinnowError(f"{archive.label} has no readable image; name a dataset that has some.")
        raise WinnowError(
            f"{archive.label} has no readable image in {', '.join(sorted(wanted))} "
            f"({f'its splits are {there}' if there else 'it has no splits'}); fix dataset.splits."
        )
    boxes = pd.DataFrame(
        [
            (item.file, box.class_name, box.x0, box.y0, box.x1, box.y1)
            for item in sorted(dataset.items, key=lambda item: item.file)
            for box in item.boxes
        ],
        columns=["image_id", "class_name", "x0", "y0", "x1", "y1"],
    )
    boxes = boxes.astype(dict.fromkeys(("x0", "y0", "x1", "y1"), np.float64) | {"class_name": str, "image_id": str})
    found = pd.DataFrame([(p.kind, p.file, p.detail) for p in problems], columns=["kind", "file", "detail"], dtype=str)
    return items, boxes, found.sort_values(["kind", "file", "detail"], ignore_index=True)


def dataset_figures(items: pd.DataFrame, boxes: pd.DataFrame, problems: pd.DataFrame) -> dict[str, Any]:
    """Counts of what was read."""
    return {
        "images": len(items),
        "filtered": int(items["is_filtered"].sum()),
        "by_split": {str(name or "none"): int(count) for name, count in items["split"].value_counts().items()},
        "labelled": int((items["label"] != "").sum()),
        "boxes": len(boxes),
        "problems": {str(name): int(count) for name, count in problems["kind"].value_counts().sort_index().items()},
    }


def pictures(archive: Archive, image_ids: Collection[str], *, scratch: Path) -> Iterator[tuple[str, Image.Image]]:
    """Each image in this order, upright and RGB, at its own size.

    Args:
        archive: that holds them.
        image_ids: which.
        scratch: as `read_in_order` takes it.
    """
    for name, content in read_in_order(archive, image_ids, scratch=scratch):
        yield name, upright_rgb(content, file_name=name)[0]
