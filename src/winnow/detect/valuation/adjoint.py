"""One step of the exact derivative of a loss at the end of a training in the weight of every image: by the adjoint.

HyDRA leaves the curvature out; this does not. A training by SGD is gone through once more from its end to its start, as
Hara et al. (arXiv 1906.08473) and Maclaurin et al. (arXiv 1502.03492) do, with one Hessian-vector product for each step
and for all images at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Losses = Callable[[Tensor], Tensor]
"""From flat parameters (P,) to the (B,) losses of a batch's images, each of which may depend on the whole batch."""


@dataclass
class Adjoint:
    """The derivatives of a loss at the end of a training, at the step that the way back has come to.

    Attributes:
        of_parameters: (P,), in the parameters before that step.
        of_velocity: (P,), in the velocity by which that step moves them; 0 at the end, where no step is left.
        of_weights: (N,) float64, in the weight of each image from that step on: positive harms, as more of the image
            raises the loss; exactly 0 for an image in none of the batches.
    """

    of_parameters: Tensor
    of_velocity: Tensor
    of_weights: Tensor

    @classmethod
    def at_end(cls, gradient: Tensor, *, num_images: int) -> "Adjoint":
        """Where the way back starts: from the loss's (P,) gradient in the final parameters."""
        of_weights = torch.zeros(num_images, dtype=torch.float64, device=gradient.device)
        return cls(gradient, torch.zeros_like(gradient), of_weights)

    def step_back(
        self,
        losses: Losses,
        parameters: Tensor,
        batch: Tensor,
        *,
        learning_rate: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        """Go from after a step to before it.

        A step is v = momentum * v + gradient + weight_decay * w; w = w - learning_rate * v, as torch has it. The
        gradient is that of the sum over the batch of weight * loss / B, at weights of 1.

        Args:
            losses: of the step's batch.
            parameters: (P,), before the step.
            batch: (B,) int64 positions of its images, each once.
            learning_rate, momentum, weight_decay: of the step.
        """
        self.of_velocity = momentum * self.of_velocity - learning_rate * self.of_parameters
        curved, slopes = curvature_and_slopes(losses, parameters, self.of_velocity)
        self.of_weights.index_add_(0, batch, slopes.double() / len(batch))
        self.of_parameters = self.of_parameters + weight_decay * self.of_velocity + curved


def curvature_and_slopes(losses: Losses, parameters: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """(P,): the Hessian of the mean loss times a direction (P,), and (B,): the slope of each loss in that direction.

    Twice backwards, the slopes as derivatives in the losses' shares of the mean. Forwards and then backwards would be a
    third cheaper, but torch 2.15 loses terms where it differentiates the forward mode of batch normalisation by the
    batch's own statistics: a Hessian product of the competition's network is off by 14 %.
    """
    at = parameters.detach().clone().requires_grad_()
    found = losses(at)
    shares = torch.full_like(found, 1 / len(found)).requires_grad_()
    (gradient,) = torch.autograd.grad(found @ shares, at, create_graph=True)
    curved, slopes = torch.autograd.grad(gradient @ direction, (at, shares), materialize_grads=True)
    return curved, slopes
