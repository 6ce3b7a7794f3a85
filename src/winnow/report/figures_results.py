"""Figures of the results: learning curves, accuracy per class, confusion."""

import numpy as np

from winnow.files import ARMS
from winnow.report.content import Facts
from winnow.report.formatting import percent, shortened
from winnow.report.heatmap import heat_map
from winnow.report.style import ARM_COLOURS, Drawn, Render, canvas

_LINES = {"baseline": "--", "submission": "-"}
_MARKERS = {"baseline": "s", "submission": "o"}


def learning_curves(facts: Facts, render: Render[Drawn]) -> Drawn:
    """Validation balanced accuracy and training loss by epoch, a line per seed."""
    panels = {
        "validation_balanced_accuracy": ("balanced accuracy on the validation set, %", 100),
        "train_loss": ("training loss", 1),
    }
    with canvas(13, 5.8, columns=2) as (figure, both):
        for axes, (column, (words, factor)) in zip(both, panels.items(), strict=True):
            for arm in ARMS:
                for order, (_, rows) in enumerate(facts.curves[arm].groupby("seed", sort=True)):
                    rows = rows.sort_values("epoch")
                    axes.plot(
                        rows["epoch"],
                        factor * rows[column],
                        color=ARM_COLOURS[arm],
                        linestyle=_LINES[arm],
                        linewidth=2.2 if order == 0 else 1.2,
                        marker=_MARKERS[arm] if len(rows) <= 12 else None,
                        label=arm if order == 0 and axes is both[0] else None,
                    )
            axes.set_xlabel("epoch")
            axes.set_title(words)
            axes.grid()
            axes.locator_params(axis="x", integer=True)
        both[0].set_ylim(0, 100)
        both[1].set_ylim(bottom=0)
        figure.legend(loc="outside upper center", ncols=2)
        return render(figure)


def class_accuracies(facts: Facts, render: Render[Drawn]) -> Drawn:
    """Accuracy of each class in both arms, joined by a line."""
    table = facts.results.classes.head(60)
    places = np.arange(len(table))
    with canvas(11, max(3.2, 1.4 + 0.42 * len(table))) as (figure, (axes,)):
        axes.hlines(
            places, 100 * table["baseline"], 100 * table["submission"], color="#808080", linewidth=2.5, zorder=1
        )
        for arm in ARMS:
            words = f"{arm} ({percent(facts.results.accuracy(arm))} balanced)"
            colour, marker = ARM_COLOURS[arm], _MARKERS[arm]
            axes.scatter(100 * table[arm], places, color=colour, marker=marker, s=110, zorder=2, label=words)
        names = [
            f"{shortened(name, 20)} ({images})" for name, images in zip(table["class"], table["images"], strict=True)
        ]
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(-3, 103)
        axes.set_xlabel(f"accuracy on the {facts.results.place}, % (images in brackets)")
        axes.grid(axis="x")
        figure.legend(loc="outside upper center", ncols=2)
        return render(figure)


def confusion_matrices(facts: Facts, render: Render[Drawn]) -> Drawn:
    """Of both arms, a row per true class, in per cent of it."""
    with canvas(13, 6, columns=2) as (figure, panels):
        for axes, arm in zip(panels, ARMS, strict=True):
            counts = facts.results.confusion[arm]
            total = counts.sum(axis=1, keepdims=True)
            shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
            heat_map(axes, shares, class_names=facts.class_names)
            axes.set_title(f"{arm}: {percent(facts.results.accuracy(arm))}")
            axes.set_xlabel("predicted")
            axes.set_ylabel("true class")
        return render(figure)
