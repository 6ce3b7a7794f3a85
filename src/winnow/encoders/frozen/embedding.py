"""The loop that embeds a whole dataset: in batches, with progress, and resumable after a kill."""

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch

from winnow import tables
from winnow.device import exact_arithmetic
from winnow.encoders.frozen.network import FrozenNetwork
from winnow.encoders.normalise import l2_normalised
from winnow.encoders.zero_shot import ZeroShot, joined
from winnow.progress import progress

_BATCHES_PER_CHUNK = 8


def embed_images(
    encoder: FrozenNetwork, pixels: np.ndarray, *, batch_size: int, flip: bool, scratch: Path | None = None
) -> tuple[np.ndarray, ZeroShot | None]:
    """Encode every image and L2-normalise.

    With `scratch`, every few batches are stored there as they finish, under a key of all that decides the result; a run
    after a kill encodes only what is missing and gives the same bytes. Removing the folder is the caller's work.

    Args:
        encoder: the encoder.
        pixels: (N, H, W, 3) uint8.
        batch_size: images encoded at once.
        flip: average the features with those of the mirrored image.
        scratch: folder for finished parts, or None to keep none.

    Returns:
        features (N, D) float32 with rows of length 1, and what the encoder's zero-shot says, or None.
    """
    folder = None if scratch is None else scratch / _key(encoder, pixels, batch_size, flip)
    step = batch_size * _BATCHES_PER_CHUNK
    files = {start: folder / f"{start:09d}.npz" for start in range(0, len(pixels), step)} if folder else {}
    stored = {start: tables.read_arrays(file)["features"] for start, file in files.items() if file.exists()}
    done = sum(map(len, stored.values()))

    parts = []
    began, encoded = time.monotonic(), 0
    with progress("embed", len(pixels), done=done) as report:
        for chunk in range(0, len(pixels), step):
            if chunk in stored:
                parts.append(stored[chunk])
                continue
            batches = []
            for start in range(chunk, min(chunk + step, len(pixels)), batch_size):
                batches.append(_encode(encoder, pixels[start : start + batch_size], flip))
                encoded += len(batches[-1])
                rate = encoded / (time.monotonic() - began)
                report(len(batches[-1]), f"{rate:.0f} images/s")
            parts.append(np.concatenate(batches))
            if folder:
                tables.write_arrays(files[chunk], features=parts[-1])
    zero_shot = joined([encoder.zero_shot(part) for part in parts]) if encoder.zero_shot else None
    return l2_normalised(np.concatenate(parts)), zero_shot


def _encode(encoder: FrozenNetwork, pixels: np.ndarray, flip: bool) -> np.ndarray:
    with torch.inference_mode(), exact_arithmetic():
        features = encoder.encode(pixels).float()
        if flip:
            mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
            features = (features + encoder.encode(mirrored).float()) / 2
    return features.cpu().numpy()


def _key(encoder: FrozenNetwork, pixels: np.ndarray, batch_size: int, flip: bool) -> str:
    """Digest of all that decides the features, to the last bit: so also of the device and the batch size."""
    settings = {
        "encoder": dict(encoder.fingerprint),
        "shape": pixels.shape,
        "batch_size": batch_size,
        "flip": flip,
        "cuda": torch.cuda.is_available(),
        "torch": torch.__version__,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(pixels))
    return digest.hexdigest()[:16]
