"""The critic of the search: tells augmented images from original ones, and classes from one another."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Critic(nn.Module):
    """A small residual network with two heads: a Wasserstein critic's score, and class logits.

    Its groups are normalised within an image: the gradient penalty asks for each image's own gradient, which batch
    normalisation would mix with the others' (Gulrajani et al., arXiv 1704.00028, section 4).

    Args:
        width: channels of the first block, a multiple of 4.
        num_classes: K.
    """

    def __init__(self, *, width: int, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(_Block(width, width), _Block(width, 2 * width), _Block(2 * width, 4 * width))
        self.score = nn.Linear(4 * width, 1)
        self.classifier = nn.Linear(4 * width, num_classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) in [0, 1] to scores (B,), higher for originals, and logits (B, K)."""
        features = functional.relu(self.blocks(self.stem(4 * images - 2))).mean(dim=(2, 3))
        return self.score(features).squeeze(1), self.classifier(features)


class _Block(nn.Module):
    """Two convolutions beside a shortcut (He et al., arXiv 1603.05027); halves the side where channels grow."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        stride = 1 if channels == channels_in else 2
        self.residual = nn.Sequential(
            nn.GroupNorm(4, channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1),
            nn.GroupNorm(4, channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(channels_in, channels, 1))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.residual(images) + self.shortcut(images)
        return result


def gradient_penalty(critic: Critic, originals: Tensor, augmented: Tensor, share: Tensor) -> Tensor:
    """Mean squared distance from 1 of the norm of the score's gradient, between the images (arXiv 1704.00028).

    Args:
        critic: whose score.
        originals, augmented: (B, 3, H, W).
        share: (B, 1, 1, 1) in [0, 1], of the originals in the mixtures where the gradient is taken.
    """
    mixed = (share * originals + (1 - share) * augmented).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed)[0].sum(), mixed, create_graph=True)
    # The root's own gradient is infinite at 0, where a saturated network may be.
    norm = (gradient.flatten(1).square().sum(dim=1) + 1e-12).sqrt()
    return (norm - 1).square().mean()
