"""The search of Faster AutoAugment (Hataya et al., 2020, arXiv 1911.06987): a policy found by gradient descent.

Augmented images should be told from original ones neither by their look nor by their class: a Wasserstein critic
measures the distance of the two distributions, its second head the loss of the classes, and the policy, in a form that
is differentiable in everything it chooses, descends on both.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from winnow.augmentation.policy.critic import Critic, gradient_penalty
from winnow.augmentation.policy.operations import OPERATIONS, Fill, operations
from winnow.augmentation.policy.policy import Policy, Step
from winnow.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from winnow.data.pixels import Pixels
from winnow.device import exact_arithmetic
from winnow.errors import WinnowError
from winnow.learn.optimizers import Adam
from winnow.progress import Reporter, progress

# As in the paper: of the choice between operations, and of whether one is carried out.
_TEMPERATURE = 0.05
_BETAS = (0.0, 0.999)
_PENALTY = 10.0  # weight of the gradient penalty, as its authors have it
_LEAST_PROBABILITY = 1e-3  # and 1 less this the highest: at 0 or 1 no gradient is left to come back on
# Of the first weights: each choice leans to one operation, whose numbers can be learned, and is not yet settled.
_SPREAD = 4 * _TEMPERATURE
# Not in the paper. At magnitude 0 an operation is none, which no critic can tell; the search would end there.
_LEAST_MAGNITUDE = 0.2


@dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        images: how many images to search on, drawn at random; all of them where there are fewer.
        sub_policies: L, at least 1.
        length: K, operations in each, at least 1.
        epochs: passes over the images.
        batch_size: half of a batch is augmented and compared with the other half; at least 4.
        learning_rate: of Adam, for the policy and for the critic.
        classification_weight: of the loss of the classes against the distance, the paper's epsilon; >= 0.
        diversity: weight of the entropy of all choices together; >= 0, and 0 in the paper.
        critic_width: channels of the critic's first block, a multiple of 4.
        operations: names in `OPERATIONS` to choose among.
        fill: what comes into view where pixels are moved.
    """

    images: int
    sub_policies: int
    length: int
    epochs: int
    batch_size: int
    learning_rate: float
    classification_weight: float
    diversity: float
    critic_width: int
    operations: Sequence[str]
    fill: Fill = "reflect"


