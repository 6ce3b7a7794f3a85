"""The training set as a whole: originals first, then copies within the budget, packed and counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.augmentation.edge_cases import difficulty_by, edge_case_weights
from winnow.augmentation.plan import choose_originals, plan_copies
from winnow.augmentation.policy.policy import Policy
from winnow.augmentation.render import render_copies
from winnow.data.packed import PackedSet, join_packed, pack_originals, packed_set
from winnow.errors import require_labels


@dataclass(frozen=True)
class TrainingSet:
    """The result of `make_training_set`.

    Attributes:
        packed: originals and copies.
        metrics: flat, counts: `budget`, `total`, `originals`, `originals_left_out`, `copies`, `techniques.<name>`, and
            `per_class.<name>.originals`, `.copies` and `.total`.
        summary: the set in a line.
    """

    packed: PackedSet
    metrics: dict[str, Any]
    summary: str


def make_training_set(
    training: pd.DataFrame,
    images: pd.DataFrame,
    pred_probs: np.ndarray,
    class_probs: np.ndarray,
    *,
    policy: Policy,
    class_names: Sequence[str],
    budget: int,
    balance: str,
    effective_number_beta: float,
    max_copies_per_image: int,
    edge_cases: Mapping[str, Any],
    jpeg_quality: int,
    techniques: dict[str, float],
    seed: int,
) -> TrainingSet:
    """Balance the classes with augmented copies.

    Args:
        training: (N rows) the images to train on: `image_id`, `final_label`, `ood_score`, `decided_by` (`rule` or the
            reviewer); and, for edge cases by neighbours, `label` and the columns of `neighbour_scores`.
        images: `image_id` and `image_bytes` of all images of the archive, in any order.
        pred_probs: (N, K) of one classifier, out of sample, in the order of `training`.
        class_probs: (N, K) of the true class, out of sample, by all evidence but the given labels.
        policy: what the technique `faster_autoaugment` carries out.
        class_names: K names.
        budget, balance, effective_number_beta, max_copies_per_image, techniques: of `plan_copies`.
        edge_cases: `by` of `difficulty_by`; `strength`, `min_label_quality` and `max_ood_score` of `edge_case_weights`.
        jpeg_quality: of the copies, 1 to 100.
        seed: of all chance.

    Raises:
        WinnowError: if there are no classes, the budget cannot hold an image of each class, every technique is switched
            off, or an image is missing.
    """
    require_labels(len(class_names))
    image_id, labels = training["image_id"].to_numpy(), training["final_label"].to_numpy()
    kept = choose_originals(image_id, labels, budget=budget, seed=seed)
    image_id, labels, training = image_id[kept], labels[kept], training[kept]
    known = images["image_id"].to_numpy()
    options = {name: value for name, value in edge_cases.items() if name != "by"}
    weights = edge_case_weights(
        difficulty_by(edge_cases["by"], training, pred_probs[kept], labels),
        class_probs[kept],
        labels,
        ood_score=training["ood_score"].to_numpy(),
        by_person=(training["decided_by"] != "rule").to_numpy(),
        **options,
    )
    plan = plan_copies(
        image_id,
        labels,
        budget=budget,
        balance=balance,
        max_copies_per_image=max_copies_per_image,
        techniques=techniques,
        seed=seed,
        effective_number_beta=effective_number_beta,
        weights=weights,
        taken=known,
    )
    copies = render_copies(plan, images, jpeg_quality=jpeg_quality, policy=policy)
    rows = tables.align(image_id, known, "the table of images")
    originals = pack_originals(image_id, labels, images["image_bytes"].to_numpy()[rows])

    by_class = {
        "originals": np.bincount(labels, minlength=len(class_names)),
        "copies": np.bincount(copies["label"], minlength=len(class_names)),
    }
    by_class["total"] = by_class["originals"] + by_class["copies"]
    metrics = {
        "budget": budget,
        "total": len(originals) + len(copies),
        "originals": len(originals),
        "originals_left_out": int((~kept).sum()),
        "copies": len(copies),
        "techniques": copies["technique"].value_counts().sort_index().to_dict(),
        "per_class": {
            name: {part: counts[label] for part, counts in by_class.items()} for label, name in enumerate(class_names)
        },
    }
    left_out = f", {(~kept).sum()} originals left out" if not kept.all() else ""
    return TrainingSet(
        packed=join_packed(originals, packed_set(copies)),
        metrics=tables.records(metrics),
        summary=f"{len(originals)} originals and {len(copies)} copies for a budget of {budget}{left_out}; "
        f"classes of {by_class['total'].min()} to {by_class['total'].max()}",
    )
