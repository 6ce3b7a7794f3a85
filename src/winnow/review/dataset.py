"""What the pipeline wrote, held in memory for the app."""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.curation.explain import meaning
from winnow.curation.review import digests
from winnow.curation.rules import REVIEW, RULES, cuts_of, in_force
from winnow.curation.rules.rule import Outcome, Rule
from winnow.data.decode import reduced_bytes
from winnow.errors import WinnowError
from winnow.params import Params, load_params
from winnow.review.columns import OwnColumns, read_columns
from winnow.review.queue import rank_for_review
from winnow.row_groups import StoredColumn
from winnow.workspace import Workspace

_NEIGHBOURS = 12
_LONGEST = 512  # pixels of a picture in a wall of them
_NO_SCORES = ("threshold",)
# What became of images that no rule dropped; the colours are of Okabe and Ito (2008).
_NOT_DROPPED = (
    Outcome("keep", "kept", light="#009e73", dark="#17b98d"),
    Outcome("relabel", "relabelled", light="#0072b2", dark="#4ba3e3"),
    Outcome("validation", "validation set", light="#111418", dark="#ffffff"),
)


def outcomes(rules: Sequence[Rule] = RULES) -> list[Outcome]:
    """What can become of an image, in the order in which the app lists it: kept first, then dropped, rule by rule."""
    return list(dict.fromkeys((*_NOT_DROPPED, *(rule.dropped for rule in rules if rule.drops))))


