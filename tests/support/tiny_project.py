"""The real pipeline as a repository of its own, on an archive so small that it runs in a minute."""

import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from stub_project import call

TREE = (
    "src",
    "stages",
    "data/none",
    "data/review",
    ".dvc/config",
    "third_party",
    "versions",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
)
CLASSES = ["disc", "bars", "cross"]
SIZE = 32
CHANGES = {
    "data": {
        "archive": "data/raw/tiny.zip",
        "test_archive": "data/raw/tiny-test.zip",
        "truth": "data/raw/tiny-truth.csv",
        "class_names": CLASSES,
        "image_size": SIZE,
    },
    "embed": {
        "trained": {
            "weight_candidates": [0.5, 1.0],
            "folds": 2,
            "epochs": 20,
            "width": 8,
            "input_size": 16,
            "learning_rate": 0.1,
            "label_smoothing": 0.1,
            "shift": 0.125,
            "mirror": False,
            "zoom": 0.0,
            "color": 0.0,
            "loss": "cross_entropy",
            "contrastive": {
                "shear": 0.3,
                "rotation": 15.0,
                "shift": 0.2,
                "zoom": 0.25,
                "noise": 0.5,
                "inversion": 0.25,
            },
            "seed": 0,
        }
    },
    "crossval": {"folds": 3},
    "label_issues": {"neighbours": 8},
    "ood": {"neighbours": 10},
    "duplicates": {"max_hash_distance": 2, "min_similarity": 0.98},  # pictures so plain are alike by chance
    "map": {"method": "pca"},
    "curate": {"class_floor": 10, "ood_threshold": 0.5},
    "validation": {"per_class": 5, "min_label_quality": 0.5, "max_ood_score": 0.5},
    "augment": {
        "budget": 330,
        # Those whose names have two words among them: the linter reads sources and techniques off the file names.
        "techniques": {
            "flip": 1.0,
            "crop": 1.0,
            "flip_crop": 1.0,
            "rotation": 0.0,
            "color": 0.0,
            "oversampling": 1.0,
            "mixup": 0.0,
            "cutmix": 1.0,
            "trivial_augment": 1.0,
            "augmix": 1.0,
            "faster_autoaugment": 0.0,
        },
    },
    "submission": {"team": "tiny"},
    "quick_check": {"images": 600},
    # A network of 0.2 million parameters: what is tested here are the stages around it.
    "train": {
        "network": "competition",
        "course": {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "momentum": 0.9},
    },
}


def picture(label: int, rng: np.random.Generator) -> np.ndarray:
    """A disc, bars or cross of random place, size and colours; label 3 is pure noise, out of distribution."""
    if label == 3:
        return rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + rng.integers(-6, 7, (2, 1, 1))
    size = rng.integers(3, 6)
    shape = [x**2 + y**2 < (2.2 * size) ** 2, x % (2 * size) < size, (abs(x) < size / 1.5) | (abs(y) < size / 1.5)][
        label
    ]
    ground, figure = rng.permutation([rng.integers(0, 90, 3), rng.integers(150, 256, 3)])
    shade = 40 * rng.normal(size=2) @ np.array([x.ravel(), y.ravel()]) / SIZE  # a gradient, so that no two are alike
    colours = np.where(shape[..., None], figure, ground) + shade.reshape(SIZE, SIZE, 1)
    return (colours + rng.normal(0, 12, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_archive(path: Path, root: str, images: dict[str, bytes], labels: dict[str, int]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for image_id, content in images.items():
            archive.writestr(f"{root}/imgs/{image_id}.jpg", content)
        one_hot = {image_id: np.eye(3, dtype=int)[label].tolist() for image_id, label in labels.items()}
        archive.writestr(f"{root}/data-labels.json", json.dumps(one_hot))


def write_data(raw: Path) -> None:
    """240 images with a fifth of the labels flipped, 9 of noise and 6 exact copies; 30 clean test images; the truth."""
    rng = np.random.default_rng(0)
    raw.mkdir(parents=True)
    images, labels, truth = {}, {}, []
    for i in range(240):
        true_label = i % 3
        image_id = f"img_{i:04d}"
        images[image_id] = encoded(picture(true_label, rng))
        labels[image_id] = (true_label + 1) % 3 if i % 5 == 0 else true_label
        truth.append((image_id, true_label, 0, ""))
    for i in range(9):
        image_id = f"img_noise{i}"
        images[image_id] = encoded(picture(3, rng))
        labels[image_id] = i % 3
        truth.append((image_id, "", 1, ""))
    for i in range(6):
        image_id, source = f"img_copy{i}", f"img_{i * 7:04d}"
        images[image_id], labels[image_id] = images[source], labels[source]
        truth.append((image_id, (i * 7) % 3, 0, source))
    write_archive(raw / "tiny.zip", "tiny", images, labels)
    test_images = {f"img_test{i:02d}": encoded(picture(i % 3, rng)) for i in range(30)}
    write_archive(raw / "tiny-test.zip", "tiny-test", test_images, {f"img_test{i:02d}": i % 3 for i in range(30)})
    columns = ["image_id", "true_label", "is_ood", "duplicate_of"]
    pd.DataFrame(truth, columns=columns).to_csv(raw / "tiny-truth.csv", index=False)


def copy_tree(root: Path, target: Path, changes: Mapping[str, Mapping[str, Any]]) -> Path:
    """The pipeline as a git repository of its own, with `changes` to sections of its params."""
    for name in TREE:
        source, destination = root / name, target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__", "decisions.csv"))
        else:
            shutil.copy(source, destination)
    params = yaml.safe_load((root / "params.yaml").read_text())
    for section, values in changes.items():
        params[section] |= values
    (target / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    git(target, "init", "-q")
    git(target, "add", "-A")
    git(target, "commit", "-q", "-m", "start")
    return target


def clone(root: Path, target: Path) -> Path:
    """The pipeline as a git repository of its own, pointed at the tiny archive."""
    write_data(target / "data/raw")
    return copy_tree(root, target, CHANGES)


def copy_built(built: Path, target: Path) -> Path:
    """A copy of a built pipeline, to be changed; DVC's cache and the models, which nobody writes into, are linked."""

    def link_or_copy(source: str, destination: str) -> None:
        linked = Path(source).relative_to(built).is_relative_to
        (os.link if linked(".dvc/cache") or linked("models") else shutil.copy2)(source, destination)

    return Path(shutil.copytree(built, target, symlinks=True, copy_function=link_or_copy))


def git(folder: Path, *arguments: str) -> None:
    call(folder, "git", *arguments)


def dvc(folder: Path, *arguments: str, fails: bool = False) -> str:
    return call(folder, "dvc", *arguments, fails=fails, timeout=1700)


def run_stage(folder: Path, name: str) -> None:
    """Run a script of stages/, as DVC would."""
    call(folder, "python3", "-m", "winnow.launch", f"stages/{name}.py", timeout=600)
