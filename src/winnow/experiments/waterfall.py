"""The study as a figure: from nothing to everything, step by step."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.patches import Patch

from winnow import tables

# Okabe & Ito (2008): told apart by the colour-blind, and by lightness in grey.
_COLOURS = {"better": "#009E73", "worse": "#D55E00", "cannot tell": "#999999", "reference": "#0072B2"}
_WORDS = {"better": "better", "worse": "worse", "cannot tell": "cannot tell", "reference": "where it starts"}


def write_waterfall(
    rows: Sequence[dict[str, Any]],
    paths: Sequence[Path],
    *,
    title: str,
    split: str,
    score: str = "balanced_accuracy",
    whiskers: str = "95 % interval of the step",
) -> None:
    """Draw the rows of `ablation.study_rows`: a bar from the row that each is measured against to its own accuracy.

    The first bar starts at the axis. The format follows the path's suffix.

    Args:
        rows: of each `name`, `label`, `over`, the score in [0, 1] and `step`; a `note`, if it has one, is written
            behind its figures.
        paths: of the figures.
        title: above them.
        split: the name of the set that was measured on.
        score: the column of `rows` that is drawn.
        whiskers: what `low` and `high` of a step are, in words.
    """
    by_name = {row["name"]: row for row in rows}
    figure, axes = plt.subplots(figsize=(9.6, 0.9 + 0.5 * len(rows)), layout="constrained")
    seen: set[str] = set()
    scores = [100 * row[score] for row in rows]
    ends = [
        100 * (by_name[row["over"]][score] + row["step"][side])
        for row in rows
        if row["step"]
        for side in ("low", "high")
    ]
    low, high = min([*scores, *ends]), max([*scores, *ends])
    left, right = low - 0.12 * (high - low) - 1, high + 0.22 * (high - low) + 1
    for place, row in enumerate(rows):
        reached = 100 * row[score]
        step = row["step"]
        verdict = step["verdict"] if step else "reference"
        start = 100 * by_name[row["over"]][score] if step else left
        width = reached - start
        axes.barh(place, width, left=start, height=0.62, color=_COLOURS[verdict], zorder=2)
        seen.add(verdict)
        edge = reached
        if step:
            ends = [start + 100 * step["low"], start + 100 * step["high"]]
            axes.plot(ends, [place, place], color="black", linewidth=1.2, zorder=3, marker="|", markersize=8)
            above = next(index for index, other in enumerate(rows) if other["name"] == row["over"])
            axes.plot([start, start], [above, place], color="#666666", linewidth=0.8, linestyle=":", zorder=1)
            edge = max(reached, start, *ends)
        text = f"{reached:.1f} %" + (f"  ({100 * step['value']:+.1f})" if step else "") + row.get("note", "")
        axes.annotate(text, (edge, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=10)
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows], fontsize=11)
    axes.invert_yaxis()
    axes.set_xlim(left, right)
    axes.set_xticks([tick for tick in axes.get_xticks() if left <= tick <= 100])  # the room beyond is for the figures
    axes.set_xlabel(f"{score.replace('_', ' ')} on the {split} set, % (whiskers: {whiskers})", fontsize=11)
    axes.set_title(title, loc="left", fontsize=13)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", zorder=0)
    axes.set_axisbelow(True)
    order = [verdict for verdict in _COLOURS if verdict in seen]
    figure.legend(
        handles=[Patch(color=_COLOURS[verdict], label=_WORDS[verdict]) for verdict in order],
        loc="outside lower right",
        ncols=len(order),
        frameon=False,
        fontsize=10,
    )
    for path in paths:
        with tables.replacing(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "winnow"}):
            kind = path.suffix.removeprefix(".")
            figure.savefig(temporary, format=kind, dpi=160, metadata={"Date": None} if kind == "svg" else None)
    plt.close(figure)
