"""Pictures that two sets share: leaks, where one of them is held out from training."""

from dataclasses import dataclass

import numpy as np

from winnow.data.perceptual_hash import pairs_within
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.resemblance import same_picture

LEAK_HASH_DISTANCE = 14
"""Bits within which two sets are searched for leaks: wider than for dropping, since a leak costs more than an
image."""


@dataclass(frozen=True)
class Leaks:
    """P pairs of near duplicates, sorted by position.

    Attributes:
        first, second: (P,) int64 positions in the two sets.
        distance: (P,) int64 bits between their hashes.
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def pairs(self) -> list[tuple[int, int, int]]:
        """(position in the first set, position in the second, bits) of each."""
        return list(zip(self.first.tolist(), self.second.tolist(), self.distance.tolist(), strict=True))


def find_leaks(
    images_a: Pixels | HashedImages, images_b: Pixels | HashedImages, *, max_hash_distance: int = LEAK_HASH_DISTANCE
) -> Leaks:
    """Find the pictures that two sets share, by their look alone, without features.

    Between a validation or test set and a training set these are leaks; so are they between external photos, resized
    whole to the dataset's size, and training images. A photo cropped otherwise than its copy is not found.

    Args:
        images_a: N images, pixels (N, H, W, 3) uint8 or hashed already.
        images_b: M images of the same size.
        max_hash_distance: bits of 64; matches are confirmed by `same_picture`, or are identical pixel by pixel.

    Returns:
        The pairs; none where a set is empty. Of identical images of the second set all are listed beside the first
        image of the first set that they show, and one of them beside each other one.

    Raises:
        WinnowError: if the images are smaller than 12x12.
    """
    if not len(images_a) or not len(images_b):
        return Leaks(*(np.empty(0, np.int64) for _ in range(3)))
    a, b = HashedImages.of(images_a), HashedImages.of(images_b)
    # A search looks at the nearest few alone: identical images, however many, are to take one place among them.
    one_of_each, members = _identical(b.digest)
    first, group, distance = pairs_within(b.hashes[one_of_each], max_hash_distance, queries=a.hashes)
    second = one_of_each[group]
    kept = (a.digest[first] == b.digest[second]) | same_picture(a, b, first, second, within=False)
    first, group, distance = first[kept], group[kept], distance[kept]
    is_new = np.zeros(len(group), dtype=bool)
    is_new[np.unique(group, return_index=True)[1]] = True
    found = [members[place] if new else members[place][:1] for place, new in zip(group, is_new, strict=True)]
    sizes = [len(rows) for rows in found]
    return Leaks(np.repeat(first, sizes), np.concatenate([one_of_each[:0], *found]), np.repeat(distance, sizes))


def _identical(digest: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """(G,) int64 first positions of each digest, rising, and of each all positions."""
    _, firsts, group = np.unique(digest, return_index=True, return_inverse=True)
    order = np.argsort(firsts[group], kind="stable")
    one_of_each = np.sort(firsts)
    starts = np.searchsorted(firsts[group][order], one_of_each)
    return one_of_each, np.split(order, starts[1:])
