"""The exact derivative of a loss at the end of a training in the weight of every image: by the adjoint, backwards.

HyDRA leaves the curvature out; this does not. It goes through the training once more from its end to its start, as Hara
et al. (arXiv 1906.08473) and Maclaurin et al. (arXiv 1502.03492) do, with one Hessian-vector product for each step, and
stores the path: T x P numbers. It costs about six trainings, for all images at once.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import grad, jvp

Losses = Callable[[Tensor, Tensor], Tensor]
"""From flat parameters (P,) and (B,) positions of images to their (B,) losses."""


def train_path(
    losses: Losses,
    start: Tensor,
    batches: Sequence[Tensor],
    *,
    learning_rates: Sequence[float],
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    weights: Tensor | None = None,
) -> Tensor:
    """Train by SGD, and keep every step.

    Args:
        losses: of the images.
        start: (P,) parameters.
        batches: of each of the T steps the (B,) positions of its images.
        learning_rates: of each step.
        momentum, weight_decay: of SGD, as torch has them.
        weights: (N,) of the images' losses; None for ones. A batch's loss is the sum of weight * loss over B.

    Returns:
        (T + 1, P) parameters, the start first.
    """
    parameters, velocity, path = start, torch.zeros_like(start), [start]
    for batch, learning_rate in zip(batches, learning_rates, strict=True):
        share = torch.ones(len(batch), dtype=start.dtype) if weights is None else weights[batch]

        def loss(flat: Tensor, batch: Tensor = batch, share: Tensor = share) -> Tensor:
            return (losses(flat, batch) * share).mean()

        velocity = momentum * velocity + grad(loss)(parameters).detach() + weight_decay * parameters
        parameters = parameters - learning_rate * velocity
        path.append(parameters)
    return torch.stack(path)


def hypergradient(
    losses: Losses,
    path: Tensor,
    batches: Sequence[Tensor],
    final_gradient: Tensor,
    *,
    learning_rates: Sequence[float],
    num_images: int,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> Tensor:
    """The derivative of a loss of the final parameters in each image's weight.

    Args:
        losses, batches, learning_rates, momentum, weight_decay: those of `train_path`.
        path: (T + 1, P), its result, with weights of 1.
        final_gradient: (P,) gradient of the loss in question at the end of the path.
        num_images: N.

    Returns:
        (N,): positive harms, as more of the image raises the loss; exactly 0 for an image in no batch.
    """
    result = final_gradient.new_zeros(num_images)
    of_parameters, of_velocity = final_gradient, torch.zeros_like(final_gradient)
    for step in reversed(range(len(batches))):
        batch = batches[step]
        of_velocity = momentum * of_velocity - learning_rates[step] * of_parameters

        def slope(flat: Tensor, batch: Tensor = batch, direction: Tensor = of_velocity) -> tuple[Tensor, Tensor]:
            """The losses' derivatives in a direction, their mean first: its gradient is the Hessian times it."""
            slopes: Tensor = jvp(lambda at: losses(at, batch), (flat,), (direction,))[1]
            return slopes.mean(), slopes

        curved, slopes = grad(slope, has_aux=True)(path[step])
        result.index_add_(0, batch, slopes.detach() / len(batch))
        of_parameters = of_parameters + weight_decay * of_velocity + curved.detach()
    return result
