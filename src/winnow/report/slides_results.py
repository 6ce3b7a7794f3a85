"""Slides about the analysis and the results."""

from typing import Any

import numpy as np

from winnow.curation.rules import findings
from winnow.files import ARMS
from winnow.report import deck, figures_data, figures_results
from winnow.report.content import Facts
from winnow.report.deck import BOTTOM, FULL, LEFT, MOST_CLASSES, TOP, WIDTH, Deck
from winnow.report.formatting import counted, listed, number, percent, points
from winnow.report.lagging import LAGGING_HEAD, lagging_rows
from winnow.report.narrative import detector_sentence, lagging_sentence, map_sentence, noise_sentence
from winnow.report.scores import scorecard_rows, self_check_rows
from winnow.report.style import ARM_COLOURS, to_png


def analysis(made: Deck, facts: Facts) -> None:
    """Noise, scores, map."""
    largest = facts.noise.largest(facts.class_names, 5)
    title = "Which labels lie"
    if largest:
        true, given, rate = largest[0]
        title = f"Labels lie in patterns: {percent(rate)} of {true} came as {given}"
    slide = made.slide(title, noise_sentence(facts))
    png = figures_data.noise_matrix(facts, to_png)
    deck.figure(slide, png, (LEFT, TOP, 7.6, BOTTOM - TOP), description="noise transition matrix")
    lines = [f"{true} labelled {given}: {percent(rate)}" for true, given, rate in largest]
    deck.bullets(slide, ["The largest mistakes:", *lines], (8.5, TOP + 0.3, WIDTH - LEFT - 8.5, 3.6))
    deck.caption(slide, f"{facts.noise.source}.".capitalize(), (8.5, 6.1, WIDTH - LEFT - 8.5, 0.8))

    cuts = [found.sentence for found in facts.histograms]
    beyond = sum(found.beyond for found in facts.histograms)
    slide = made.slide(f"{counted(beyond, 'score')} lie beyond a threshold", "; ".join(cuts) + ".")
    deck.figure(slide, figures_data.score_histograms(facts, to_png), FULL, description="histograms of the scores")

    slide = made.slide("Images that look alike lie together, whatever their label", map_sentence(facts))
    box = (LEFT, TOP - 0.05, WIDTH - 2 * LEFT, BOTTOM - TOP - 0.3)
    deck.figure(slide, figures_data.flat_map(facts, to_png), box, description="map of all images")
    deck.caption(slide, map_sentence(facts), (LEFT, BOTTOM - 0.3, WIDTH - 2 * LEFT, 0.4))


def results(made: Deck, facts: Facts) -> None:
    """Accuracies, by class, confusion, curves."""
    results = facts.results
    slide = made.slide(
        f"The same network is {100 * results.gain:.2f} points better on the cleaned data"
        if results.gain > 0
        else f"The cleaned data change the network by {points(results.gain)} points",
        results.headline,
    )
    rows = results.accuracies
    series = {arm: ([100 * value for value in rows[arm]], ARM_COLOURS[arm]) for arm in ARMS}
    names = [f"{words} ({number(images)})" for words, images in zip(rows["split"], rows["images"], strict=True)]
    names = [name.replace("test_unseen", "test, unseen") for name in names]
    box = (LEFT, TOP, 7.6, BOTTOM - TOP - 0.1)
    deck.bar_chart(slide, names, series, box, across=False, form="0.0", most=100)
    lines = [
        results.headline,
        f"{counted(results.seeds, 'network')} per arm, {facts.params['train']['network']} from scratch, "
        "the same recipe and validation set.",
        "In % balanced accuracy; in brackets how many images.",
    ]
    if "test_unseen" in set(rows["split"]):
        lines.append("“test, unseen” leaves out test images that nearly repeat a training image.")
    deck.bullets(slide, lines, (8.5, TOP + 0.2, WIDTH - LEFT - 8.5, BOTTOM - TOP - 0.2))

    table = results.classes.assign(gain=results.classes["submission"] - results.classes["baseline"])
    best = table.sort_values("gain", ascending=False, kind="stable")
    said = [f"{row['class']} {points(row['gain'])}" for _, row in best.head(3).iterrows()]
    lost = [f"{row['class']} {points(row['gain'])}" for _, row in best[best["gain"] < 0].iloc[::-1].iterrows()]
    notes = f"Most gained, in points: {listed(said)}. Lost: {listed(lost)}."
    gained = int((table["gain"] > 0).sum())
    classes = counted(len(table), "class", "classes")
    title = f"{number(gained)} of {classes} gain on the {results.place}, {best.iloc[0]['class']} most"
    slide = made.slide(title, notes)
    shown = table if len(table) <= MOST_CLASSES else best.head(MOST_CLASSES)
    cells = [
        (row["class"], percent(row["baseline"]), percent(row["submission"]), points(row["gain"]))
        for _, row in shown.iterrows()
    ]
    head = ["class", "baseline", "submission", "points"]
    series = {arm: ([100 * value for value in shown[arm]], ARM_COLOURS[arm]) for arm in ARMS}
    deck.bar_chart(slide, shown["class"], series, (LEFT, TOP - 0.1, 5.9, BOTTOM - TOP + 0.2), form="0", most=100)
    box = (6.75, TOP + 0.1, WIDTH - LEFT - 6.75, 5.3)
    deck.table(slide, head, cells, box, widths=[1.7, 1.2, 1.4, 1.1])

    left = _most_confused(facts)
    slide = made.slide(
        f"What is left: {left}" if left else f"Nothing is taken for another class on the {results.place}",
        f"Confusion on the {results.place}, before on the left, after on the right. {results.headline}",
    )
    png = figures_results.confusion_matrices(facts, to_png)
    deck.figure(slide, png, FULL, description="confusion matrices of both arms")

    _lagging(made, facts)

    last = {arm: facts.curves[arm]["validation_balanced_accuracy"].max() for arm in ARMS}
    notes = (
        f"The best epoch on the validation set: baseline {percent(last['baseline'])}, submission "
        f"{percent(last['submission'])}. Both arms train {number(_recipe(facts)['epochs'])} epochs at most."
    )
    slide = made.slide(
        f"Trained alike, the cleaned data learn to {percent(last['submission'])} on the validation set", notes
    )
    png = figures_results.learning_curves(facts, to_png)
    deck.figure(slide, png, FULL, description="learning curves of both arms")


