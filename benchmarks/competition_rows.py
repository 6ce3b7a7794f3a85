"""The rows of the competition's table: what each trains on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from competition_data import Numerals, shrunk


@dataclass(frozen=True)
class Prepared:
    """What a row trains on, and chooses its epoch by: (N, 32, 32, 3) float32 in [0, 255] and (N,) labels."""

    pixels: np.ndarray
    labels: np.ndarray
    validation_pixels: np.ndarray
    validation_labels: np.ndarray


@dataclass(frozen=True)
class Row:
    """A row: what it is in words, the paper's figure where it has one, and how its data are made.

    Attributes:
        what: in words.
        paper: plain accuracy on the whole hidden test, as the paper has it.
        make: from the released images, the audit's path and a folder for what is worth keeping.
    """

    what: str
    paper: float | None
    make: Callable[[Numerals, Path, Path], Prepared]


def raw(released: Numerals, audit: Path, state: Path) -> Prepared:
    training, validation = released.of("train"), released.of("val")
    return Prepared(shrunk(training.images), training.labels, shrunk(validation.images), validation.labels)


ROWS: dict[str, Row] = {
    "raw": Row("the released images with their labels as given", 0.64463, raw),
}


def prepare(name: str, released: Numerals, audit: Path, *, state: Path) -> Prepared:
    """A row's data; the audit is read by the oracle alone."""
    return ROWS[name].make(released, audit, state)
