"""The images of a workspace of `filter` as the app shows them: what stays, what goes, and for which one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from winnow.curation.review import digests
from winnow.curation.rules.rule import Outcome
from winnow.data.decode import reduced_bytes
from winnow.errors import WinnowError
from winnow.files import FILES
from winnow.filtering.cut import KEPT, OUTLIER, PERSON, REDUNDANT
from winnow.review.columns import MOST_VALUES, OwnColumns
from winnow.review.groups import apart, members
from winnow.review.originals import Originals
from winnow.review.places import principal_places
from winnow.review.shown import LONGEST, Shown
from winnow.schema import Table
from winnow.workspace import Workspace

UNLABELLED = "no label"
_UNTOUCHED = "untouched"
_HELD = 4096  # pictures kept in memory
# Of Okabe and Ito (2008), as in the app's other workspaces.
_OUTCOMES = (
    Outcome(KEPT, "kept", light="#009e73", dark="#17b98d"),
    Outcome(REDUNDANT, "redundant", light="#0072b2", dark="#4ba3e3"),
    Outcome(OUTLIER, "outlier", light="#d55e00", dark="#f0772b"),
    Outcome(PERSON, "dropped by a person", light="#cc79a7", dark="#dd8fb8"),
    Outcome(_UNTOUCHED, "of a split that is not filtered", light="#8a8f98", dark="#d3d8df"),
)


@dataclass(frozen=True, kw_only=True)
class Filtered(Shown):
    """What `filter` made of the readable images of all splits.

    Attributes:
        points: (N, D) float32, rows of length 1.
        originals: the dataset as it came.
    """

    outcome_title: ClassVar[str] = "what became of it"
    ranks: ClassVar[Mapping[str, str]] = {
        "far": "redundant, the least alike first",
        "odd": "outliers, the oddest first",
        "next": "kept, the oddest first",
    }
    relabels: ClassVar[bool] = False

    points: np.ndarray
    originals: Originals

    @property
    def outcomes(self) -> list[Outcome]:
        """The verdicts of the ledger, and images of splits that are not filtered."""
        return list(_OUTCOMES)

    @cached_property
    def outcome(self) -> np.ndarray:
        """(N,) positions in `outcomes`."""
        verdict = self.ledger["verdict"].where(self.ledger["is_filtered"], _UNTOUCHED)
        codes = pd.Categorical(verdict, categories=[outcome.key for outcome in _OUTCOMES]).codes
        return np.asarray(codes, dtype=np.uint8)

    @cached_property
    def digests(self) -> dict[str, str]:
        """The sha256 of the bytes of each filtered image: there are verdicts on no others."""
        return digests(self.ledger[self.ledger["is_filtered"]])

    @cached_property
    def _held(self) -> dict[str, bytes]:
        return {}

    def original(self, image_id: str) -> tuple[bytes, str] | None:
        """An image and its media type; None where there is none, or its file has gone or changed."""
        place = self.position.get(image_id)
        return None if place is None else self.originals.picture(image_id, str(self.ledger["bytes_sha256"].iloc[place]))

    def image_bytes(self, image_id: str) -> bytes | None:
        """The same, made smaller where it is large."""
        with self._lock:
            if image_id not in self._held:
                drawn = self.original(image_id)
                if drawn is None:
                    return None
                if len(self._held) >= _HELD:
                    self._held.pop(next(iter(self._held)))
                self._held[image_id] = reduced_bytes(drawn[0], longest=LONGEST)
            return self._held[image_id]

    @property
    def more_arrays(self) -> Mapping[str, np.ndarray]:
        """`stays_for`: (N,) int32, the image that stays when one goes as redundant; itself where none does.

        `apart`: (N,) float32, as `winnow.review.groups.apart` returns it.
        """
        places = self.ledger["stays_for_it"].map(self.position).to_numpy(dtype=np.float64)
        stays_for = np.where(np.isnan(places), np.arange(len(places)), places).astype(np.int32)
        return {"stays_for": stays_for, "apart": apart(self.groups, self.points)}

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """The groups of the report, that is the `tile` of each filtered image, as `members` returns them."""
        return members(self.ledger["tile"].where(self.ledger["is_filtered"], -1).to_numpy(), self.points)

    def features(self) -> np.ndarray:
        """(N, D) float32, L2-normalised: the reduced ones."""
        return self.points

    def meanings(self) -> dict[str, str]:
        """A few words on each column of the ledger."""
        schema = FILES["filter_ledger"].schema
        assert isinstance(schema, Table)
        return {column.name: column.meaning for column in schema.columns if column.name in self.ledger}


def load_filtered(workspace: Workspace, originals: Originals) -> Filtered:
    """Read what the pipeline wrote.

    Raises:
        WinnowError: if some of it is missing or does not fit together.
    """
    path = workspace.path("filter_ledger")
    if not path.is_file():
        raise WinnowError(f"{path} is missing; run 'dvc repro' first, the app shows what it wrote.")
    found = workspace.table("filter_ledger").sort_values("image_id", ignore_index=True)
    points = workspace.arrays("points", ["points"], of=found["image_id"].to_numpy(dtype=str))["points"]
    label = found["label"].where(found["label"] != "", UNLABELLED)
    class_names = sorted(set(label) - {UNLABELLED}) + ([UNLABELLED] if (label == UNLABELLED).any() else [])
    number = label.map({name: place for place, name in enumerate(class_names)}).to_numpy(dtype=np.int64)
    ledger = found.assign(
        label=number,
        final_label=np.where(found["verdict"] == KEPT, number, -1),
        suggested_label=number,
        counterpart=found["keeper"],
        rule=found["verdict"].where(found["verdict"] != KEPT, ""),
        decided_by=found["decided_by"].where(found["decided_by"] != "", "rule"),
        merge_height=found["merge_height"].replace(np.inf, np.nan),
        outlier_rank=_rank(found["outlier_rank"]),
        removal_rank=_rank(found["removal_rank"]),
    )
    places, projection = principal_places(points)
    return Filtered(
        workspace=workspace,
        ledger=ledger,
        class_names=class_names,
        places=places,
        projection=projection,
        ranking=_ranking(ledger),
        own=_columns(found),
        points=points,
        originals=originals,
    )


def _rank(turn: pd.Series) -> pd.Series:
    """As a score: NaN where an image has none."""
    return turn.astype(np.float64).where(turn > 0)


def _ranking(ledger: pd.DataFrame) -> pd.DataFrame:
    verdict, odd = ledger["verdict"], ledger["leaving_height"]
    return pd.DataFrame(
        {
            "far": ledger["distance"].where(verdict == REDUNDANT),
            "odd": odd.where(verdict == OUTLIER),
            "next": odd.where((verdict == KEPT) & ledger["is_filtered"]),
            "why": ledger["reason"],
        }
    )


def _columns(found: pd.DataFrame) -> OwnColumns:
    """Words to filter by: the split, and a few large groups of alike images."""
    own = OwnColumns()
    for name, column in (("split", found["split"]), ("group", found["group"].astype(str))):
        words = sorted(set(column) - {""})
        if 1 < len(words) <= MOST_VALUES:
            codes = pd.Categorical(column, categories=words).codes.astype(np.int16)
            own = replace(own, words={**own.words, name: codes}, values={**own.values, name: words})
    return own


def cut_now(filtered: Filtered) -> dict[str, Any]:
    """JSON values for the sliders: how many images went as `redundant` and as `outlier`, and how many could at most."""
    own = filtered.ledger[filtered.ledger["is_filtered"]]
    return {
        "images": len(own),
        REDUNDANT: {"gone": int((own["verdict"] == REDUNDANT).sum()), "most": int(own["removal_rank"].notna().sum())},
        OUTLIER: {"gone": int((own["verdict"] == OUTLIER).sum()), "most": len(own) // 2},
    }