class RelaxedPolicy(nn.Module):
    """A policy on the way: it weighs all operations where the policy that it becomes has one.

    Attributes:
        weights, probabilities, magnitudes: (L, K, O) parameters; the latter two within [0.001, 0.999] and [0.2, 1].
    """

    def __init__(self, settings: SearchSettings, seed: int) -> None:
        super().__init__()
        shape = (settings.sub_policies, settings.length, len(settings.operations))
        known = operations(settings.fill)
        self.operations = [known[name] for name in settings.operations]
        start = np.random.default_rng([seed, 0]).normal(0, _SPREAD, shape)
        self.weights = nn.Parameter(torch.tensor(start, dtype=torch.float32))
        self.probabilities = nn.Parameter(torch.full(shape, 0.5))
        self.magnitudes = nn.Parameter(torch.full(shape, 0.5))

    def forward(self, images: Tensor, sub_policy: Tensor, luck: Tensor, chance: Tensor) -> Tensor:
        """Augment each image by its sub-policy.

        Args:
            images: (B, 3, H, W) in [0, 1].
            sub_policy: (B,) int64 in [0, L).
            luck: (B, K, O) in (0, 1): whether an operation is carried out.
            chance: (B, K, O, 2) in [0, 1): what else the operations leave to chance.
        """
        choice = (self.weights / _TEMPERATURE).softmax(dim=2)[sub_policy]  # (B, K, O)
        # The relaxed Bernoulli distribution (Maddison et al., arXiv 1611.00712): near 0 or near 1.
        happens = ((self.probabilities[sub_policy].logit() + luck.logit()) / _TEMPERATURE).sigmoid()
        share, magnitude = choice * happens, self.magnitudes[sub_policy]
        for step in range(share.shape[1]):
            changes = torch.zeros_like(images)
            for index, operation in enumerate(self.operations):
                changed = operation.apply(images, magnitude[:, step, index], chance[:, step, index])
                changes = changes + share[:, step, index, None, None, None] * (changed - images)
            # An image of levels outside [0, 1] by a rounding error would be refused by the next operation.
            images = (images + changes).clamp(0, 1)
        return images

    def concentration(self) -> Tensor:
        """How far the choices of all steps together are from even: their negative entropy, 0 where all are the same.

        Each sub-policy alone would descend to the one operation that is hardest to see, and all to the same.
        """
        share = (self.weights / _TEMPERATURE).softmax(dim=2).mean(dim=(0, 1))  # (O,)
        return torch.xlogy(share, share).sum()

    @torch.no_grad()
    def hold_in_range(self) -> None:
        self.probabilities.clamp_(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        self.magnitudes.clamp_(_LEAST_MAGNITUDE, 1)


def search_policy(
    pixels: Pixels,
    labels: np.ndarray,
    *,
    num_classes: int,
    settings: SearchSettings,
    seed: int,
    scratch: Path | None = None,
    device: torch.device,
    report: Reporter | None = None,
) -> Policy:
    """Search a policy on labelled images.

    The same arguments give the same policy on the same machine's CPU. A search that was killed and is started again
    with the same arguments continues after its last whole epoch and ends with the policy of an uninterrupted one.

    Args:
        pixels: (N, H, W, 3) uint8, H and W at least 8.
        labels: (N,) integers in [0, K).
        num_classes: K, at least 2.
        settings: how to search.
        seed: decides the images, the first weights and all chance.
        scratch: folder for the checkpoint; None writes none. The caller removes it.
        device: where to search.
        report: called after every batch, `search_steps` times in all; None shows a progress bar.

    Returns:
        The policy: of each choice the operation that weighs most, numbers rounded to three places.

    Raises:
        WinnowError: if there are too few images or classes, a label lies outside [0, K), a setting makes no sense, or
            the search diverges.
        ValueError: if pixels and labels differ in length, or pixels are not uint8 (N, H, W, 3).
    """
    _check(pixels, labels, num_classes, settings)
    if settings.images < len(pixels):
        drawn = np.sort(np.random.default_rng([seed, 1]).permutation(len(pixels))[: settings.images])
        images, labels = pixels[drawn], labels[drawn]
    else:
        images = pixels[:]
    state = _State(settings, num_classes, seed, device)
    checkpoint = None
    if scratch:
        run = {"settings": asdict(settings) | {"operations": list(settings.operations)}, "seed": seed}
        run |= {"classes": num_classes, "run on": [device.type, torch.__version__]}
        arrays = {"pixels": images, "labels": labels}
        arrays |= {f"critic.{name}": tensor.cpu().numpy() for name, tensor in state.critic.state_dict().items()}
        checkpoint = Path(scratch) / f"{fingerprint(run, arrays)}.pt"
    done = 0
    if checkpoint and (saved := load_checkpoint(checkpoint)):
        state.restore(saved["state"])
        done = saved["epochs"]

    resident = torch.as_tensor(images).to(device)  # (N, H, W, 3) uint8: a quarter of the size of floats
    targets = torch.tensor(labels, dtype=torch.int64, device=device)
    shown = nullcontext(report) if report else progress("search_policy", search_steps(len(images), settings))
    with shown as advance:
        if done:
            advance(done * _steps_per_epoch(len(images), settings), "taken up again")
        for epoch in range(done + 1, settings.epochs + 1):
            _search_epoch(state, resident, targets, settings=settings, seed=seed, epoch=epoch, report=advance)
            if checkpoint:
                save_checkpoint(checkpoint, {"epochs": epoch, "state": state.content()})
    return _decided(state.policy, settings)


def search_steps(num_images: int, settings: SearchSettings) -> int:
    """How many batches a search on `num_images` images takes in all."""
    return settings.epochs * _steps_per_epoch(min(num_images, settings.images), settings)


class _State:
    """All that changes during a search."""

    def __init__(self, settings: SearchSettings, num_classes: int, seed: int, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):  # on the CPU, so that every device starts from the same weights
            torch.default_generator.manual_seed(seed)
            self.critic = Critic(width=settings.critic_width, num_classes=num_classes).to(device)
        self.policy = RelaxedPolicy(settings, seed).to(device)
        adam = partial(Adam, lr=settings.learning_rate, betas=_BETAS)
        self.critic_optimizer = adam(self.critic.parameters())
        self.policy_optimizer = adam(self.policy.parameters())

    def content(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in vars(self).items()}

    def restore(self, content: dict[str, Any]) -> None:
        for name, part in vars(self).items():
            part.load_state_dict(content[name])


def _search_epoch(
    state: _State,
    pixels: Tensor,
    targets: Tensor,
    *,
    settings: SearchSettings,
    seed: int,
    epoch: int,
    report: Reporter,
) -> None:
    """One pass over the images. The device is waited for once, at the end."""
    # From (seed, epoch) alone, so that a resumed search needs no generator's state.
    rng = np.random.default_rng([seed, 2, epoch])
    steps = _steps_per_epoch(len(pixels), settings)
    half = min(settings.batch_size, len(pixels)) // 2
    order = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    distance, loss = torch.zeros(2, device=pixels.device)
    with exact_arithmetic():
        for step in range(steps):
            batch = order[2 * half * step : 2 * half * (step + 1)]
            images = pixels[batch].permute(0, 3, 1, 2).float() / 255  # (2B, 3, H, W)
            originals, sources = images[:half], images[half:]
            augmented = state.policy(sources, *_draw(rng, half, settings, pixels.device))
            share = torch.from_numpy(rng.random((half, 1, 1, 1), dtype=np.float32)).to(pixels.device)
            _improve_critic(state, originals, targets[batch[:half]], augmented.detach(), share)

            with torch.no_grad():
                original_score = state.critic(originals)[0].mean()
            score, logits = state.critic(augmented)
            apart = original_score - score.mean()
            class_loss = cross_entropy(logits, targets[batch[half:]])
            objective = apart + settings.classification_weight * class_loss
            objective = objective + settings.diversity * state.policy.concentration()
            _descend(state.policy_optimizer, objective, state.policy)
            state.policy.hold_in_range()
            distance += apart.detach() / steps
            loss += class_loss.detach() / steps
            if step + 1 < steps:
                report(1, f"epoch {epoch}/{settings.epochs}")
    if not math.isfinite((distance + loss).item()):
        raise WinnowError(f"the policy search diverged in epoch {epoch}; lower policy_search.learning_rate.")
    report(1, f"epoch {epoch}/{settings.epochs}, distance {distance.item():.3f}, loss {loss.item():.3f}")


def _improve_critic(state: _State, originals: Tensor, labels: Tensor, augmented: Tensor, share: Tensor) -> None:
    """One step of the critic. It learns the classes from originals alone: what they look like is not to be debated."""
    score, logits = state.critic(originals)
    objective = state.critic(augmented)[0].mean() - score.mean() + cross_entropy(logits, labels)
    objective = objective + _PENALTY * gradient_penalty(state.critic, originals, augmented, share)
    _descend(state.critic_optimizer, objective, state.critic)


def _descend(optimizer: torch.optim.Optimizer, objective: Tensor, module: nn.Module) -> None:
    """One step on the gradients of `module` alone: the policy's run through the critic, which is not to move."""
    parameters = list(module.parameters())
    # A policy of flips alone has magnitudes that nothing depends on.
    gradients = torch.autograd.grad(objective, parameters, materialize_grads=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()


def _draw(rng: np.random.Generator, count: int, settings: SearchSettings, device: torch.device) -> tuple[Tensor, ...]:
    """The chance of a batch: sub-policies (B,), luck (B, K, O) and chance (B, K, O, 2)."""
    shape = (count, settings.length, len(settings.operations))
    sub_policy = rng.integers(settings.sub_policies, size=count)
    luck = rng.random(shape, dtype=np.float32).clip(1e-6, 1 - 1e-6)
    chance = rng.random((*shape, 2), dtype=np.float32)
    return tuple(torch.from_numpy(array).to(device) for array in (sub_policy, luck, chance))


def _steps_per_epoch(num_images: int, settings: SearchSettings) -> int:
    return max(1, num_images // settings.batch_size)


def _decided(relaxed: RelaxedPolicy, settings: SearchSettings) -> Policy:
    chosen = relaxed.weights.argmax(dim=2).cpu().numpy()  # (L, K)
    probabilities, magnitudes = (
        parameter.detach().cpu().numpy() for parameter in (relaxed.probabilities, relaxed.magnitudes)
    )

    def step(place: tuple[int, ...]) -> Step:
        index = (*place, chosen[place])
        name = settings.operations[chosen[place]]
        magnitude = None if OPERATIONS[name].reach is None else round(float(magnitudes[index]), 3)
        return Step(name, round(float(probabilities[index]), 3), magnitude)

    rows, columns = chosen.shape
    steps = tuple(tuple(step((row, column)) for column in range(columns)) for row in range(rows))
    return Policy(steps, fill=settings.fill)


def _check(pixels: Pixels, labels: np.ndarray, num_classes: int, settings: SearchSettings) -> None:
    if len(pixels.shape) != 4 or pixels.shape[3] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f"pixels are {pixels.dtype} {pixels.shape}, not uint8 (N, H, W, 3)")
    if len(pixels) != len(labels):
        raise ValueError(f"{len(pixels)} images but {len(labels)} labels")
    if min(pixels.shape[1:3]) < 8:
        raise WinnowError(f"images of {pixels.shape[2]} x {pixels.shape[1]} pixels are too small for a policy search.")
    if not settings.operations:
        raise WinnowError("policy_search.operations is empty; name at least one.")
    if unknown := sorted(set(settings.operations) - set(OPERATIONS)):
        raise WinnowError(
            f"policy_search.operations names {unknown[0]!r}, which is none; there are {', '.join(OPERATIONS)}."
        )
    if len(set(settings.operations)) < len(settings.operations):
        raise WinnowError("policy_search.operations names one operation twice; delete one of the two.")
    if settings.critic_width % 4:
        raise WinnowError(f"policy_search.critic_width is {settings.critic_width}; it must be a multiple of 4.")
    count = min(len(pixels), settings.images)
    if min(count, settings.batch_size) < 4:
        raise WinnowError(
            f"a policy search needs 4 images and batches of 4 at least, not {count} and {settings.batch_size}."
        )
    if labels.min() < 0 or labels.max() >= num_classes:
        raise WinnowError(
            f"the training images have labels {labels.min()} to {labels.max()}, but the {num_classes} classes are 0 to "
            f"{num_classes - 1}; run 'dvc repro' so that every stage sees the same classes."
        )
    if len(np.unique(labels)) < 2:
        raise WinnowError("the training images are of a single class; a policy search needs two; loosen curate.")
