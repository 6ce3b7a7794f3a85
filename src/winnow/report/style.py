"""How figures look: colours that the colour-blind tell apart, sizes that a projector shows, bytes that repeat."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito (2008): told apart by the colour-blind, and by lightness in grey.
ACTION_COLOURS = {"keep": "#0072B2", "relabel": "#E69F00", "drop": "#D55E00"}
ACTION_MARKERS = {"keep": "o", "relabel": "^", "drop": "X"}
ACTION_WORDS = {"keep": "kept", "relabel": "relabelled", "drop": "dropped"}
ARM_COLOURS = {"baseline": "#E69F00", "submission": "#0072B2"}
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SEQUENTIAL = "Blues"
# Text and axes are drawn in this colour, which becomes the page's own in the report.
INK = "#010203"
_RC: dict[Any, str | float | bool] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
    "font.size": 13,
    "axes.titlesize": 14,
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#808080",
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "winnow",
    "text.parse_math": False,  # a class may be called $x$
}


Drawn = TypeVar("Drawn", str, bytes)
Render = Callable[[Figure], Drawn]  # `to_svg` or `to_png`


@contextmanager
def canvas(width: float, height: float, *, rows: int = 1, columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of that many inches and its axes, row by row; the caller draws, and `to_svg` or `to_png` after."""
    with matplotlib.rc_context(_RC):
        figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained", squeeze=False)
        try:
            yield figure, list(axes.flat)
        finally:
            plt.close(figure)


def to_svg(figure: Figure, *, prefix: str) -> str:
    """The figure as an `<svg>` element for a page; its ids begin with `prefix`, its ink is the page's text colour."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_RC):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    opening, body = text[text.index("<svg") :].split(">", 1)
    # The page sets the size; it needs no namespaces, which would look like addresses.
    opening = re.sub(r' (width|height|xmlns(:xlink)?)="[^"]*"', "", opening)
    body = body.replace("xlink:href", "href").replace(INK, "currentColor")
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", body)
    return f"{opening}>{body}".strip()


def to_png(figure: Figure, *, dpi: int = 160) -> bytes:
    """The figure on white, as PNG bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_RC):
        figure.savefig(buffer, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
