"""A linear probe of the features."""

import numpy as np

from winnow.detect.labels.sources import Lesson, Source


class _Probe:
    def __init__(self, lesson: Lesson) -> None:
        from winnow.learn.probe import LinearProbe  # takes long to import

        self._lesson = lesson
        self._probe = LinearProbe(lesson.evidence.features)
        self._rows = np.arange(len(lesson.fold))
        pairs = [(f, g) for f in range(lesson.folds) for g in range(f + 1, lesson.folds)]
        self._pairs = pairs
        self._of_pair = np.zeros((lesson.folds, lesson.folds), dtype=np.int64)
        for position, (f, g) in enumerate(pairs):
            self._of_pair[f, g] = self._of_pair[g, f] = position
        self._by_pair: np.ndarray | None = None

    def of_labels(self) -> np.ndarray:
        pred_probs = self._lesson.evidence.pred_probs
        assert pred_probs is not None
        return pred_probs

    def without_fold(self, fold: int) -> np.ndarray:
        """Image j of fold g by the probe fitted on all folds but `fold` and g; it serves g without `fold` as well."""
        if self._by_pair is None:
            self._by_pair = self._fit_pairs()
        pred_probs: np.ndarray = self._by_pair[self._rows, self._of_pair[fold, self._lesson.fold]]
        return pred_probs

    def of_posterior(self, posterior: np.ndarray) -> np.ndarray:
        from winnow.learn.probe import others_of

        self._by_pair = None  # (N, pairs, K) is large, and done with
        fold = self._lesson.fold
        weights = self._probe.fit(posterior, others_of(fold), l2=self._lesson.l2)
        pred_probs: np.ndarray = self._probe.predict(weights)[self._rows, fold]
        return pred_probs

    def _fit_pairs(self) -> np.ndarray:
        fold = self._lesson.fold
        training = np.stack([(fold != f) & (fold != g) for f, g in self._pairs], axis=1)  # (N, pairs)
        weights = self._probe.fit(self._lesson.one_hot, training, l2=self._lesson.l2)
        return self._probe.predict(weights)


SOURCE = Source(
    "probe",
    "a linear probe of the features",
    needs=("features", "labels", "pred_probs"),
    learner=_Probe,
)
