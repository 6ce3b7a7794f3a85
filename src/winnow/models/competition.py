"""The fixed network of the Data-Centric AI competition of 2021, as its `train.py` builds it with Keras.

ResNet-50 (He et al., arXiv 1512.03385) for 32 x 32 pixels, cut behind the first of its four groups of blocks, then
average pooling and a linear layer. What Keras has otherwise than torchvision is as in Keras: convolutions have biases,
kernels start Glorot-uniform and biases at zero, and batch normalisation has an epsilon of 1.001e-5 and keeps 99 % of
its running statistics in each step. 229,386 parameters for ten classes. `tests/models/test_competition.py` holds it to
numbers that Keras itself computed.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_SIZE = 32
_BGR_MEAN = (103.939, 116.779, 123.68)  # `keras.applications.resnet.preprocess_input`, of values in [0, 255]
_EPSILON, _MOMENTUM = 1.001e-5, 0.01  # torch's momentum is the share of the new batch
_WIDTH, _BLOCKS = 64, 3


class CompetitionNetwork(nn.Module):
    """Takes images of any size and shrinks them as the grader does, so that stored images keep their size."""

    bgr_mean: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.register_buffer("bgr_mean", torch.tensor(_BGR_MEAN).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Sequential(
            nn.Conv2d(3, _WIDTH, 7, stride=2, padding=3),
            _normalisation(_WIDTH),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),  # pads with zeros in Keras: the same of values that are not negative
        )
        self.blocks = nn.Sequential(*(_Bottleneck(_WIDTH if index == 0 else 4 * _WIDTH) for index in range(_BLOCKS)))
        self.classifier = nn.Linear(4 * _WIDTH, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to logits (B, num_classes)."""
        blue_green_red = shrunk(images).flip(1) * 255 - self.bgr_mean
        logits: Tensor = self.classifier(self.blocks(self.stem(blue_green_red)).mean(dim=(2, 3)))
        return logits


class _Bottleneck(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, _WIDTH, 1),
            _normalisation(_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            _normalisation(_WIDTH),
            nn.ReLU(inplace=True),
            nn.Conv2d(_WIDTH, 4 * _WIDTH, 1),
            _normalisation(4 * _WIDTH),
        )
        self.shortcut = nn.Sequential()
        if channels != 4 * _WIDTH:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, 4 * _WIDTH, 1), _normalisation(4 * _WIDTH))

    def forward(self, images: Tensor) -> Tensor:
        return functional.relu(self.residual(images) + self.shortcut(images))


def shrunk(images: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, 32, 32) as TensorFlow resizes: bilinear between the centres of pixels, without antialias
    and without regard to proportions. A stroke of one pixel in a large image may fall between samples and vanish."""
    if images.shape[2:] == (INPUT_SIZE, INPUT_SIZE):
        return images
    return functional.interpolate(images, size=(INPUT_SIZE, INPUT_SIZE), mode="bilinear", align_corners=False)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """One image, (H, W, 3) uint8 of any size, to (32, 32, 3) float32 in [0, 255] as `shrunk` does; not rounded."""
    image = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    return shrunk(image)[0].permute(1, 2, 0).contiguous().numpy()


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)
