"""Which copies to make: how many per class and per image, of which technique, from which seed.

Everything is decided here, before a pixel is touched, so that the plan can be read, counted and tested by itself. All
chance comes from hashes of the seed and the image's id, not from positions: an image that leaves the training set
changes the copies of few others.
"""

import numpy as np
import pandas as pd

from winnow.augmentation.balance import copies_per_class, share_out
from winnow.augmentation.techniques import TECHNIQUES
from winnow.data.packed import copy_name
from winnow.errors import WinnowError

COLUMNS = ["name", "image_id", "technique", "label", "seed", "partner"]
_NEED_PARTNER = frozenset(name for name, technique in TECHNIQUES.items() if technique.needs_partner)
_ONCE = frozenset(name for name, technique in TECHNIQUES.items() if technique.once)


def choose_originals(image_id: np.ndarray, labels: np.ndarray, *, budget: int, seed: int) -> np.ndarray:
    """Choose which originals stay when they alone exceed the budget.

    The largest classes lose first, until the budget holds; which of a class's images go is left to chance.

    Args:
        image_id: (N,) unique strings.
        labels: (N,) integers >= 0.
        budget: most images to keep.
        seed: of the choice.

    Returns:
        (N,) bool, True for images that stay; all of them if N <= budget.

    Raises:
        WinnowError: if the budget is below one image per class.
    """
    image_id, labels = np.asarray(image_id).astype(str), np.asarray(labels, dtype=np.int64)
    sizes = np.bincount(labels)
    if len(labels) <= budget:
        return np.ones(len(labels), dtype=bool)
    if budget < (sizes > 0).sum():
        raise WinnowError(
            f"a budget of {budget} images cannot hold one of each of {(sizes > 0).sum()} classes; raise augment.budget."
        )
    totals = share_out(np.zeros_like(sizes), sizes, np.ones(len(sizes)), budget)
    stays: np.ndarray = _rank_in_class(_chance(image_id, seed, "originals"), labels) < totals[labels]
    return stays


