"""A comparison for the terminal, as Markdown and as JSON."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from winnow.compare.comparison import Comparison, caveats, percent, points, sentence

_HEAD = ["run", "balanced accuracy", "difference", "interval", "McNemar p", "verdict"]
_COLOURS = {"better": "green", "worse": "red", "cannot tell": "yellow"}


def as_rich(comparisons: Sequence[Comparison], *, split: str) -> Group:
    """Overall, by class, and the sentences."""
    overall = _table(_HEAD)
    for row in _overall_rows(comparisons):
        overall.add_row(*map(Text, row[:-1]), Text(row[-1], style=_COLOURS.get(row[-1], "default")))
    by_class = _table(_class_head(comparisons))
    for row in _class_rows(comparisons):
        by_class.add_row(*map(Text, row))  # as text: a class may be called "seal [animal]"
    sentences = [Text(sentence(item, split=split), style="bold") for item in comparisons]
    notes = [Text(note, style="dim") for note in caveats(comparisons, split=split)]
    return Group(overall, by_class, *sentences, *notes)


def as_markdown(comparisons: Sequence[Comparison], *, split: str) -> str:
    """The same for a file."""
    blocks = [
        *(f"**{_capital(sentence(item, split=split))}**" for item in comparisons),
        _markdown_table(_HEAD, _overall_rows(comparisons)),
        _markdown_table(_class_head(comparisons), _class_rows(comparisons)),
        "\n".join(f"- {note}" for note in caveats(comparisons, split=split)),
    ]
    return "\n\n".join(blocks) + "\n"


def as_json(comparisons: Sequence[Comparison], *, split: str) -> dict[str, Any]:
    """The same for programs; rates in [0, 1]."""
    return {
        "split": split,
        "reference": comparisons[0].names[0],
        "notes": caveats(comparisons, split=split),
        "comparisons": [_plain(item, split) for item in comparisons],
    }


def _plain(item: Comparison, split: str) -> dict[str, Any]:
    found = item.difference
    return {
        "run": item.names[1],
        "verdict": found.verdict,
        "sentence": sentence(item, split=split),
        "balanced_accuracy": dict(zip(("reference", "run"), item.scores, strict=True)),
        "seeds": dict(zip(("reference", "run"), item.seeds, strict=True)),
        "images": dict(zip(("shared", "reference", "run"), item.images, strict=True)),
        "difference": {"value": found.value, "low": found.low, "high": found.high, "level": found.level},
        "seeds_needed": found.seeds_needed,
        "images_needed": found.images_needed,
        "seed_spread": {"std": item.spread.std, "df": item.spread.df, "measured_df": item.spread.measured_df},
        "mcnemar": [dict(zip(("only_reference", "only_run", "p"), test, strict=True)) for test in item.tests],
        "per_class": item.classes.rename(columns={"first": "reference", "second": "run"}).to_dict("records"),
    }


def _overall_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """The reference comes again before a run that shares other images with it: it scores otherwise on those."""
    rows, reference = [], None
    for item in comparisons:
        if reference != (item.images[0], item.scores[0]):
            reference = item.images[0], item.scores[0]
            rows.append([_seeded(item.names[0], item.seeds[0]), percent(item.scores[0]), "", "", "", "reference"])
        found = item.difference
        rows.append(
            [
                _seeded(item.names[1], item.seeds[1]),
                percent(item.scores[1]),
                points(found.value),
                f"{points(found.low)} to {points(found.high)}",
                ", ".join(f"{p:.2g}" for _, _, p in item.tests[:3]) + (", …" if len(item.tests) > 3 else ""),
                found.verdict,
            ]
        )
    return rows


def _seeded(name: str, seeds: int) -> str:
    return f"{name} ({seeds} seed{'s' if seeds > 1 else ''})"


def _class_head(comparisons: Sequence[Comparison]) -> list[str]:
    runs = [column for item in comparisons for column in (item.names[1], "difference, interval over images")]
    return ["class", "images", comparisons[0].names[0], *runs]


def _class_rows(comparisons: Sequence[Comparison]) -> list[list[str]]:
    """Worst class of the reference first; a class that a comparison lacks is left blank there. Where runs share
    different images with the reference, its column is of the first that has the class."""
    frames = [item.classes.set_index("class") for item in comparisons]
    known = pd.concat(frames)
    known = known[~known.index.duplicated()].sort_values("first", kind="stable")
    rows = []
    for name, images, first in zip(known.index, known["images"], known["first"], strict=True):
        row = [name, str(images), percent(first)]
        for frame in frames:
            if name in frame.index:
                own = frame.loc[name]
                interval = f"{points(own['difference'])} ({points(own['low'])} to {points(own['high'])})"
                row += [percent(own["second"]), interval]
            else:
                row += ["", ""]
        rows.append(row)
    return rows


def _table(head: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(head):
        table.add_column(Text(name), justify="left" if index == 0 or name == "verdict" else "right", overflow="fold")
    return table


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
