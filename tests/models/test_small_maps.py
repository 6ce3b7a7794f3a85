"""Convolutions as matrix products: the sums of torch's own, to the last bit where they are small integers."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torchvision.models import resnet34

from winnow.models.small_maps import SmallMaps


def integers(*shape: int, seed: int) -> Tensor:
    """-1, 0 and 1: sums of fewer than 256 of their products are exact in bfloat16."""
    return torch.randint(-1, 2, shape, generator=torch.Generator().manual_seed(seed)).float()


@pytest.mark.parametrize(
    ("side", "size", "stride", "padding"),
    [
        (2, 3, 1, 1),  # 2 x 2: all by products
        (4, 3, 2, 1),
        (4, 1, 2, 0),
        (1, 1, 1, 0),
        (4, 3, 1, 1),  # 4 x 4: the kernel's gradient alone
        (16, 3, 2, 1),
        (5, 3, 2, 0),
        (5, 2, 1, 0),
    ],
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_sums_of_integers_are_exact(side, size, stride, padding, layout):
    images = integers(9, 5, side, side, seed=0).contiguous(memory_format=layout).requires_grad_()
    kernel = integers(6, 5, size, size, seed=1).contiguous(memory_format=layout).requires_grad_()
    expected = conv2d(images, kernel, None, stride, padding)
    gradient = integers(*expected.shape, seed=2) * (integers(*expected.shape, seed=3) == 1)
    expected_images, expected_kernel = torch.autograd.grad(expected, (images, kernel), gradient)

    with SmallMaps():
        found = conv2d(images, kernel, None, stride, padding)
    found_images, found_kernel = torch.autograd.grad(found, (images, kernel), gradient.to(torch.bfloat16))

    assert found.dtype == torch.bfloat16
    assert found_kernel.dtype == torch.float32
    assert expected_kernel.abs().max() < 256
    assert torch.equal(found.float(), expected)
    assert torch.equal(found_images, expected_images)
    assert torch.equal(found_kernel, expected_kernel)


def test_many_images_are_added_up_in_parts():
    images, kernel = integers(1500, 2, 2, 2, seed=0), integers(3, 2, 3, 3, seed=1).requires_grad_()
    gradient = integers(1500, 3, 2, 2, seed=2) * (torch.rand(1500, 1, 1, 1) < 0.05)
    with SmallMaps():
        found = conv2d(images, kernel, None, 1, 1)
    expected = torch.autograd.grad(conv2d(images, kernel, None, 1, 1), kernel, gradient)[0]
    assert torch.equal(torch.autograd.grad(found, kernel, gradient.to(torch.bfloat16))[0], expected)


@pytest.mark.parametrize(
    "convolution",
    [
        nn.Conv2d(8, 8, 3, padding=1, bias=True),
        nn.Conv2d(8, 8, 3, padding=1, groups=2, bias=False),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, bias=False),
        nn.Conv2d(8, 8, 3, padding="same", bias=False),
    ],
)
def test_what_it_does_not_compute_is_left_alone(convolution):
    images = torch.rand(2, 8, 2, 2)
    with SmallMaps():
        found = convolution(images)
    assert torch.equal(found, convolution(images))


def test_large_maps_are_left_alone():
    convolution, images = nn.Conv2d(8, 8, 3, padding=1, bias=False), torch.rand(2, 8, 5, 5)
    with SmallMaps():
        found = convolution(images)
    assert torch.equal(found, convolution(images))


def test_the_gradients_of_resnet34_lie_as_near_to_float32_as_those_of_autocast():
    torch.manual_seed(0)
    network = resnet34(num_classes=10).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # over few images it would magnify every rounding
            module.eval()
    images, labels = torch.rand(16, 3, 64, 64), torch.arange(16) % 10

    def gradients(rounded: bool, mode) -> Tensor:
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded), mode:
            logits = network(images)
        nn.functional.cross_entropy(logits.float(), labels).backward()
        return torch.cat([parameter.grad.flatten() for parameter in network.parameters()])

    exact = gradients(False, nullcontext())
    autocast = (gradients(True, nullcontext()) - exact).norm() / exact.norm()
    products = (gradients(True, SmallMaps()) - exact).norm() / exact.norm()
    assert 0 < products < 1.2 * autocast < 0.1
