"""A submission in figures, and the end of a run whose submission breaks a rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.errors import WinnowError
from winnow.submission.lint import Finding

SETS = {"training": "submission", "validation": "validation"}
"""The sets of a submission, and the packed sets that they are written from."""


@dataclass(frozen=True)
class SubmissionSummary:
    """The result of `summarize`.

    Attributes:
        metrics: counts: `<part>_images`, `<part>.per_class.<class>`, `rules_passed` and `rules_broken`.
        broken: names of the rules that do not hold or could not be checked.
        summary: the submission in a line.
    """

    metrics: dict[str, Any]
    broken: list[str]
    summary: str

    def require_rules(self, directory: str | Path) -> None:
        """Raise a WinnowError if a rule does not hold; `directory` is the submission's folder."""
        if self.broken:
            raise WinnowError(
                f"{directory}/ breaks the rules {', '.join(self.broken)}; the table says where; fix the stage it came "
                "from."
            )


def summarize(
    sets: Mapping[str, pd.DataFrame], findings: Sequence[Finding], *, class_names: Sequence[str]
) -> SubmissionSummary:
    """Count a submission.

    Args:
        sets: packed sets by part, `training` and `validation`; of their columns `label` is read.
        findings: of the linter.
        class_names: K names, in label order.
    """
    metrics: dict[str, Any] = {f"{part}_images": len(packed) for part, packed in sets.items()}
    for part, packed in sets.items():
        counts = np.bincount(packed["label"], minlength=len(class_names)).tolist()
        metrics |= {f"{part}.per_class.{label}": count for label, count in zip(class_names, counts, strict=True)}
    metrics["rules_passed"] = sum(finding.ok is True for finding in findings)
    metrics["rules_broken"] = sum(finding.ok is False for finding in findings)
    images = " and ".join(f"{len(packed)} {part}" for part, packed in sets.items())
    broken = [finding.rule for finding in findings if not finding.ok]
    return SubmissionSummary(metrics, broken, f"{images} images, all {len(findings)} rules hold")
