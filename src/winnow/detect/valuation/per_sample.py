"""The gradients of single images, as products with given directions: never stored, and without a backward pass each.

`per_sample_products` runs one forward and one backward pass of a batch and forms every image's gradient layer by layer,
from the layer's input and the gradient of its output (Goodfellow, arXiv 1510.01799; for convolutions Rochette et al.,
arXiv 1912.06015): any number of directions at little more than the cost of training.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, unfold

_LAYERS = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


@dataclass(frozen=True)
class PerSample:
    """What a batch of B images says, each for itself.

    Attributes:
        products: (B, J) the gradient of each image's loss times each direction.
        squared_norms: (B,) of that gradient.
        logits: (B, K).
    """

    products: Tensor
    squared_norms: Tensor
    logits: Tensor


def flat_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """(B, P): the gradient of every image's cross-entropy, as one row over `network.parameters()`; a pass per image."""
    parameters = list(network.parameters())
    rows = []
    for image, label in zip(images.split(1), labels.split(1), strict=True):
        gradients = torch.autograd.grad(cross_entropy(network(image), label), parameters, materialize_grads=True)
        rows.append(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    return torch.stack(rows)


def per_sample_products(network: nn.Module, images: Tensor, labels: Tensor, directions: Tensor) -> PerSample:
    """Gradients of single images by hooks, in the mode of evaluation: no image sees the others.

    Args:
        network: a module in evaluation mode, of layers that `can_be_hooked`; maps `images` to (B, K) logits.
        images: (B, 3, H, W).
        labels: (B,) int64 in [0, K).
        directions: (J, P) over `network.parameters()`, each flattened, in that order.

    Raises:
        ValueError: if the network has other layers with parameters, or is in training mode.
    """
    if network.training or not can_be_hooked(network):
        raise ValueError(
            f"gradients of single images need a network in evaluation mode whose parameters are those of "
            f"{', '.join(layer.__name__ for layer in _LAYERS)}"
        )
    images = images.detach().requires_grad_()
    with _watched(network) as calls:
        logits = network(images)
        # By the images alone, so that the backward pass goes through every layer and sums no gradients over the batch.
        torch.autograd.grad(cross_entropy(logits, labels, reduction="sum"), images)
    with torch.no_grad():
        products = directions.new_zeros(len(images), len(directions))
        squared_norms = directions.new_zeros(len(images))
        for (first, last), gradient in _gradients(network, calls):
            products += gradient @ directions[:, first:last].T
            squared_norms += gradient.square().sum(dim=1)
    return PerSample(products, squared_norms, logits.detach())


def can_be_hooked(network: nn.Module) -> bool:
    """Whether all parameters are those of linear layers, of plain convolutions and of batch normalisation in 2D.

    A class that is derived from one of these computes something else, and is none of them.
    """
    return all(
        type(module) in _LAYERS
        and (not isinstance(module, nn.Conv2d) or (module.groups == 1 and module.padding_mode == "zeros"))
        for module in network.modules()
        if next(module.parameters(recurse=False), None) is not None
    )


def losses_of(network: nn.Module, images: Tensor, labels: Tensor) -> Callable[[Tensor], Tensor]:
    """The function from flat parameters (P,) to the (B,) cross-entropies of images, in the network's mode.

    In training mode each loss depends on the statistics of all images, and the network's running ones are updated.
    """
    names = [name for name, _ in network.named_parameters()]
    shapes = [parameter.shape for parameter in network.parameters()]
    buffers = dict(network.named_buffers())

    def losses(flat: Tensor) -> Tensor:
        parts = flat.split([shape.numel() for shape in shapes])
        parameters = {name: _laid_out(part.view(shape)) for name, part, shape in zip(names, parts, shapes, strict=True)}
        return cross_entropy(functional_call(network, parameters | buffers, (images,)), labels, reduction="none")

    return losses


def flat_parameters(network: nn.Module) -> Tensor:
    """(P,): a copy of `network.parameters()` as one vector."""
    return torch.cat([parameter.detach().reshape(-1) for parameter in network.parameters()])


def _laid_out(parameter: Tensor) -> Tensor:
    """A parameter as training has it in memory, so that activations are, too, and dropout draws them the same."""
    return parameter.contiguous(memory_format=torch.channels_last) if parameter.dim() == 4 else parameter


@dataclass
class _Call:
    """A layer's part in a forward pass: what came in, and the gradient of what went out."""

    module: nn.Module
    input: Tensor
    gradient: list[Tensor] = field(default_factory=list)


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[_Call]]:
    calls: list[_Call] = []

    def after(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        call = _Call(module, inputs[0].detach())
        output.register_hook(lambda gradient: call.gradient.append(gradient))
        calls.append(call)

    handles = [module.register_forward_hook(after) for module in network.modules() if type(module) in _LAYERS]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _gradients(network: nn.Module, calls: Iterable[_Call]) -> Iterator[tuple[tuple[int, int], Tensor]]:
    """Each parameter's place in the flat vector, and the (B, size) gradients of the images.

    A layer that is used twice has the sum of both uses.
    """
    place, first = {}, 0
    for parameter in network.parameters():
        place[parameter] = (first, first + parameter.numel())
        first += parameter.numel()
    total: dict[nn.Parameter, Tensor] = {}
    for call in calls:
        weight, bias = _of_call(call)
        for owned, gradient in ((call.module.weight, weight), (call.module.bias, bias)):
            if isinstance(owned, nn.Parameter):
                total[owned] = total[owned] + gradient if owned in total else gradient
    for parameter, gradient in total.items():
        yield place[parameter], gradient


def _of_call(call: _Call) -> tuple[Tensor, Tensor]:
    """(B, size) gradients of a layer's weight and bias."""
    module, images, gradient = call.module, call.input, call.gradient[0]
    if isinstance(module, nn.Conv2d):
        patches = unfold(
            images,
            module.kernel_size,
            dilation=module.dilation,
            padding=module.padding if not isinstance(module.padding, str) else _same_padding(module),
            stride=module.stride,
        )  # (B, C * kernel, L)
        outputs = gradient.flatten(2)  # (B, O, L)
        return torch.bmm(outputs, patches.transpose(1, 2)).flatten(1), outputs.sum(dim=2)
    if isinstance(module, nn.BatchNorm2d):
        mean, variance = module.running_mean, module.running_var
        assert mean is not None and variance is not None
        scale = (variance + module.eps).rsqrt()[:, None, None]
        normalised = (images - mean[:, None, None]) * scale
        return (gradient * normalised).sum(dim=(2, 3)), gradient.sum(dim=(2, 3))
    images, gradient = images.flatten(1, -2) if images.dim() > 2 else images[:, None], gradient
    outputs = gradient.flatten(1, -2) if gradient.dim() > 2 else gradient[:, None]  # (B, L, O)
    return torch.bmm(outputs.transpose(1, 2), images).flatten(1), outputs.sum(dim=1)


def _same_padding(module: nn.Conv2d) -> tuple[int, int]:
    if module.padding == "valid":
        return (0, 0)
    height, width = (step * (size - 1) for step, size in zip(module.dilation, module.kernel_size, strict=True))
    return (height // 2, width // 2)
