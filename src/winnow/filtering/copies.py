"""Where copies are looked for: all dimensions of the features, those that a light change moves shrunk.

A light change moves an image out of the few directions in which images of a dataset differ most. Principal components
lose that part of the change, and less of what tells two images apart: among them a copy may be no farther than a
different image. So trees are built on components, and copies are found without.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from winnow.encoders.normalise import l2_normalised

_ROWS = 4096


@dataclass(frozen=True)
class CopySpace:
    """N features, read when they are asked for: scaled to length 1, centred, scaled again, shrunk, scaled again.

    Attributes:
        features: (F, D) float of any precision, an array or a memory map.
        mean: (D,) float32, as of `unit_mean`.
        directions: (R, D) float32, orthonormal.
        shrunk_by: (R,) float32 in [0, 1), the part of each direction that goes.
        rows: (N,) int64 of the features; None for all.
    """

    features: np.ndarray
    mean: np.ndarray
    directions: np.ndarray
    shrunk_by: np.ndarray
    rows: np.ndarray | None = None

    @classmethod
    def of_points(cls, features: np.ndarray, points: Mapping[str, np.ndarray]) -> "CopySpace":
        """From the arrays of the file `points`."""
        return cls(features, points["copy_mean"], points["copy_directions"], points["copy_shrunk_by"])

    def arrays(self) -> dict[str, np.ndarray]:
        """For the file `points`."""
        return {"copy_mean": self.mean, "copy_directions": self.directions, "copy_shrunk_by": self.shrunk_by}

    def __len__(self) -> int:
        return len(self.features if self.rows is None else self.rows)

    def __getitem__(self, places: np.ndarray) -> np.ndarray:
        """(M, D) float32, rows of length 1."""
        rows = places if self.rows is None else self.rows[places]
        found = np.empty((len(rows), self.features.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), _ROWS):
            found[start : start + _ROWS] = self.of(self.features[rows[start : start + _ROWS]])
        return found

    def only(self, chosen: np.ndarray) -> "CopySpace":
        """Those of (N,) bool."""
        rows = np.arange(len(self)) if self.rows is None else self.rows
        return replace(self, rows=rows[chosen])

    def of(self, features: np.ndarray) -> np.ndarray:
        """(M, D) float32, rows of length 1, of features that the space does not hold."""
        centred = l2_normalised(l2_normalised(features.astype(np.float32)) - self.mean)
        return l2_normalised(centred - (centred @ self.directions.T * self.shrunk_by) @ self.directions)


def pixel_counts(items: pd.DataFrame) -> np.ndarray:
    """(N,) int64, of each image in the table `items`: of copies the one with the most pixels stays."""
    return (items["width"] * items["height"]).to_numpy(dtype=np.int64)


def across_groups(groups: str) -> bool:
    """Whether an image may go for its copy in another group: k-means parts copies that lie on a border.

    Args:
        groups: of the section `redundancy` of the params.
    """
    return groups == "cluster"


def unit_mean(features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(D,) float32 mean of some rows of (N, D) features, each scaled to length 1."""
    total = np.zeros(features.shape[1])
    for start in range(0, len(rows), _ROWS):
        total += l2_normalised(features[rows[start : start + _ROWS]].astype(np.float32)).sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(len(rows), 1), dtype=np.float32)
