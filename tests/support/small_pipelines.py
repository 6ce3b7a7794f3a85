"""The pipelines beside the main one on samples so small that each runs in a minute."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHANGES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "filter": {"filter_sample": {"images": 300}, "pays": {"shares": [0.5], "pools": 2}},
    "shift": {
        "shift_sample": {"rows": 1300, "leaked": 0.1, "wrong_labels": 0.08},
        "classifier": {"seeds": [0], "other_weight_decays": [], "epochs": 15},
        "explain": {"bootstraps": 60, "permutations": 4},
    },
    "competition": {
        "competition_sample": {"train": 8, "val": 6, "label_book": 3, "test": 5},
        "valuation": {"epochs": 2, "checkpoints": [1], "recalibration_images": 50},
        "cleaning": {
            "encoder": {"folds": 2, "epochs": 2, "width": 8},
            "label_quality_threshold": 0.9,
            "relabel_confidence": 1.0,
            "class_floor": 9,  # one more than training images: every class keeps one of the validation set
        },
        "policy_search": {"images": 40, "sub_policies": 2, "epochs": 1},
        "copies": {"per_class": 16},
        "competition_training": {"recipe": {"epochs": 1}},
    },
}
_BUILT = ("sample", "interim", "processed", "metrics", "models", "submission", "report", ".winnow", "dvc.lock")


def add_pipeline(root: Path, project: Path, name: str) -> Path:
    """The folder of a pipeline, copied into a project without what it built, with the changes to its params."""
    folder = project / "pipelines" / name
    shutil.copytree(root / "pipelines" / name, folder, ignore=shutil.ignore_patterns(*_BUILT, "__pycache__"))
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section, values in CHANGES[name].items():
        for key, value in values.items():
            nested = params[section][key] if isinstance(value, Mapping) else None
            params[section][key] = value if nested is None else nested | dict(value)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return folder
