"""Exact and near duplicates: the same picture twice, whatever its labels say."""

import numpy as np
import pandas as pd

from winnow.data.perceptual_hash import linked, pairs_within
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.resemblance import same_picture

_BLOCK = 2**14  # pairs whose features are compared at once


def find_duplicates(
    image_id: np.ndarray,
    labels: np.ndarray,
    pixels: Pixels,
    features: np.ndarray,
    *,
    max_hash_distance: int,
    min_similarity: float,
    bytes_sha256: np.ndarray | None = None,
) -> pd.DataFrame:
    """Group the images that show the same picture.

    Exact duplicates have identical pixels. Near duplicates meet three tests: hashes within `max_hash_distance`,
    features within `min_similarity`, and pixels that `same_picture` takes for one picture by the dataset's own
    standard. Every member of a group meets them with the group's keeper: where A resembles B and B resembles C but A
    does not resemble C, C starts a group of its own. The keeper is the smallest id among the images with the most
    frequent label.

    Args:
        image_id: (N,) unique strings.
        labels: (N,) int.
        pixels: (N, H, W, 3) uint8.
        features: (N, D) float32, L2-normalised.
        max_hash_distance: bits of 64.
        min_similarity: cosine in [-1, 1].
        bytes_sha256: (N,) digests of the images' bytes as they came; None where they are not known.

    Returns:
        A row per image, in the order given: `image_id`, `duplicate_group` (int64, in order of first appearance),
        `exact_group` (int64, equal for images with identical pixels and for no others, likewise ordered),
        `duplicate_kind` (`exact` if the group holds another image with the same pixels, else `near`, `""` if alone),
        `duplicate_of` (the keeper's id, `""` for keepers and lone images), `label_conflict` (labels differ within the
        group), `duplicate_similarity` (cosine to the keeper; NaN for keepers and lone images) and, with
        `bytes_sha256`, `same_bytes` (another image is the same file; exact duplicates that are not differ in how they
        are encoded).
    """
    image_id, labels = np.asarray(image_id).astype(str), np.asarray(labels)
    images = HashedImages.of(pixels)
    _, first_image, picture, copies = np.unique(
        images.digest, return_index=True, return_inverse=True, return_counts=True
    )
    near = _near_pairs(
        images.subset(first_image),
        features[first_image],
        max_hash_distance=max_hash_distance,
        min_similarity=min_similarity,
    )
    keeper = _keepers(image_id, labels, picture, near)

    _, group = np.unique(keeper, return_inverse=True)
    own = np.arange(len(image_id))
    size = np.bincount(group)[group]
    labels_in_group = pd.Series(labels).groupby(group).transform("nunique").to_numpy()
    similarity = np.einsum("nd,nd->n", features, features[keeper]).astype(np.float64)
    found = pd.DataFrame(
        {
            "image_id": image_id,
            "duplicate_group": pd.factorize(group)[0].astype(np.int64),
            "exact_group": pd.factorize(picture)[0].astype(np.int64),
            "duplicate_kind": np.where(size == 1, "", np.where(copies[picture] > 1, "exact", "near")),
            "duplicate_of": np.where(keeper == own, "", image_id[keeper]),
            "label_conflict": labels_in_group > 1,
            "duplicate_similarity": np.where(keeper == own, np.nan, similarity),
        }
    )
    if bytes_sha256 is not None:
        found["same_bytes"] = pd.Series(bytes_sha256).duplicated(keep=False).to_numpy()
    return found


def count_duplicates(duplicates: pd.DataFrame) -> dict[str, int | float]:
    """How many groups and copies `find_duplicates` found; a group with any near member counts as a near one.

    Args:
        duplicates: as `find_duplicates` returns it, N at least 1.

    Returns:
        `images`, `groups`, `exact_groups`, `near_groups`, `conflicting_groups`, `copies`, `copies_share` in [0, 1] and,
        where it is known, `images_with_same_bytes`.
    """
    grouped = duplicates[duplicates["duplicate_kind"] != ""]
    near = grouped.loc[grouped["duplicate_kind"] == "near", "duplicate_group"].nunique()
    groups = grouped["duplicate_group"].nunique()
    copies = int((duplicates["duplicate_of"] != "").sum())
    return {
        "images": len(duplicates),
        "groups": groups,
        "exact_groups": groups - near,
        "near_groups": near,
        "conflicting_groups": grouped.loc[grouped["label_conflict"], "duplicate_group"].nunique(),
        "copies": copies,
        "copies_share": copies / len(duplicates),
        **({"images_with_same_bytes": int(duplicates["same_bytes"].sum())} if "same_bytes" in duplicates else {}),
    }


def _near_pairs(
    images: HashedImages, features: np.ndarray, *, max_hash_distance: int, min_similarity: float
) -> tuple[np.ndarray, np.ndarray]:
    first, second, _ = pairs_within(images.hashes, max_hash_distance)
    kept = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), _BLOCK):
        part = slice(start, start + _BLOCK)
        kept[part] = np.einsum("pd,pd->p", features[first[part]], features[second[part]]) >= min_similarity
    first, second = first[kept], second[kept]
    kept = same_picture(images, images, first, second, within=True)
    return first[kept], second[kept]


def _keepers(
    image_id: np.ndarray, labels: np.ndarray, picture: np.ndarray, near: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(N,) position of each image's keeper, its own if it is a keeper or alone.

    Args:
        image_id, labels: (N,).
        picture: (N,) equal for images with identical pixels.
        near: two (P,) arrays of pictures that are near duplicates of each other.
    """
    keeper = np.arange(len(image_id))
    alike: dict[int, set[int]] = {}
    for a, b in zip(near[0].tolist(), near[1].tolist(), strict=True):
        alike.setdefault(a, {a}).add(b)
        alike.setdefault(b, {b}).add(a)
    component = pd.Series(linked(picture.max(initial=-1) + 1, *near)[picture])
    for members in component[component.duplicated(keep=False)].groupby(component).groups.values():
        left = members.to_numpy()
        while len(left):
            values, counts = np.unique(labels[left], return_counts=True)
            majority = left[np.isin(labels[left], values[counts == counts.max()])]
            chosen = majority[np.argmin(image_id[majority])] if len(majority) > 1 else majority[0]
            own = int(picture[chosen])
            joins = np.isin(picture[left], list(alike.get(own, {own})))
            keeper[left[joins]] = chosen
            left = left[~joins]
    return keeper
