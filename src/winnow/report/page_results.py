"""The sections of the page about the results, and what they rest on."""

from functools import partial

import pandas as pd

from winnow.report import elements, figures_results
from winnow.report import page_parts as parts
from winnow.report.content import Facts
from winnow.report.formatting import clean, counted, number, percent, points
from winnow.report.narrative import detector_sentence
from winnow.report.scores import detector_rows, scorecard_rows, self_check_rows
from winnow.report.shift_figures import waterfall
from winnow.report.style import to_svg
from winnow.tables import records

# Columns of tables that hold no numbers.
_WORDS = ("detector", "fault", "what it says")


def results(facts: Facts) -> str:
    """Both arms."""
    results = facts.results
    accuracies = [
        (row["words"], number(row["images"]), *_change(row["baseline"], row["submission"]))
        for row in results.accuracies.to_dict("records")
    ]
    classes = [
        (row["class"], number(row["images"]), *_change(row["baseline"], row["submission"]))
        for row in results.classes.to_dict("records")
    ]
    head = ["baseline", "submission", "difference, points"]
    return (
        f"<p>{elements.escaped(results.headline)} {counted(results.seeds, 'network')} per arm. The baseline is trained "
        "on the images and labels as they came, the submission on the cleaned and balanced set.</p>"
        + elements.table(["balanced accuracy", "images", *head], accuracies, numbers=[1, 2, 3, 4])
        + elements.figure(
            parts.drawn(figures_results.class_accuracies, facts),
            label="Accuracy of each class in both arms",
            caption=f"Accuracy of each class on the {results.place}.",
        )
        + elements.table([f"class, on the {results.place}", "images", *head], classes, numbers=[1, 2, 3, 4])
        + elements.figure(
            parts.drawn(figures_results.confusion_matrices, facts),
            label="Confusion matrices of both arms",
            caption=f"Of a true class (row), the per cent predicted as each class (column), on the {results.place}.",
        )
        + elements.figure(
            parts.drawn(figures_results.learning_curves, facts),
            label="Learning curves of both arms",
            caption="Both arms are trained alike and keep the epoch that is best on the validation set.",
        )
        + _why_they_differ(facts)
    )


def _why_they_differ(facts: Facts) -> str:
    """Every two test sets, if there are so many."""
    said = ""
    for place, pair in enumerate(facts.metrics["evaluation"].get("pairs", {}).values()):
        a, b = clean(pair["a"]), clean(pair["b"])
        table = pd.DataFrame([{"part": name, **part} for name, part in pair["parts"].items()])
        drawn = waterfall(pair, table, partial(to_svg, prefix=f"pair{place}"))
        said += (
            f"<h3>{elements.escaped(f'Why test sets differ: A is {a}, B is {b}')}</h3>"
            f"<p>{elements.escaped(pair['verdict'])}</p>"
            + elements.figure(
                drawn,
                label=f"From the accuracy on {a} to that on {b}",
                caption="Plain accuracy of the submission's networks, part by part. Grey parts may be chance.",
            )
        )
    return said


def _change(before: float, after: float) -> tuple[str, str, str]:
    return percent(before), percent(after), points(after - before)


def detectors(facts: Facts) -> str:
    """How well the detectors did."""
    said = f"<p>{elements.escaped(detector_sentence(facts))}</p>"
    card, check = facts.metrics["scorecard"], facts.metrics.get("self_check", {})
    for title, head, rows in (
        (
            "Against the truth",
            ["detector", "found", "missed", "false alarms", "precision", "recall", "F1", "AUROC"],
            scorecard_rows(card),
        ),
        (
            "Detectors of images of no class, each by itself",
            ["detector", "what it says", "AUROC", "average precision"],
            detector_rows(card),
        ),
        (
            "Self-check: planted faults",
            ["fault", "planted", "found", "false alarms", "precision", "recall", "AUROC"],
            self_check_rows(check),
        ),
    ):
        if rows:
            numbers = [place for place, words in enumerate(head) if words not in _WORDS]
            said += f"<h3>{title}</h3>" + elements.table(head, rows, numbers=numbers)
    return said


def limits(facts: Facts) -> str:
    """What did not work."""
    items = "".join(f"<li>{elements.escaped(sentence)}</li>" for sentence in facts.limits)
    return f"<ul>{items}</ul>" if items else "<p>Nothing stands out.</p>"


def params(facts: Facts) -> str:
    """All params."""
    rows = [(key, "null" if value is None else value) for key, value in records(facts.params).items()]
    return f"<details><summary>All of params.yaml</summary>{elements.table(['key', 'value'], rows)}</details>"


def provenance(facts: Facts) -> str:
    """What the report was made from."""
    rows = [(row["path"], number(row["bytes"]), row["md5"]) for row in facts.files.to_dict("records")]
    hashes = elements.table(["file", "bytes", "md5"], rows, numbers=[1])
    encoder = elements.table(["fact", "value"], list(records(facts.encoder).items()))
    return (
        "<p>The files that this report was made from, with the hashes that <code>dvc.lock</code> holds for them. "
        "<code>winnow report</code> writes a copy that also names the git revision, the machine and the time that "
        "every stage took; this file leaves them out, so that equal inputs give an equal report.</p>"
        f"<details><summary>{counted(len(rows), 'file')}</summary>{hashes}</details><h3>Encoder</h3>{encoder}"
    )
