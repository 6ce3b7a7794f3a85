"""The small networks of the `trained` encoder: how they are trained, side by side on the cores."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Literal

import numpy as np
import torch

from winnow.cores import cores
from winnow.device import seeded, threads
from winnow.encoders.fitted.augmentation import Augmentation
from winnow.encoders.fitted.contrastive import Contrastive, Projected
from winnow.encoders.fitted.mixup import Mixup
from winnow.learn.optimizers import SGD
from winnow.models.small_resnet import SmallResNet
from winnow.models.trainer import fit
from winnow.progress import Reporter, progress

_WEIGHT_DECAY = 5e-4
_WARM_UP = 0.25  # share of the steps in which the learning rate rises


@dataclass(frozen=True, kw_only=True)
class TrainedSettings:
    """The section `embed.trained` of params.yaml.

    Attributes:
        folds: networks to train, at least 2.
        epochs: passes over the data for each.
        width: channels of the first block; the features have 4 * width dimensions.
        input_size: side to which images are resized.
        learning_rate: highest of the one cycle it runs through (Smith, arXiv 1708.07120).
        label_smoothing: share of the target that is spread over all classes, [0, 1).
        shift, mirror, zoom, color: of `Augmentation`; with the loss "cross_entropy" alone.
        loss: "cross_entropy" of mixed pairs (`mixup`), "supervised_contrastive", or "both" that and cross-entropy
            (`contrastive`).
        seed: of folds, weights and batches.
    """

    folds: int
    epochs: int
    width: int
    input_size: int
    learning_rate: float
    label_smoothing: float
    shift: float
    mirror: bool
    zoom: float
    color: float
    loss: Literal["cross_entropy", "supervised_contrastive", "both"]
    seed: int

    @property
    def augmentation(self) -> Augmentation:
        """How images are varied in each step."""
        return Augmentation(shift=self.shift, mirror=self.mirror, zoom=self.zoom, color=self.color)

    def learning_rate_at(self, epoch: int, step: int, steps: int) -> float:
        """Up in a straight line, then down to zero; the epoch counts from 1, the step from 0."""
        done, total = (epoch - 1) * steps + step, self.epochs * steps
        warm_up = max(1, round(total * _WARM_UP))
        return self.learning_rate * min((done + 1) / warm_up, max(total - done, 0) / max(total - warm_up, 1))


@dataclass(frozen=True)
class Training:
    """One network to train.

    Attributes:
        name: what errors call it.
        rows: (R,) int64 positions of its images.
        fold: seeds its batches.
        checkpoint: file that it goes on from after a kill; None writes none.
    """

    name: str
    rows: np.ndarray
    fold: int = 0
    checkpoint: Path | None = None


def train_networks(
    images: torch.Tensor,
    labels: np.ndarray,
    trainings: Sequence[Training],
    settings: TrainedSettings,
    *,
    num_classes: int,
    description: str,
) -> list[SmallResNet]:
    """Train a network for each training; all start from the same weights.

    On a CPU they are trained side by side on the cores, each by one thread, so that no number of cores changes a bit.

    Args:
        images: (N, 3, S, S) float32, normalised, on the device to train on.
        labels: (N,) int in [0, num_classes).
        trainings: which images each network learns from.
        settings: how to train.
        num_classes: K.
        description: what the progress display calls this.

    Returns:
        The networks in evaluation mode, in the order of the trainings.

    Raises:
        WinnowError: if a training diverges.
    """
    target = torch.tensor(np.array(labels, dtype=np.int64), device=images.device)
    networks = [_new_network(images.device, settings, num_classes) for _ in trainings]
    objectives = [
        _objective(network, images, target, training, settings)
        for network, training in zip(networks, trainings, strict=True)
    ]
    workers = min(cores(), len(trainings)) if images.device.type == "cpu" else 1
    stop, lock = Event(), Lock()
    total = settings.epochs * sum(objective.images_per_epoch for objective in objectives)
    with (
        seeded(settings.seed, images.device),
        threads(1),
        progress(description, total) as report,
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        one = partial(_train, settings=settings, report=_shared(report, stop, lock))
        running = [pool.submit(one, *each) for each in zip(objectives, trainings, strict=True)]
        try:
            for future in as_completed(running):
                future.result()
        except BaseException:
            stop.set()  # else the pool would wait for the others to finish
            raise
    return [network.eval() for network in networks]


class _Stopped(Exception):
    """Ends a training because another one failed, or because the user wants to stop."""


def _shared(report: Reporter, stop: Event, lock: Lock) -> Reporter:
    """One display for several trainings, which ends them once `stop` is set."""

    def report_one(advance: int, note: str = "") -> None:
        if stop.is_set():
            raise _Stopped
        with lock:
            report(advance, note)

    return report_one


def _new_network(device: torch.device, settings: TrainedSettings, num_classes: int) -> SmallResNet:
    with seeded(settings.seed, device):
        network = SmallResNet(width=settings.width, num_classes=num_classes)
    return network.to(device).to(memory_format=torch.channels_last)


def _objective(
    network: SmallResNet, images: torch.Tensor, labels: torch.Tensor, training: Training, settings: TrainedSettings
) -> Mixup | Contrastive:
    smoothing, seed, fold = settings.label_smoothing, settings.seed, training.fold
    if settings.loss == "cross_entropy":
        how = settings.augmentation
        return Mixup(
            network, images, labels, training.rows, augmentation=how, label_smoothing=smoothing, seed=seed, fold=fold
        )
    with seeded(seed, images.device):
        projected = Projected(network).to(images.device)
    loss = settings.loss
    return Contrastive(
        projected, images, labels, training.rows, loss=loss, label_smoothing=smoothing, seed=seed, fold=fold
    )


def _train(
    objective: Mixup | Contrastive,
    training: Training,
    *,
    settings: TrainedSettings,
    report: Reporter,
) -> None:
    fit(
        objective.trained,
        objective,
        SGD(
            objective.trained.parameters(),
            lr=settings.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=_WEIGHT_DECAY,
        ),
        epochs=settings.epochs,
        learning_rate_at=settings.learning_rate_at,
        checkpoint=training.checkpoint,
        description=training.name,
        report=report,
        remedy="lower embed.trained.learning_rate in params.yaml",
    )
