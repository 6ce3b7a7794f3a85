"""Images and weights of the competition's network from a fixed integer pattern: for Keras and for the port alike."""

import numpy as np

_BLOCKS = [f"conv2_block{block}_{part}" for block in (1, 2, 3) for part in (0, 1, 2, 3) if block == 1 or part > 0]
# Each convolution of Keras' ResNet50, as far as the competition uses it: (height, width, channels in, channels out).
CONVOLUTIONS = {"conv1": (7, 7, 3, 64)} | {
    name: {"0": (1, 1, 64, 256), "1": (1, 1, 64 if "block1" in name else 256, 64), "2": (3, 3, 64, 64)}.get(
        name[-1], (1, 1, 64, 256)
    )
    for name in _BLOCKS
}
LABELS = np.array([3, 1, 4, 1, 5, 9, 2, 6])


def pattern(*shape: int, step: int) -> np.ndarray:
    """Float32 in [-0.5, 0.5), from integers alone."""
    return ((np.arange(np.prod(shape)) * step % 2003) / 2003 - 0.5).reshape(shape).astype(np.float32)


def images() -> np.ndarray:
    """(8, 32, 32, 3) float32 in 0..255, whole numbers, the three channels different."""
    return np.rint((pattern(8, 32, 32, 3, step=733) + 0.5) * 255).astype(np.float32)


def ramp() -> np.ndarray:
    """(50, 43, 3) uint8, to be shrunk."""
    return (np.arange(50 * 43 * 3) * 37 % 251).reshape(50, 43, 3).astype(np.uint8)


def weights() -> dict[str, list[np.ndarray]]:
    """The arrays of each layer in Keras' order: kernel and bias; gamma, beta, moving mean and moving variance."""
    arrays: dict[str, list[np.ndarray]] = {}
    for index, (name, shape) in enumerate(CONVOLUTIONS.items()):
        height, width, channels, outputs = shape
        limit = np.sqrt(6 / (height * width * (channels + outputs)))
        arrays[f"{name}_conv"] = [2 * limit * pattern(*shape, step=1009 + 2 * index), 0.1 * pattern(outputs, step=17)]
        arrays[f"{name}_bn"] = [
            1 + 0.5 * pattern(outputs, step=23),
            0.2 * pattern(outputs, step=29),
            0.2 * pattern(outputs, step=31),
            (10_000 if name == "conv1" else 1) + 0.5 * pattern(outputs, step=37),
        ]
    arrays["dense"] = [pattern(256, 10, step=1301) * 0.3, pattern(10, step=41) * 0.1]
    return arrays
