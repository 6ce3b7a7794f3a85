"""A near duplicate of a validation image leaves training; `select_validation` applies it, once the set is chosen."""

from winnow.curation.rules.rule import Outcome, Rule

VALIDATION_LEAK = Rule(
    name="validation_leak",
    words="validation leaks",
    meaning="a near duplicate of a validation image",
    explains=lambda row, context: f"a near duplicate of the validation image {row.counterpart}",
    compares=True,
    outcome=Outcome("leak", "dropped: leak", light="#8a8f98", dark="#a3a9b3"),
)
