"""The training loop: dataset resident on the device as uint8, a fixed recipe, checkpoints that a kill leaves whole.

Measured with ResNet-34 at 64x64 and batches of 128, on one thread of an AMD EPYC (Zen 4): 107 images/s in bfloat16 and
channels_last, 56 in plain float32.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from winnow.device import best_device, exact_arithmetic
from winnow.errors import WinnowError
from winnow.metrics import balanced_accuracy
from winnow.models.average import WeightAverage
from winnow.models.networks import resnet34
from winnow.models.predict import predict, to_input
from winnow.models.recipe import Recipe, compute_dtype
from winnow.progress import progress

CURVE_COLUMNS = ["epoch", "train_loss", "validation_loss", "validation_balanced_accuracy", "learning_rate"]


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Attributes:
        state: weights of the best epoch, on the CPU.
        best_epoch: counted from 1; the first of those with the highest validation balanced accuracy.
        images_per_second: of the fastest epoch, validation not counted; 0 if a checkpoint left nothing to train.
        curve: a row per epoch: epoch, train_loss (mean over the images trained on, of what the recipe minimises),
            validation_loss, validation_balanced_accuracy, learning_rate (of the epoch's first step).
    """

    state: dict[str, Tensor]
    best_epoch: int
    images_per_second: float
    curve: pd.DataFrame


def train(
    pixels: np.ndarray,
    labels: np.ndarray,
    validation_pixels: np.ndarray,
    validation_labels: np.ndarray,
    *,
    num_classes: int,
    recipe: Recipe,
    seed: int,
    scratch: Path | None = None,
    checkpoint_share: float = 0.05,
    device: torch.device | None = None,
    make_network: Callable[[int], nn.Module] = resnet34,
    description: str = "train",
) -> TrainResult:
    """Train a network from scratch and keep the epoch that is best on the validation set.

    The same arguments give the same bits on the same machine's CPU; on a GPU cuDNN is held to deterministic kernels.
    A run that was killed and is started again with the same arguments continues after the last epoch that it wrote a
    checkpoint of, and ends with the bits of an uninterrupted one.

    Args:
        pixels: (N, H, W, 3) uint8, N at least 2.
        labels: (N,) integers in [0, K).
        validation_pixels: (M, H, W, 3) uint8, M at least 1.
        validation_labels: (M,) integers in [0, K).
        num_classes: K.
        recipe: how to train.
        seed: decides the initial weights and the order of the images.
        scratch: folder for the checkpoint, three times the network's size (four with an average of the weights); None
            writes none. The caller removes it.
        checkpoint_share: most of the time that writing checkpoints may take, at least 0: a GPU is done with an epoch
            sooner than a disk. The first epoch and the last always have one.
        device: where to train; None takes `best_device`.
        make_network: builds the network for K classes; it must draw no random numbers in its forward pass (dropout),
            since those are not part of a checkpoint.
        description: what the progress display calls this run.

    Raises:
        WinnowError: if a set is too small, a label lies outside [0, K), or the loss stops being finite.
        ValueError: if pixels and labels differ in length, or pixels are not uint8 (N, H, W, 3).
    """
    _check_set("training", pixels, labels, num_classes=num_classes, least=2)
    _check_set("validation", validation_pixels, validation_labels, num_classes=num_classes, least=1)
    device = device or best_device()
    dtype = compute_dtype(recipe.precision, device)
    network = _initial_network(make_network, num_classes, seed)
    checkpoint = None
    if scratch:
        # The initial weights stand for the architecture.
        settings = {"recipe": asdict(recipe), "seed": seed, "run on": [device.type, str(dtype), torch.__version__]}
        arrays = {"pixels": pixels, "labels": labels}
        arrays |= {"validation_pixels": validation_pixels, "validation_labels": validation_labels}
        arrays |= {f"weights.{name}": tensor.numpy() for name, tensor in network.state_dict().items()}
        checkpoint = Path(scratch) / f"{fingerprint(settings, arrays)}.pt"

    network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        fused=device.type in ("cpu", "cuda"),
    )
    average = WeightAverage(network, recipe.average_decay) if recipe.average_decay else None
    judged = average.network if average else network
    curve: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    if checkpoint and (saved := load_checkpoint(checkpoint)):
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        best, curve = saved["best"], saved["curve"]
        if average:
            average.network.load_state_dict(saved["average"])
            average.steps = saved["average_steps"]

    resident = torch.as_tensor(pixels).to(device)  # (N, H, W, 3) uint8: a quarter of the size of floats
    targets = torch.tensor(labels, dtype=torch.int64, device=device)
    validation = torch.as_tensor(validation_pixels).to(device)
    loss_of = _loss_function(network, recipe, dtype=dtype, device=device)
    first = len(curve) + 1
    start, writing, fastest = time.monotonic(), 0.0, 0.0
    with progress(description, recipe.epochs * len(pixels), done=len(curve) * len(pixels)) as report:
        for epoch in range(first, recipe.epochs + 1):
            if _is_patience_over(curve, recipe):
                break
            # Drawn from (seed, epoch) alone, so that a resumed run needs no generator's state.
            order = torch.from_numpy(np.random.default_rng([seed, epoch]).permutation(len(pixels))).to(device)
            batches = order.split(recipe.batch_size)
            network.train()
            # Summed on the device, which is waited for once, at the end of the epoch.
            total, seen = torch.zeros((), device=device), 0
            tick = _ticker(report, epoch, recipe.epochs, curve)
            epoch_start = time.perf_counter()
            with exact_arithmetic():
                for step, batch in enumerate(batches):
                    if len(batch) > 1:
                        for group in optimiser.param_groups:
                            group["lr"] = recipe.learning_rate_at(epoch, step, len(batches))
                        loss = loss_of(resident.index_select(0, batch), targets[batch])
                        loss.backward()
                        optimiser.step()
                        # Here, and not before the next backward pass: a CUDA graph would find its memory in use.
                        optimiser.zero_grad(set_to_none=True)
                        if average:
                            average.update()
                        total += loss.detach() * len(batch)
                        seen += len(batch)
                    tick(len(batch))
            train_loss = (total / seen).item()  # waits for the device
            fastest = max(fastest, len(pixels) / (time.perf_counter() - epoch_start))
            logits = predict(judged, validation, batch_size=recipe.batch_size, device=device)
            row = {
                "epoch": epoch,
                "train_loss": train_loss,
                "validation_loss": _mean_loss(logits, validation_labels),
                "validation_balanced_accuracy": balanced_accuracy(
                    validation_labels, logits.argmax(axis=1), num_classes=num_classes
                ),
                "learning_rate": recipe.learning_rate_at(epoch, 0, len(batches)),
            }
            if not math.isfinite(row["train_loss"] + row["validation_loss"]):
                raise WinnowError(
                    f"{description}: the loss is no number after epoch {epoch}; lower the recipe's learning_rate under "
                    "train in params.yaml."
                )
            curve.append(row)
            if _epochs_since_best(curve) == 0:
                best = {name: tensor.detach().cpu().clone() for name, tensor in judged.state_dict().items()}
            is_last = epoch == recipe.epochs or _is_patience_over(curve, recipe)
            before = time.monotonic()
            if checkpoint and (is_last or writing <= checkpoint_share * (before - start)):
                content = {
                    "network": network.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "best": best,
                    "curve": curve,
                }
                if average:
                    content |= {"average": average.network.state_dict(), "average_steps": average.steps}
                save_checkpoint(checkpoint, content)
                writing += time.monotonic() - before
    return TrainResult(
        state=best,
        best_epoch=len(curve) - _epochs_since_best(curve),
        images_per_second=fastest,
        curve=pd.DataFrame(curve, columns=CURVE_COLUMNS),
    )


