"""HyDRA and what falls out beside it: a pass over a training's checkpoints (Chen et al., arXiv 2102.02515).

HyDRA follows the derivative of the weights in an image's share of the loss through a training by SGD, without the
curvature of the loss. That recursion is linear: the derivative of the final weights is a sum over the image's own
steps, each its gradient at that step times a number that the learning rates, the momentum and the weight decay fix
(`trajectory.step_weights`). So no derivative of N x P numbers is carried along; the gradients are taken at the
checkpoints, times the gradients of the reference images at the end.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from winnow.checkpoint import load_checkpoint, save_checkpoint
from winnow.detect.valuation.per_sample import flat_gradients, per_sample_products
from winnow.detect.valuation.trajectory import Followed
from winnow.models.predict import to_input
from winnow.progress import progress

_BATCH = 64


@dataclass(frozen=True)
class Values:
    """What one training says of N images, beside its `margins`.

    Attributes:
        influence: (N, J) float64, the derivative of the loss of each of the J reference images in the weight of each
            image: positive harms, as more of the image raises the loss. Without curvature: its size means nothing.
        tracin: (N,) float64, TracInCP (Pruthi et al., arXiv 2002.08484) of the mean reference loss, with the sign of
            `influence`: minus the learning rate times the product of both gradients at a checkpoint, summed.
        gradient_norm: (N,) float64, mean over the checkpoints of the norm of the image's gradient (GraNd, Paul et al.,
            arXiv 2107.07075).
        loss, probability: (N,) float64, means over the checkpoints, of the given label.
    """

    influence: np.ndarray
    tracin: np.ndarray
    gradient_norm: np.ndarray
    loss: np.ndarray
    probability: np.ndarray


def value_checkpoints(
    followed: Followed,
    *,
    scratch: Path | None = None,
    device: torch.device,
    description: str = "value_images",
) -> Values:
    """Go over all images once for each checkpoint.

    Args:
        followed: its network of layers that `can_be_hooked`.
        scratch: folder where each finished checkpoint is kept, for a run after a kill; None keeps none.
        device: where to compute.
        description: what the progress display calls this.
    """
    network, trajectory = followed.network.to(device).eval(), followed.trajectory
    reference = to_input(torch.as_tensor(followed.reference_pixels).to(device))
    targets = torch.tensor(np.asarray(followed.reference_labels), dtype=torch.int64, device=device)
    network.load_state_dict(trajectory.final)
    at_end = flat_gradients(network, reference, targets)  # (J, P)
    key, count, checkpoints = followed.key, len(followed.pixels), len(trajectory.states)
    influence, sums = np.zeros((count, len(at_end))), np.zeros((4, count))
    with progress(description, count * checkpoints) as report:
        for index, state in enumerate(trajectory.states):
            file = scratch and scratch / f"{key}-{index}.pt"
            saved = load_checkpoint(file) if file else None
            if saved is None:
                network.load_state_dict(state)
                here = flat_gradients(network, reference, targets).mean(dim=0, keepdim=True)
                saved = _pass(network, followed.pixels, followed.labels, torch.cat([at_end, here]), device=device)
                if file:
                    save_checkpoint(file, saved)
            products = saved["products"].double().numpy()  # (N, J + 1)
            influence -= trajectory.step_weights[index][:, None] * products[:, :-1]
            sums[0] -= trajectory.learning_rates[index] * products[:, -1]
            for row, name in enumerate(("norm", "loss", "probability"), 1):
                sums[row] += saved[name].double().numpy()
            report(count, f"checkpoint {index + 1}/{checkpoints}")
    return Values(influence, sums[0], *(sums[1:] / checkpoints))


def points_harmed(influence: np.ndarray) -> np.ndarray:
    """How many reference images an image harms more than nearly all others do: the paper's rule "min + std".

    Args:
        influence: (N, J), positive harms.

    Returns:
        (N,) int64: the columns in which the image is above the highest value less one standard deviation.
    """
    limits = influence.max(axis=0) - influence.std(axis=0)
    harmed: np.ndarray = (influence > limits).sum(axis=1)
    return harmed


def _pass(
    network: nn.Module, pixels: np.ndarray, labels: np.ndarray, directions: Tensor, *, device: torch.device
) -> dict[str, Tensor]:
    parts: dict[str, list[Tensor]] = {"products": [], "norm": [], "loss": [], "probability": []}
    targets = torch.tensor(np.asarray(labels), dtype=torch.int64, device=device)
    for start in range(0, len(pixels), _BATCH):
        rows = slice(start, start + _BATCH)
        found = per_sample_products(
            network, to_input(torch.as_tensor(pixels[rows]).to(device)), targets[rows], directions
        )
        log_probability = found.logits.log_softmax(dim=1).gather(1, targets[rows, None])[:, 0]
        parts["products"].append(found.products.cpu())
        parts["norm"].append(found.squared_norms.sqrt().cpu())
        parts["loss"].append(-log_probability.cpu())
        parts["probability"].append(log_probability.exp().cpu())
    return {name: torch.cat(part) for name, part in parts.items()}
