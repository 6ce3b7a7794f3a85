"""A session over the images of a workspace of `filter`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from winnow.curation.review import Review
from winnow.errors import WinnowError
from winnow.filtering.verdicts import read_verdicts
from winnow.params.load import load_sections
from winnow.review.base_session import BaseSession
from winnow.review.filtered import Filtered, cut_now, load_filtered
from winnow.review.originals import Originals
from winnow.review.verdicts import Change


class FilteredSession(BaseSession[Filtered]):
    """A folder in which `filter` ran."""

    @property
    def views(self) -> tuple[str, ...]:
        """The cloud, walls of pictures, groups of alike ones, and one by one."""
        return ("map", "gallery", "groups", "queue")

    @property
    def _written(self) -> Path:
        return self.workspace.path("filter_ledger")

    def _load(self) -> Filtered:
        dataset = load_sections(["dataset"], self.workspace.root / "params.yaml").dataset  # type: ignore[attr-defined]
        limit = dataset.max_unpacked_gb * 2**30
        return load_filtered(self.workspace, Originals(self.workspace.root / dataset.archive, max_unpacked_bytes=limit))

    def described(self) -> dict[str, Any]:
        return {"cut": cut_now(self.dataset)}

    def original(self, image_id: str) -> tuple[bytes, str] | None:
        return self.dataset.original(image_id)

    def review(self) -> Review:
        ledger = self.dataset.ledger
        names = ledger["label"].map(dict(enumerate(self.dataset.class_names)))
        return read_verdicts(self.decisions.path, ledger.assign(label=names))

    def check_ids(self, changes: Sequence[Change], *, outside_too: bool = False) -> None:
        super().check_ids(changes, outside_too=outside_too)
        for change in changes:
            if change.verdict is None:
                continue
            if change.verdict.get("action") == "relabel":
                raise WinnowError("filter keeps or drops images and gives no labels; nothing was saved.")
            if change.image_id not in self.dataset.digests:
                raise WinnowError(f"{change.image_id} is of a split that is not filtered; nothing was saved.")
