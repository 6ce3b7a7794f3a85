"""How well the outliers found in blocks agree with those of the exact tree, asked of images few enough to have both."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.filtering.kmeans import BLOCK
from winnow.filtering.outlier_blocks import MOST_COMPARED, block_density_tree
from winnow.filtering.outliers import density_tree, outlier_order

SAMPLE = 20_000
"""Images that have both: so many that there are 200 among the oddest 1 %."""
_SHARES = (0.01, 0.05)


@dataclass(frozen=True)
class OutlierAgreement:
    """Two orders of the same images.

    Attributes:
        images: that are ranked in blocks.
        blocks: how many, of all images and of the sample.
        sampled: images that both orders are of.
        oddest_1_percent, oddest_5_percent: of the images that are the oddest by one order, the share that is among as
            many by the other too; two orders that know nothing of each other share 0.01 and 0.05.
    """

    images: int
    blocks: int
    sampled: int
    oddest_1_percent: float
    oddest_5_percent: float

    @property
    def sentence(self) -> str:
        return (
            f"The oddest of {self.images:,} images are found in {self.blocks:,} blocks: of {self.sampled:,} of them, "
            f"exact tree and blocks have {self.oddest_1_percent:.0%} of the oddest 1 % in common and "
            f"{self.oddest_5_percent:.0%} of the oddest 5 %, two random choices 1 % and 5 %"
        )

    def figures(self) -> dict[str, Any]:
        """For a metrics file."""
        oddest = {"oddest_1_percent": self.oddest_1_percent, "oddest_5_percent": self.oddest_5_percent}
        chance = {f"{name}_by_chance": share for name, share in zip(oddest, _SHARES, strict=True)}
        counts = {"images": self.images, "blocks": self.blocks, "sampled": self.sampled}
        return {**counts, **oddest, **chance, "sentence": self.sentence}


def outlier_agreement(
    points: np.ndarray,
    *,
    min_samples: int,
    seed: int = 0,
    block: float = BLOCK,
    most_compared: int = MOST_COMPARED,
    sample: int = SAMPLE,
) -> OutlierAgreement:
    """Rank a sample by its exact tree, and in as many blocks as all images have, as large a share compared with all.

    Args:
        points: (N, D) float32, rows of length 1, N at least 2, that are ranked in blocks.
        min_samples: of both trees.
        seed: of the sample and of the blocks.
        block: images of a block on average, of all N.
        most_compared: images that are compared with all, at most a tenth, of all N.
        sample: how many images are drawn, at most N.
    """
    count = len(points)
    drawn = points[np.sort(np.random.default_rng(seed).choice(count, min(sample, count), replace=False))]
    exact = outlier_order(density_tree(drawn, min_samples=min_samples))
    share = len(drawn) / count
    tree = block_density_tree(
        drawn, min_samples=min_samples, seed=seed, block=block * share, most_compared=round(most_compared * share)
    )
    in_blocks = outlier_order(tree)
    common = [_in_common(exact, in_blocks, max(1, round(oddest * len(drawn)))) for oddest in _SHARES]
    return OutlierAgreement(count, max(2, round(count / block)), len(drawn), *common)


def _in_common(one: np.ndarray, other: np.ndarray, first: int) -> float:
    return len(np.intersect1d(one[:first], other[:first])) / first
