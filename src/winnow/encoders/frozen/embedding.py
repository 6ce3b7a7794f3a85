"""The loop that embeds a whole dataset: in batches, with progress, and resumable after a kill."""

import time
from pathlib import Path

import numpy as np
import torch

from winnow import tables
from winnow.checkpoint import fingerprint
from winnow.data.pixels import Pixels, at_side
from winnow.device import CPU_BATCH, best_device, exact_arithmetic, side_by_side
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.zero_shot import ZeroShot, joined
from winnow.progress import progress

_BATCHES_PER_CHUNK = 8


def embed_images(
    network: FrozenNetwork, pixels: Pixels, *, batch_size: int, flip: bool, scratch: Path | None = None
) -> tuple[np.ndarray, ZeroShot | None]:
    """Encode every image and L2-normalise.

    Images are taken from `pixels` a few batches at a time. With `scratch`, what these give is stored there under a
    digest of all that decides it, pixels included; a run after a kill encodes only what is missing and gives the same
    bytes. Removing the folder is the caller's work.

    Args:
        network: the encoder's network.
        pixels: (N, H, W, 3) uint8, N at least 1; images of their own size are brought to the network's from there.
        batch_size: images encoded at once by a GPU, and the most by a core of the CPU.
        flip: average the features with those of the mirrored image.
        scratch: folder for finished parts, or None to keep none.

    Returns:
        features (N, D) float32 with rows of length 1, and the network's zero-shot probabilities, or None.
    """
    parts, device = [], best_device()
    pixels = at_side(pixels, network.input_size)
    step = min(batch_size, CPU_BATCH) if device.type == "cpu" else batch_size
    began, encoded = time.monotonic(), 0
    with progress("embed", len(pixels)) as report:
        for first in range(0, len(pixels), batch_size * _BATCHES_PER_CHUNK):
            chunk = pixels[first : first + batch_size * _BATCHES_PER_CHUNK]
            file = scratch and scratch / f"{_key(network, chunk, batch_size, flip)}.npz"
            if file and file.exists():
                parts.append(tables.read_arrays(file)["features"])
                report(len(chunk), "embedded before")
                continue
            batches = []
            split = (chunk[start : start + step] for start in range(0, len(chunk), step))
            for batch in side_by_side(lambda part: _encode(network, part, flip), split, device=device):
                batches.append(batch)
                encoded += len(batch)
                report(len(batch), f"{encoded / (time.monotonic() - began):.0f} images/s")
            parts.append(np.concatenate(batches))
            if file:
                tables.write_arrays(file, features=parts[-1])
    zero_shot = joined([network.zero_shot(part) for part in parts]) if network.zero_shot else None
    return l2_normalised(np.concatenate(parts)), zero_shot


def _encode(network: FrozenNetwork, pixels: np.ndarray, flip: bool) -> np.ndarray:
    with torch.inference_mode(), exact_arithmetic():
        features = network.encode(pixels).float()
        if flip:
            mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
            features = (features + network.encode(mirrored).float()) / 2
    return features.cpu().numpy()


def _key(network: FrozenNetwork, pixels: np.ndarray, batch_size: int, flip: bool) -> str:
    """Digest of all that decides the features, to the last bit: so also of the device and the batch size."""
    settings = {
        "encoder": dict(network.fingerprint),
        "batch_size": batch_size,
        "flip": flip,
        "cuda": torch.cuda.is_available(),
        "torch": torch.__version__,
    }
    return fingerprint(settings, {"pixels": pixels})
