"""A linear probe on the features: seconds for all choices of a pool."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from winnow.filtering.learners.learner import Judged
from winnow.learn.probe import LinearProbe
from winnow.progress import Reporter

_MODELS = 8  # probes that are fitted side by side


@dataclass(frozen=True)
class Probe:
    """Multinomial logistic regression.

    Attributes:
        features: (N, D) float32.
        labels: (N,) int in [0, K).
        l2: penalty, which no test image chooses.
    """

    features: np.ndarray
    labels: np.ndarray
    l2: float
    name: str = "probe"

    def judged(
        self, pool: np.ndarray, choices: Sequence[np.ndarray], asked: np.ndarray, *, seed: int, report: Reporter
    ) -> list[Judged]:
        """As `winnow.filtering.learners.learner.Learner`; the seed is of no effect."""
        places = np.concatenate([pool, asked])
        probe = LinearProbe(self.features[places])
        target = np.zeros((len(places), int(self.labels.max()) + 1), dtype=np.float32)
        target[np.arange(len(pool)), self.labels[pool]] = 1
        answers = self.labels[asked]
        found: list[Judged] = []
        for start in range(0, len(choices), _MODELS):
            part = choices[start : start + _MODELS]
            training = np.zeros((len(target), len(part)), dtype=np.float32)
            for column, images in enumerate(part):
                training[images, column] = 1
            predicted = probe.predict(probe.fit(target, training, l2=self.l2))[len(pool) :].argmax(axis=2)
            right = (predicted == answers[:, None]).mean(axis=0)
            found += [Judged(float(share), len(asked)) for share in right]
            report(len(part))
        return found
