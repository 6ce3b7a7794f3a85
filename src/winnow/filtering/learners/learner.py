"""What every learner gives, and a learner whose trainings take long: each that is finished is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from winnow import tables
from winnow.checkpoint import fingerprint
from winnow.progress import Reporter


@dataclass(frozen=True)
class Judged:
    """What came of one training.

    Attributes:
        score: in [0, 1], higher is better: the share of right answers, unless there is an error.
        asked: about how many images.
        error: standard error of the score over these images; None where the score is a share of them.
        parts: what the score is made of, by name; in [0, 1].
    """

    score: float
    asked: int
    error: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


class Learner(Protocol):
    """What learns from the kept images of a pool, and is asked about others."""

    @property
    def name(self) -> str:
        """`probe`, `network` or `detector`."""

    def judged(
        self, pool: np.ndarray, choices: Sequence[np.ndarray], asked: np.ndarray, *, seed: int, report: Reporter
    ) -> list[Judged]:
        """One training for each choice.

        Args:
            pool: (M,) int64 places of images.
            choices: (C,) int64 places in the pool each, of the images that are learned from.
            asked: (L,) int64 places of the images to be asked about, none of the pool.
            seed: of the trainings; one for all of a pool, so that choices alone differ.
            report: called as trainings finish, with their number.
        """
        ...


MEASURES = {"probe": "accuracy", "network": "accuracy", "detector": "score"}
"""What the score of each learner is called."""


class Finished:
    """Results of trainings in a file, which a killed run goes on with.

    A training is known by all that decides it; what the file holds of others does no harm.
    """

    def __init__(self, file: Path, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """
        Args:
            file: JSON, written after every training.
            settings: JSON values.
            arrays: by name, what is learned from and asked about; hashed once.
        """
        self._file, self._data = file, fingerprint(settings, arrays)
        self._known: dict[str, Any] = tables.read_json(file) if file.exists() else {}

    def __call__(self, kept: np.ndarray, asked: np.ndarray, seed: int, train: Callable[[], Judged]) -> Judged:
        """The result of the training of these images, asked about those; trained where it is not known."""
        key = fingerprint({"data": self._data, "seed": seed}, {"kept": kept, "asked": asked})
        if key not in self._known:
            self._known[key] = asdict(train())
            self._file.parent.mkdir(parents=True, exist_ok=True)
            tables.write_json(self._file, self._known)
        return Judged(**self._known[key])


@dataclass(frozen=True)
class OneByOne:
    """A learner that is trained anew for each choice.

    Attributes:
        name: as in `Learner`.
        train: from (M,) int64 kept images, (L,) int64 images to be asked about, a seed, and what to call with a note as
            it trains, to what came of it.
        finished: what was trained before.
    """

    name: str
    train: Callable[[np.ndarray, np.ndarray, int, Reporter], Judged]
    finished: Finished

    def judged(
        self, pool: np.ndarray, choices: Sequence[np.ndarray], asked: np.ndarray, *, seed: int, report: Reporter
    ) -> list[Judged]:
        """As `Learner`."""
        return [self._judged(np.sort(pool[places]), asked, seed, report) for places in choices]

    def _judged(self, kept: np.ndarray, asked: np.ndarray, seed: int, report: Reporter) -> Judged:
        def tell(advance: int, note: str = "") -> None:
            report(0, f"{len(kept):,} images, {note}")

        found = self.finished(kept, asked, seed, lambda: self.train(kept, asked, seed, tell))
        report(1)
        return found


def passes(count: int, *, steps: int, batch_size: int, seed: int) -> list[np.ndarray]:
    """The same number of steps however few images there are: all of them come before any comes again.

    Args:
        count: images, at least 1.
        steps: how many.
        batch_size: images of each.
        seed: of their order.

    Returns:
        `steps` of (batch_size,) int64 places of the images.
    """
    rng = np.random.default_rng(seed)
    rounds = -(-steps * batch_size // count)
    order = np.concatenate([rng.permutation(count) for _ in range(rounds)])[: steps * batch_size]
    return np.split(order, steps)
