"""Looking once at every image of a submission: does it decode, is it the original, has validation leaked?"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path

import numpy as np

from winnow.cores import cores
from winnow.data.images import BadImage, read_image
from winnow.data.manifest import Manifest
from winnow.data.pixels import BATCH_BYTES, DecodedPixels, Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.leaks import find_leaks
from winnow.progress import progress
from winnow.submission.folders import SetFolder
from winnow.submission.names import parse_name


@dataclass
class Examined:
    """Faults of the images, in words, each under the first heading that it fits.

    Attributes:
        undecodable: images that are no whole RGB JPEGs of the right size.
        altered: training images without a technique whose bytes are neither the original's nor its repaired form's.
        unaltered: how many have the original's bytes.
        converted: how many have the bytes of the original's repaired form, as the manifest converts it.
        shared_sources: validation images that are in training by name, or have copies there.
        identical: validation images with the pixels of a training image.
        alike: validation images that are near duplicates of a training image, or of the source of a copy.
    """

    undecodable: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    unaltered: int = 0
    converted: int = 0
    shared_sources: list[str] = field(default_factory=list)
    identical: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """One image file.

    Attributes:
        file_name: its name.
        shown: its path from the submission's folder, for people.
        problem: "" or why it is no RGB JPEG of the right size; then there are no `pixels`.
        bytes_sha256: digest of the file.
        pixels: (H, W, 3) uint8.
    """

    file_name: str
    shown: str
    problem: str
    bytes_sha256: str = ""
    pixels: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 3), np.uint8))

    @cached_property
    def pixels_sha256(self) -> str:
        """Digest of the pixels."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()


def examine(
    training: SetFolder | None, validation: SetFolder | None, original: Manifest, *, image_size: int
) -> Examined:
    """Read and decode all images of both sets, and compare them with the original and with each other."""
    seen = Examined()
    image_bytes = dict(zip(original.images["image_id"], original.images["image_bytes"], strict=True))
    digests = dict(zip(original.manifest["image_id"], original.manifest["bytes_sha256"], strict=True))

    held_out = [picture for batch in _pictures(validation, image_size) for picture in batch]
    seen.undecodable += _problems(held_out)
    held_out = [picture for picture in held_out if not picture.problem]
    by_pixels: dict[str, list[str]] = {}
    for picture in held_out:
        by_pixels.setdefault(picture.pixels_sha256, []).append(picture.file_name)
    identical: dict[str, str] = {}

    names = training.files if training else {}
    parsed = {name: parse_name(name, image_bytes) or (Path(name).stem, "") for name in names}
    foreign: list[Picture] = []  # of no original: they break a rule of their own, but may leak all the same
    for batch in _pictures(training, image_size):
        seen.undecodable += _problems(batch)
        batch = [picture for picture in batch if not picture.problem]
        for picture in batch:
            for name in by_pixels.get(picture.pixels_sha256, []):
                identical.setdefault(name, picture.file_name)
            source, technique = parsed[picture.file_name]
            if source not in image_bytes:
                foreign.append(picture)
            elif not technique:
                if picture.bytes_sha256 == digests[source]:
                    seen.unaltered += 1
                elif picture.bytes_sha256 == hashlib.sha256(image_bytes[source]).hexdigest():
                    seen.converted += 1
                else:
                    seen.altered.append(picture.shown)

    if training and validation:
        shared = _shared_sources(validation, parsed, image_bytes)
        alike = _alike(validation, held_out, foreign, parsed, image_bytes)
        leaks = ((shared, seen.shared_sources), (identical, seen.identical), (alike, seen.alike))
        _report_leaks(leaks, training, validation)
    return seen


def _alike(
    validation: SetFolder,
    held_out: list[Picture],
    foreign: list[Picture],
    parsed: dict[str, tuple[str, str]],
    image_bytes: dict[str, bytes],
) -> dict[str, str]:
    """Validation file name to the first training file that it nearly equals, or whose source it nearly equals.

    Copies are not hashed, their source is: a crop or rotation may hash like some other image. Images that are in
    neither set are compared too, since what counts as alike is judged against all that there is.
    """
    if not held_out:
        return {}
    in_validation = {source for source, _ in (parse_name(name, image_bytes) or ("", "") for name in validation.files)}
    others = [source for source in image_bytes if source not in in_validation]
    training_name = {source: name for name, (source, _) in parsed.items()}
    originals: Pixels = DecodedPixels(np.array([image_bytes[source] for source in others], dtype=object))
    searched = [([training_name.get(source) for source in others], originals)]
    if foreign:
        searched.append(([picture.file_name for picture in foreign], np.stack([picture.pixels for picture in foreign])))
    hashed = HashedImages.of(np.stack([picture.pixels for picture in held_out]))
    alike: dict[str, str] = {}
    for names, pixels in searched:
        for own, other, _ in find_leaks(hashed, pixels).pairs():
            if (name := names[other]) is not None:
                alike.setdefault(held_out[own].file_name, name)
    return alike


def _shared_sources(
    validation: SetFolder, parsed: dict[str, tuple[str, str]], originals: Collection[str]
) -> dict[str, str]:
    """Validation file name to a training file name of the same source."""
    by_source = {source: name for name, (source, _) in parsed.items()}
    # An external photo's key may look like a copy's name, so whole names count as well.
    by_source.update({Path(name).stem: name for name in parsed})
    shared = {}
    for name in validation.files:
        source, _ = parse_name(name, originals) or ("", "")
        if other := by_source.get(Path(name).stem) or by_source.get(source):
            shared[name] = other
    return shared


def _report_leaks(
    leaks: Iterable[tuple[dict[str, str], list[str]]], training: SetFolder, validation: SetFolder
) -> None:
    """Add each leaked validation image to the faults of its plainest sign, once; the plainest comes first."""
    reported: set[str] = set()
    for found, faults in leaks:
        new = [name for name in sorted(found) if name not in reported]
        faults += [f"{validation.shown(name)} and {training.shown(found[name])}" for name in new]
        reported.update(new)


def _pictures(part: SetFolder | None, image_size: int) -> Iterator[list[Picture]]:
    """Read and decode the images of a set, in batches."""
    if part is None:
        return

    def read(item: tuple[str, Path]) -> Picture:
        name, path = item
        return _read_picture(path, partial(Picture, name, part.shown(name)), image_size=image_size)

    size = max(1, BATCH_BYTES // (3 * image_size**2))
    waiting = iter(part.files.items())
    with progress(f"lint {part.path.name}", len(part.files)) as report, ThreadPoolExecutor(cores()) as pool:
        while batch := list(islice(waiting, size)):
            yield list(pool.map(read, batch))
            report(len(batch))


def _read_picture(path: Path, picture: Callable[..., Picture], *, image_size: int) -> Picture:
    try:
        content = path.read_bytes()
    except OSError as error:
        return picture(f"cannot be read: {error.strerror}")
    digest = hashlib.sha256(content).hexdigest()
    try:
        decoded = read_image(content, image_size=image_size)
    except BadImage as problem:
        return picture(str(problem), digest)
    # What the pipeline would have to repair is exactly what a submission may not hold.
    if "size" in decoded.repairs:
        return picture(f"{decoded.width} x {decoded.height} pixels", digest)
    if decoded.repairs:
        return picture(f"not plain RGB JPEG: {', '.join(decoded.repairs)}", digest)
    return picture("", digest, decoded.pixels)


def _problems(pictures: list[Picture]) -> list[str]:
    return [f"{picture.shown}: {picture.problem}" for picture in pictures if picture.problem]
