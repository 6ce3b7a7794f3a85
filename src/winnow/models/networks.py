"""The networks that are trained from scratch."""

from torch import nn
from torchvision import models


def resnet34(num_classes: int) -> nn.Module:
    """ResNet-34 (He et al. 2016, arXiv 1512.03385) as in torchvision, random weights, K = `num_classes` outputs."""
    return models.resnet34(weights=None, num_classes=num_classes)
