"""Of images with the same pixels one stays."""

from winnow.curation.rules import duplicates
from winnow.curation.rules.rule import Rule

EXACT_DUPLICATE = Rule(
    name="exact_duplicate",
    words="exact duplicates",
    meaning="the same pixels as another image",
    applies=lambda frame, thresholds: duplicates.is_copy(frame, thresholds, exact=True),
    decides=duplicates.dropped_for_its_keeper,
    explains=duplicates.explains("an exact"),
    finding=duplicates.FINDING,
    compares=True,
    outcome=duplicates.OUTCOME,
    target=duplicates.TARGET,
)
