"""How the networks of fitted encoders are trained: side by side on the cores, each through one cycle."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from winnow.cores import cores
from winnow.device import seeded, threads
from winnow.models.trainer import Objective, fit
from winnow.progress import Reporter, progress

_WARM_UP = 0.25  # share of the steps in which the learning rate rises


class NetworkObjective(Objective, Protocol):
    """An objective that brings what it trains.

    Attributes:
        trained: the module that learns, on the device to train on.
    """

    @property
    def trained(self) -> nn.Module: ...


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


@dataclass(frozen=True)
class OneCycle:
    """Up in a straight line, then down to zero (Smith, arXiv 1708.07120).

    Attributes:
        epochs: of the whole training.
        peak: the highest learning rate.
    """

    epochs: int
    peak: float

    def __call__(self, epoch: int, step: int, steps: int) -> float:
        """The learning rate of a step; the epoch counts from 1, the step from 0."""
        done, total = (epoch - 1) * steps + step, self.epochs * steps
        warm_up = max(1, round(total * _WARM_UP))
        return self.peak * min((done + 1) / warm_up, max(total - done, 0) / max(total - warm_up, 1))


def train_side_by_side(
    objectives: Sequence[NetworkObjective],
    trainings: Sequence[Training],
    *,
    optimizer: Callable[[Any], torch.optim.Optimizer],
    schedule: OneCycle,
    seed: int,
    device: torch.device,
    description: str,
    remedy: str,
) -> None:
    """Train the network of each objective in place.

    On a CPU they are trained side by side on the cores, each by one thread, so that no number of cores changes a bit.

    Args:
        objectives: a network with its images and loss each.
        trainings: of the same length.
        optimizer: makes one for the module that an objective trains.
        schedule: of the learning rate.
        seed: of what torch draws beside the objectives.
        device: where the networks are.
        description: what the progress display calls this.
        remedy: what to do if a training diverges, for the error.

    Raises:
        WinnowError: if a training diverges.
    """
    workers = min(cores(), len(trainings)) if device.type == "cpu" else 1
    stop, lock = Event(), Lock()
    total = schedule.epochs * sum(objective.images_per_epoch for objective in objectives)
    with (
        seeded(seed, device),
        threads(1),
        progress(description, total) as report,
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):

        def train(objective: NetworkObjective, training: Training) -> None:
            fit(
                objective.trained,
                objective,
                optimizer(objective.trained),
                epochs=schedule.epochs,
                learning_rate_at=schedule,
                checkpoint=training.checkpoint,
                description=training.name,
                report=_shared(report, stop, lock),
                remedy=remedy,
            )

        running = [pool.submit(train, *each) for each in zip(objectives, trainings, strict=True)]
        try:
            for future in as_completed(running):
                future.result()
        except BaseException:
            stop.set()  # else the pool would wait for the others to finish
            raise


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
