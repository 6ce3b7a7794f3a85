"""External photos: candidates for the validation set, cropped, and compared with the dataset."""

import hashlib
import io
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from statistics import median_high
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from winnow.data.archive import Archive
from winnow.data.decode import decode_pixels
from winnow.data.images import BadImage, Decoded, read_image, upright_rgb
from winnow.data.litter import PACKED_SUFFIXES, companion
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.leaks import find_leaks
from winnow.errors import WinnowError
from winnow.progress import progress

if TYPE_CHECKING:
    from winnow.encoders.base import Embedding, Encoder

COLUMNS = ("image_id", "photo", "label", "width", "height", "bytes_sha256", "image_bytes")
CHECKS = ("predicted_label", "predicted_confidence", "label_probability", "encoder_agrees", "counterparts", "same_as")
REJECTED = ("photo", "reason", "detail")


def read_external(
    archive: Archive, *, class_names: Sequence[str], image_size: int
) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """Read `<class>/<photo>` from an archive, at any depth; crop each photo to the square in its middle and resize it.

    Args:
        archive: open archive; folders are matched with class names whatever their case, `_`, `-` or blanks.
        class_names: K names.
        image_size: side in pixels.

    Returns:
        A row per photo, sorted by `image_id` (`img_outside-<class>-<file>-<digest>`, which the course's names allow):
        `photo` (path in the archive), `label` int64, `width`, `height` int64 (as it came), `bytes_sha256` (as it came),
        `image_bytes` (JPEG); in the same order, (M, image_size, image_size, 3) uint8 of the photos resized whole,
        without regard to their proportions, as datasets often hold them; and a row per rejected photo: `photo`,
        `reason`, `detail`. The same file in one class twice counts once; in two classes, not at all.

    Raises:
        WinnowError: if there is no photo in it at all.
    """
    names = photo_names(archive)
    rejected, read = [], []
    classes: defaultdict[str, set[int]] = defaultdict(set)
    with progress("read external photos", len(names)) as report:
        for name, content in archive.items(names):
            label = class_of_folder(name, class_names)
            if label is None:
                folder = posixpath.basename(posixpath.dirname(name))
                rejected.append((name, "unknown-class", f"the folder {folder!r} is not named like a class"))
            else:
                try:
                    decoded = read_image(content, image_size=image_size, file_name=name)
                    image_bytes = _square(name, content, image_size, decoded)
                    digest = hashlib.sha256(content).hexdigest()
                    read.append((name, label, decoded, digest, image_bytes))
                    classes[digest].add(label)
                except BadImage as problem:
                    rejected.append((name, problem.reason, problem.detail))
            report(1)

    rows = []
    seen: Counter[str] = Counter()
    for name, label, decoded, digest, image_bytes in sorted(read, key=lambda row: row[0]):
        seen[digest] += 1
        if len(classes[digest]) > 1:
            rejected.append((name, "two-classes", "the same file is in the folders of two classes"))
        elif seen[digest] > 1:
            rejected.append((name, "repeated", "the same file is there twice; the first counts"))
        else:
            size = decoded.width, decoded.height
            rows.append((_image_id(name, digest), name, label, *size, digest, image_bytes, decoded.pixels))
    rows.sort(key=lambda row: row[0])
    photos = pd.DataFrame([row[:-1] for row in rows], columns=list(COLUMNS))
    photos = photos.astype(dict.fromkeys(("label", "width", "height"), np.int64))
    whole = np.stack([row[-1] for row in rows]) if rows else np.empty((0, image_size, image_size, 3), np.uint8)
    return photos, whole, pd.DataFrame(sorted(rejected), columns=list(REJECTED))


def check_external(
    photos: pd.DataFrame,
    pixels: np.ndarray,
    whole: np.ndarray,
    *,
    pred_probs: np.ndarray,
    image_id: np.ndarray,
    dataset: Pixels,
) -> pd.DataFrame:
    """Compare photos with their class and with every image of the dataset.

    Args:
        photos: (M rows) as `read_external` returns them.
        pixels: (M, H, W, 3) uint8 of them, as cropped.
        whole: (M, H, W, 3) uint8 of them, as resized without a crop: a dataset may hold the same photo either way.
        pred_probs: (M, K) float32, what the encoder says they show.
        image_id: (N,) ids of the dataset's images.
        dataset: (N, H, W, 3) uint8 of those.

    Returns:
        `photos` with `predicted_label` int64, `predicted_confidence` and `label_probability` float64 in [0, 1],
        `encoder_agrees` bool, `counterparts` (the images of the dataset that the photo nearly equals, nearest first,
        with commas between, "" if none) and `same_as` (an earlier photo that it nearly equals, "" if none).
    """
    frame = photos.reset_index(drop=True).copy()
    label = frame["label"].to_numpy()
    predicted = pred_probs.argmax(axis=1)
    frame["predicted_label"] = predicted.astype(np.int64)
    frame["predicted_confidence"] = pred_probs.max(axis=1).astype(np.float64)
    frame["label_probability"] = pred_probs[np.arange(len(label)), label].astype(np.float64)
    frame["encoder_agrees"] = predicted == label
    same_as = np.full(len(frame), "", dtype=object)
    found: list[dict[str, int]] = [{} for _ in range(len(frame))]  # distance of each counterpart
    cropped, hashed = HashedImages.of(pixels), HashedImages.of(dataset)
    for look in (cropped, whole):
        for own, other, distance in find_leaks(look, hashed).pairs():
            name = str(image_id[other])
            found[own][name] = min(distance, found[own].get(name, distance))
    for own, other, _ in find_leaks(cropped, cropped).pairs():
        if other < own and not same_as[own]:
            same_as[own] = frame["image_id"].iat[other]
    frame["counterparts"] = [",".join(sorted(names, key=lambda name: (names[name], name))) for names in found]
    frame["same_as"] = same_as
    return frame.astype({"counterparts": "str", "same_as": "str"})


