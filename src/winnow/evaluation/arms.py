"""The arms of a comparison, judged on every held-out set, with and without the images that training may have seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.compare.align_predictions import UNSEEN
from winnow.data.pixels import Pixels
from winnow.detect.duplicates.hashed import HashedImages
from winnow.detect.duplicates.leaks import find_leaks
from winnow.evaluation.evaluate import Evaluation, evaluate
from winnow.evaluation.held_out import HeldOut
from winnow.evaluation.misjudged import misjudged
from winnow.evaluation.predict import by_seed, predict_splits
from winnow.evaluation.predictions import predictions_table
from winnow.evaluation.summary import summary
from winnow.evaluation.why import explain_pairs
from winnow.row_groups import Joined


@dataclass(frozen=True)
class ArmsEvaluation:
    """The result of `evaluate_arms`.

    Attributes:
        metrics: nested; as `Evaluation.metrics`, and per test set `<set>_rejected` and `<set>_leaks` (counts). Of two
            test sets or more also `pairs`, why the last arm's accuracy differs between them, of `explain_pairs`.
        per_class: as `Evaluation.per_class`.
        predictions: by arm, as `predictions_table` returns them.
        misjudged: as `misjudged` returns it, of the last arm.
        confusion: by arm, `actual` and `predicted` (class names) of the first seed on the set that the arms are judged
            by: the first test set, or the validation set where there is none.
        warnings: sentences on what could not be scored and on leaks.
        summaries: the course's summary of every arm and set.
        headline: the outcome in a line.
    """

    metrics: dict[str, Any]
    per_class: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    misjudged: pd.DataFrame
    confusion: dict[str, pd.DataFrame]
    warnings: list[str]
    summaries: str
    headline: str

    def files(self) -> Iterator[tuple[str, dict[str, str], Any]]:
        """Name in `winnow.files`, parts of the path, and content of every file that holds a result."""
        yield "metrics", {"stage": "evaluation"}, self.metrics
        yield "per_class", {}, self.per_class
        yield "misjudged", {}, self.misjudged
        for name, by_arm in (("predictions", self.predictions), ("confusion", self.confusion)):
            for arm, table in by_arm.items():
                yield name, {"arm": arm}, table

    @property
    def words(self) -> str:
        """The headline, and under it the summaries and why test sets differ."""
        pairs = self.metrics.get("pairs", {}).values()
        why = "".join(f"\nA is {pair['a']}, B is {pair['b']}: {pair['verdict']}\n" for pair in pairs)
        return f"{self.headline}\n\n{self.summaries}\n{why}"


def evaluate_arms(
    weights: Mapping[str, Path],
    validation: HeldOut,
    test_sets: Mapping[str, HeldOut],
    *,
    training: HeldOut,
    training_name: str,
    class_names: Sequence[str],
    batch_size: int,
    embed: Mapping[str, Any],
) -> ArmsEvaluation:
    """Judge every arm's networks on the validation set and on every test set.

    A test image that is a near duplicate of one that an arm was trained on, or chosen by, has leaked. Where some of a
    test set leaked, and not all, the arms are also judged on the rest, as `<set>_unseen`.

    Args:
        weights: by arm, the one to compare with first, the folder of its networks' weights.
        validation: what the arms chose their best epoch by.
        test_sets: by name; none at all where there is no test set.
        training: all that any arm was trained on. The baseline's set holds the sources of all that the submission's
            set has.
        training_name: what a warning calls the archive that they came from.
        class_names: K names, in label order.
        batch_size: images per forward pass.
        embed: section of the params, for `explain_pairs`.

    Raises:
        WinnowError: if an arm has no weights, or they are of another network.
    """
    splits = {"validation": validation, **test_sets}
    labels = {split: images.labels for split, images in splits.items()}
    leaks = leaked(Joined(training.pixels, validation.pixels), test_sets)
    unseen = {split: ~hit for split, hit in leaks.items() if hit.any() and not hit.all()}
    predictions: dict[tuple[str, str], np.ndarray] = {}
    tables: dict[str, pd.DataFrame] = {}
    logits: dict[str, np.ndarray] = {}
    for arm, folder in weights.items():
        networks = by_seed(folder)
        logits = predict_splits(
            networks,
            {split: images.pixels for split, images in splits.items()},
            arm=arm,
            num_classes=len(class_names),
            batch_size=batch_size,
        )
        predicted = {split: rows.argmax(axis=2) for split, rows in logits.items()}
        tables[arm] = predictions_table(
            predicted,
            labels,
            {split: images.image_id for split, images in splits.items()},
            seeds=list(networks),
            class_names=class_names,
            leaks=leaks,
        )
        predicted |= {f"{split}{UNSEEN}": predicted[split][:, rows] for split, rows in unseen.items()}
        predictions |= {(arm, split): rows for split, rows in predicted.items()}
    labels |= {f"{split}{UNSEEN}": labels[split][rows] for split, rows in unseen.items()}

    evaluation = evaluate(predictions, labels, class_names=class_names)
    counts = {f"{split}_rejected": len(images.rejected) for split, images in test_sets.items()}
    counts |= {f"{split}_leaks": int(hit.sum()) for split, hit in leaks.items()}
    pairs = explain_pairs(
        test_sets, logits, leaks, training_labels=training.labels, class_names=class_names, embed=embed
    )
    judged = next(iter(test_sets), "validation")
    return ArmsEvaluation(
        metrics=evaluation.metrics | counts | ({"pairs": pairs} if pairs else {}),
        per_class=evaluation.per_class,
        predictions=tables,
        misjudged=misjudged({split: rows.argmax(axis=2) for split, rows in logits.items()}, splits),
        confusion={arm: _confusion(evaluation, arm, judged) for arm in weights},
        warnings=_warnings(test_sets, leaks, unseen, training_name),
        summaries="\n\n".join(
            f"{arm}, {split} set\n{summary(recall, class_names)}" for (arm, split), recall in evaluation.recall.items()
        ),
        headline=f"balanced accuracy on the {judged} set: "
        + ", ".join(f"{arm} {evaluation.metrics[arm][judged]['balanced_accuracy']:.2%}" for arm in weights),
    )


def leaked(seen: Pixels, test_sets: Mapping[str, HeldOut]) -> dict[str, np.ndarray]:
    """By test set, (N,) bool: which of its images are near duplicates of `seen`, (M, H, W, 3) uint8."""
    if not test_sets:
        return {}
    hashed = HashedImages.of(seen)
    leaks = {}
    for split, images in test_sets.items():
        leaks[split] = np.zeros(len(images.pixels), dtype=bool)
        leaks[split][find_leaks(hashed, images.pixels).second] = True
    return leaks


def _confusion(evaluation: Evaluation, arm: str, split: str) -> pd.DataFrame:
    rows = evaluation.predictions
    return rows.loc[(rows["arm"] == arm) & (rows["split"] == split), ["actual", "predicted"]]


def _warnings(
    test_sets: Mapping[str, HeldOut],
    leaks: Mapping[str, np.ndarray],
    unseen: Mapping[str, np.ndarray],
    training_name: str,
) -> list[str]:
    said = []
    for images in test_sets.values():
        if len(images.rejected):
            first = images.rejected.iloc[0]
            said.append(
                f"{len(images.rejected)} entries of {images.source} are not scored, the first is "
                f"{first['file_name'] or first['image_id']} ({first['detail']})."
            )
    for split, hit in leaks.items():
        if hit.any():
            without = (
                f"{split}{UNSEEN} is the accuracy without them"
                if split in unseen
                else "none is left: the figures prove nothing"
            )
            said.append(
                f"{hit.sum()} of {len(hit)} {split} images are near duplicates of images in {training_name}; {without}."
            )
    return said
