"""The two test sets of a workspace of `shift` as the app shows them: one table, A's rows before B's."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from winnow import tables
from winnow.curation.rules.rule import Outcome
from winnow.errors import WinnowError
from winnow.files import FILES
from winnow.review.columns import MOST_VALUES, OwnColumns
from winnow.review.places import principal_places
from winnow.review.shown import Shown
from winnow.row_groups import StoredColumn
from winnow.schema import Table
from winnow.shift.checked import TEST_SETS, are_images, row_digests, row_id
from winnow.shift.wrong_labels import SUSPECT
from winnow.workspace import Workspace

_DOUBT = 0.1  # P(the label is wrong) from which on a label is in doubt
# A in blues, B in reds and oranges, of Okabe and Ito (2008): the sets are told apart at a glance.
_STATES = {
    "right": ("answered right", {"a": ("#56b4e9", "#8ccdf2"), "b": ("#e69f00", "#f2c14e")}),
    "wrong": ("answered wrong", {"a": ("#0072b2", "#3d9be0"), "b": ("#d55e00", "#f0772b")}),
    "suspect": ("label suspected", {"a": ("#5b4fa8", "#a79cf0"), "b": ("#cc79a7", "#dd8fb8")}),
    "none": ("of no class", {"a": ("#525b67", "#a9b2be"), "b": ("#8a8f98", "#d3d8df")}),
}
_OUTCOMES = [
    Outcome(f"{which}-{state}", f"{which.upper()}: {words}", light=colours[which][0], dark=colours[which][1])
    for which in TEST_SETS
    for state, (words, colours) in _STATES.items()
]


@dataclass(frozen=True, kw_only=True)
class TwoSets(Shown):
    """What `shift` made of the rows of both test sets.

    Attributes:
        summary: metrics/summary.json.
        parts, classes: the tables of docs/files.md.
        labels: (N,) int64 of `a` and `b`, as given.
        rows: of `a` and `b`: `row` and `name`; without rows where there are predictions alone.
        pictured: whether the rows of `a` and `b` are images.
    """

    outcome_title: ClassVar[str] = "set and answer"
    ranks: ClassVar[Mapping[str, str]] = {
        f"{name}_{which}": f"{words} of {which.upper()}"
        for which in ("b", "a")
        for name, words in (("suspects", "suspected wrong labels"), ("doubts", "labels in doubt"))
    }
    drop_words: ClassVar[str] = "Of no class"
    proposed: ClassVar[str] = "suggested_label"

    summary: Mapping[str, Any]
    parts: pd.DataFrame
    classes: pd.DataFrame
    labels: Mapping[str, np.ndarray]
    rows: Mapping[str, pd.DataFrame]
    pictured: bool

    @property
    def outcomes(self) -> list[Outcome]:
        """Right, wrong, suspected and of no class, of either set."""
        return _OUTCOMES

    @cached_property
    def outcome(self) -> np.ndarray:
        """(N,) positions in `outcomes`."""
        ledger = self.ledger
        states = list(_STATES)
        state = np.select(
            [ledger["final_label"] < 0, self.suspects, ledger["predicted"] != ledger["final_label"]],
            [states.index(name) for name in ("none", "suspect", "wrong")],
            default=states.index("right"),
        )
        positions: np.ndarray = state + len(states) * (ledger["set"] == "b").to_numpy()
        return positions.astype(np.uint8)

    @cached_property
    def suspects(self) -> np.ndarray:
        """(N,) bool: rows whose label is more probably wrong than right, and that nobody has judged."""
        ledger = self.ledger
        return ((ledger["label_error"] >= SUSPECT) & (ledger["decided_by"] == "rule")).to_numpy()

    @property
    def has_pictures(self) -> bool:
        """Whether rows are images."""
        return self.pictured

    @cached_property
    def digests(self) -> dict[str, str]:
        """See `row_digests`."""
        features = {which: tables.map_array(self.workspace.path("shift_features", set=which)) for which in TEST_SETS}
        return row_digests(self.rows, features, self.labels)

    @cached_property
    def _stored(self) -> dict[str, StoredColumn]:
        return {which: self.workspace.column("shift_rows", "picture", set=which) for which in TEST_SETS}

    def image_bytes(self, image_id: str) -> bytes | None:
        """The picture of a row; None where there is no such row, or rows are no images."""
        place = self.position.get(image_id)
        if place is None or not self.pictured:
            return None
        which = str(self.ledger["set"].iloc[place])
        first = 0 if which == "a" else len(self.labels["a"])
        with self._lock:
            return bytes(self._stored[which][np.array([place - first])][0])

    @cached_property
    def _features(self) -> np.ndarray:
        return _features(self.workspace)

    def features(self) -> np.ndarray:
        """(N, D) float32, about the mean of both sets and L2-normalised."""
        with self._lock:
            return self._features

    def neighbours(self, row: int) -> list[tuple[int, float]]:
        """The rows of either set most similar to one; none where there are no features."""
        return super().neighbours(row) if self.features().size else []

    def meanings(self) -> dict[str, str]:
        """A few words on each column of the ledger, as far as they are scores."""
        schema = FILES["shift_scores"].schema
        assert isinstance(schema, Table)
        return {column.name: column.meaning for column in schema.columns if column.name in self.ledger}


def load_two_sets(workspace: Workspace) -> TwoSets:
    """Read what the pipeline wrote.

    Raises:
        WinnowError: if some of it is missing or does not fit together.
    """
    path = workspace.path("metrics", stage="summary")
    if not path.is_file():
        raise WinnowError(f"{path} is missing; run 'dvc repro' first, the app shows what it wrote.")
    names = workspace.class_names
    labels = {which: workspace.arrays("shift_answers", ["labels"], set=which)["labels"] for which in TEST_SETS}
    rows = {which: workspace.table("shift_rows", ["row", "name"], set=which) for which in TEST_SETS}
    scores = {which: workspace.table("shift_scores", set=which) for which in TEST_SETS}
    ledger = pd.concat(
        [_ledger(which, labels[which], rows[which], scores[which], names) for which in TEST_SETS], ignore_index=True
    )
    features = _features(workspace)
    places, projection = principal_places(features) if features.size else (None, "")
    return TwoSets(
        workspace=workspace,
        ledger=ledger,
        class_names=names,
        places=places,
        projection=projection,
        ranking=_ranking(ledger),
        own=_columns(ledger, names),
        summary=workspace.json("metrics", stage="summary"),
        parts=workspace.table("shift_parts"),
        classes=workspace.table("shift_classes"),
        labels=labels,
        rows=rows,
        pictured=are_images(rows["b"]),
    )


def _ledger(
    which: str, labels: np.ndarray, rows: pd.DataFrame, scores: pd.DataFrame, class_names: list[str]
) -> pd.DataFrame:
    judged = scores["decided_by"] != "" if "decided_by" in scores else pd.Series(False, index=scores.index)
    suggested = scores["suggested"].where((scores["label_error"] >= SUSPECT) & ~judged, labels)
    frame = pd.DataFrame(
        {
            "image_id": [row_id(which, name) for name in scores["row"]],
            "set": which,
            "file_name": rows["name"] if len(rows) else "",
            "label": labels,
            "final_label": scores.get("final_label", labels),
            "suggested_label": suggested,
            "predicted": scores["predicted"],
            "leaked": scores["leaked"],
            "correct": scores["correct"],
            "label_error": scores["label_error"],
            "nearest_distance": scores["nearest_distance"],
            "counterpart": "",
            "rule": "",
            "decided_by": scores["decided_by"].where(judged, "rule") if "decided_by" in scores else "rule",
        }
    )
    return frame.assign(reason=[_reason(row, class_names) for row in frame.itertuples()])


def _reason(row: Any, class_names: list[str]) -> str:
    told = [f"the classifier answers {class_names[row.predicted]}"]
    if row.suggested_label != row.label:
        other = class_names[row.suggested_label]
        told.append(f"the label is wrong with probability {row.label_error:.0%}; if so, it is {other}")
    if row.leaked:
        told.append("it is a training row")
    return "; ".join(told)


def _ranking(ledger: pd.DataFrame) -> pd.DataFrame:
    error, found = ledger["label_error"], {}
    for which in TEST_SETS:
        of_set = ledger["set"] == which
        found[f"suspects_{which}"] = error.where(of_set & (error >= SUSPECT))
        found[f"doubts_{which}"] = error.where(of_set & (error >= _DOUBT) & (error < SUSPECT))
    return pd.DataFrame({**found, "why": [f"its label is wrong with probability {value:.0%}" for value in error]})


def _columns(ledger: pd.DataFrame, class_names: list[str]) -> OwnColumns:
    """Words to filter by: the set, the answer, and training rows where there are any."""
    words = {"set": (ledger["set"] == "b").to_numpy().astype(np.int16)}
    values = {"set": ["A", "B"]}
    if len(class_names) <= MOST_VALUES:
        words["answer"], values["answer"] = ledger["predicted"].to_numpy().astype(np.int16), list(class_names)
    if ledger["leaked"].any():
        words["training row"], values["training row"] = ledger["leaked"].to_numpy().astype(np.int16), ["no", "yes"]
    return OwnColumns({}, words, values)


def _features(workspace: Workspace) -> np.ndarray:
    """(N, D) float32 of both sets, about their mean and L2-normalised; without values where there are none."""
    maps = [tables.map_array(workspace.path("shift_features", set=which)) for which in TEST_SETS]
    if min(map(len, maps)) == 0:
        return np.empty((sum(map(len, maps)), 0), dtype=np.float32)
    features = np.concatenate(maps).astype(np.float32)
    features -= features.mean(axis=0)
    features /= np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return features