def _loss_function(
    network: nn.Module, recipe: Recipe, *, dtype: torch.dtype, device: torch.device
) -> Callable[[Tensor, Tensor], Tensor]:
    """Make the function from (B, H, W, 3) uint8 pixels and (B,) int64 targets to the mean loss, compiled if wanted."""

    def loss_of(pixels: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
            logits = network(to_input(pixels))  # (B, K)
        return cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)

    if not recipe.compile:
        return loss_of
    compiled = torch.compile(loss_of, mode="reduce-overhead" if device.type == "cuda" else None, dynamic=False)

    def loss_of_batch(pixels: Tensor, targets: Tensor) -> Tensor:
        if len(pixels) != recipe.batch_size:  # the last one: compiling for its size costs more than it gives
            return loss_of(pixels, targets)
        torch.compiler.cudagraph_mark_step_begin()
        return compiled(pixels, targets)

    return loss_of_batch


def _initial_network(make_network: Callable[[int], nn.Module], num_classes: int, seed: int) -> nn.Module:
    """Build on the CPU, so that every device starts from the same weights; the caller's RNG is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make_network(num_classes)


def _mean_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(torch.from_numpy(logits).double(), torch.tensor(labels, dtype=torch.int64)).item()


def _epochs_since_best(curve: list[dict[str, float]]) -> int:
    scores = [row["validation_balanced_accuracy"] for row in curve]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def _is_patience_over(curve: list[dict[str, float]], recipe: Recipe) -> bool:
    return recipe.patience is not None and _epochs_since_best(curve) >= recipe.patience


def _ticker(
    report: Callable[[int, str], None], epoch: int, epochs: int, curve: list[dict[str, float]]
) -> Callable[[int], None]:
    """Report each batch with the epoch, its images/s, and what the epoch before it reached."""
    start, images = time.perf_counter(), 0
    reached = ""
    if curve:
        best = max(row["validation_balanced_accuracy"] for row in curve)
        last = curve[-1]
        reached = (
            f", loss {last['train_loss']:.3f}, "
            f"balanced accuracy {last['validation_balanced_accuracy']:.3f} (best {best:.3f})"
        )

    def tick(batch: int) -> None:
        nonlocal images
        images += batch
        speed = images / (time.perf_counter() - start)
        report(batch, f"epoch {epoch}/{epochs}, {speed:.0f} images/s{reached}")

    return tick


def _check_set(what: str, pixels: np.ndarray, labels: np.ndarray, *, num_classes: int, least: int) -> None:
    if pixels.ndim != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"{what} pixels are {pixels.dtype} {pixels.shape}, not uint8 (N, H, W, 3)")
    if len(pixels) != len(labels):
        raise ValueError(f"{len(pixels)} {what} images but {len(labels)} labels")
    if len(pixels) < least:
        raise WinnowError(f"the {what} set holds {len(pixels)} images, {least} are needed; loosen curate's thresholds.")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise WinnowError(
            f"the {what} set holds labels {labels.min()} to {labels.max()}, but the {num_classes} classes "
            f"are 0 to {num_classes - 1}; run 'dvc repro' so that every stage sees the same classes."
        )
