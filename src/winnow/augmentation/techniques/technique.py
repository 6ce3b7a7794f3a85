"""What is to be known of a technique."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Copy = Callable[[np.ndarray, int, np.ndarray | None], np.ndarray]
"""(pixels (H, W, 3) uint8, seed, partner or None) to (H, W, 3) uint8; see `winnow.augmentation.techniques`."""


@dataclass(frozen=True, kw_only=True)
class Technique:
    """A way of making a copy of an image, and what the planner must know of it.

    Attributes:
        run: makes one copy.
        needs_partner: whether it takes a second image of the same class.
        once: whether an image has one such copy at most, since a second would be the same picture.
    """

    run: Copy
    needs_partner: bool = False
    once: bool = False
