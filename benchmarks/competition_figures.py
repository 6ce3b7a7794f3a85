"""What cleaning and copying did to the numerals, in pictures: docs/figures/competition-*.png.

    python benchmarks/competition_figures.py --shared ../shared

Of the row `full` of `competition.py`, whose `--state` it reads; what is missing there is made first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from competition_data import Numerals, read_numerals
from competition_rows import cleaned_and_searched, state_of_this_code
from winnow.augmentation.policy.policy import Policy
from winnow.detect.labels.neighbour_rule import edge_difficulty
from winnow.submission.competition import CLASS_NAMES

ROOT = Path(__file__).resolve().parents[1]
ACROSS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/roman-numerals")
    parser.add_argument("--state", default=".winnow/competition", type=Path, help="of benchmarks/competition.py")
    parser.add_argument("--out", default=ROOT / "docs/figures", type=Path)
    arguments = parser.parse_args()
    folder, state = arguments.shared / "data/roman-numerals", state_of_this_code(arguments.state)
    released = read_numerals(folder / "roman-numerals.zip")
    chosen = cleaned_and_searched("full", released, folder / "human-audit.csv", state=state)
    assert chosen.policy is not None
    decided = pd.read_parquet(state / "round-2.parquet")
    draw_outcomes(released, decided, arguments.out / "competition-outcomes.png")
    draw_copies(released, chosen.cleaned.labels, chosen.policy, arguments.out / "competition-policy.png")


def draw_outcomes(released: Numerals, decided: pd.DataFrame, path: Path) -> None:
    """Relabelled, dropped and edge cases, the clearest of each first."""
    given, final = decided["label"], decided["final_label"]
    difficulty = pd.Series(edge_difficulty(decided, final.to_numpy()), index=decided.index)
    groups = {
        "relabelled, the most certain": decided[(final >= 0) & (final != given)].sort_values(
            "suggested_confidence", ascending=False
        ),
        "dropped, the lowest label quality": decided[final < 0].sort_values("label_quality_score"),
        "edge cases, the farthest from their class": decided.loc[difficulty.sort_values(ascending=False).index],
    }
    image = dict(zip(released.paths, released.images, strict=True))
    figure, axes = plt.subplots(2 * len(groups), ACROSS, figsize=(12, 9.6))
    for number, (title, rows) in enumerate(groups.items()):
        cells = axes[2 * number : 2 * number + 2].ravel()
        for cell, row in zip(cells, rows.itertuples(), strict=False):
            before, after = CLASS_NAMES[row.label], CLASS_NAMES[row.final_label]
            changed = f"{before} → {after}" if row.final_label >= 0 and before != after else before
            _show(cell, image[row.image_id], changed)
        cells[0].annotate(title, (0, 1.55), xycoords="axes fraction", fontsize=11, fontweight="bold")
    _save(figure, axes.ravel(), path)


def draw_copies(released: Numerals, labels: np.ndarray, policy: Policy, path: Path) -> None:
    """An image of each second class, then copies of it."""
    figure, axes = plt.subplots(5, ACROSS, figsize=(12, 5.4))
    for line, label in zip(axes, range(0, len(CLASS_NAMES), 2), strict=True):
        row = np.flatnonzero((released.split == "train") & (labels == label))[0]
        _show(line[0], released.images[row], f"{CLASS_NAMES[label]}, as it came")
        for seed, cell in enumerate(line[1:]):
            _show(cell, policy.apply(released.images[row], 100 * label + seed), "")
    _save(figure, axes.ravel(), path)


def _show(cell: plt.Axes, image: np.ndarray, title: str) -> None:
    cell.imshow(image)
    cell.set_title(title, fontsize=8)


def _save(figure: plt.Figure, cells: Sequence[plt.Axes], path: Path) -> None:
    for cell in cells:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_color("lightgray")
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.92, hspace=0.8, wspace=0.08)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
