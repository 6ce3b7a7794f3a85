"""Convolutions of small maps by matrix products, for training on a CPU in bfloat16.

Where a map has few positions, oneDNN's convolutions, and most of all the gradients of their kernels, leave the matrix
unit idle; the same sums as one product of matrices do not (im2col: Chellapilla et al. 2006, "High performance
convolutional neural networks for document processing"). ResNet-34 at 64x64 spends most of a training step there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.grad import conv2d_input
from torch.overrides import TorchFunctionMode

_FEW = 4  # positions of the outgoing map, up to which forward pass and both gradients are products
_SOME = 16  # up to which the kernel's gradient is; four times as many where the kernel moves by two
_ROWS = 1024  # of a product at a time, so that what is laid out for it stays in a core's cache


@dataclass(frozen=True)
class _Shape:
    """Of a convolution without groups and dilation: images (B, C, H, W), a kernel (O, C, *size) and its moves."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    map_in: tuple[int, int]

    @property
    def map_out(self) -> tuple[int, int]:
        high, wide = (
            (length + 2 * margin - size) // step + 1
            for length, margin, size, step in zip(self.map_in, self.padding, self.size, self.stride, strict=True)
        )
        return high, wide

    @property
    def positions(self) -> int:
        """Of the outgoing map."""
        return self.map_out[0] * self.map_out[1]

    @property
    def is_few(self) -> bool:
        return self.positions <= _FEW

    @property
    def is_some(self) -> bool:
        return self.positions <= _SOME * min(self.stride) ** 2

    def columns(self, images: Tensor) -> Tensor:
        """What the kernel covers at each position: (B, H, W, C) to (B * positions, size * C)."""
        count, _, _, channels = images.shape
        padded = pad(images, (0, 0, self.padding[1], self.padding[1], self.padding[0], self.padding[0]))
        image, row, column, channel = padded.stride()
        windows = padded.as_strided(
            (count, *self.map_out, *self.size, channels),
            (image, row * self.stride[0], column * self.stride[1], row, column, channel),
        )
        return windows.reshape(count * self.positions, -1)

    def sums(self, columns: Tensor, channels: int) -> Tensor:
        """The transpose of `columns`: (B * positions, size * C) summed to (B, H, W, C), in float32."""
        windows = columns.view(-1, *self.map_out, *self.size, channels)
        high, wide = (length + 2 * margin for length, margin in zip(self.map_in, self.padding, strict=True))
        total = torch.zeros(len(windows), high, wide, channels)
        for row in range(self.size[0]):
            rows = slice(row, row + self.stride[0] * (self.map_out[0] - 1) + 1, self.stride[0])
            for column in range(self.size[1]):
                covered = slice(column, column + self.stride[1] * (self.map_out[1] - 1) + 1, self.stride[1])
                total[:, rows, covered] += windows[:, :, :, row, column]
        return total[:, self.padding[0] : high - self.padding[0], self.padding[1] : wide - self.padding[1]]


class SmallMaps(TorchFunctionMode):
    """Within it, `torch.conv2d` of small maps on a CPU computes in bfloat16, by matrix products where those are faster.

    Sums are rounded in another order than oneDNN's, so the bits differ; the same call gives the same bits. What else
    there is (larger maps, groups, dilation, a bias) is computed as without it.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        compute = _convolved if func is torch.conv2d else func
        return compute(*args, **(kwargs or {}))


def _convolved(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d`, with its arguments."""
    plain = bias is None and groups == 1 and _pair(dilation) == (1, 1)
    if plain and not isinstance(padding, str) and input.device.type == "cpu":
        shape = _Shape(_pair(weight.shape[2:]), _pair(stride), _pair(padding), _pair(input.shape[2:]))
        if shape.is_some:
            computed: Tensor = _Convolution.apply(input.to(torch.bfloat16), weight, shape)
            return computed
    return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


class _Convolution(torch.autograd.Function):
    """(B, C, H, W) bfloat16 images and an (O, C, *size) float32 kernel to (B, O, *map_out) bfloat16."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernel: Tensor, shape: _Shape) -> Tensor:
        rounded = kernel.to(torch.bfloat16, memory_format=torch.channels_last)
        ctx.save_for_backward(images, rounded)
        ctx.shape = shape
        if not shape.is_few:
            return torch.conv2d(images, rounded, None, shape.stride, shape.padding)
        products = shape.columns(images.permute(0, 2, 3, 1)) @ _flat(rounded).t()
        return products.view(len(images), *shape.map_out, -1).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        images, kernel = ctx.saved_tensors
        for_images, for_kernel, _ = ctx.needs_input_grad
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        return (
            _images_gradient(gradient, images, kernel, ctx.shape) if for_images else None,
            _kernel_gradient(gradient, images, ctx.shape) if for_kernel else None,
            None,
        )


def _images_gradient(gradient: Tensor, images: Tensor, kernel: Tensor, shape: _Shape) -> Tensor:
    if not shape.is_few:
        found: Tensor = conv2d_input(images.shape, kernel, gradient, shape.stride, shape.padding)
        return found
    sums = shape.sums(_rows(gradient) @ _flat(kernel), images.shape[1])
    return sums.to(torch.bfloat16).permute(0, 3, 1, 2)


def _kernel_gradient(gradient: Tensor, images: Tensor, shape: _Shape) -> Tensor:
    """In float32: products of some images each are added up."""
    rows, pixels = _rows(gradient), images.permute(0, 2, 3, 1)
    step = max(1, _ROWS // shape.positions)
    total: Tensor | None = None
    for start in range(0, len(images), step):
        part = rows[start * shape.positions : (start + step) * shape.positions]
        product = part.t() @ shape.columns(pixels[start : start + step])
        total = product.float() if total is None else total.add_(product)
    assert total is not None
    return total.view(gradient.shape[1], *shape.size, images.shape[1]).permute(0, 3, 1, 2)


def _rows(maps: Tensor) -> Tensor:
    """(B, C, H, W) to (B * H * W, C)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _flat(kernel: Tensor) -> Tensor:
    """(O, C, *size) to (O, size * C), as `_Shape.columns` lays windows out."""
    return kernel.permute(0, 2, 3, 1).reshape(len(kernel), -1)
