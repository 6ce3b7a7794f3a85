"""A session over the two test sets of a workspace of `shift`."""

from pathlib import Path

from winnow.review.base_session import BaseSession
from winnow.review.two_sets import TwoSets, load_two_sets


class TwoSetsSession(BaseSession[TwoSets]):
    """A folder in which `shift` ran."""

    @property
    def views(self) -> tuple[str, ...]:
        """Without a map where there are no features."""
        return ("sets", *(("map",) if self.dataset.places is not None else ()), "gallery", "queue")

    @property
    def _written(self) -> Path:
        return self.workspace.path("metrics", stage="summary")

    def _load(self) -> TwoSets:
        return load_two_sets(self.workspace)