def plan_copies(
    image_id: np.ndarray,
    labels: np.ndarray,
    *,
    budget: int,
    balance: str,
    max_copies_per_image: int,
    techniques: dict[str, float],
    seed: int,
    effective_number_beta: float = 0.999,
    weights: np.ndarray | None = None,
    taken: np.ndarray | None = None,
) -> pd.DataFrame:
    """Plan the augmented copies of a training set.

    Args:
        image_id: (N,) unique strings, the originals, in any order; all of them stay in the set.
        labels: (N,) integers >= 0.
        budget: most images in the set, originals and copies together; at least N.
        balance: "equal" makes the classes' totals as equal as the budget and `max_copies_per_image` allow, the smallest
            classes first; "effective_number" aims at totals between those and the classes' own proportions, by
            `effective_number_beta` (see `winnow.augmentation.balance`); "none" gives every class copies in proportion
            to its size.
        max_copies_per_image: most copies of one image.
        techniques: weights >= 0 by name; 0 switches one off. An image's copies differ in technique until it has had
            each once, so the weights are exact where images have one copy, and matter less the more copies they have.
            Those that say `once` are used once per image at most, those that need a partner only in classes of two
            images and more.
        seed: of all chance.
        effective_number_beta: in [0, 1), of that balance alone.
        weights: (N,) floats above 0, how the copies of a class are shared out between its images, up to
            `max_copies_per_image` each; None for evenly.
        taken: names that no copy may have: the ids of all images of the archive, those that left the set too; None for
            those of `image_id` alone.

    Returns:
        A row per copy, sorted by `name`: `name` (`copy_name` of the source and the technique, numbered from 1 where an
        image has several of one technique), `image_id` (the source), `technique`, `label` int64, `seed` int64 >= 0 (of
        the copy's pixels) and `partner` (an image_id of the class where the technique needs one, "" elsewhere). Within
        a class images of equal weight have numbers of copies that differ by 1 at most.

    Raises:
        WinnowError: if the originals exceed the budget, copies are wanted but every technique is switched off, or an
            original is called as a copy would be.
    """
    if balance not in ("equal", "effective_number", "none"):
        raise ValueError(f"balance is {balance!r}; it is 'equal', 'effective_number' or 'none'")
    image_id, labels = np.asarray(image_id).astype(str), np.asarray(labels, dtype=np.int64)
    if len(image_id) > budget:
        raise WinnowError(
            f"{len(image_id)} originals exceed the budget of {budget} images; raise augment.budget or choose fewer."
        )
    shares = {name: share for name, share in sorted(techniques.items()) if share > 0}
    if not shares and max_copies_per_image > 0 and len(image_id) < budget:
        raise WinnowError(
            "every technique in augment.techniques has the weight 0; give one a weight, or set "
            "augment.max_copies_per_image to 0 for no copies."
        )
    weights = np.ones(len(image_id)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(image_id)
    image_id, labels, weights = image_id[order], labels[order], weights[order]

    sizes = np.bincount(labels)
    most = np.minimum(max_copies_per_image, [_most_copies(shares, size) for size in sizes]).astype(np.int64)
    copies = copies_per_class(
        sizes, sizes * most, budget=budget, balance=balance, effective_number_beta=effective_number_beta
    )
    per_image = _spread(image_id, labels, weights, copies, most, seed)
    return _rows(image_id, labels, per_image, sizes, shares, seed, image_id if taken is None else taken)


def _spread(
    image_id: np.ndarray, labels: np.ndarray, weights: np.ndarray, copies: np.ndarray, most: np.ndarray, seed: int
) -> np.ndarray:
    """(N,) copies per image: its share by weight, up to the class's most, rounded up or down by chance."""
    per_image = np.zeros(len(labels), dtype=np.int64)
    chance = _fraction(_chance(image_id, seed, "sources"))
    for label in np.flatnonzero(copies):
        rows = np.flatnonzero(labels == label)
        shares = _capped_shares(weights[rows], int(copies[label]), int(most[label])).round(9)
        per_image[rows] = np.floor(shares)
        # Who is rounded up is drawn without replacement, in proportion to what was cut off (Efraimidis and Spirakis
        # 2006): an image that leaves the class changes the draw of few others.
        cut_off = shares - per_image[rows]
        waits = np.divide(-np.log1p(-chance[rows]), cut_off, out=np.full(len(rows), np.inf), where=cut_off > 0)
        per_image[rows[np.argsort(waits, kind="stable")[: copies[label] - per_image[rows].sum()]]] += 1
    return per_image


def _capped_shares(weights: np.ndarray, total: int, most: int) -> np.ndarray:
    """(N,) shares of `total` in proportion to the weights, none above `most`; what these leave goes to the others."""
    full = np.zeros(len(weights), dtype=bool)
    while True:
        rest = weights * ~full
        shares = np.where(full, most, (total - most * full.sum()) * rest / max(rest.sum(), np.finfo(float).tiny))
        if not (over := shares > most + 1e-9).any():
            return shares
        full |= over


def _rows(
    image_id: np.ndarray,
    labels: np.ndarray,
    per_image: np.ndarray,
    sizes: np.ndarray,
    shares: dict[str, float],
    seed: int,
    taken: np.ndarray,
) -> pd.DataFrame:
    names = np.array(list(shares), dtype=str)
    source = np.repeat(np.arange(len(image_id)), per_image)
    kth = np.arange(len(source)) - np.repeat(np.cumsum(per_image) - per_image, per_image)

    technique = np.zeros(len(source), dtype=np.int64)
    start = _fraction(_chance(image_id, seed, "techniques"))
    alone = sizes[labels] == 1
    for count in np.unique(per_image[per_image > 0]):
        for lone in (False, True):
            rows = (per_image[source] == count) & (alone[source] == lone)
            if rows.any():
                # Systematic sampling: steps of 1 from a start by chance along the techniques' quotas, whose sum is
                # `count`. Each comes up its quota's floor or ceiling of times, and its quota on average.
                ends = np.cumsum(_quotas(shares, int(count), lone=lone)).round(9)
                technique[rows] = np.searchsorted(ends[:-1], start[source[rows]] + kth[rows], side="right")

    frame = pd.DataFrame({"source": source, "technique": names[technique] if len(names) else ""})
    same = frame.groupby(["source", "technique"])
    number = same.cumcount().to_numpy() + 1
    repeated = same["source"].transform("size").to_numpy() > 1
    stem = copy_name(image_id[source], frame["technique"].to_numpy(dtype=str))
    numbered = np.char.add(np.char.add(stem, "-"), number.astype(str))
    name = np.where(repeated, numbered, stem)
    if (clash := np.isin(name, np.asarray(taken).astype(str))).any():
        raise WinnowError(
            f"the original {name[clash][0]!r} is called as a copy of {image_id[source[clash][0]]!r} would be; is the "
            "archive augmented already? Take it out, or rename it."
        )

    planned = pd.DataFrame(
        {
            "name": name,
            "image_id": image_id[source],
            "technique": frame["technique"].to_numpy(dtype=str),
            "label": labels[source],
            "seed": (_chance(name, seed, "pixels") >> np.uint64(1)).astype(np.int64),
            "partner": _partners(image_id, labels, source, name, names[technique], sizes, seed),
        },
        columns=COLUMNS,
    ).astype({"name": "str", "image_id": "str", "technique": "str", "partner": "str"})
    return planned.sort_values("name", ignore_index=True)


def _partners(
    image_id: np.ndarray,
    labels: np.ndarray,
    source: np.ndarray,
    name: np.ndarray,
    technique: np.ndarray,
    sizes: np.ndarray,
    seed: int,
) -> np.ndarray:
    """(M,) for each copy that needs one, another image of its source's class; "" for the others."""
    by_class = np.argsort(labels, kind="stable")
    first = np.cumsum(sizes) - sizes
    place = np.empty_like(labels)
    place[by_class] = np.arange(len(labels)) - first[labels[by_class]]
    size = sizes[labels[source]]
    # A step of 1 to size - 1 around the class never ends at the source itself.
    others = np.maximum(size - 1, 1).astype(np.uint64)
    step = 1 + (_chance(name, seed, "partners") % others).astype(np.int64)
    partner = image_id[by_class[first[labels[source]] + (place[source] + step) % size]]
    return np.where(np.isin(technique, list(_NEED_PARTNER)), partner, "")


def _most_copies(shares: dict[str, float], class_size: int) -> float:
    """How many copies of one image the techniques can make in a class of this size."""
    usable = [name for name in shares if class_size > 1 or name not in _NEED_PARTNER]
    return np.inf if set(usable) - _ONCE else len(usable)


def _quotas(weights: dict[str, float], count: int, *, lone: bool) -> np.ndarray:
    """(T,) how often each technique is used on an image with `count` copies, on average; the sum is `count`.

    Techniques are used up in rounds, each once per round; a last round that has fewer copies than techniques goes by
    weight, 1 each at most.
    """
    usable = np.array([not (lone and name in _NEED_PARTNER) for name in weights])
    once = np.array([name in _ONCE for name in weights])
    weight = np.array(list(weights.values()), dtype=float)
    quotas = np.zeros(len(weight))
    while count >= (open_ := usable & ~(once & (quotas > 0))).sum():
        quotas[open_] += 1
        count -= int(open_.sum())
        if count == 0:
            return quotas
    shares, full = np.zeros(len(weight)), np.zeros(len(weight), dtype=bool)
    while True:
        free = open_ & ~full
        shares = np.where(full, 1.0, np.where(free, (count - full.sum()) * weight / weight[free].sum(), 0.0))
        if not (over := shares > 1.0).any():
            return quotas + shares
        full |= over


def _rank_in_class(chance: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N,) place of each image among those of its label, in the order of `chance`."""
    order = np.lexsort((chance, labels))
    first = np.cumsum(np.bincount(labels)) - np.bincount(labels)
    rank = np.empty(len(labels), dtype=np.int64)
    rank[order] = np.arange(len(labels)) - first[labels[order]]
    return rank


def _chance(name: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """(N,) uint64, uniform, from each name with the seed and the purpose."""
    salted = np.char.add(f"{seed}/{purpose}/", name.astype(str)).astype(object)
    return pd.util.hash_array(salted, categorize=False)


def _fraction(chance: np.ndarray) -> np.ndarray:
    """(N,) float64 in [0, 1), exactly below 1, from `_chance`."""
    return (chance >> np.uint64(32)) / 2.0**32
