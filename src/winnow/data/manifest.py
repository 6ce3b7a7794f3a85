"""From an archive to one table of accepted images, one of rejected ones, and counts that add up."""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.data.archive import Archive, open_archive
from winnow.data.decode import BadImage, read_image
from winnow.data.layouts import Entry, read_layout
from winnow.errors import WinnowError
from winnow.progress import progress

_MANIFEST_COLUMNS = ("image_id", "file_name", "label", "width", "height", "repairs", "bytes_sha256")
_REJECTED_COLUMNS = ("file_name", "image_id", "reason", "detail")
_BATCH = 512


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    Attributes:
        manifest: a row per accepted image, sorted by `image_id` (unique): `image_id`, `file_name` (inside the
            archive), `label` int64, `width`, `height` int64 (as they came), `repairs` (comma-separated), `bytes_sha256`
            (hex, of the bytes as they came).
        images: the same rows: `image_id`, `image_bytes` (as they came; re-encoded where repaired).
        rejected: a row per rejected image: `file_name`, `image_id`, `reason`, `detail`.
        class_names: in label order.
        counts: flat; `images_in` = `accepted` + `rejected`, `repaired`, and how many of each `rejected.<reason>`,
            `repairs.<kind>` and `classes.<name>`.
    """

    manifest: pd.DataFrame
    images: pd.DataFrame
    rejected: pd.DataFrame
    class_names: list[str]
    counts: dict[str, int | float]


def load_dataset(
    path: str | Path,
    *,
    class_names: Sequence[str],
    split: str | None,
    image_size: int,
    max_unpacked_bytes: float,
    every_class: bool = True,
) -> Manifest:
    """Open an archive and build its manifest; see `open_archive` and `build_manifest`."""
    with open_archive(path, max_unpacked_bytes=max_unpacked_bytes) as archive:
        return build_manifest(
            archive, class_names=class_names, split=split, image_size=image_size, every_class=every_class
        )


def build_manifest(
    archive: Archive, *, class_names: Sequence[str], split: str | None, image_size: int, every_class: bool = True
) -> Manifest:
    """Read, check, decode and repair every image of an archive.

    Args:
        archive: open archive.
        class_names: names in label order; empty to derive them.
        split: which split of an ImageFolder to read; None for `train` if there is one.
        image_size: side in pixels that every accepted image has afterwards.
        every_class: whether each class needs an accepted image, or any one image is enough.

    Raises:
        WinnowError: if the archive or its labels cannot be read (see `read_layout`), or no image is accepted, or a
            class is left without one and `every_class` asks for it.
    """
    layout = read_layout(archive, class_names=class_names, split=split)
    rejected = [
        (entry.file_name, entry.image_id, entry.problem, entry.detail) for entry in layout.entries if entry.problem
    ]
    wanted = {entry.file_name: entry for entry in layout.entries if not entry.problem}
    accepted = []

    def examine(item: tuple[str, bytes]) -> tuple[Entry, bytes, tuple | BadImage]:
        name, content = item
        entry = wanted[name]
        try:
            decoded = read_image(content, image_size=image_size)
        except BadImage as problem:
            return entry, b"", problem
        digest = hashlib.sha256(content).hexdigest()
        facts = (decoded.width, decoded.height, ",".join(decoded.repairs), digest)
        return entry, decoded.image_bytes, facts

    # In batches, so that an archive is never held in memory together with all that is made of it.
    contents = archive.items(list(wanted))
    with progress("read images", len(wanted)) as report, ThreadPoolExecutor(os.cpu_count()) as pool:
        while batch := list(islice(contents, _BATCH)):
            for entry, image_bytes, result in pool.map(examine, batch):
                if isinstance(result, BadImage):
                    rejected.append((entry.file_name, entry.image_id, result.reason, result.detail))
                else:
                    accepted.append((entry.image_id, entry.file_name, entry.label, *result, image_bytes))
            report(len(batch))

    frame = pd.DataFrame(accepted, columns=[*_MANIFEST_COLUMNS, "image_bytes"])
    frame = frame.astype({"label": np.int64, "width": np.int64, "height": np.int64})
    frame = frame.sort_values("image_id", ignore_index=True)
    rejected = pd.DataFrame(sorted(rejected), columns=list(_REJECTED_COLUMNS))
    assert len(frame) + len(rejected) == len(layout.entries), "every image is either accepted or rejected"
    assert frame["image_id"].is_unique, "the layout lets no id through twice"
    if every_class or frame.empty:
        _check_classes(archive, layout.class_names, frame["label"], rejected["reason"])
    return Manifest(
        manifest=frame[list(_MANIFEST_COLUMNS)],
        images=frame[["image_id", "image_bytes"]],
        rejected=rejected,
        class_names=layout.class_names,
        counts=_counts(frame, rejected, layout.class_names),
    )


def _check_classes(archive: Archive, class_names: Sequence[str], labels: pd.Series, reasons: pd.Series) -> None:
    empty = [name for label, name in enumerate(class_names) if label not in set(labels)]
    if empty:
        causes = ", ".join(f"{count} {reason}" for reason, count in Counter(reasons).most_common())
        rejected = f" ({len(reasons)} images were rejected: {causes})" if causes else ""
        raise WinnowError(
            f"{archive.label} has no usable image of class {', '.join(repr(name) for name in empty)}{rejected}; "
            "add images, or mend data.class_names or data.split in params.yaml."
        )


def _counts(frame: pd.DataFrame, rejected: pd.DataFrame, class_names: Sequence[str]) -> dict[str, int | float]:
    n_in = len(frame) + len(rejected)
    kinds = Counter(kind for repairs in frame["repairs"] if repairs for kind in repairs.split(","))
    per_class = np.bincount(frame["label"], minlength=len(class_names))
    return {
        "images_in": n_in,
        "accepted": len(frame),
        "accepted_share": len(frame) / n_in,
        "rejected": len(rejected),
        **{f"rejected.{reason}": int(count) for reason, count in sorted(Counter(rejected["reason"]).items())},
        "repaired": int((frame["repairs"] != "").sum()),
        **{f"repairs.{kind}": count for kind, count in sorted(kinds.items())},
        **{f"classes.{name}": int(count) for name, count in zip(class_names, per_class, strict=True)},
        "imbalance": float(per_class.max() / per_class[per_class > 0].min()),
    }
