"""What a pipeline made of every image, as the app shows it, whichever pipeline it was."""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from winnow.curation.rules.rule import Outcome
from winnow.review.columns import OwnColumns
from winnow.workspace import Workspace

LONGEST = 512
"""Pixels of a picture in a wall of them."""
_NEIGHBOURS = 12
_NO_SCORES = ("threshold",)


@dataclass(frozen=True, kw_only=True)
class Shown(ABC):
    """One state of a workspace.

    Attributes:
        workspace: where params.yaml and the pipeline's files are.
        ledger: a row per image: `image_id`, `label`, `final_label` (-1: dropped), `suggested_label`, `counterpart`,
            `decided_by` (`rule`, or a person), `reason` and scores.
        class_names: K names.
        places: x3, y3, z3, x2, y2 float32 of every image, or None without a map.
        projection: `umap` or `pca`, "" without a map.
        ranking: what a person's look at each image is worth: a column for each of `ranks`, higher is more worth it, NaN
            where it is not asked for; and `why` (words).
        own: columns to filter, sort and colour by beside those of the ledger.
    """

    outcome_title: ClassVar[str]
    """What outcomes are, in words."""
    ranks: ClassVar[Mapping[str, str]]
    """Orders of the queue, the first one first, in words."""
    proposed: ClassVar[str] = "final_label"
    """The column of the ledger that a reviewer agrees with."""

    relabels: ClassVar[bool] = True
    """Whether a reviewer may give an image another label."""

    drop_words: ClassVar[str] = "Drop"
    """What it is called that a reviewer finds an image to be of no use."""

    workspace: Workspace
    ledger: pd.DataFrame
    class_names: list[str]
    places: pd.DataFrame | None
    projection: str
    ranking: pd.DataFrame
    own: OwnColumns = field(default_factory=OwnColumns)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    @abstractmethod
    def outcomes(self) -> list[Outcome]:
        """What can become of an image, in the order in which the app lists it."""

    @property
    @abstractmethod
    def outcome(self) -> np.ndarray:
        """(N,) uint8 positions in `outcomes`."""

    @property
    def rules(self) -> dict[str, str]:
        """Titles of the rules that decide."""
        return {}

    @property
    def cuts(self) -> list[dict[str, Any]]:
        """The scores that rules cut."""
        return []

    @property
    def more_arrays(self) -> Mapping[str, np.ndarray]:
        """What a view of its own needs of every image: (N,) numbers by name."""
        return {}

    @property
    def has_pictures(self) -> bool:
        """Whether rows are images."""
        return True

    @property
    @abstractmethod
    def digests(self) -> Mapping[str, str]:
        """By the id of each image, what tells that it is still the same; "" where its name does."""

    @abstractmethod
    def image_bytes(self, image_id: str) -> bytes | None:
        """An encoded image; None where there is none."""

    @abstractmethod
    def features(self) -> np.ndarray:
        """(N, D) float32, L2-normalised, in the ledger's order."""

    @abstractmethod
    def meanings(self) -> dict[str, str]:
        """A few words on each column of the ledger."""

    @cached_property
    def image_id(self) -> np.ndarray:
        """(N,) ids in the ledger's order."""
        return self.ledger["image_id"].to_numpy(dtype=object)

    @cached_property
    def position(self) -> dict[str, int]:
        """Row of each image of the dataset."""
        return {image_id: row for row, image_id in enumerate(self.image_id)}

    @cached_property
    def score_names(self) -> list[str]:
        """Columns of the ledger that are scores: numbers that are known for some image."""
        return [
            name
            for name in self.ledger.columns
            if self.ledger[name].dtype == np.float64 and name not in _NO_SCORES and self.ledger[name].notna().any()
        ]

    @cached_property
    def counterpart(self) -> np.ndarray:
        """(N,) int32 row of the image that each one was compared with when it was dropped, -1 if none."""
        counterparts = pd.Index(self.ledger["counterpart"].astype(object))
        rows: np.ndarray = pd.Index(self.image_id).get_indexer(counterparts)
        return rows.astype(np.int32)

    def neighbours(self, row: int) -> list[tuple[int, float]]:
        """The images most similar to one, as rows and cosines, the most similar first."""
        features = self.features()
        similarity = features @ features[row]
        similarity[row] = -np.inf
        count = min(_NEIGHBOURS, len(similarity) - 1)
        nearest = np.argpartition(-similarity, count - 1)[:count] if count else np.empty(0, int)
        nearest = nearest[np.lexsort((nearest, -similarity[nearest]))]
        return [(int(other), float(similarity[other])) for other in nearest]

    def explanation(self, row: int) -> dict[str, Any]:
        """All that the ledger says of one image; NaN is None."""
        known = {str(name): _plain(value) for name, value in self.ledger.iloc[row].items()}
        outcome = self.outcomes[self.outcome[row]].key
        return {**known, "outcome": outcome, "worth_a_look": self.ranking["why"].iloc[row]}

    def described(self) -> dict[str, Any]:
        """JSON values that the app and its read-only copy begin with: classes, outcomes, scores and cuts."""
        return {
            "images": len(self.ledger),
            "class_names": self.class_names,
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "outcome_title": self.outcome_title,
            "rules": self.rules,
            "projection": self.projection,
            "scores": {name: self.meanings()[name] for name in self.score_names},
            "own": {"numbers": list(self.own.numbers), "words": self.own.values},
            "ranks": dict(self.ranks),
            "proposed": self.proposed,
            "drop_words": self.drop_words,
            "relabels": self.relabels,
            "pictures": self.has_pictures,
            "cuts": self.cuts,
        }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def pack_points(dataset: Shown) -> bytes:
    """All that the map and the filters need, in one binary block.

    Four bytes with the length of a JSON header, the header, then the arrays that it names with their byte offsets, each
    at a multiple of four from the start of the first. Ids come last, as UTF-8 text, one a line.
    """
    ledger, count = dataset.ledger, len(dataset.ledger)
    arrays: dict[str, np.ndarray] = {}
    if dataset.places is not None:
        arrays["places3"] = dataset.places[["x3", "y3", "z3"]].to_numpy(np.float32)
        arrays["places2"] = dataset.places[["x2", "y2"]].to_numpy(np.float32)
    for name in ("label", "final_label", "suggested_label"):
        arrays[name] = ledger[name].to_numpy().astype(np.int16)
    arrays["outcome"] = dataset.outcome
    arrays["counterpart"] = dataset.counterpart
    arrays["by_person"] = (ledger["decided_by"] != "rule").to_numpy().astype(np.uint8)
    for name in dataset.score_names:
        arrays[f"score:{name}"] = ledger[name].to_numpy().astype(np.float32)
    for name in dataset.ranks:
        arrays[f"rank:{name}"] = dataset.ranking[name].to_numpy().astype(np.float32)
    for name, values in (*dataset.own.numbers.items(), *dataset.own.words.items()):
        arrays[f"own:{name}"] = values
    arrays |= dataset.more_arrays
    arrays["ids"] = np.frombuffer("\n".join(dataset.image_id).encode(), dtype=np.uint8)

    described, body, offset = [], [], 0
    for name, array in arrays.items():
        content = np.ascontiguousarray(array).tobytes()
        padded = content + b"\0" * (-len(content) % 4)
        described.append({"name": name, "type": array.dtype.name, "offset": offset, "length": array.size})
        body.append(padded)
        offset += len(padded)
    header = json.dumps({"count": count, "arrays": described}).encode()
    header += b" " * (-len(header) % 4)
    return len(header).to_bytes(4, "little") + header + b"".join(body)
