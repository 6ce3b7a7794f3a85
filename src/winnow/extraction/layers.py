"""The layers of a network, seen by running it once."""

from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from rich.table import Table

from winnow.extraction.model import Model
from winnow.extraction.taps import evaluating


@dataclass(frozen=True)
class Layer:
    """One module.

    Attributes:
        name: dotted, as `layer` takes it.
        kind: its class.
        calls: how often it runs in a forward pass; 0 for one that cannot be tapped.
        output: the shape of what it puts out for one image, in words.
    """

    name: str
    kind: str
    calls: int
    output: str


def list_layers(model: Model) -> list[Layer]:
    """Every module of a network, in its order, by one forward pass of a grey image of 224 pixels a side."""
    calls: dict[str, int] = {}
    shapes: dict[str, str] = {}

    def note(name: str, output: Any) -> None:
        calls[name] = calls.get(name, 0) + 1
        shapes.setdefault(name, shape_of(output))

    modules = [(name, module) for name, module in model.network.named_modules() if name]
    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: note(name, output))
        for name, module in modules
    ]
    try:
        with evaluating(model.network):
            model.run([model.prepare(Image.new("RGB", (224, 224), (128, 128, 128)))])
    finally:
        for handle in handles:
            handle.remove()
    return [
        Layer(name, type(module).__name__, calls.get(name, 0), shapes.get(name, "never called"))
        for name, module in modules
    ]


def shape_of(output: Any) -> str:
    """The shape of a tensor, or of each in a tuple, list or mapping."""
    if isinstance(output, torch.Tensor):
        return "x".join(str(size) for size in output.shape)
    if isinstance(output, dict):
        return ", ".join(f"{key}: {shape_of(value)}" for key, value in output.items())
    if isinstance(output, list | tuple):
        return ", ".join(shape_of(value) for value in output[:4]) + (", ..." if len(output) > 4 else "")
    return type(output).__name__


def layers_table(model: Model) -> Table:
    """The layers for people; `auto` first where there is a linear layer."""
    table = Table("layer", "kind", "calls", "output for one image")
    found = list_layers(model)
    linear = [layer.name for layer in found if layer.kind == "Linear"]
    if linear:
        table.add_row("auto", "", "", f"what enters {linear[-1]}")
    for layer in found:
        table.add_row(layer.name, layer.kind, str(layer.calls), layer.output)
    return table
