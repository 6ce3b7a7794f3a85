"""What the report is made from, read from a workspace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.data.decode import reduced_bytes
from winnow.files import ARMS
from winnow.row_groups import Mapped
from winnow.workspace import Workspace

_LONGEST = 256  # pixels of a picture of the dataset

METRICS = (
    "manifest",
    "image_faults",
    "curate",
    "self_check",
    "validation_set",
    "augment",
    "submission",
    "evaluation",
    "scorecard",
)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the pipeline wrote, as read.

    Attributes:
        class_names: K names.
        ledger: of N images.
        images: `image_id` and `image_bytes` of the same images, in any order.
        image_map: as `coordinates.place_images` takes it.
        encoder: the fingerprint stored with the features.
        rejected: `file_name`, `image_id`, `reason`, `detail`.
        submission_set: the packed training set.
        metrics: content of metrics/<name>.json by the names of METRICS.
        misjudged: as `evaluation.misjudged.misjudged` returns it.
        noise_transition: as `noise.noise_from_table` takes it.
        per_class, predictions: as `results.gather_results` takes them.
        curves: per arm `epoch`, `train_loss`, `validation_balanced_accuracy`, `seed`.
        params: content of params.yaml.
        files: as `input_digests.hashed_files` returns them.
    """

    class_names: list[str]
    ledger: pd.DataFrame
    images: pd.DataFrame
    image_map: pd.DataFrame
    encoder: dict[str, Any]
    rejected: pd.DataFrame
    submission_set: pd.DataFrame
    misjudged: pd.DataFrame
    metrics: dict[str, dict[str, Any]]
    noise_transition: pd.DataFrame
    per_class: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    curves: dict[str, pd.DataFrame]
    params: Mapping[str, Any]
    files: pd.DataFrame


def read_inputs(workspace: Workspace, *, params: Mapping[str, Any], files: pd.DataFrame) -> Inputs:
    """Read all that the report is made from; `params` and `files` as `Inputs` has them.

    Raises:
        WinnowError: if a file is missing or broken.
    """
    return Inputs(
        class_names=workspace.class_names,
        ledger=workspace.table("ledger"),
        images=_reduced_images(workspace),
        image_map=workspace.table("map"),
        encoder=json.loads(str(workspace.arrays("features", ["encoder"])["encoder"])),
        rejected=workspace.table("rejected"),
        submission_set=workspace.table("packed_set", part="submission"),
        misjudged=workspace.table("misjudged"),
        metrics={stage: workspace.json("metrics", stage=stage) for stage in METRICS},
        noise_transition=workspace.table("noise_transition"),
        per_class=workspace.table("per_class"),
        predictions={arm: workspace.table("predictions", arm=arm) for arm in ARMS},
        curves={arm: workspace.table("curve", arm=arm) for arm in ARMS},
        params=params,
        files=files,
    )


def _reduced_images(workspace: Workspace) -> pd.DataFrame:
    """`image_id` and `image_bytes`, no larger than a report shows them: at their own size all would be too much."""

    def reduce(some: np.ndarray) -> np.ndarray:
        return np.array([reduced_bytes(one, longest=_LONGEST) for one in some], dtype=object)

    image_bytes = Mapped(workspace.column("images", "image_bytes"), reduce)
    return workspace.table("images", ["image_id"]).assign(image_bytes=image_bytes[:])
