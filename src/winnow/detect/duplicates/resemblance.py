"""Whether two images that hash alike show one picture, by the standard of the dataset they come from.

Two photographs of animals that correlate to 0.97 are one photograph; two handwritten ones that do are two. So a
pair is measured against its background: how far each image is from the others that merely resemble it.
"""

import numpy as np
from scipy import ndimage

from winnow.data.perceptual_hash import LUMA
from winnow.data.pixels import batch_length
from winnow.detect.duplicates.hashed import HashedImages
from winnow.learn.neighbours import nearest_neighbours

# The background is the distance to this nearest neighbour: farther out than any clump of copies is large.
_BACKGROUND_RANK = 20
# Planted copies of digits come to 0.01 of their background at most, different digits to 0.09 at least.
_MAX_SHARE = 0.07
# Closer than this is the same picture whatever its background: encodings of one come to 0.0002, different digits to
# 0.009 at the least.
_SAME = 0.001
# For fewer images than the rank: what photographs have.
_BACKGROUND_OF_PHOTOGRAPHS = 0.35
_SHIFT, _BLUR = 0.05, 0.075  # of the side
_ROW_GROUP = 4096  # pairs are taken in an order that reads each two row groups of the pixels' file together
_COPIES_OF_A_BATCH = 4  # as 32-bit floats, the pixels of a block of pairs take as much memory as a batch


def same_picture(
    a: HashedImages, b: HashedImages, first: np.ndarray, second: np.ndarray, *, within: bool
) -> np.ndarray:
    """Tell pairs of one picture, copied, moved or recoloured a little, from pairs of two similar pictures.

    Args:
        a: N images.
        b: M images of the same size; `a` itself if `within`.
        first: (P,) int positions in a.
        second: (P,) int positions in b.
        within: whether both are one set, so that the background is sought among its N images, not among N + M.

    Returns:
        (P,) bool: 1 minus the pair's correlation, blurred and at the best shift, is at most 7 % of 1 minus the
        correlation of either image with its 20th nearest; or next to nothing, for of a picture with twenty copies the
        20th nearest is a copy too.
    """
    if not len(first):
        return np.zeros(0, dtype=bool)
    look = a.look if within else np.concatenate([a.look, b.look])
    rows, position = np.unique(np.concatenate([first, second + (0 if within else len(a))]), return_inverse=True)
    background = _background(look, rows)[position].reshape(2, -1).min(axis=0)
    distance: np.ndarray = np.empty(len(first))
    order = np.lexsort((second, first, second // _ROW_GROUP, first // _ROW_GROUP))
    block = max(1, batch_length(a.pixels) // _COPIES_OF_A_BATCH)
    for start in range(0, len(order), block):
        part = order[start : start + block]
        distance[part] = _shifted_distance(a.decoded(first[part]), b.decoded(second[part]))
    same: np.ndarray = distance <= np.maximum(_MAX_SHARE * background, _SAME)
    return same


def _background(look: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if len(look) <= _BACKGROUND_RANK:
        return np.full(len(rows), _BACKGROUND_OF_PHOTOGRAPHS)
    similarity, _ = nearest_neighbours(look, k=_BACKGROUND_RANK + 1, queries=look[rows])  # the first is itself
    return 1 - similarity[:, -1].astype(np.float64)


def _shifted_distance(pixels_a: np.ndarray, pixels_b: np.ndarray) -> np.ndarray:
    """(P,) 1 minus the correlation of the blurred grey images, the best over small shifts of b against a."""
    height, width = pixels_a.shape[1:3]
    a, b = _blurred(pixels_a), _blurred(pixels_b)
    margin_y, margin_x = round(height * _SHIFT), round(width * _SHIFT)
    step = max(1, min(height, width) // 32)  # the blur leaves nothing finer

    def window(grey: np.ndarray, down: int, right: int) -> np.ndarray:
        inner: np.ndarray = grey[
            :,
            margin_y + down : height - margin_y + down : step,
            margin_x + right : width - margin_x + right : step,
        ].reshape(len(grey), -1)
        inner = inner - inner.mean(axis=1, keepdims=True)
        unit: np.ndarray = inner / np.maximum(np.linalg.norm(inner, axis=1, keepdims=True), 1e-3)
        return unit

    fixed = window(a, 0, 0)
    best: np.ndarray = np.full(len(a), -1.0)
    for down in range(-margin_y, margin_y + 1):
        for right in range(-margin_x, margin_x + 1):
            best = np.maximum(best, np.einsum("pd,pd->p", fixed, window(b, down, right)))
    return 1 - best


def _blurred(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[1:3]
    size = (0, max(1, round(height * _BLUR)), max(1, round(width * _BLUR)))
    blurred: np.ndarray = ndimage.uniform_filter(pixels.astype(np.float32) @ LUMA, size=size, mode="nearest")
    return blurred
