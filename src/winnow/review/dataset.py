"""What the pipeline wrote, held in memory for the app."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

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
from winnow.review.queue import RANKS, rank_for_review
from winnow.review.shown import LONGEST, Shown
from winnow.row_groups import StoredColumn
from winnow.workspace import Workspace

# What became of images that no rule dropped; the colours are of Okabe and Ito (2008).
_NOT_DROPPED = (
    Outcome("keep", "kept", light="#009e73", dark="#17b98d"),
    Outcome("relabel", "relabelled", light="#0072b2", dark="#4ba3e3"),
    Outcome("validation", "validation set", light="#111418", dark="#ffffff"),
)


def outcomes(rules: Sequence[Rule] = RULES) -> list[Outcome]:
    """What can become of an image, in the order in which the app lists it: kept first, then dropped, rule by rule."""
    return list(dict.fromkeys((*_NOT_DROPPED, *(rule.dropped for rule in rules if rule.drops))))


@dataclass(frozen=True, kw_only=True)
class Dataset(Shown):
    """What the cleaning made of every image.

    Attributes:
        params: of params.yaml.
        outside: external photos, a row each; see `curation/external.py`.
    """

    outcome_title: ClassVar[str] = "what became of it"
    ranks: ClassVar[Mapping[str, str]] = RANKS

    params: Params
    outside: pd.DataFrame

    @property
    def outcomes(self) -> list[Outcome]:
        """Of all rules."""
        return outcomes()

    @property
    def rules(self) -> dict[str, str]:
        """Titles of all rules."""
        return {rule.name: rule.title for rule in RULES}

    @property
    def cuts(self) -> list[dict[str, Any]]:
        """Of all rules."""
        return [
            {
                "score": cut.score.name,
                "title": cut.score.title,
                "worst_first": cut.score.worst_first or f"{cut.score.title}, the worst first",
                "lower_is_worse": cut.score.lower_is_worse,
            }
            for _, cut in cuts_of()
        ]

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
                self._images[image_id] = reduced_bytes(self._stored[row][0], longest=LONGEST)
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

    def meanings(self) -> dict[str, str]:
        """A few words on each column of the ledger."""
        return {name: meaning(name) for name in self.ledger.columns}


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
