"""Catching what a layer puts out, or what goes into it, as a network runs."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from winnow.errors import WinnowError

AUTO = "auto"
"""The layer that stands for what enters the last linear layer: in nearly every classifier the pooled features."""


def last_linear(network: nn.Module) -> str:
    """The name of the last linear layer.

    Raises:
        WinnowError: if there is none.
    """
    names: list[str] = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not names:
        raise WinnowError(
            "the network has no linear layer, so 'auto' finds none; name a layer ('winnow layers MODEL' lists them)."
        )
    return names[-1]


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Within it, a network runs in evaluation mode and without gradients; each module's mode comes back after it."""
    training = [module for module in network.modules() if module.training]
    try:
        network.eval()
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def tap(network: nn.Module, layer: str) -> Iterator[list[Any]]:
    """Within it, each call of a layer appends its output to the list; for `auto`, the input of the last linear layer.

    The network runs in evaluation mode and is left as it was found, hooks removed, also after an error.

    Args:
        network: any module.
        layer: a dotted name of `network.named_modules()`, or `auto`.

    Raises:
        WinnowError: if there is no such layer; the message names those that are spelt most alike.
    """
    caught: list[Any] = []
    if layer == AUTO:
        handle = network.get_submodule(last_linear(network)).register_forward_pre_hook(
            lambda module, inputs, named: caught.append((*inputs, *named.values())[0]), with_kwargs=True
        )
    else:
        handle = _named(network, layer).register_forward_hook(lambda module, inputs, output: caught.append(output))
    try:
        with evaluating(network):
            yield caught
    finally:
        handle.remove()


def _named(network: nn.Module, layer: str) -> nn.Module:
    modules = dict(network.named_modules())
    if layer not in modules or not layer:
        alike = difflib.get_close_matches(layer, modules, n=3, cutoff=0.3) or [name for name in modules if name][:3]
        raise WinnowError(f"the network has no layer {layer!r}; the nearest are {', '.join(alike)}.")
    module: nn.Module = modules[layer]
    return module
