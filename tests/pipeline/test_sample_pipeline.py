"""What `make repro` does, on the built-in sample, with one epoch of a small network in place of eight of ResNet-34.

Nor does it take the time for a map by UMAP and for quick figures that could be trusted.
"""

import json
from pathlib import Path

import pytest
import yaml

from stub_project import winnow
from tiny_project import copy_tree, dvc

pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.timeout(1800)]

BEFORE_TRAINING = (
    "manifest",
    "image_faults",
    "duplicates",
    "label_issues",
    "ood",
    "curate",
    "validation_set",
    "augment",
    "submission",
    "scorecard",
)


def figures(file: Path) -> dict[str, float]:
    """The numbers in a metrics file, nested keys joined by dots."""
    found, waiting = {}, [("", json.loads(file.read_text()))]
    while waiting:
        prefix, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{prefix}.{key}", inner) for key, inner in value.items()]
        elif isinstance(value, int | float):
            found[prefix] = value
    return found


def test_the_sample_gives_the_figures_that_git_holds(root, tmp_path):
    """But for what training decides. Another type of processor moves a few images across a threshold."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    changes = {
        "map": {"method": "pca"},
        "quick_check": {"images": 600},
        "train": {"network": "competition", "course": params["train"]["course"] | {"epochs": 1}},
    }
    folder = copy_tree(root, tmp_path / "sample", changes)
    assert "params.yaml is valid." in winnow(folder, "check-params")
    assert "report:" in dvc(folder, "repro")
    images = json.loads((root / "metrics/manifest.json").read_text())["images_in"]
    few = 0.01 * images  # may fall on another side of a threshold, in any one count
    for name in BEFORE_TRAINING:
        made, held = (figures(base / f"metrics/{name}.json") for base in (folder, root))
        assert made.keys() == held.keys(), name
        for key, value in held.items():
            within = pytest.approx(value, rel=0.05, abs=few if isinstance(value, int) else 0.05)
            assert made[key] == within, f"{name}: {key}"
    assert set(figures(folder / "metrics/evaluation.json")) == set(figures(root / "metrics/evaluation.json"))