def _lagging(made: Deck, facts: Facts) -> None:
    """The classes that lag, if any do."""
    found = facts.lagging
    if not found.classes:
        return
    first = found.classes[0]
    own, other = facts.class_names[first.label], facts.class_names[first.taken_for]
    lags = f"{own} lags" if found.count == 1 else f"{counted(found.count, 'class', 'classes')} lag, {own} most"
    title = f"{lags}: {percent(first.accuracy)} right, most often taken for {other}"
    slide = made.slide(title, f"{lagging_sentence(facts)} {first.advice}")
    rows = lagging_rows(found, facts.class_names)
    box = (LEFT, TOP + 0.1, WIDTH - 2 * LEFT, 3.4)
    deck.table(slide, LAGGING_HEAD, rows, box, widths=[1.8, 0.8, 1.1, 1.2, 2.1, 1.8, 1.2])
    box = (LEFT, TOP + 3.7, WIDTH - 2 * LEFT, BOTTOM - TOP - 3.7)
    deck.bullets(slide, [lagging_sentence(facts), first.advice], box, size=18, dots=True)


def _most_confused(facts: Facts) -> str:
    """`seven taken for two (5 of 42)`, the largest confusion of the submission; "" where there is none."""
    counts = facts.results.confusion["submission"].copy()
    of = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    true, taken = np.unravel_index(int(counts.argmax()), counts.shape)
    if not counts[true, taken]:
        return ""
    names = facts.class_names
    return f"{names[true]} taken for {names[taken]} ({number(counts[true, taken])} of {number(of[true])})"


def parts(made: Deck, facts: Facts) -> None:
    """What each step did, and how often it was right, where a truth file or planted faults tell."""
    card, check = facts.metrics["scorecard"], facts.metrics.get("self_check", {})
    by_finding = {row[0]: row for row in scorecard_rows(card)}
    right = {key: (row[4], row[5]) for key, row in by_finding.items()}
    rows = []
    for finding in findings():
        images = int(facts.ledger[finding.flag].sum()) if finding.flag in facts.ledger else None
        if images is not None:
            rows.append((finding.target.words, number(images), *right.get(finding.target.words, ("-", "-"))))
    rows.append(("augmented copies", number(facts.metrics["augment"]["copies"]), "-", "-"))
    before, after = (card.get(f"label_errors.label_accuracy_{when}") for when in ("before", "after"))
    known = (
        f"Labels of the training set that are right: {percent(before)} → {percent(after)}."
        if before is not None and after is not None
        else ""
    )
    title = known.removesuffix(".") if known else "What each step took"
    told = (
        "By the truth file"
        if card
        else "No truth file tells how often a step was right"
        + (", the self-check's planted faults do" if check.get("enabled") else "")
    )
    notes = f"{known} {told}. What each step is worth in accuracy, winnow ablation tells: it trains without it."
    slide = made.slide(title, notes.strip())
    head = ["step", "images", "precision", "recall"]
    deck.table(slide, head, rows, (LEFT, TOP + 0.1, WIDTH - 2 * LEFT, 3.4), widths=[2.4, 1, 1, 1], size=18)
    lines = [
        f"{told}.",
        f"All steps together: {points(facts.results.gain)} points on the {facts.results.place}.",
        "Each step alone, in accuracy: winnow ablation.",
    ]
    deck.bullets(slide, lines, (LEFT, TOP + 3.9, WIDTH - 2 * LEFT, 1.6), dots=True)


def _recipe(facts: Facts) -> dict[str, Any]:
    recipe: dict[str, Any] = facts.params["train"][facts.params["train"]["recipe"]]
    return recipe


def detectors(made: Deck, facts: Facts) -> None:
    """How well the detectors did, where anything is known of it."""
    rows = scorecard_rows(facts.metrics["scorecard"])
    head = ["detector", "found", "missed", "false alarms", "precision", "recall", "F1", "AUROC"]
    if not rows:
        rows = self_check_rows(facts.metrics.get("self_check", {}))
        head = ["planted fault", "planted", "found", "false alarms", "precision", "recall", "AUROC"]
    if not rows:
        return
    first = rows[0]
    title = (
        f"Of {first[0]}, the detectors find {first[5]} with precision {first[4]}"
        if facts.metrics["scorecard"]
        else f"Of {first[1]} {first[0]} that were planted, {first[2]} are found"
    )
    slide = made.slide(title, detector_sentence(facts))
    box = (LEFT, TOP + 0.1, WIDTH - 2 * LEFT, 2.6)
    deck.table(slide, head, rows, box, widths=[2.2, *[0.5 + len(words) / 11 for words in head[1:]]], size=18)
    deck.bullets(slide, [detector_sentence(facts)], (LEFT, TOP + 3.0, WIDTH - 2 * LEFT, 2.4))
