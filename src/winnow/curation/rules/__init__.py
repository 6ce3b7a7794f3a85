"""The rules of `curate`, in the order in which they win; a rule is a module with a record.

Duplicates come before what is wrong with one image, since of copies one stays whatever is wrong with all of them. The
class floor, doubtful labels, leaks of the validation set and what is kept are no rules that take an image of their own
accord: `decide` and `select_validation` apply them after the others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from winnow.curation.rules.class_floor import CLASS_FLOOR
from winnow.curation.rules.doubtful_label import DOUBTFUL_LABEL
from winnow.curation.rules.exact_duplicate import EXACT_DUPLICATE
from winnow.curation.rules.image_fault import IMAGE_FAULT
from winnow.curation.rules.keep import KEEP
from winnow.curation.rules.label_issue import LABEL_ISSUE
from winnow.curation.rules.near_duplicate import NEAR_DUPLICATE
from winnow.curation.rules.neighbours import NEIGHBOUR_DROP, NEIGHBOUR_RELABEL
from winnow.curation.rules.ood import OOD
from winnow.curation.rules.review import REVIEW
from winnow.curation.rules.rule import Cut, Finding, Rule, Target, Threshold
from winnow.curation.rules.validation_leak import VALIDATION_LEAK
from winnow.curation.rules.valuation import VALUATION

__all__ = [
    "KEEP",
    "LABEL_ISSUE",
    "REVIEW",
    "RULES",
    "VALIDATION_LEAK",
    "cuts_of",
    "findings",
    "in_force",
    "thresholds_of",
    "with_others",
    "withheld",
]

RULES: list[Rule] = [
    REVIEW,
    EXACT_DUPLICATE,
    NEAR_DUPLICATE,
    IMAGE_FAULT,
    OOD,
    LABEL_ISSUE,
    NEIGHBOUR_RELABEL,
    NEIGHBOUR_DROP,
    VALUATION,
    CLASS_FLOOR,
    DOUBTFUL_LABEL,
    VALIDATION_LEAK,
    KEEP,
]


def withheld(scores: pd.DataFrame, thresholds: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> list[str]:
    """Sentences on the rules that take no image of a dataset at all, and why; `scores` as `decide` takes them."""
    values = in_force(thresholds, rules)
    return [sentence for rule in rules if (sentence := rule.why_withheld(scores, values))]


def with_others(rules: Sequence[Rule], names: Iterable[str]) -> list[Rule]:
    """The rules, and a bare record for each further name that a ledger may hold."""
    others = sorted(set(names) - {rule.name for rule in rules})
    return [*rules, *(Rule(name=name, meaning="a rule of its own", words=name) for name in others)]


def thresholds_of(rules: Iterable[Rule]) -> dict[str, Threshold]:
    """Every threshold of some rules, by name."""
    return {threshold.name: threshold for rule in rules for threshold in rule.thresholds}


def in_force(curate: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> dict[str, Any]:
    """The value of every threshold.

    Args:
        curate: the section of params.yaml; its values count.
        rules: those that bring thresholds of their own give the values that it lacks.
    """
    own = {name: threshold.value for name, threshold in thresholds_of(rules).items() if threshold.value is not None}
    return {**curate, **{name: value for name, value in own.items() if name not in curate}}


def cuts_of(rules: Sequence[Rule] = RULES) -> list[tuple[Rule, Cut]]:
    """The cut of each rule that the ledger names; of the rule that wins last comes first."""
    return [(rule, rule.cuts[0]) for rule in reversed(rules) if rule.cuts]


def findings(rules: Sequence[Rule] = RULES) -> list[Finding]:
    """What a truth file can judge, each target once; of the rule that wins last comes first."""
    found: dict[str, Finding] = {}
    for rule in reversed(rules):
        if rule.target and rule.flag:
            words = rule.target.words or rule.title
            target = Target(rule.target.truth, rule.target.key or rule.name, words, rule.target.faulty or words)
            found.setdefault(target.key, Finding(target, rule.flag, rule.cuts[0].score if rule.cuts else None))
    return list(found.values())
