"""Planted data for tests of the detectors."""

import numpy as np


def unit(features: np.ndarray) -> np.ndarray:
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def pairwise(classes: int, rate: float) -> np.ndarray:
    """Noise matrix (true, given): a share `rate` of each class is labelled as the next."""
    return (1 - rate) * np.eye(classes) + rate * np.roll(np.eye(classes), 1, axis=1)


def uniform(classes: int, rate: float) -> np.ndarray:
    """Noise matrix (true, given): a share `rate` of each class is labelled as any of the others."""
    return (1 - rate - rate / (classes - 1)) * np.eye(classes) + rate / (classes - 1)


def through(rates: np.ndarray, true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels given to images of these true classes."""
    return (rng.random(len(true))[:, None] > rates.cumsum(axis=1)[true]).sum(axis=1).clip(max=len(rates) - 1)
