"""A matrix of shares as a heat map."""

import numpy as np
from matplotlib.axes import Axes

from winnow.report.formatting import shortened
from winnow.report.style import SEQUENTIAL

_MOST_NUMBERS = 16
_MOST_NAMES = 40


def heat_map(axes: Axes, shares: np.ndarray, *, class_names: list[str]) -> None:
    """Draw (K, K) shares in [0, 1], a row per class; NaN stays empty. In per cent, with numbers where they fit."""
    count = len(class_names)
    axes.pcolormesh(shares, cmap=SEQUENTIAL, vmin=0, vmax=1, rasterized=count > _MOST_NAMES)
    if count <= _MOST_NUMBERS:
        for row, column in np.argwhere(~np.isnan(shares)):
            share = shares[row, column]
            text = "·" if share < 0.005 else f"{100 * share:.0f}"
            colour = "white" if share > 0.55 else "#202020"
            size = 12 if count <= 12 else 9
            place = (column + 0.5, row + 0.5)
            axes.annotate(text, place, ha="center", va="center", fontsize=size, color=colour)
    step = max(1, -(-count // _MOST_NAMES))
    ticks = np.arange(0, count, step)
    names = [shortened(class_names[tick], 14) for tick in ticks]
    size = 12 if count <= 12 else 9 if count <= 25 else 6
    axes.set_xticks(ticks + 0.5, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(ticks + 0.5, names, fontsize=size)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.spines[["left", "bottom"]].set_visible(False)
