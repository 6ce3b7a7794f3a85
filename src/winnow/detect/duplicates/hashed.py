"""Images with the few numbers by which copies are found, so that pixels are needed again for likely pairs alone."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from winnow.data.perceptual_hash import hash_frequencies, low_frequencies
from winnow.data.pixels import DecodedPixels, Pixels, batches


@dataclass(frozen=True)
class HashedImages:
    """N images, or some of a larger set.

    Attributes:
        pixels: (M, H, W, 3) uint8 of the larger set, M >= N.
        rows: (N,) int64 positions of these images in `pixels`.
        digest: (N,) bytes, equal for identical pixels and for no others.
        hashes: (N,) uint64, see `perceptual_hash`.
        look: (N, 143) float32 unit vectors, zero for constant images; their cosine is the correlation of the blurred
            images.
    """

    pixels: Pixels
    rows: np.ndarray
    digest: np.ndarray
    hashes: np.ndarray
    look: np.ndarray

    @classmethod
    def of(cls, images: "Pixels | HashedImages") -> "HashedImages":
        """Hash images, (N, H, W, 3) uint8, H and W at least 12, in one pass; those that are hashed already stay.

        Raises:
            WinnowError: if the images are smaller than 12x12.
        """
        if isinstance(images, HashedImages):
            return images
        digest, hashes, look = np.empty(len(images), "S64"), np.empty(len(images), np.uint64), []
        for rows, batch in batches(images):
            frequencies = low_frequencies(batch)
            digest[rows] = [_digest(image) for image in batch]
            hashes[rows] = hash_frequencies(frequencies, batch)
            look.append(frequencies / np.maximum(np.linalg.norm(frequencies, axis=1, keepdims=True), 1e-6))
        if isinstance(images, DecodedPixels) and images.own_size:  # alike when reduced may differ in full
            _, position, count = np.unique(digest, return_inverse=True, return_counts=True)
            alike = np.flatnonzero(count[position] > 1)
            digest[alike] = [_digest(image, str(image.shape)) for image in images.own(alike)]
        looks = np.concatenate(look) if look else np.empty((0, 0), np.float32)
        return cls(images, np.arange(len(images)), digest, hashes, looks)

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, rows: np.ndarray) -> "HashedImages":
        """Those at the positions `rows`, (n,) int."""
        return replace(
            self, rows=self.rows[rows], digest=self.digest[rows], hashes=self.hashes[rows], look=self.look[rows]
        )

    def decoded(self, rows: np.ndarray) -> np.ndarray:
        """(n, H, W, 3) uint8 of the images at the positions `rows`, (n,) int, in any order and repeated as wanted."""
        return self.pixels[self.rows[rows]]


def _digest(image: np.ndarray, size: str = "") -> bytes:
    return hashlib.sha256(size.encode() + image.tobytes()).hexdigest().encode()
