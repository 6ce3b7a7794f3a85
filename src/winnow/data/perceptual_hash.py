"""A 64-bit hash that survives recompression, resizing and small changes of colour, and its Hamming distances."""

import hashlib

import faiss
import numpy as np
import pandas as pd
from scipy import fft, sparse

from winnow.data.pixels import Pixels, batches
from winnow.errors import WinnowError

_BITS = 64
_SIDE = 12  # frequencies per axis; the 64 lowest lie well inside
_BLOCK = 2048
_MOST_NEIGHBOURS = 64
# Standard deviation, in grey levels, of what the hashed frequencies show, below which that is compression noise.
_FLAT = 1.5
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


def perceptual_hash(pixels: Pixels) -> np.ndarray:
    """Hash every image to 64 bits: which of its 64 lowest frequencies, mean brightness left out, exceed their median.

    A flat image has no such frequencies and would hash to its compression noise, or, if constant, to the same value
    as every other; it gets 64 bits of its pixels' digest instead, so that it meets only its exact copies.

    Args:
        pixels: (N, H, W, 3) uint8, H and W at least 12.

    Returns:
        (N,) uint64; images that look alike differ in few bits, unrelated ones in about 32.

    Raises:
        WinnowError: if the images are smaller than 12x12.

    Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (pHash), here without
    its resizing: the low frequencies of a picture are those of its reduced copy.
    """
    hashes = np.empty(len(pixels), dtype=np.uint64)
    for rows, batch in batches(pixels):
        hashes[rows] = hash_frequencies(low_frequencies(batch), batch)
    return hashes


def hash_frequencies(frequencies: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """`perceptual_hash` of images whose frequencies are known.

    Args:
        frequencies: (B, 143) float32 of `low_frequencies`.
        pixels: (B, H, W, 3) uint8 of the same images.

    Returns:
        (B,) uint64.
    """
    lowest = frequencies[:, _lowest()]  # (B, 64)
    bits = lowest > np.median(lowest, axis=1, keepdims=True)
    hashes = np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u8").ravel().astype(np.uint64)
    for flat in np.flatnonzero(np.linalg.norm(lowest, axis=1) < _FLAT):
        hashes[flat] = int.from_bytes(hashlib.sha256(pixels[flat].tobytes()).digest()[:8], "big")
    return hashes


def pairs_within(
    hashes: np.ndarray, max_distance: int, *, queries: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of hashes at most `max_distance` bits apart, in memory proportional to the number of hashes.

    Of each hash only the 64 nearest are looked at: in a uniform dataset (one object, one background) a wide distance
    holds for nearly all pairs of images, and what it is to find, copies, are the nearest of them.

    Args:
        hashes: (N,) uint64.
        max_distance: 0 to 64.
        queries: (M,) uint64, or None for the hashes themselves.

    Returns:
        Three (P,) int64 arrays sorted by the first two: position in `queries` (or `hashes`), position in `hashes`,
        distance in bits. Without `queries` each pair is listed once, the smaller position first.
    """
    index = faiss.IndexBinaryFlat(_BITS)
    index.add(_as_bytes(hashes))
    sources = hashes if queries is None else queries
    nearest = min(_MOST_NEIGHBOURS + (queries is None), len(hashes))
    found = [(np.empty(0, np.int64),) * 3]
    for start in range(0, len(sources) if nearest else 0, _BLOCK):
        distance, second = index.search(_as_bytes(sources[start : start + _BLOCK]), nearest)
        row, column = np.nonzero(distance <= max_distance)
        found.append((row + start, second[row, column], distance[row, column].astype(np.int64)))
    first, second, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    if queries is None:
        first, second = np.minimum(first, second), np.maximum(first, second)
        first, second, distance = (part[first < second] for part in (first, second, distance))
    # A pair may have been found from both of its ends.
    _, kept = np.unique(first * len(hashes) + second, return_index=True)
    return first[kept], second[kept], distance[kept]


def _as_bytes(hashes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(hashes, dtype=np.uint64).view(np.uint8).reshape(-1, _BITS // 8)


def low_frequencies(pixels: np.ndarray) -> np.ndarray:
    """The lowest 12x12 frequencies of grey images, without the constant: their look, whatever their size.

    Args:
        pixels: (N, H, W, 3) uint8, H and W at least 12.

    Returns:
        (N, 143) float32 coefficients of the DCT-II, scaled so that by Parseval's theorem the norm of a row is a
        standard deviation in grey levels, and the cosine of two rows the correlation of the two images, both blurred.

    Raises:
        WinnowError: if the images are smaller than 12x12.
    """
    height, width = pixels.shape[1:3]
    if min(height, width) < _SIDE:
        raise WinnowError(
            f"images of {width}x{height} pixels are too small to compare by look; "
            f"resize them to at least {_SIDE}x{_SIDE}."
        )
    grey = pixels.astype(np.float32) @ LUMA
    spectrum = _dct_basis(height) @ grey @ _dct_basis(width).T
    coefficients: np.ndarray = spectrum.reshape(len(pixels), -1)[:, 1:] / np.sqrt(height * width, dtype=np.float32)
    return coefficients


def _dct_basis(size: int) -> np.ndarray:
    """(12, size) float32: the first rows of the orthonormal DCT-II."""
    basis: np.ndarray = fft.dct(np.eye(size), axis=0, norm="ortho")
    return basis[:_SIDE].astype(np.float32)


def _lowest() -> np.ndarray:
    """Positions in `low_frequencies` of the 64 lowest two-dimensional frequencies."""
    rows, columns = np.indices((_SIDE, _SIDE)).reshape(2, -1)[:, 1:]
    return np.lexsort((rows, np.square(rows) + np.square(columns)))[:_BITS]


def hash_groups(hashes: np.ndarray, *, max_distance: int) -> np.ndarray:
    """Group images whose hashes are linked by steps of at most `max_distance` bits.

    Made for keeping alike images on one side of a split: a group may be a chain whose ends differ.

    Args:
        hashes: (N,) uint64 of `perceptual_hash`.
        max_distance: 0 to 64 bits.

    Returns:
        (N,) int64 group numbers from 0, in order of each group's first image.
    """
    distinct, position = np.unique(hashes, return_inverse=True)  # else a thousand copies are a million pairs
    first, second, _ = pairs_within(distinct, max_distance)
    component = linked(len(distinct), first, second)[position]
    return pd.factorize(component)[0].astype(np.int64)


def linked(count: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(count,) number of the component that each node belongs to, where pairs (first[i], second[i]) are links."""
    links = sparse.coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
    component: np.ndarray = sparse.csgraph.connected_components(links, directed=False)[1]
    return component
