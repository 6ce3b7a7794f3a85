"""Class probabilities from the class names alone: none of the data's labels is used."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class ZeroShot:
    """Zero-shot probabilities of N images.

    Attributes:
        pred_probs: (N, K) float32 among the K classes; rows sum to 1.
        in_class_probability: (N,) float32 in [0, 1]: of the K classes together, against all other labels of the
            classifier; lower for an image of no class.
    """

    pred_probs: np.ndarray
    in_class_probability: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Both by their names in `features.npz`."""
        return {"zero_shot_pred_probs": self.pred_probs, "in_class_probability": self.in_class_probability}


def zero_shot_from_logits(logits: torch.Tensor, class_of_logit: np.ndarray) -> ZeroShot:
    """Softmax at temperature 1, summed over each class's logits.

    Args:
        logits: (N, M).
        class_of_logit: (M,) int in [0, K), or -1 for what is no class; each class has one or more.
    """
    log_probs = logits.double().log_softmax(dim=1)
    owner = torch.from_numpy(class_of_logit)
    classes = range(int(class_of_logit.max()) + 1)
    # In logarithms, so that images of no class, whose mass may round to zero, still have class probabilities.
    log_mass = torch.stack([log_probs[:, owner == index].logsumexp(dim=1) for index in classes], dim=1)  # (N, K)
    return ZeroShot(
        pred_probs=log_mass.softmax(dim=1).float().numpy(),
        in_class_probability=log_mass.logsumexp(dim=1).exp().clamp(max=1).float().numpy(),
    )


def joined(parts: Sequence[ZeroShot]) -> ZeroShot:
    """The parts' images one after the other."""
    return ZeroShot(
        pred_probs=np.concatenate([part.pred_probs for part in parts]),
        in_class_probability=np.concatenate([part.in_class_probability for part in parts]),
    )
