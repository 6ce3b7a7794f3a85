"""The result of a self-check, apart from what makes it: a check that is off imports no detector."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

KEYS = ("fault", "kind", "class_name")
FIGURES = ("judged", "planted", "found", "false_alarms", "recall", "precision", "auroc", "average_precision")
COLUMNS = (*KEYS, *FIGURES)


@dataclass(frozen=True)
class Result:
    """A self-check's result.

    Attributes:
        table: as `winnow.selfcheck.report.report` returns it; no rows while the check is off.
        metrics: the rows over all classes, and what they rest on, with dotted keys.
        sentence: the same in a few words.
    """

    table: pd.DataFrame
    metrics: dict[str, Any]
    sentence: str


OFF = Result(
    pd.DataFrame(columns=list(COLUMNS)), {"enabled": False}, "off; self_check.enabled in params.yaml turns it on"
)
