"""Training recipes: held fixed, so that a difference in accuracy is a difference in the data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from winnow.learn.optimizers import SGD, Adam

# As torch's OneCycleLR has them: the share of the steps that warms up, the peak over the first rate and over the last.
_WARM_UP_SHARE = 0.3
_START_DIVISOR = 25.0
_END_DIVISOR = 25.0 * 10_000.0

_RECIPES: dict[str, dict[str, Any]] = {
    "course": {"schedule": "cosine"},
    "fast": {"schedule": "one_cycle", "nesterov": True},
    # Adam's first decay rate is what others call momentum.
    "competition": {"optimizer": "adam", "momentum": 0.9, "schedule": "constant", "selection": "accuracy"},
}
_ADAM_SECOND_DECAY, _ADAM_EPSILON = 0.999, 1e-7  # as Keras has them


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Three are used, from `train.course`, `train.fast` and `train.competition` in params.yaml; all show the network
    pixels divided by 255 (ToTensor), with no augmentation while training, and keep the first of the epochs that are
    best on the validation set.

    - `course`, as the grader trains, as far as public copies of its base code show: SGD with learning rate 0.01 and
      momentum 0.9, no weight decay; cosine decay over 30 epochs; batches of 128; cross-entropy.
    - `fast`, for sweeps: large batches, one cycle of the learning rate (Smith and Topin 2017, arXiv 1708.07120) with
      Nesterov momentum, label smoothing (Szegedy et al. 2015, arXiv 1512.00567) and an average of the weights, in fewer
      epochs.
    - `competition`, as the Data-Centric AI competition of 2021 trained: Adam (Kingma and Ba, arXiv 1412.6980) with
      Keras' epsilon of 1e-7 and a learning rate that stays, and the epoch of the best plain accuracy.

    Attributes:
        epochs: passes over the training set.
        batch_size: images per step, at least 2. A smaller last batch is used too, unless it holds a single image,
            over which batch normalisation has no variance.
        learning_rate: of the first epoch under "cosine", the highest under "one_cycle".
        momentum: of SGD, or Adam's first decay rate; in [0, 1).
        optimizer: "sgd" or "adam".
        schedule: "cosine" falls per epoch, "one_cycle" rises and falls per step, "constant" stays.
        selection: the score on the validation set by which the kept epoch is chosen.
        nesterov: whether SGD looks ahead.
        weight_decay: L2 penalty, at least 0.
        label_smoothing: share of the target that is spread over all classes, in [0, 1).
        average_decay: of the exponential moving average of the weights that is validated and kept, in [0, 1); 0 keeps
            the weights themselves.
        patience: epochs without a better validation score before training stops; None trains all epochs.
        precision: what the forward and backward passes compute in; weights and sums stay float32. "auto" takes
            bfloat16 where the device computes in it natively, float32 elsewhere.
        threads: of the CPU that a training step computes with, at least 1; another number gives other bits. Of no
            effect on a GPU.
        compile: whether `torch.compile` makes the training step, in place of a recorded one on a GPU (see
            `models/recorded_step.py`): a minute or so of compiling, and other bits than without.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    optimizer: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["cosine", "one_cycle", "constant"] = "cosine"
    selection: Literal["balanced_accuracy", "accuracy"] = "balanced_accuracy"
    nesterov: bool = False
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    average_decay: float = 0.0
    patience: int | None = None
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: int = 1
    compile: bool = False

    def optimizer_of(self, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
        """The optimizer of a network's parameters, which are on `device`."""
        fused = device.type in ("cpu", "cuda")
        if self.optimizer == "adam":
            return Adam(
                network.parameters(),
                lr=self.learning_rate,
                betas=(self.momentum, _ADAM_SECOND_DECAY),
                eps=_ADAM_EPSILON,
                weight_decay=self.weight_decay,
                fused=fused,
            )
        return SGD(
            network.parameters(),
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=fused,
        )

    def learning_rate_at(self, epoch: int, step: int, steps: int) -> float:
        """The learning rate of a step.

        "cosine" is stepped once per epoch, as `CosineAnnealingLR(T_max=epochs)` does: the first epoch runs at
        `learning_rate`, the last one just above zero. "one_cycle" is torch's `OneCycleLR` with its defaults, but for
        the momentum, which stays.

        Args:
            epoch: counted from 1.
            step: of the epoch, counted from 0.
            steps: per epoch.
        """
        if self.schedule == "constant":
            return self.learning_rate
        if self.schedule == "cosine":
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (epoch - 1) / self.epochs))
        top = _WARM_UP_SHARE * self.epochs * steps - 1
        last = self.epochs * steps - 1
        now = (epoch - 1) * steps + step
        low, high = self.learning_rate / _START_DIVISOR, self.learning_rate
        if now <= top:
            return _half_cosine(low, high, now / top) if top > 0 else high
        return _half_cosine(high, self.learning_rate / _END_DIVISOR, (now - top) / (last - top))


def named_recipe(name: str, **settings: Any) -> Recipe:
    """The recipe `name`, "course", "fast" or "competition", with the numbers in `settings` (attributes of `Recipe`)."""
    return Recipe(**_RECIPES[name] | settings)


def chosen_recipe(train: Mapping[str, Any]) -> Recipe:
    """The recipe that the section `train` of params.yaml chooses: `recipe`, with its section and the common keys."""
    common = {name: train[name] for name in ("patience", "precision", "threads", "compile")}
    return named_recipe(train["recipe"], **train[train["recipe"]], **common)


def _half_cosine(start: float, end: float, way: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * way))


def compute_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type that `precision` means on a device: torch.bfloat16 or torch.float32.

    "auto" never picks bfloat16 where it is emulated: there it is several times slower than float32.
    """
    if precision == "auto":
        return torch.bfloat16 if _computes_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def _computes_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False