def compare_photos(
    photos: pd.DataFrame,
    whole: np.ndarray,
    encoder: "Encoder",
    *,
    image_id: np.ndarray,
    pixels: Pixels,
    trusted_pixels: Pixels,
    trusted_labels: np.ndarray,
    trusted_embedding: "Embedding",
    l2_candidates: Sequence[float],
) -> pd.DataFrame:
    """Classify photos by a model of the dataset's trusted images, and compare them with all of its images.

    Args:
        photos, whole: (M rows) as `read_external` returns them.
        encoder: what made the features.
        image_id: (N,) ids of the dataset's images.
        pixels: (N, H, W, 3) uint8 of those.
        trusted_pixels: (T, H, W, 3) uint8 of the dataset's images whose labels no detector flags.
        trusted_labels: (T,) int in [0, K) of those.
        trusted_embedding: of those, as the encoder gave it.
        l2_candidates: penalties of a linear probe, where the model is one; the middle one is taken.

    Returns:
        As `check_external`.
    """
    if photos.empty:
        return no_photos()
    cropped = decode_pixels(photos["image_bytes"].to_list(), image_size=whole.shape[1])
    pred_probs = encoder.classify_new(
        cropped,
        pixels=trusted_pixels,
        labels=trusted_labels,
        embedding=trusted_embedding,
        l2=median_high(l2_candidates),
    )
    return check_external(photos, cropped, whole, pred_probs=pred_probs, image_id=image_id, dataset=pixels)


def import_summary(photos: pd.DataFrame, rejected: pd.DataFrame) -> str:
    """How many photos were taken, and how many of them deserve a look."""
    if photos.empty and rejected.empty:
        return "no external photos"
    return (
        f"{len(photos)} photos ({len(rejected)} rejected); the encoder disagrees with the class of "
        f"{(~photos['encoder_agrees']).sum()}; {(photos['counterparts'] != '').sum()} nearly equal an image of the "
        "dataset"
    )


def no_rejected() -> pd.DataFrame:
    """The rejected photos where there are none."""
    return pd.DataFrame(columns=list(REJECTED))


def no_photos() -> pd.DataFrame:
    """What `check_external` returns where there are no photos."""
    texts = ("image_id", "photo", "bytes_sha256", "counterparts", "same_as")
    types = dict.fromkeys((*COLUMNS, *CHECKS), "int64") | dict.fromkeys(texts, "str")
    types |= {"image_bytes": "object", "encoder_agrees": "bool"}
    types |= dict.fromkeys(("predicted_confidence", "label_probability"), "float64")
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def photo_names(archive: Archive) -> list[str]:
    """The files of an archive that are photos or should be: all but companions and packed archives.

    Raises:
        WinnowError: if there is none.
    """
    names = [name for name in archive.names() if companion(name) is None and not name.lower().endswith(PACKED_SUFFIXES)]
    if not names:
        raise WinnowError(_nothing(archive))
    return names


def class_of_folder(name: str, class_names: Sequence[str]) -> int | None:
    """The label of the class that a photo's folder is called like, whatever its case, `_`, `-` or blanks."""
    folder = _plain(posixpath.basename(posixpath.dirname(name)))
    return next((label for label, class_name in enumerate(class_names) if _plain(class_name) == folder), None)


def _nothing(archive: Archive) -> str:
    packed = [name for name in archive.names() if name.lower().endswith(PACKED_SUFFIXES)]
    fix = f"point it at {posixpath.join(archive.label, packed[0])}" if packed else "put photos there as <class>/<photo>"
    return (
        f"data.outside_photos in params.yaml is {archive.label}, which holds no photo; {fix}, or set it to data/none."
    )


@cache
def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _image_id(name: str, digest: str) -> str:
    folder, file = posixpath.split(posixpath.splitext(name)[0])
    words = re.sub(r"[^A-Za-z0-9.]+", "-", f"{posixpath.basename(folder)}-{file}").strip("-")[:80]
    return f"img_outside-{words}-{digest[:8]}"


def _square(name: str, content: bytes, image_size: int, checked: Decoded) -> bytes:
    """The middle of a photo that `read_image` took, as a JPEG of `image_size`; BadImage if it is too small."""
    image, *_ = upright_rgb(content, file_name=name)
    if min(image.size) < image_size:
        raise BadImage("too-small", f"{checked.width} x {checked.height} pixels, {image_size} are needed each way")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    image = image.resize((image_size, image_size), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=95, subsampling="4:4:4")
    return buffer.getvalue()
