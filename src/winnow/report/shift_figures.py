"""Figures of the page about two test sets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from winnow.report.formatting import shortened
from winnow.report.style import BLUE, GREEN, INK, ORANGE, VERMILION, Drawn, Render, canvas
from winnow.shift.waterfall import WORDS

A_COLOUR, B_COLOUR = BLUE, ORANGE
_MOST_CLASSES = 30


def waterfall(summary: Mapping[str, Any], parts: pd.DataFrame, render: Render[Drawn]) -> Drawn:
    """From the accuracy on A to that on B, a bar a part, with its interval."""
    shown: pd.DataFrame = parts[(parts["value"].abs() > 5e-4) | parts["sure"]]
    level = 100 * summary["accuracy"]["a"]["value"]
    bottom = 100 * summary["accuracy"]["b"]["value"]
    with canvas(12, 0.62 * len(shown) + 2.4) as (figure, (axes,)):
        places = np.arange(len(shown) + 2)
        axes.barh(0, level, color=A_COLOUR)
        axes.barh(places[-1], bottom, color=B_COLOUR)
        lowest = min(level, bottom)
        values, reaches = 100 * shown["value"].to_numpy(), 50 * (shown["high"] - shown["low"]).to_numpy()
        for place, value, reach, sure in zip(places[1:-1], values, reaches, shown["sure"], strict=True):
            after = level - value
            colour = (VERMILION if value > 0 else GREEN) if sure else "#9a9a9a"
            axes.barh(place, value, left=after, color=colour)
            axes.errorbar(after, place, xerr=reach, color=INK, capsize=4, linewidth=1.4)
            axes.annotate(
                f"{-value:+.1f}",
                (max(level, after + reach), place),
                xytext=(8, 0),
                textcoords="offset points",
                va="center",
            )
            axes.plot([after, after], [place, place + 1], color="#9a9a9a", linewidth=1)
            lowest = min(lowest, after - reach)
            level = after
        for place, value in ((0, 100 * summary["accuracy"]["a"]["value"]), (places[-1], bottom)):
            axes.annotate(f"{value:.1f}", (value, place), xytext=(8, 0), textcoords="offset points", va="center")
        axes.set_yticks(places, ["accuracy on A", *(WORDS[name] for name in shown["part"]), "accuracy on B"])
        axes.invert_yaxis()
        axes.set_xlim(left=max(0.0, lowest - 4))
        axes.set_xlabel("accuracy, %")
        axes.grid(axis="x")
        return render(figure)


def classes(table: pd.DataFrame, render: Render[Drawn]) -> Drawn:
    """Recall of the classes on A and on B, those with the largest part of the drop first."""
    order = table["part"].abs().fillna(-1).sort_values(ascending=False, kind="stable").index[:_MOST_CLASSES]
    shown = table.loc[order]
    places = np.arange(len(shown))
    with canvas(11, max(2.6, 1.4 + 0.4 * len(shown))) as (figure, (axes,)):
        axes.hlines(places, 100 * shown["recall_a"], 100 * shown["recall_b"], color="#808080", linewidth=2.5, zorder=1)
        for name, colour, marker in (("a", A_COLOUR, "o"), ("b", B_COLOUR, "s")):
            axes.scatter(
                100 * shown[f"recall_{name}"],
                places,
                color=colour,
                marker=marker,
                s=90,
                zorder=2,
                label=f"set {name.upper()}",
            )
        names = [
            f"{shortened(row['class'], 24)}{' *' if row['sure'] else ''}" for row in shown.to_dict(orient="records")
        ]
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(-2, 102)
        axes.set_xlabel("recall, %")
        axes.grid(axis="x")
        axes.legend(loc="lower left")
        return render(figure)


def class_histogram(table: pd.DataFrame, render: Render[Drawn]) -> Drawn:
    """How many classes lie in which range of accuracy, on A and on B."""
    edges = np.linspace(0, 100, 11)
    middles = (edges[:-1] + edges[1:]) / 2
    with canvas(11, 3.8) as (figure, (axes,)):
        for name, colour, shift in (("a", A_COLOUR, -2.1), ("b", B_COLOUR, 2.1)):
            count, _ = np.histogram(100 * table[f"recall_{name}"].dropna(), bins=edges)
            axes.bar(middles + shift, count, width=4, color=colour, label=f"set {name.upper()}")
        axes.set_xticks(edges)
        axes.set_xlabel("recall of the class, %")
        axes.set_ylabel("classes")
        axes.locator_params(axis="y", integer=True)
        axes.legend()
        axes.grid(axis="y")
        return render(figure)


def distances(table: pd.DataFrame, render: Render[Drawn]) -> Drawn:
    """Accuracy by distance to the nearest training row."""
    with canvas(11, 3.8) as (figure, (axes,)):
        for name, colour, marker in (("a", A_COLOUR, "o"), ("b", B_COLOUR, "s")):
            rows = table[table["set"] == name]
            axes.plot(rows["bin"] + 1, 100 * rows["accuracy"], color=colour, marker=marker, label=f"set {name.upper()}")
        axes.set_xlabel("distance to the nearest training row, fifths of A (1 is nearest)")
        axes.set_ylabel("accuracy, %")
        axes.locator_params(axis="x", integer=True)
        axes.legend()
        axes.grid()
        return render(figure)


def curves(table: pd.DataFrame, render: Render[Drawn]) -> Drawn:
    """Training and validation loss by epoch, a line a seed."""
    with canvas(11, 3.8) as (figure, (axes,)):
        for order, (_, rows) in enumerate(table.groupby("seed", sort=True)):
            for column, colour, style in (("train_loss", A_COLOUR, "--"), ("validation_loss", VERMILION, "-")):
                words = column.replace("_", " ") if order == 0 else None
                axes.plot(rows["epoch"], rows[column], color=colour, linestyle=style, label=words)
        axes.set_xlabel("epoch")
        axes.set_ylabel("cross-entropy, nats")
        axes.locator_params(axis="x", integer=True)
        axes.set_ylim(bottom=0)
        axes.legend()
        axes.grid()
        return render(figure)
