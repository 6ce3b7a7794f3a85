"""How well the order in blocks agrees with that of the exact tree, asked of images few enough to have both."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from winnow.filtering.blocks import block_keepers
from winnow.filtering.clusters import Linkage
from winnow.filtering.keepers import Keepers, nested_keepers
from winnow.filtering.kmeans import BLOCK
from winnow.filtering.merge_tree import merge_tree
from winnow.filtering.order import removal_order, staying_order

SAMPLE = 5_000
"""Images that have both."""
_KEPT = 0.5


@dataclass(frozen=True)
class Agreement:
    """Two orders of the same images.

    Attributes:
        images: of the group that is ranked in blocks.
        blocks: how many, of the group and of the sample.
        sampled: images of the group that both orders are of.
        kept_by_both: of the images that stay by one order at 50 % kept, the share that stays by the other too.
        by_chance: what two orders share there that know nothing of each other.
    """

    images: int
    blocks: int
    sampled: int
    kept_by_both: float
    by_chance: float

    @property
    def sentence(self) -> str:
        return (
            f"The largest group's {self.images:,} images are ranked in {self.blocks:,} blocks: of {self.sampled:,} of "
            f"them, cut to half, exact tree and blocks keep {self.kept_by_both:.0%} in common, two random choices "
            f"{self.by_chance:.0%}"
        )

    def figures(self) -> dict[str, Any]:
        """For a metrics file."""
        return {
            "images": self.images,
            "blocks": self.blocks,
            "sampled": self.sampled,
            "kept_by_both": self.kept_by_both,
            "by_chance": self.by_chance,
            "sentence": self.sentence,
        }


def block_agreement(
    points: np.ndarray,
    *,
    linkage: Linkage,
    seed: int,
    block: int = BLOCK,
    sample: int = SAMPLE,
) -> Agreement:
    """Rank a sample by its exact tree, and in as many blocks as all images have.

    Args:
        points: (N, D) float32, rows of length 1, N at least 2, that were ranked in blocks.
        linkage: `ward` or `average`.
        seed: of the sample and of the blocks.
        block: images of a block on average, of all N.
        sample: how many images are drawn, at most N.
    """
    count = len(points)
    drawn = points[np.sort(np.random.default_rng(seed).choice(count, min(sample, count), replace=False))]
    exact = nested_keepers(merge_tree(drawn, linkage=linkage), drawn)
    in_blocks = block_keepers(drawn, linkage=linkage, seed=seed, block=block * len(drawn) / count)
    kept = round(_KEPT * len(drawn))
    both = np.intersect1d(_stays(exact, kept), _stays(in_blocks, kept))
    return Agreement(count, max(2, round(count / block)), len(drawn), len(both) / kept, kept / len(drawn))


def _stays(keepers: Keepers, kept: int) -> np.ndarray:
    """(kept,) int64 images, by the heights alone."""
    rank = np.zeros(len(keepers.height), dtype=np.int64)
    order = removal_order(keepers.height, np.zeros_like(rank), floor=0)
    rank[order] = np.arange(1, len(order) + 1)
    return staying_order(rank)[:kept]
