"""Of images that show the same photograph one stays, unless near duplicates may."""

from winnow.curation.rules import duplicates
from winnow.curation.rules.rule import Rule, Threshold

NEAR_DUPLICATE = Rule(
    name="near_duplicate",
    words="near duplicates",
    meaning="the same photograph, encoded, cut or scaled anew",
    thresholds=(
        Threshold("drop_near_duplicates", "Drop near duplicates"),
        Threshold("duplicate_keeper", "Of copies one stays by"),
    ),
    applies=lambda frame, thresholds: duplicates.is_copy(frame, thresholds, exact=False),
    switch="drop_near_duplicates",
    decides=duplicates.dropped_for_its_keeper,
    explains=duplicates.explains("a near"),
    finding=duplicates.FINDING,
    compares=True,
    outcome=duplicates.OUTCOME,
    target=duplicates.TARGET,
)
