"""The vote of the nearest neighbours in feature space."""

import numpy as np

from winnow.detect.labels.sources import Lesson, Source


class _Vote:
    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    def of_labels(self) -> np.ndarray:
        return self._vote(self._lesson.one_hot)

    def without_fold(self, fold: int) -> np.ndarray:
        return self._vote(self._lesson.one_hot, may_vote=self._lesson.fold != fold)

    def of_posterior(self, posterior: np.ndarray) -> np.ndarray:
        vote = np.empty_like(posterior[:, 0], dtype=np.float64)
        for fold in range(self._lesson.folds):
            inside = self._lesson.fold == fold
            vote[inside] = self._vote(posterior[:, fold], may_vote=~inside)[inside]
        return vote

    def _vote(self, class_probs: np.ndarray, *, may_vote: np.ndarray | None = None) -> np.ndarray:
        from winnow.detect.labels.vote import knn_vote  # takes long to import

        lesson = self._lesson
        return knn_vote(class_probs, lesson.neighbourhood, neighbours=lesson.neighbours, may_vote=may_vote)


SOURCE = Source(
    "knn",
    "the vote of the nearest neighbours",
    needs=("features", "labels"),
    learner=_Vote,
    agreement=True,
)
