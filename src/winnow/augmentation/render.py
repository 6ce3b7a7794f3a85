"""Carrying out a plan: decode, augment, encode, on all cores."""

import io
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial

import numpy as np
import pandas as pd
from PIL import Image

from winnow import tables
from winnow.augmentation.policy.policy import Policy
from winnow.augmentation.techniques import techniques_for
from winnow.augmentation.techniques.technique import Copy
from winnow.cores import cores
from winnow.data.packed import COLUMNS
from winnow.progress import progress

_CHUNK = 500
# A worker loads albumentations anew, which takes as long as this many copies of 64 x 64 pixels.
_COPIES_PER_WORKER = 10_000

_Task = tuple[str, int, bytes, bytes]  # technique, seed, source, partner (b"" for none)


def render_copies(
    plan: pd.DataFrame,
    images: pd.DataFrame,
    *,
    jpeg_quality: int,
    policy: Policy | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Make the copies of a plan.

    Args:
        plan: copies from `plan_copies`.
        images: `image_id`, unique, and `image_bytes`, of all sources and partners at least.
        jpeg_quality: of the copies, 1 to 100; their colours are not subsampled (4:4:4).
        policy: what the technique faster_autoaugment carries out; None for none.
        workers: processes; None for as many as the cores and the work justify. The bytes do not depend on it.

    Returns:
        Rows of a packed set in the order of `plan`, each image of its source's size.

    Raises:
        WinnowError: if a source or partner is missing from `images`, or faster_autoaugment has no policy.
        ValueError: if a technique is unknown.
    """
    techniques = techniques_for(plan["technique"], policy)
    tasks = _tasks(plan, images)
    chunks = [tasks[start : start + _CHUNK] for start in range(0, len(tasks), _CHUNK)]
    workers = workers or max(1, min(cores(), len(tasks) // _COPIES_PER_WORKER))
    encoded: list[bytes] = []
    with progress("augment", len(tasks)) as report, _mapping(workers) as apply:
        for chunk in apply(partial(_render_chunk, techniques=techniques, jpeg_quality=jpeg_quality), chunks):
            encoded.extend(chunk)
            report(len(chunk))
    return plan.assign(image_bytes=pd.Series(encoded, index=plan.index, dtype=object))[COLUMNS]


def _tasks(plan: pd.DataFrame, images: pd.DataFrame) -> list[_Task]:
    image_bytes = images["image_bytes"].to_numpy()
    known = images["image_id"].to_numpy()
    source = image_bytes[tables.align(plan["image_id"].to_numpy(), known, "the table of images")]
    partners = np.full(len(plan), b"", dtype=object)
    paired = (plan["partner"] != "").to_numpy()
    partners[paired] = image_bytes[tables.align(plan["partner"].to_numpy()[paired], known, "the table of images")]
    return list(zip(plan["technique"].tolist(), plan["seed"].tolist(), source, partners, strict=True))


@contextmanager
def _mapping(workers: int) -> Iterator[Callable[..., Iterator[list[bytes]]]]:
    """Yield a `map` that keeps the order: the plain one, or one over processes.

    Not threads: half of the work is Python's. Not forked: a process that has other threads must not be.
    """
    if workers == 1:
        yield map
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool.map


def _render_chunk(tasks: list[_Task], *, techniques: dict[str, Copy], jpeg_quality: int) -> list[bytes]:
    return [
        _render(techniques[name], seed, source, partner, jpeg_quality=jpeg_quality)
        for name, seed, source, partner in tasks
    ]


def _render(technique: Copy, seed: int, source: bytes, partner: bytes, *, jpeg_quality: int) -> bytes:
    pixels = _decode(source)
    result = technique(pixels, seed, _decode(partner) if partner else None)
    if result is pixels:
        return source
    buffer = io.BytesIO()
    Image.fromarray(result).save(buffer, "JPEG", quality=jpeg_quality, subsampling="4:4:4")
    return buffer.getvalue()


def _decode(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.convert("RGB"))
