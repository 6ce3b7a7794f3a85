"""Products with the gradients of single images, against a backward pass for each image."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from winnow.detect.valuation.per_sample import (
    can_be_hooked,
    flat_gradients,
    flat_parameters,
    losses_of,
    per_sample_products,
)
from winnow.models.competition import CompetitionNetwork
from winnow.models.small_resnet import SmallResNet


class Twice(nn.Module):
    """A convolution that is used twice, an in-place activation, and a bias-free linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.again = nn.Conv2d(4, 4, 3, padding="same", dilation=2)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.out = nn.Linear(4, 3, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        hidden = self.act(self.norm(self.again(self.first(images))))
        return self.out(self.again(hidden).mean(dim=(2, 3)))


def seven() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(5),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, 6, (3, 2), stride=(1, 2), padding=(0, 1)),
        nn.Flatten(),
        nn.LazyLinear(3),
    )


NETWORKS = {
    "two uses": Twice,
    "7x7": seven,
    "residual": lambda: SmallResNet(width=2, num_classes=3),
    "competition": lambda: CompetitionNetwork(3),
}


@pytest.fixture(params=NETWORKS)
def case(request):
    torch.manual_seed(0)
    network = NETWORKS[request.param]()
    images, labels = torch.rand(6, 3, 9, 9), torch.tensor([0, 1, 2, 2, 1, 0])
    network.train()(images)  # running statistics that are not those of the start
    network = network.double().eval()
    images = images.double()
    size = len(flat_parameters(network))
    return network, images, labels, torch.randn(4, size, dtype=torch.float64) / size**0.5


def by_backward(network, images, labels, directions):
    """A backward pass for each image; nothing shared with the code under test."""
    rows = []
    for image, label in zip(images, labels, strict=True):
        network.zero_grad()
        cross_entropy(network(image[None]), label[None]).backward()
        rows.append(torch.cat([parameter.grad.reshape(-1) for parameter in network.parameters()]))
    gradients = torch.stack(rows)
    return gradients @ directions.T, gradients.square().sum(dim=1)


def pushed_forward(network, images, labels, direction):
    """A Jacobian-vector product: forward mode, without hooks."""
    return torch.func.jvp(losses_of(network, images, labels), (flat_parameters(network),), (direction,))[1].detach()


def test_products_and_norms_are_those_of_a_backward_pass_for_each_image(case):
    network, images, labels, directions = case
    found = per_sample_products(*case)
    products, squared_norms = by_backward(network, images, labels, directions)
    torch.testing.assert_close(found.products, products, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.squared_norms, squared_norms, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.logits, network(images))
    torch.testing.assert_close(flat_gradients(network, images, labels) @ directions.T, products, rtol=1e-9, atol=1e-12)


def test_forward_mode_gives_the_same(case):
    network, images, labels, directions = case
    pushed = pushed_forward(network, images, labels, directions[1])
    torch.testing.assert_close(per_sample_products(*case).products[:, 1], pushed, rtol=1e-9, atol=1e-12)


def test_products_are_linear_in_the_direction_and_do_not_depend_on_the_batch(case):
    network, images, labels, directions = case
    whole = per_sample_products(*case).products
    mixed = per_sample_products(network, images, labels, (2 * directions[0] - directions[3])[None]).products[:, 0]
    torch.testing.assert_close(mixed, 2 * whole[:, 0] - whole[:, 3])
    parts = [per_sample_products(network, images[rows], labels[rows], directions) for rows in ([4, 0], [1], [5, 2, 3])]
    torch.testing.assert_close(torch.cat([part.products for part in parts]), whole[[4, 0, 1, 5, 2, 3]])


def test_no_gradient_is_left_in_the_network_and_no_hook(case):
    network = case[0]
    network.zero_grad()
    per_sample_products(*case)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_layer_that_is_derived_from_a_known_one_is_none_of_them():
    """As timm's batch normalisation with an activation: its gradient would be another layer's."""

    class WithActivation(nn.BatchNorm2d):
        def forward(self, images):
            return super().forward(images).relu()

    assert can_be_hooked(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)))
    assert not can_be_hooked(nn.Sequential(nn.Conv2d(3, 4, 1), WithActivation(4)))


def test_what_cannot_be_hooked_is_refused_though_forward_mode_takes_it():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 2)).double()
    images, labels = torch.rand(2, 4, 4, 4, dtype=torch.float64), torch.tensor([0, 1])
    direction = torch.randn(len(flat_parameters(network)), dtype=torch.float64)
    assert not can_be_hooked(network)
    with pytest.raises(ValueError, match=r"whose parameters are those of Conv2d, Linear, BatchNorm2d$"):
        per_sample_products(network.eval(), images, labels, direction[None])
    expected = by_backward(network, images, labels, direction[None])[0][:, 0]
    torch.testing.assert_close(pushed_forward(network, images, labels, direction), expected)
    with pytest.raises(ValueError, match="evaluation mode"):
        per_sample_products(SmallResNet(width=2, num_classes=2).train(), images[:, :3], labels, direction[None])
