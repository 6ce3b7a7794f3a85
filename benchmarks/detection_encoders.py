"""What detectors are measured on: features of a frozen encoder, and of networks that learn from the given labels."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from winnow import tables
from winnow.device import best_device
from winnow.encoders.fitted.finetuning import FinetunedNetworks, FinetunedSettings
from winnow.encoders.fitted.learner import Learner
from winnow.encoders.fitted.networks import SmallNetworks, TrainedSettings
from winnow.encoders.fitted.out_of_fold import fit_out_of_fold
from winnow.encoders.frozen.embedding import embed_images
from winnow.encoders.frozen.timm import load_backbone, load_timm
from winnow.params.configs import load_config

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = "encoders/mobilenetv2_100.imagenet.safetensors"
EMBED = load_config("ds801-mobilenetv2", start=ROOT).embed


def existing(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(2, "missing", str(path))
    return path


def model_of(shared: Path) -> dict[str, Any]:
    """ImageNet's MobileNetV2, as configs/ds801-mobilenetv2.yaml has it."""
    model = EMBED.timm.model_dump(include={"model", "pad_type", "mean", "std"})
    return model | {"checkpoint": str(existing(shared / WEIGHTS))}


def cached_arrays(
    pixels: np.ndarray,
    shared: Path,
    cache: Path,
    *,
    input_sizes: tuple[int, ...],
    flip: bool = False,
    class_names: list[str] | None = None,
) -> dict[str, np.ndarray]:
    """ImageNet's MobileNetV2 on the images (N, H, W, 3) enlarged to each of `input_sizes`, on average; with `flip` also
    over their mirror images.

    Returns:
        `features` (N, 1280) float32, L2-normalised, and with `class_names` that ImageNet has labels for,
        `zero_shot_pred_probs` (N, K) and `in_class_probability` (N,).
    """
    key = hashlib.sha256(np.ascontiguousarray(pixels).tobytes() + str((input_sizes, flip, class_names)).encode())
    file = cache / f"mobilenetv2-{'-'.join(map(str, input_sizes))}{'-flip' * flip}-{key.hexdigest()[:16]}.npz"
    if not file.exists():
        settings = model_of(shared) | {"input_size": input_sizes[0], "more_input_sizes": input_sizes[1:]}
        network = load_timm(class_names=class_names or [], device=best_device(), **settings)
        cache.mkdir(parents=True, exist_ok=True)
        features, zero_shot = embed_images(network, pixels, batch_size=16, flip=flip, scratch=cache / "parts")
        tables.write_arrays(file, features=features, **({} if zero_shot is None else zero_shot.arrays()))
    return tables.read_arrays(file)


def fitted_features(
    pixels: np.ndarray, labels: np.ndarray, learner: Learner, *, name: str, cache: Path, flip: bool = True
) -> np.ndarray:
    """(N, D) float32 of (N, H, W, 3) uint8 images and (N,) labels; kept in `cache`, and resumed after a kill. With
    `flip` the mean over the images and their mirror images."""
    decides = json.dumps(learner.fingerprint, sort_keys=True).encode() + labels.tobytes()
    key = hashlib.sha256(decides + np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]
    file = cache / f"{name}{'' if flip else '-unflipped'}-{key}.npz"
    if not file.exists():
        start, cpu = time.perf_counter(), time.process_time()
        found = fit_out_of_fold(pixels, labels, learner, flip=flip, scratch=cache / "networks")
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(f"{name}: {wall:.0f} s, {cpu:.0f} CPU seconds, but for what was kept", flush=True)
        tables.write_arrays(file, features=found.features, pred_probs=found.pred_probs)
    return tables.read_arrays(file)["features"]


def trained(num_classes: int, **changes: Any) -> Learner:
    """The encoder `trained` of configs/base.yaml, but for what `changes`."""
    settings = load_config("base", start=ROOT).embed.trained.model_dump(exclude={"weight_candidates"})
    return SmallNetworks(TrainedSettings(**settings | changes), num_classes, best_device())


def finetuned(shared: Path, num_classes: int) -> Learner:
    """The encoder `finetuned` of configs/ds801-mobilenetv2.yaml, from ImageNet's MobileNetV2."""
    settings = FinetunedSettings(**EMBED.finetuned.model_dump(exclude={"weight_candidates"}))
    backbone = load_backbone(**model_of(shared), input_size=settings.input_size)
    return FinetunedNetworks(settings, num_classes, best_device(), backbone)
