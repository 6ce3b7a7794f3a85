"""Faster AutoAugment (Hataya et al., 2020, arXiv 1911.06987): what a policy searched on the data itself makes."""

from functools import partial

import numpy as np

from winnow.augmentation.policy.policy import Policy
from winnow.augmentation.techniques.technique import Copy


def faster_autoaugment(policy: Policy) -> Copy:
    """The technique that carries out `policy` on (H, W, 3) uint8 pixels; it can be pickled."""
    return partial(_carry_out, policy)


def _carry_out(policy: Policy, pixels: np.ndarray, seed: int, partner: np.ndarray | None = None) -> np.ndarray:
    return policy.apply(pixels, seed)
