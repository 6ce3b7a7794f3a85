"""The page about two test sets: why accuracy drops from one to the other. It opens from disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from winnow.report import shift_figures as figures
from winnow.report.elements import escaped, figure, picture, table, tile
from winnow.report.formatting import counted, number, percent, shortened
from winnow.report.style import to_svg
from winnow.shift.verdict import span
from winnow.shift.waterfall import PARTS, WORDS
from winnow.shift.wrong_labels import SUSPECT

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_CSS = """
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 0 1.5rem; }
.two .cards { grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); }
"""
_CLASSES = 4  # shown side by side
_SLICES = 6


@dataclass(frozen=True)
class ShiftFacts:
    """What the page shows; the tables are those of docs/files.md.

    Attributes:
        summary: metrics/summary.json.
        parts, classes, slices, distances, curve: the tables in metrics/.
        rows, scores: of `a` and `b`.
        class_names: K names.
        pictures: of a gallery, at most.
    """

    summary: Mapping[str, Any]
    parts: pd.DataFrame
    classes: pd.DataFrame
    slices: pd.DataFrame
    distances: pd.DataFrame
    curve: pd.DataFrame
    rows: Mapping[str, pd.DataFrame]
    scores: Mapping[str, pd.DataFrame]
    class_names: list[str]
    pictures: int


def render_shift_page(facts: ShiftFacts) -> str:
    """The whole page, the same text for the same facts."""
    sections = {
        "Where the drop goes": _waterfall(facts),
        "Class by class": _classes(facts),
        "Labels to look at": _labels(facts),
        "Slices": _slices(facts),
        "Is it the features?": _features(facts),
        "Frequency and overfitting": _training(facts),
        "Foretold without labels": _forecasts(facts),
    }
    keys = {words: f"part-{place}" for place, words in enumerate(sections)}
    links = "".join(f'<a href="#{keys[words]}">{words}</a>' for words, body in sections.items() if body)
    body = "".join(
        f'<section id="{keys[words]}"><h2>{words}</h2>{body}</section>' for words, body in sections.items() if body
    )
    css = files("winnow.report").joinpath("assets", "page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Why did accuracy drop?</title>'
        f"<style>{css}{_CSS}</style></head><body>{_header(facts)}<nav><div>{links}</div></nav>"
        f"<main>{body}</main></body></html>\n"
    )


def _header(facts: ShiftFacts) -> str:
    summary = facts.summary
    tiles = [
        tile(percent(summary["accuracy"]["a"]["value"]), f"accuracy on A, {number(summary['rows']['a'])} rows"),
        tile(percent(summary["accuracy"]["b"]["value"]), f"accuracy on B, {number(summary['rows']['b'])} rows"),
        tile(span(summary["drop"]), "drop, with its 95 % interval"),
    ]
    return (
        '<header><h1>Why did accuracy drop?</h1><p class="lead">'
        f'{escaped(summary["verdict"])}</p><div class="tiles">{"".join(tiles)}</div></header>'
    )


def _drawn(draw: Callable[..., str], *values: Any) -> str:
    return draw(*values, partial(to_svg, prefix=draw.__name__))


def _waterfall(facts: ShiftFacts) -> str:
    parts = facts.summary["parts"]
    drawn = figure(
        _drawn(figures.waterfall, facts.summary, facts.parts),
        label="From the accuracy on A to that on B, part by part",
        caption="The parts sum to the drop. Lines are 95 % intervals; grey parts may be chance. Leaked rows, wrong "
        "labels and class shares are taken out first, in this order: they would look like something else.",
    )
    lines = [(WORDS[name], span(parts[name]), "yes" if parts[name]["sure"] else "no") for name in PARTS]
    withheld = facts.summary["withheld"]
    said = "".join(
        f"<p>Class {escaped(name)} is withheld: {escaped(reason)}.</p>" for name, reason in list(withheld.items())[:10]
    )
    more = f"<p>{len(withheld) - 10} more classes are withheld.</p>" if len(withheld) > 10 else ""
    facts_said = ""
    if "plain_facts" in facts.summary:
        plain = facts.summary["plain_facts"]
        facts_said = (
            f"<p>Width, height, bytes, JPEG quality and greyness of the files tell the sets apart with an AUC of "
            f"{plain['auc']:.2f} (0.5 is chance){', which alone is reason enough' if plain['trivial'] else ''}.</p>"
        )
    return drawn + table(["part", "of the drop", "beyond chance"], lines) + said + more + facts_said


def _classes(facts: ShiftFacts) -> str:
    shown = facts.classes.reindex(facts.classes["part"].abs().sort_values(ascending=False, kind="stable").index)
    lines = [
        (
            row["class"],
            number(row["train_rows"]),
            f"{number(row['rows_a'])} / {number(row['rows_b'])}",
            f"{percent(row['recall_a'])} / {percent(row['recall_b'])}",
            f"{100 * row['part']:.1f}{' *' if row['sure'] else ''}" if np.isfinite(row["part"]) else "-",
            f"{row['auc']:.2f}" if np.isfinite(row["auc"]) else "-",
            row["taken_for"],
        )
        for row in shown.head(20).to_dict(orient="records")
    ]
    head = ["class", "training rows", "rows A / B", "recall A / B", "part, points", "AUC of A against B", "taken for"]
    pictures = "".join(
        f"<h3>{escaped(row['class'])}</h3>{_side_by_side(facts, row['class'])}"
        for row in shown.head(_CLASSES).to_dict(orient="records")
    )
    return (
        figure(
            _drawn(figures.classes, facts.classes),
            label="Recall of each class on A and B",
            caption="A star: the part of the drop within the class is beyond chance among all classes.",
        )
        + figure(
            _drawn(figures.class_histogram, facts.classes),
            label="How many classes lie in which range of recall",
            caption="Classes by range of accuracy.",
        )
        + table(head, lines, numbers=(1, 4, 5))
        + pictures
    )


def _side_by_side(facts: ShiftFacts, name: str) -> str:
    """Rows of a class, evenly drawn, of A on the left and of B on the right."""
    label = facts.class_names.index(name)
    columns = ""
    for which in ("a", "b"):
        rows, scores = facts.rows[which], facts.scores[which]
        if not len(rows):
            return ""
        places = np.flatnonzero(rows["label"].to_numpy() == label)
        shown = places[np.linspace(0, max(len(places) - 1, 0), min(len(places), facts.pictures // 2), dtype=int)]
        cards = [
            _card(facts, which, int(place), "right" if scores["correct"].iloc[place] >= 0.5 else "wrong")
            for place in shown
        ]
        columns += (
            f'<div><p>set {which.upper()} <span class="soft">{len(cards)} of {counted(len(places), "row")}, evenly '
            f'drawn</span></p><div class="cards">{"".join(cards)}</div></div>'
        )
    return f'<div class="two">{columns}</div>'


def _card(facts: ShiftFacts, which: str, place: int, words: str) -> str:
    row = facts.rows[which].iloc[place]
    predicted = facts.class_names[int(facts.scores[which]["predicted"].iloc[place])]
    shown = picture(row["picture"], label=str(row["name"]), kind="png") if "picture" in row.index else ""
    return (
        f'<div class="card"><div class="pictures">{shown}</div><b>{escaped(facts.class_names[int(row["label"])])}</b>'
        f"answer {escaped(predicted)}<br>{escaped(words)}<br>"
        f"<code>{escaped(shortened(row['name'] or row['row'], 60))}</code></div>"
    )


def _labels(facts: ShiftFacts) -> str:
    found = ""
    for which in ("b", "a"):
        scores = facts.scores[which]
        order = scores["label_error"].sort_values(ascending=False, kind="stable")
        judged = scores["decided_by"] != "" if "decided_by" in scores else pd.Series(False, index=scores.index)
        order = order[~judged[order.index]]
        suspects = order[order >= SUSPECT].index[: facts.pictures]
        if not len(suspects) or not len(facts.rows[which]):
            continue
        cards = "".join(
            _card(
                facts,
                which,
                int(place),
                f"perhaps {facts.class_names[int(scores['suggested'].iloc[place])]} "
                f"(label wrong: {scores['label_error'].iloc[place]:.0%})",
            )
            for place in suspects
        )
        found += (
            f"<details{' open' if which == 'b' else ''}><summary>set {which.upper()} "
            f'<span class="soft">{len(suspects)} of {int((order >= SUSPECT).sum())} with a probability of at least '
            f'{SUSPECT:.0%}, the surest first</span></summary><div class="cards">{cards}</div></details>'
        )
    return found and (
        "<p>The classifier and a probe of the set itself agree on another class. The part of the drop counts every row "
        f"by its probability.</p>{found}"
    )


def _slices(facts: ShiftFacts) -> str:
    if not len(facts.slices):
        return ""
    found = ""
    for row in facts.slices.head(_SLICES).to_dict(orient="records"):
        members = np.flatnonzero((facts.scores["b"]["slice"] == row["slice"]).to_numpy())
        wrong = members[(facts.scores["b"]["correct"].to_numpy()[members] < 0.5)]
        cards = "".join(_card(facts, "b", int(place), "wrong") for place in wrong[: facts.pictures])
        chance = "beyond chance" if row["p_value"] < 0.05 else "may be chance"
        found += (
            f'<details><summary>{escaped(row["name"])} <span class="soft">costs {100 * row["cost"]:.1f} points, '
            f"{chance}: {percent(row['accuracy_a'])} of {number(row['rows_a'])} rows of A right, "
            f"{percent(row['accuracy_b'])} of {number(row['rows_b'])} of B</span></summary>"
            f'<div class="cards">{cards}</div></details>'
        )
    return f"<p>Groups of rows that look alike, the most costly first. Shown is what is wrong in B.</p>{found}"


def _features(facts: ShiftFacts) -> str:
    summary = facts.summary
    if "features" not in summary:
        return ""
    two, tests = summary["two_samples"], summary["features"]
    lines = [("A against B", *_counts(tests))]
    if "right_against_wrong" in summary:
        lines.append(("B: right against wrong answers", *_counts(summary["right_against_wrong"])))
    clusters = summary["feature_clusters"]
    return (
        f"<p>A classifier tells A from B with an AUC of {two['auc']:.3f} (0.5 is chance); the maximum mean discrepancy "
        f"has p = {two['mmd_p_value']:.3f}. With thousands of rows nearly any feature can be significant: look at the "
        "effect.</p>"
        + table(
            [
                "tests of each feature",
                "p < .05",
                "by chance",
                "after correction",
                "by chance",
                "largest effect",
                "|d| > 0.2",
            ],
            lines,
            numbers=(1, 2, 3, 4, 5, 6),
        )
        + f"<p>{counted(clusters['features'], 'feature')} differ in mean and variance together by more than any "
        f"feature does in a permutation of the rows (p = {clusters['p_value']:.3f}).</p>"
    )


def _counts(tests: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{number(tests['p_below_level'])} of {number(tests['features'])}",
        number(tests["p_below_level_permuted"]),
        number(tests["significant"]),
        number(tests["significant_permuted"]),
        f"{tests['largest_effect']:.2f}",
        number(tests["effects_above_0.2"]),
    )


def _training(facts: ShiftFacts) -> str:
    summary = facts.summary
    rho, training = summary["frequency"], summary["training"]
    found = ""
    if rho["rho"] is not None:
        found += (
            f"<p>Rank correlation of a class's training rows with its drop: {rho['rho']:.2f} "
            f"({rho['low']:.2f} to {rho['high']:.2f}, {rho['classes']} classes). Rare classes drop more where it is "
            "surely below 0.</p>"
        )
    if "train_accuracy" in training:
        lines = [
            ("training rows", percent(training["train_accuracy"])),
            ("validation", percent(training["validation_accuracy"])),
        ]
        lines += [(f"set {name.upper()}", percent(summary["accuracy"][name]["value"])) for name in ("a", "b")]
        found += table(["accuracy on", ""], lines, numbers=(1,))
        others = {key: value for key, value in training.items() if key.startswith("weight_decay_")}
        if others:
            found += "<p>With another penalty on the weights, one seed:</p>" + table(
                ["weight decay", "A", "B", "drop, points"],
                [
                    (key.rpartition("_")[2], percent(one["a"]), percent(one["b"]), f"{100 * (one['a'] - one['b']):.1f}")
                    for key, one in others.items()
                ],
                numbers=(1, 2, 3),
            )
    if len(facts.distances):
        found += figure(
            _drawn(figures.distances, facts.distances),
            label="Accuracy by distance to the nearest training row",
            caption="If learning by heart were the cause, the drop would vanish at equal distance.",
        )
    if len(facts.curve):
        found += figure(
            _drawn(figures.curves, facts.curve), label="Learning curves", caption="Learning curves, a line a seed."
        )
    return found


def _forecasts(facts: ShiftFacts) -> str:
    found = facts.summary["forecasts"]
    lines = [(name.upper(), percent(one["accuracy"]), f"{100 * one['error']:+.1f}") for name, one in found.items()]
    auc = facts.summary.get("two_samples", {}).get("auc")
    beside = f" Here the AUC is {auc:.2f}." if auc is not None else ""
    line = ""
    if "line" in facts.summary:
        one = facts.summary["line"]
        line = (
            f"<p>Over {one['models']} models the accuracies on A and B lie on a line in probits (slope "
            f"{one['slope']:.2f} ± {one['slope_error']:.2f}, r² {one['r2']:.3f}); this model is off it by "
            f"{100 * one['residual']:+.1f} points, where {100 * one['spread']:.1f} is usual.</p>"
        )
    return (
        "<p>What would have been said of B without its labels, and how far off it is. The better a classifier tells "
        f"the sets apart, the less such forecasts are worth.{beside}</p>"
        + table(["method", "forecast", "error, points"], lines, numbers=(1, 2))
        + line
    )
