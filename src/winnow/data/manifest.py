"""From an archive to one table of accepted images, one of rejected ones, and counts that add up."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from winnow.cores import cores
from winnow.data.archive import Archive, open_archive
from winnow.data.class_sizes import note_on_small_classes, require_classes, without_small_classes
from winnow.data.images import CONVERSIONS, BadImage, read_image, resized_bytes
from winnow.data.layouts import Entry, read_layout
from winnow.data.layouts.entries import NO_LABEL, Box
from winnow.data.layouts.registry import AUTO
from winnow.progress import progress
from winnow.row_groups import StoredColumn, Values, write_parquet_parts

_MANIFEST_COLUMNS = ("image_id", "file_name", "label", "width", "height", "repairs", "bytes_sha256")
_REJECTED_COLUMNS = ("file_name", "image_id", "reason", "detail")
_BATCH_FILES, _BATCH_BYTES = 512, 32 * 2**20  # whichever comes first
_FRAME = 64  # images at their own size may have megabytes each
_Facts = tuple[int, int, str, str]  # width, height, repairs, digest
_Accepted = tuple[str, str, int | None, int, int, str, str]  # by _MANIFEST_COLUMNS
_Rejected = tuple[str, str, str, str]  # by _REJECTED_COLUMNS


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    Attributes:
        manifest: a row per accepted image, sorted by `image_id` (unique): `image_id`, `file_name` (inside the
            archive), `label` int64 (-1 without labels), `width`, `height` int64 (as they came), `repairs`
            (comma-separated), `bytes_sha256` (hex, of the bytes as they came).
        image_bytes: (N,) of the same images: as they came; re-encoded where repaired.
        rejected: a row per rejected image: `file_name`, `image_id`, `reason`, `detail`.
        class_names: in label order; empty where images have no labels.
        counts: flat; `images_in` = `accepted` + `rejected`; of the accepted `converted` (the same picture as RGB JPEG
            of the size asked for) and `repaired` (more was changed); how many of each `rejected.<reason>`,
            `conversions.<kind>`, `repairs.<kind>` and `classes.<name>`; `files` in the archive = `images_in` +
            `left_out`, less the labels without a file (`rejected.no-image`), and how many of each `left_out.<reason>`.
        form: the layout, and what was chosen in reading it, in words.
        notes: what a person should know of the archive, a sentence each.
        objects: a row per box of an accepted image, in order: `image_id`, `class_name`, `x0`, `y0`, `x1`, `y1`.
    """

    manifest: pd.DataFrame
    image_bytes: Values
    rejected: pd.DataFrame
    class_names: list[str]
    counts: dict[str, int | float]
    form: str = ""
    notes: tuple[str, ...] = ()
    objects: pd.DataFrame = field(default_factory=lambda: _objects({}, []))

    def resized(self, image_size: int | None) -> "Manifest":
        """The same with images brought to one size when they are asked for; None leaves them as they are."""
        return replace(self, image_bytes=resized_bytes(self.image_bytes, image_size=image_size))

    @property
    def images(self) -> pd.DataFrame:
        """All `image_id` and `image_bytes`, a row per image."""
        return self.images_of(slice(None))

    def image_frames(self) -> Iterator[pd.DataFrame]:
        """`images` in pieces, for those that are too large to hold."""
        for start in range(0, len(self.manifest), _FRAME):
            yield self.images_of(slice(start, start + _FRAME))

    def images_of(self, rows: slice) -> pd.DataFrame:
        """The rows of `images` in a slice."""
        image_id = self.manifest["image_id"].iloc[rows].reset_index(drop=True)
        image_bytes = pd.Series(self.image_bytes[rows], index=image_id.index, dtype=object)
        return pd.DataFrame({"image_id": image_id, "image_bytes": image_bytes})


def load_dataset(path: str | Path, *, max_unpacked_bytes: float, **options: Any) -> Manifest:
    """Open an archive and build its manifest; see `open_archive` and, for the options, `build_manifest`."""
    with open_archive(path, max_unpacked_bytes=max_unpacked_bytes) as archive:
        return build_manifest(archive, **options)


def build_manifest(
    archive: Archive,
    *,
    class_names: Sequence[str],
    split: str | None,
    image_size: int | None,
    keep: Sequence[str] | None = None,
    every_class: bool = True,
    min_images_per_class: int = 0,
    images_needed: int = 1,
    spool: Path | None = None,
    layout: str = AUTO,
    unlabelled: bool = False,
) -> Manifest:
    """Read, check, decode and repair every image of an archive.

    Args:
        archive: open archive.
        class_names: names in label order; empty to derive them.
        split: which split of an ImageFolder to read; None for `train` if there is one.
        image_size: side in pixels that every accepted image has afterwards; None leaves each at its own size.
        keep: the classes to read, in label order, of those named or derived; None for all.
        every_class: whether each class needs `images_needed` accepted images, or any one image is enough.
        min_images_per_class: classes with fewer accepted images are left out, and their images rejected as
            `small-class`; 0 leaves none out.
        images_needed: accepted images without which a class stops the run.
        spool: a folder on a disk with room for the images' bytes, which are then held there and not in memory; in a
            file without a name, that goes with the manifest. None holds them in memory.
        layout, unlabelled: of `read_layout`.

    Raises:
        WinnowError: if the archive or its labels cannot be read (see `read_layout`).
        UnusableImages: if no image is accepted, fewer than two classes remain, or a class has too few images and
            `every_class` asks for them.
    """
    found = read_layout(archive, class_names=class_names, split=split, keep=keep, layout=layout, unlabelled=unlabelled)
    faulty = [
        (entry.file_name, entry.image_id, entry.problem, entry.detail) for entry in found.entries if entry.problem
    ]
    wanted = {entry.file_name: entry for entry in found.entries if not entry.problem}
    accepted: list[_Accepted] = []
    frames = _examined(archive, wanted, image_size, accepted, faulty)
    image_bytes = _spooled(frames, spool) if spool else pd.concat(list(frames))["image_bytes"].to_numpy()

    frame = pd.DataFrame(accepted, columns=list(_MANIFEST_COLUMNS)).sort_values("image_id")
    if not found.class_names:
        frame["label"] = NO_LABEL
    frame = frame.astype({"label": np.int64, "width": np.int64, "height": np.int64})
    least = min_images_per_class if found.class_names else 0
    frame, names, small = without_small_classes(frame, found.class_names, least)
    frame = frame.sort_values("image_id")
    image_bytes = image_bytes.take(frame.index.to_numpy())
    frame = frame.reset_index(drop=True)
    rejected = pd.DataFrame(sorted([*faulty, *small]), columns=list(_REJECTED_COLUMNS))
    assert len(frame) + len(rejected) == len(found.entries), "every image is either accepted or rejected"
    assert frame["image_id"].is_unique, "the layout lets no id through twice"
    require_classes(archive, found, names, frame["label"], rejected, images_needed if every_class else 0)
    return Manifest(
        manifest=frame,
        image_bytes=image_bytes,
        rejected=rejected,
        class_names=names,
        counts=_counts(frame, rejected, names, found.left_out),
        form=found.form,
        notes=(*found.notes, *note_on_small_classes(found.class_names, names, len(small), least)),
        objects=_objects(found.boxes, frame["image_id"]),
    )


