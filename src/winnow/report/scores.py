"""How well the detectors did, as rows of a table."""

from typing import Any

from winnow.curation.rules import findings
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
