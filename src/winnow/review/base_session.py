"""What the server knows and may change, whichever pipeline wrote the workspace."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from winnow.curation.review import Review, read_review
from winnow.curation.tags import read_tags
from winnow.errors import WinnowError
from winnow.review.saved_views import VIEWS_FILE, SavedViews
from winnow.review.shown import Shown, pack_points
from winnow.review.verdicts import Change, VerdictFile, decisions_file, review_lock, tags_file
from winnow.workspace import Workspace

S = TypeVar("S", bound=Shown)


class BaseSession(ABC, Generic[S]):
    """A folder with a pipeline's outputs; reads them anew when the pipeline has run again."""

    def __init__(self, root: str | Path, *, reviewer: str) -> None:
        """Args: the folder; who the reviewer is taken to be until they say."""
        self.workspace, self.reviewer = Workspace(Path(root).resolve()), reviewer
        self.decisions = decisions_file(self.workspace, lambda: self.dataset.digests)
        self.tags = tags_file(self.workspace, lambda: self.dataset.digests)
        self.saved_views = SavedViews(self.workspace.root / VIEWS_FILE, lock=review_lock(self.workspace))
        self._lock = threading.RLock()
        self._read()

    @property
    @abstractmethod
    def views(self) -> tuple[str, ...]:
        """The page's views that make sense here, in their order; the first is the one that it opens with."""

    @property
    @abstractmethod
    def _written(self) -> Path:
        """The file that the pipeline writes last of what is shown."""

    @abstractmethod
    def _load(self) -> S:
        """Read what the pipeline wrote; raises WinnowError where something is missing."""

    def _read(self) -> None:
        self._stamp = file_stamp(self._written)
        self._dataset = self._load()
        self._points: bytes | None = None
        self._review: tuple[tuple[int, ...] | None, Review] | None = None  # with the stamp of the file

    @property
    def dataset(self) -> S:
        """The dataset as the pipeline last wrote it; as it was before, while a run is under way."""
        with self._lock:
            if file_stamp(self._written) not in (None, self._stamp):
                try:
                    self._read()
                except WinnowError:
                    self._stamp = None  # half of the files are there: look again at the next request
            return self._dataset

    @property
    def version(self) -> str:
        """Changes with the dataset; a reviewer's notes in the browser belong to one version."""
        return "-".join(map(str, self._stamp or (0,)))

    @property
    def is_reading(self) -> bool:
        """Whether a run that the app started reads the verdicts now."""
        return False

    def described(self) -> dict[str, Any]:
        """JSON values that the page begins with, beside those of the dataset."""
        return {}

    def points(self) -> bytes:
        """See `pack_points`."""
        with self._lock:
            dataset = self.dataset
            if self._points is None:
                self._points = pack_points(dataset)
            return self._points

    def warm(self) -> None:
        """Read ahead what the first clicks will ask for."""
        with suppress(WinnowError):  # whoever asks for it is told
            self._warm()

    def _warm(self) -> None:
        self.points()
        self.dataset.image_bytes("")
        self.dataset.features()

    def stop(self) -> None:
        """End what runs in the background."""

    def original(self, image_id: str) -> tuple[bytes, str] | None:
        """An image at the best resolution that there is, and its media type; None where there is no such image."""
        content = self.dataset.image_bytes(image_id)
        return None if content is None else (content, "image/jpeg")

    @property
    def verdict_files(self) -> Mapping[str, VerdictFile]:
        """The review files by their names."""
        return {"decisions": self.decisions, "tags": self.tags}

    def reviews(self) -> tuple[Review, ...]:
        """The review files as the pipeline will read them; raises WinnowError if it would stop at one."""
        return self.review(), self.given_tags()

    def review(self) -> Review:
        """decisions.csv as the pipeline will read it; raises WinnowError if the pipeline would stop at it."""
        with self._lock:
            dataset, stamp = self.dataset, file_stamp(self.decisions.path)
            if stamp is None or self._review is None or self._review[0] != stamp:
                path, images = self.decisions.path, dataset.digests
                self._review = stamp, read_review(path, images=images, class_names=dataset.class_names)
            return self._review[1]

    def given_tags(self) -> Review:
        """tags.csv likewise."""
        return read_tags(self.tags.path, images=self.dataset.digests)

    def check_ids(self, changes: Sequence[Change], *, outside_too: bool = False) -> None:
        """Refuse a verdict on an image that is not there; one on an image that has gone can be taken back."""
        known = self._outside_ids() if outside_too else set()
        for change in changes:
            missing = change.image_id not in self.dataset.position and change.image_id not in known
            if change.verdict is not None and missing:
                raise WinnowError(f"there is no image {change.image_id[:80]!r} in this dataset; nothing was saved.")

    def _outside_ids(self) -> set[str]:
        return set()


def file_stamp(path: Path) -> tuple[int, ...] | None:
    """Changes when a file is written or replaced; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