def _objects(boxes: Mapping[str, Sequence[Box]], image_id: Iterable[str]) -> pd.DataFrame:
    rows = [(image, *astuple(box)) for image in image_id for box in boxes.get(image, ())]
    frame = pd.DataFrame(rows, columns=["image_id", *(field.name for field in fields(Box))])
    return frame.astype(dict.fromkeys(("x0", "y0", "x1", "y1"), np.float64))


def _examined(
    archive: Archive,
    wanted: dict[str, Entry],
    image_size: int | None,
    accepted: list[_Accepted],
    rejected: list[_Rejected],
) -> Iterator[pd.DataFrame]:
    """Read, decode and repair the wanted images; the bytes of those accepted, as frames of `image_bytes`.

    In batches, so that an archive is never held in memory together with all that is made of it. What is known of each
    image is added to `accepted`, in the order of the bytes, or to `rejected`.
    """

    def examine(item: tuple[str, bytes]) -> tuple[Entry, bytes, _Facts | BadImage]:
        name, content = item
        entry = wanted[name]
        try:
            decoded = read_image(content, image_size=image_size, file_name=name)
        except BadImage as problem:
            return entry, b"", problem
        digest = hashlib.sha256(content).hexdigest()
        facts = (decoded.width, decoded.height, ",".join(decoded.repairs), digest)
        return entry, decoded.image_bytes, facts

    yield pd.DataFrame({"image_bytes": pd.Series(dtype=object)})
    with progress("read images", len(wanted)) as report, ThreadPoolExecutor(cores()) as pool:
        for batch in _batches(archive.items(list(wanted))):
            kept = []
            for entry, image_bytes, result in pool.map(examine, batch):
                if isinstance(result, BadImage):
                    rejected.append((entry.file_name, entry.image_id, result.reason, result.detail))
                else:
                    accepted.append((entry.image_id, entry.file_name, entry.label, *result))
                    kept.append(image_bytes)
            yield pd.DataFrame({"image_bytes": pd.Series(kept, dtype=object)})
            report(len(batch))


def _spooled(frames: Iterator[pd.DataFrame], spool: Path) -> StoredColumn:
    """The frames' bytes in a file without a name in the folder `spool`."""
    spool.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=spool) as folder:
        path = Path(folder) / "images.parquet"
        write_parquet_parts(frames, path)
        return StoredColumn(path, "image_bytes")  # open: it can be read when its name is gone


def _batches(contents: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Files in batches of about _BATCH_BYTES, or of _BATCH_FILES if they are small."""
    batch: list[tuple[str, bytes]] = []
    size = 0
    for name, content in contents:
        batch.append((name, content))
        size += len(content)
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _counts(
    frame: pd.DataFrame, rejected: pd.DataFrame, class_names: Sequence[str], left_out: Mapping[str, str]
) -> dict[str, int | float]:
    n_in = len(frame) + len(rejected)
    changed = [set(repairs.split(",")) for repairs in frame["repairs"] if repairs]
    kinds = Counter(kind for kinds in changed for kind in kinds)
    converted = sum(kinds <= CONVERSIONS for kinds in changed)
    per_class = np.bincount(frame["label"], minlength=len(class_names)) if class_names else np.zeros(0, np.int64)
    return {
        "files": len(frame) + int((rejected["file_name"] != "").sum()) + len(left_out),
        "left_out": len(left_out),
        **{f"left_out.{reason}": count for reason, count in sorted(Counter(left_out.values()).items())},
        "images_in": n_in,
        "accepted": len(frame),
        "accepted_share": len(frame) / n_in,
        "rejected": len(rejected),
        **{f"rejected.{reason}": int(count) for reason, count in sorted(Counter(rejected["reason"]).items())},
        "converted": converted,
        **{f"conversions.{kind}": count for kind, count in sorted(kinds.items()) if kind in CONVERSIONS},
        "repaired": len(changed) - converted,
        **{f"repairs.{kind}": count for kind, count in sorted(kinds.items()) if kind not in CONVERSIONS},
        **{f"classes.{name}": int(count) for name, count in zip(class_names, per_class, strict=True)},
        **({"imbalance": float(per_class.max() / per_class[per_class > 0].min())} if class_names else {}),
    }
