"""How well the detectors did, as rows of a table."""

from typing import Any

import pandas as pd

from winnow.curation.rules import cuts_of, findings
from winnow.detect.outliers import DETECTORS
from winnow.report.formatting import number

_PLANTED = {"label": "flipped labels", "ood": "foreign pictures", "duplicate": "copies"}


def scorecard_rows(card: dict[str, Any]) -> list[tuple[str, ...]]:
    """Detector, found, missed, false alarms, precision, recall, F1, AUROC; a row for each that the truth judges."""
    rows = []
    for target in (finding.target for finding in findings()):
        key = target.key
        if f"{key}.true_positives" not in card:
            continue
        counts = [number(card[f"{key}.{name}"]) for name in ("true_positives", "false_negatives", "false_positives")]
        rates = [_rate(card.get(f"{key}.{name}")) for name in ("precision", "recall", "f1", "auroc")]
        rows.append((target.words, *counts, *rates))
    return rows


def detector_rows(card: dict[str, Any]) -> list[tuple[str, ...]]:
    """Detector, what it says, AUROC, average precision; a row for each that a truth file judges by itself."""
    return [
        (
            detector.score.title,
            detector.score.described,
            *(_rate(card.get(f"detectors.{detector.name}.{rate}")) for rate in ("auroc", "average_precision")),
        )
        for detector in DETECTORS
        if f"detectors.{detector.name}.auroc" in card
    ]


def score_rows(ledger: pd.DataFrame) -> list[tuple[str, ...]]:
    """Score, what it says, images that have it, median; those that rules cut first, then those of detectors."""
    scores = {cut.score.name: cut.score for _, cut in cuts_of()}
    scores |= {detector.name: detector.score for detector in DETECTORS}
    known = {name: ledger[name].dropna() for name in scores if name in ledger}
    return [
        (scores[name].title, scores[name].described, number(len(values)), f"{values.median():.3g}")
        for name, values in known.items()
        if len(values)
    ]


def self_check_rows(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Fault, planted, found, false alarms, precision, recall, AUROC; none while the check is off."""
    rows = []
    for key, words in _PLANTED.items():
        if f"{key}.planted" not in figures:
            continue
        counts = [number(figures[f"{key}.{name}"]) for name in ("planted", "found", "false_alarms")]
        rates = [_rate(figures.get(f"{key}.{name}")) for name in ("precision", "recall", "auroc")]
        rows.append((words, *counts, *rates))
    return rows


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