@dataclass(frozen=True)
class Dataset:
    """One state of a workspace.

    Attributes:
        workspace: where params.yaml and the pipeline's files are.
        params: of params.yaml.
        ledger: a row per image, sorted by `image_id`.
        class_names: K names.
        places: x3, y3, z3, x2, y2 float32 of every image, or None where the map was not built.
        projection: `umap` or `pca`, "" without a map.
        outside: external photos, a row each; see `curation/external.py`.
        ranking: what a person's look at each image is worth; see `review/queue.py`.
        own: columns of the user's own.
    """

    workspace: Workspace
    params: Params
    ledger: pd.DataFrame
    class_names: list[str]
    places: pd.DataFrame | None
    projection: str
    outside: pd.DataFrame
    ranking: pd.DataFrame
    own: OwnColumns = field(default_factory=OwnColumns)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @cached_property
    def image_id(self) -> np.ndarray:
        """(N,) ids in the ledger's order."""
        return self.ledger["image_id"].to_numpy(dtype=object)

    @cached_property
    def position(self) -> dict[str, int]:
        """Row of each image of the dataset."""
        return {image_id: row for row, image_id in enumerate(self.image_id)}

    @cached_property
    def digests(self) -> dict[str, str]:
        """The sha256 of the bytes, as they came, of each image of the dataset, by its id."""
        return digests(self.ledger)

    @cached_property
    def digests_with_photos(self) -> dict[str, str]:
        """The same, and of each external photo."""
        return digests(self.ledger, self.outside)

    @cached_property
    def outcome(self) -> np.ndarray:
        """(N,) positions in `outcomes()`."""
        ledger = self.ledger
        dropped = ledger["rule"].map({rule.name: rule.dropped.key for rule in RULES})
        outcome = np.select(
            [ledger["split"] == "validation", ledger["action"] == "drop", ledger["action"] == "relabel"],
            ["validation", dropped.fillna(REVIEW.dropped.key), "relabel"],
            default="keep",
        )
        codes = pd.Categorical(outcome, categories=[outcome.key for outcome in outcomes()]).codes
        positions: np.ndarray = codes.astype(np.uint8)
        return positions

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

    @cached_property
    def _images(self) -> dict[str, bytes]:
        images: dict[str, bytes] = {}
        if self.params.data.image_size is not None:  # at their own size all would be too much
            packed = self.workspace.table("images")
            images.update(zip(packed["image_id"], packed["image_bytes"], strict=True))
        images.update(zip(self.outside["image_id"], self.outside["image_bytes"], strict=True))
        return images

    def image_bytes(self, image_id: str) -> bytes | None:
        """An encoded image of the dataset, or an external photo; None where there is no such image.

        One at its own size is reduced to what a wall of them needs; `Session.original` has it in full.
        """
        with self._lock:
            if self.params.data.image_size is None and image_id not in self._images and image_id in self.position:
                row = np.array([self.position[image_id]])
                self._images[image_id] = reduced_bytes(self._stored[row][0], longest=_LONGEST)
            return self._images.get(image_id)

    @cached_property
    def _stored(self) -> StoredColumn:
        return self.stored_images()

    def stored_images(self) -> StoredColumn:
        """The N encoded images in the ledger's order."""
        return self.workspace.column("images", "image_bytes", of=self.image_id)

    @cached_property
    def _features(self) -> np.ndarray:
        return self.workspace.arrays("features", ["features"], of=self.image_id)["features"]

    def features(self) -> np.ndarray:
        """(N, D) float32, L2-normalised, in the ledger's order; read when first asked for."""
        with self._lock:
            return self._features

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
        outcome = outcomes()[self.outcome[row]].key
        return {**known, "outcome": outcome, "worth_a_look": self.ranking["why"].iloc[row]}

    def meanings(self) -> dict[str, str]:
        """A few words on each column of the ledger."""
        return {name: meaning(name) for name in self.ledger.columns}

    def described(self) -> dict[str, Any]:
        """JSON values that the app and its read-only copy begin with: classes, outcomes, scores and cuts."""
        return {
            "images": len(self.ledger),
            "class_names": self.class_names,
            "outcomes": [asdict(outcome) for outcome in outcomes()],
            "rules": {rule.name: rule.title for rule in RULES},
            "projection": self.projection,
            "scores": {name: meaning(name) for name in self.score_names},
            "own": {"numbers": list(self.own.numbers), "words": self.own.values},
            "cuts": [
                {
                    "score": cut.score.name,
                    "title": cut.score.title,
                    "worst_first": cut.score.worst_first or f"{cut.score.title}, the worst first",
                    "lower_is_worse": cut.score.lower_is_worse,
                }
                for _, cut in cuts_of()
            ],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def load_dataset(workspace: Workspace, *, columns: Path | None = None) -> Dataset:
    """Read what the pipeline wrote, and a CSV of `image_id` and the user's own `columns`, if there is one.

    Raises:
        WinnowError: if that CSV is none, or the ledger or what belongs to it is missing or does not fit together.
    """
    params = load_params(workspace.root / "params.yaml")
    path = workspace.path("ledger")
    if not path.is_file():
        raise WinnowError(f"{path} is missing; run 'dvc repro' first, the app shows what it wrote.")
    ledger = workspace.table("ledger").sort_values("image_id", ignore_index=True)
    if not len(ledger):
        raise WinnowError(f"{path} has no rows; run 'dvc repro' again.")
    places = workspace.table("map", of=ledger["image_id"].to_numpy()) if workspace.path("map").is_file() else None
    outside = workspace.table("outside") if workspace.path("outside").is_file() else None
    return Dataset(
        workspace=workspace,
        params=params,
        ledger=ledger,
        class_names=workspace.class_names,
        places=places,
        projection="" if places is None else str(places["method"].iloc[0]),
        outside=pd.DataFrame({"image_id": [], "bytes_sha256": [], "image_bytes": []}) if outside is None else outside,
        ranking=rank_for_review(ledger, in_force(params.curate.model_dump())),
        own=OwnColumns() if columns is None else read_columns(columns, ledger["image_id"].to_numpy(dtype=object)),
    )


def pack_points(dataset: Dataset) -> bytes:
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
    for name in ("priority", "disagreement", "nearness", "influence"):
        arrays[f"rank:{name}"] = dataset.ranking[name].to_numpy().astype(np.float32)
    for name, values in (*dataset.own.numbers.items(), *dataset.own.words.items()):
        arrays[f"own:{name}"] = values
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
