"""Figures of the data: classes, noise, scores, the map."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from winnow.curation.review import ACTIONS
from winnow.report.content import Facts
from winnow.report.formatting import number, shortened
from winnow.report.heatmap import heat_map
from winnow.report.histograms import Histogram
from winnow.report.style import (
    ACTION_COLOURS,
    ACTION_MARKERS,
    ACTION_WORDS,
    BLUE,
    GREEN,
    INK,
    ORANGE,
    VERMILION,
    Drawn,
    Render,
    canvas,
)

_MOST_ROWS = 60
_ROUNDS = 12


def class_counts(facts: Facts, render: Render[Drawn]) -> Drawn:
    """Images per class: as they came, after cleaning, in the training set."""
    table = facts.classes.head(_MOST_ROWS)
    parts = {"given": ("as it came", ORANGE), "final": ("after cleaning", BLUE), "training": ("training set", GREEN)}
    with canvas(11, max(3.5, 1.2 + 0.52 * len(table))) as (figure, (axes,)):
        for place, (column, (words, colour)) in enumerate(parts.items()):
            y = np.arange(len(table)) + 0.27 * (place - 1)
            axes.barh(y, table[column], height=0.25, color=colour, label=words)
            for at, value in zip(y, table[column], strict=True):
                text = f" {number(value)}"
                axes.annotate(text, (value, at), va="center", fontsize=9 if len(table) < 20 else 6)
        axes.set_yticks(range(len(table)), [shortened(name, 22) for name in table["class"]])
        axes.invert_yaxis()
        axes.set_xlabel("images")
        axes.margins(x=0.08, y=0.02)
        axes.grid(axis="x")
        figure.legend(loc="outside upper center", ncols=3)
        return render(figure)


def class_outcomes(facts: Facts, render: Render[Drawn]) -> Drawn:
    """What became of each class's images, by the label they came with."""
    table = facts.classes.head(_MOST_ROWS)
    with canvas(11, max(3.0, 1.2 + 0.4 * len(table))) as (figure, (axes,)):
        start = np.zeros(len(table))
        total = np.maximum(table[["kept", "relabelled", "dropped"]].sum(axis=1).to_numpy(), 1)
        for action in ACTIONS:
            share = 100 * table[ACTION_WORDS[action]].to_numpy() / total
            axes.barh(range(len(table)), share, left=start, height=0.74, color=ACTION_COLOURS[action])
            dark = action != "relabel"
            for place, (left, width) in enumerate(zip(start, share, strict=True)):
                if width >= 6:
                    text = f"{width:.0f}%"
                    colour = "white" if dark else "black"
                    axes.annotate(text, (left + width / 2, place), ha="center", va="center", color=colour, fontsize=10)
            start += share
        axes.set_yticks(range(len(table)), [shortened(name, 22) for name in table["class"]])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the images with this label as it came")
        handles = [Patch(color=ACTION_COLOURS[action], label=ACTION_WORDS[action]) for action in ACTIONS]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
        return render(figure)


def noise_matrix(facts: Facts, render: Render[Drawn]) -> Drawn:
    """The noise transition matrix."""
    with canvas(8, 6.4) as (figure, (axes,)):
        heat_map(axes, facts.noise.rates, class_names=facts.class_names)
        axes.set_xlabel("label as it came")
        axes.set_ylabel("true class, as estimated")
        return render(figure)


def score_histograms(facts: Facts, render: Render[Drawn]) -> Drawn:
    """The scores that rules cut, with their thresholds."""
    with canvas(6.5 * len(facts.histograms), 6, columns=len(facts.histograms)) as (figure, panels):
        for axes, found in zip(panels, facts.histograms, strict=True):
            _draw_histogram(axes, found)
        return render(figure)


def _draw_histogram(axes: Axes, found: Histogram) -> None:
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    wrong = found.score.beyond(middle, found.threshold)
    width = np.diff(found.edges)
    for part, colour in ((wrong, VERMILION), (~wrong, BLUE)):
        axes.bar(middle[part], found.counts[part], width=0.94 * width[part], color=colour)
    axes.axvline(found.threshold, color=INK, linewidth=1.8, linestyle="--")
    low, high = found.edges[[0, -1]]
    right = found.threshold > (low + high) / 2
    axes.annotate(
        f" threshold {found.threshold:g}: \n {number(found.beyond)} {found.score.beyond_words} ",
        (found.threshold, 0.99),
        xycoords=("data", "axes fraction"),
        ha="right" if right else "left",
        va="top",
        fontsize=12,
        zorder=5,
    )
    axes.set_xlim(low, high)
    most = max(found.counts.max(), 1)
    if found.score.skewed:  # nearly all images are in the first bar, and the few others are what matters
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: number(round(value)))
        axes.set_ylim(0.7, 10 * most)
        axes.set_ylabel("images, on a logarithmic scale")
    else:
        axes.set_ylim(0, most * 1.22)
        axes.set_ylabel("images")
    axes.set_xlabel(f"{found.score.title} ({found.score.direction})")
    axes.grid(axis="y")


def flat_map(facts: Facts, render: Render[Drawn]) -> Drawn:
    """All images on the map, coloured by what became of them."""
    action = facts.ledger["action"].to_numpy()
    places = facts.places.flat
    size = float(np.clip(120_000 / max(len(places), 1), 5, 26))
    with canvas(12, 6) as (figure, (axes,)):
        # In rounds, so that no colour lies on top of all others.
        for turn, name in itertools.product(range(_ROUNDS), ACTIONS):
            rows = np.flatnonzero(action == name)
            x, y = places[rows[turn::_ROUNDS]].T
            axes.scatter(
                x,
                y,
                s=size,
                color=ACTION_COLOURS[name],
                marker=ACTION_MARKERS[name],
                alpha=0.7,
                linewidths=0,
                rasterized=True,
                label=None if turn else f"{ACTION_WORDS[name]} ({number(len(rows))})",
            )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
        figure.legend(loc="outside upper center", ncols=3, markerscale=max(1.0, (90 / size) ** 0.5), fontsize=15)
        return render(figure)
