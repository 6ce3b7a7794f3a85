"""Points in wide clusters, as the features of images are."""

import numpy as np


def unit_vectors(count, dimensions, *, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, dimensions))
    points = 0.7 * centres[rng.integers(20, size=count)] + rng.normal(size=(count, dimensions))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
