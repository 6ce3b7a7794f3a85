"""The comparison of rules on a dataset: which images are chosen from and asked about, and what learns."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from PIL import Image

from winnow.data.archive import Archive
from winnow.filtering.compare import Comparison, compare, draw_pools, not_compared
from winnow.filtering.copies import CopySpace, pixel_counts
from winnow.filtering.groups import group_labels
from winnow.filtering.items import pictures
from winnow.filtering.learners.learner import Learner
from winnow.filtering.learners.probe import Probe
from winnow.filtering.rules import Candidates
from winnow.progress import progress

_LEAST, _LEAST_ASKED = 50, 20


@dataclass(frozen=True)
class _Picked:
    """Rows of the table `items`: of the images to choose from, and of those to be asked about; none of the latter takes
    those outside each pool. `told` says what was drawn, and `why` why nothing can be compared."""

    own: np.ndarray
    asked: np.ndarray
    told: str = ""
    why: str = ""

    @property
    def rows(self) -> np.ndarray:
        return np.concatenate([self.own, self.asked])


def pays(
    items: pd.DataFrame,
    features: np.ndarray,
    points: Mapping[str, np.ndarray],
    boxes: pd.DataFrame,
    archive: Callable[[], AbstractContextManager[Archive]],
    *,
    learner: Literal["probe", "network", "detector"],
    shares: Sequence[float],
    pools: int,
    most_images: int,
    l2: float,
    steps: int,
    input_size: int | None,
    weights: str | None,
    seed: int,
    scratch: Path,
) -> Comparison:
    """Compare rules on the filtered images, by those of a test or validation split if 20 of these can tell.

    Args:
        items: of N images, sorted by `image_id`.
        features: (N, D) of any precision, also a memory map; only the rows that are compared are read.
        points: arrays of the file of that name, which know where copies are looked for.
        boxes: of these images.
        archive: opens what holds the images; called for `network` and `detector`.
        learner: a probe or a network of labelled images, or a detector of images with boxes.
        shares, seed: of `winnow.filtering.compare.compare`.
        pools: how many draws of 80 % of the images.
        most_images: to choose from, and to be asked about; of more so many are drawn, which the sentence says.
        l2: penalty of the probe.
        steps: of each training of a network or detector.
        input_size: side of the square that a detector sees, a multiple of 16; None for 512.
        weights: of a detector's frozen network, as `load_backbone` takes them.
        scratch: for trainings that are finished, and what is unpacked; the caller removes it.

    Returns:
        The comparison; empty, and saying why, where fewer than 50 images have labels or all have one, or where there
        are no boxes for a detector to learn from or to be compared with.

    Raises:
        WinnowError: if the weights cannot be had, or the loss of a training stops being finite.
    """
    label = items["label"].to_numpy(dtype=str)
    number = np.unique(label, return_inverse=True)[1]
    if learner == "detector":
        picked = _with_boxes(items, boxes, most_images, pools, seed)
    else:
        picked = _labelled(items, most_images, seed)
    if picked.why:
        return not_compared(learner, picked.why)
    chosen = np.zeros(len(items), dtype=bool)
    chosen[picked.own] = True
    of_own = items.iloc[picked.own].reset_index(drop=True)
    images = Candidates(
        np.asarray(features[picked.own], dtype=np.float32),
        group_labels(of_own),
        CopySpace.of_points(features, points).only(chosen),
        float(points["copy_distance"]),
        pixel_counts(of_own),
    )
    rows = picked.rows
    learns: Learner
    if learner == "probe":
        learns = Probe(np.asarray(features[rows], dtype=np.float32), number[rows], l2)
    else:
        of_rows = items.iloc[rows].reset_index(drop=True)
        with archive() as opened:
            if learner == "network":
                from winnow.filtering.learners.network import SIDE, network_learner

                pixels = _squares(opened, of_rows["image_id"].tolist(), SIDE, scratch)
                learns = network_learner(pixels, number[rows], steps=steps, file=scratch / "trained.json")
            else:
                from winnow.filtering.learners.detector import SIDE, detector_of_items

                learns = detector_of_items(
                    opened, of_rows, boxes, weights=weights, side=input_size or SIDE, steps=steps, scratch=scratch
                )
    drawn = draw_pools(len(picked.own), pools=pools, seed=seed)
    found = compare(images, learns, shares=shares, pools=drawn, asked=len(picked.asked), seed=seed)
    return replace(found, sentence=picked.told + found.sentence)


def _labelled(items: pd.DataFrame, most: int, seed: int) -> _Picked:
    label, filtered = items["label"].to_numpy(dtype=str), items["is_filtered"].to_numpy()
    own = np.flatnonzero(filtered & (label != ""))
    classes = len(set(label[own]))
    if len(own) < _LEAST or classes < 2:
        hint = "; for boxes set pays.learner to detector" if items["boxes"].any() else ""
        return _Picked(own, own[:0], why=f"{len(own)} filtered images have labels of {classes} classes{hint}")
    return _drawn(items, own, lambda chosen: np.isin(label, label[chosen]), most, seed)


def _with_boxes(items: pd.DataFrame, boxes: pd.DataFrame, most: int, pools: int, seed: int) -> _Picked:
    has = items["boxes"].to_numpy() > 0
    own = np.flatnonzero(items["is_filtered"].to_numpy())  # images without a box are learned from, too
    if len(own) < _LEAST or not has[own].any():
        hint = "; set pays.learner to probe or network" if not has.any() else ""
        return _Picked(own, own[:0], why=f"{has[own].sum()} of {len(own)} filtered images have boxes{hint}")

    def with_a_learned_box(chosen: np.ndarray) -> np.ndarray:
        learned = boxes.loc[boxes["image_id"].isin(items["image_id"].iloc[chosen]), "class_name"]
        return items["image_id"].isin(boxes.loc[boxes["class_name"].isin(learned), "image_id"]).to_numpy()

    picked = _drawn(items, own, with_a_learned_box, most, seed, whole_splits=True)  # no box is an answer, too
    tells = with_a_learned_box(picked.own)[picked.own]
    drawn = draw_pools(len(picked.own), pools=pools, seed=seed)
    if not len(picked.asked) and not all(np.delete(tells, pool).any() for pool in drawn):
        return _Picked(
            picked.own,
            picked.asked,
            why=f"{tells.sum()} of {len(picked.own)} images to choose from have boxes, too few for one to be left "
            f"outside each pool, and no other split has {_LEAST_ASKED} images with boxes of these classes",
        )
    return picked


def _drawn(
    items: pd.DataFrame,
    own: np.ndarray,
    tells: Callable[[np.ndarray], np.ndarray],
    most: int,
    seed: int,
    *,
    whole_splits: bool = False,
) -> _Picked:
    """At most so many of the images to choose from, and of the first split, test or val, of which at least 20 can tell.

    Where neither has so many, those outside each pool are to be asked about.

    Args:
        tells: from rows of the images to choose from to (N,) bool, images that can tell what was learned from these.
        whole_splits: whether images that cannot tell are asked about beside those that can.
    """
    rng = np.random.default_rng([seed, 1])  # not the pools' own
    chosen, told = _at_most(own, most, rng)
    can_tell = tells(chosen)
    for split in ("test", "val"):
        rows = np.flatnonzero((items["split"] == split) & ~items["is_filtered"] & (can_tell | whole_splits))
        asked, told_asked = _at_most(rows, most, rng)
        if can_tell[asked].sum() >= _LEAST_ASKED:
            break
    else:
        asked, told_asked = own[:0], ""
    words = [f"{told} images to choose from" if told else "", f"{told_asked} to be asked about" if told_asked else ""]
    words = [word for word in words if word]
    return _Picked(chosen, asked, told=f"Drawn at random: {', '.join(words)}. " if words else "")


def _at_most(rows: np.ndarray, most: int, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Sorted rows, and "30 of 70" where not all are taken."""
    if len(rows) <= most:
        return rows, ""
    return np.sort(rng.choice(rows, most, replace=False)), f"{most:,} of {len(rows):,}"


def _squares(archive: Archive, image_ids: Sequence[str], side: int, scratch: Path) -> np.ndarray:
    """(N, side, side, 3) uint8 of the whole images, resized."""
    pixels = np.empty((len(image_ids), side, side, 3), dtype=np.uint8)
    with progress("decode", len(image_ids)) as report:
        for place, (_, image) in enumerate(pictures(archive, image_ids, scratch=scratch)):
            pixels[place] = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
            report(1)
    return pixels
