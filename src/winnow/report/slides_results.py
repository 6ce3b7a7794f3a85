"""Slides about the analysis and the results."""

from typing import Any

from winnow.files import ARMS
from winnow.report import deck, figures_data, figures_results
from winnow.report.content import Facts
from winnow.report.deck import BOTTOM, FULL, LEFT, MOST_CLASSES, TOP, WIDTH, Deck
from winnow.report.formatting import counted, listed, number, percent, points
from winnow.report.narrative import detector_sentence, map_sentence, noise_sentence
from winnow.report.scores import scorecard_rows, self_check_rows
from winnow.report.style import ARM_COLOURS, to_png


def analysis(made: Deck, facts: Facts) -> None:
    """Noise, scores, map."""
    slide = made.slide("Analysis: which labels lie", noise_sentence(facts))
    png = figures_data.noise_matrix(facts, to_png)
    deck.figure(slide, png, (LEFT, TOP, 7.6, BOTTOM - TOP), description="noise transition matrix")
    largest = facts.noise.largest(facts.class_names, 5)
    lines = [f"{true} labelled {given}: {percent(rate)}" for true, given, rate in largest]
    deck.bullets(slide, ["The largest mistakes", *lines], (8.5, TOP + 0.3, WIDTH - LEFT - 8.5, 3.6))
    deck.caption(slide, f"{facts.noise.source}.".capitalize(), (8.5, 6.1, WIDTH - LEFT - 8.5, 0.8))

    cuts = [found.sentence for found in facts.histograms]
    slide = made.slide("Analysis: the scores and their thresholds", "; ".join(cuts) + ".")
    deck.figure(slide, figures_data.score_histograms(facts, to_png), FULL, description="histograms of the scores")

    slide = made.slide("Analysis: where images lie", map_sentence(facts))
    box = (LEFT, TOP - 0.05, WIDTH - 2 * LEFT, BOTTOM - TOP - 0.3)
    deck.figure(slide, figures_data.flat_map(facts, to_png), box, description="map of all images")
    deck.caption(slide, map_sentence(facts), (LEFT, BOTTOM - 0.3, WIDTH - 2 * LEFT, 0.4))


def results(made: Deck, facts: Facts) -> None:
    """Accuracies, by class, confusion, curves."""
    results = facts.results
    slide = made.slide(f"Results: {points(results.gain)} points", results.headline)
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
    slide = made.slide(f"Results by class, on the {results.place}", notes)
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

    slide = made.slide("Results: what is taken for what", f"Confusion on the {results.place}. {results.headline}")
    png = figures_results.confusion_matrices(facts, to_png)
    deck.figure(slide, png, FULL, description="confusion matrices of both arms")

    last = {arm: facts.curves[arm]["validation_balanced_accuracy"].max() for arm in ARMS}
    notes = (
        f"The best epoch on the validation set: baseline {percent(last['baseline'])}, submission "
        f"{percent(last['submission'])}. Both arms train {number(_recipe(facts)['epochs'])} epochs at most."
    )
    slide = made.slide("Results: learning curves", notes)
    png = figures_results.learning_curves(facts, to_png)
    deck.figure(slide, png, FULL, description="learning curves of both arms")


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
    slide = made.slide("How good the detectors are", detector_sentence(facts))
    box = (LEFT, TOP + 0.1, WIDTH - 2 * LEFT, 2.6)
    deck.table(slide, head, rows, box, widths=[2.2, *[0.5 + len(words) / 11 for words in head[1:]]], size=18)
    deck.bullets(slide, [detector_sentence(facts)], (LEFT, TOP + 3.0, WIDTH - 2 * LEFT, 2.4))
