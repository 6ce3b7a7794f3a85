"""A workspace as `shift` leaves it, made by its library in a second: what the view of two sets is tested on."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from winnow import tables
from winnow.curation.review import DECISIONS_FILE, read_review
from winnow.shift.checked import row_digests
from winnow.shift.explain import explain
from winnow.shift.planted import plant
from winnow.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
CLASSES = [f"c{label}" for label in range(4)]
ROWS = 300


def write_shift_workspace(folder: Path, *, images: bool = True, features: bool = True, seed: int = 0) -> Path:
    """Two sets of `ROWS` rows in four classes, 8 % of B's labels wrong; of images, of a table, or of answers alone."""
    workspace = Workspace(folder)
    params = yaml.safe_load((ROOT / "pipelines/shift/params.yaml").read_text(encoding="utf-8"))
    params["explain"] |= {"bootstraps": 20, "permutations": 2, "slices": 3}
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    review = workspace.path("review") / DECISIONS_FILE
    tables.write_bytes(review, (ROOT / "pipelines/shift" / review.relative_to(folder)).read_bytes())
    planted = plant("wrong_labels", rows=ROWS, train_rows=800, seed=seed, classes=len(CLASSES))
    train_labels = np.repeat(np.arange(len(CLASSES)), 200)
    for name, values in (("train", planted.train), ("a", planted.a.features), ("b", planted.b.features)):
        labels = train_labels if name == "train" else getattr(planted, name).labels
        kept = values.astype(np.float16) if features else np.empty((0, 0), dtype=np.float16)
        tables.write_bytes(workspace.path("shift_features", set=name), _npy(kept))
        workspace.write("shift_rows", _rows(labels, images=images and name != "train", given=features), set=name)
    for name, test in (("a", planted.a), ("b", planted.b)):
        workspace.write("shift_answers", {"labels": test.labels, "pred_probs": test.pred_probs[None]}, set=name)
    workspace.write("classes", CLASSES)
    explain_again(folder)
    return folder


def explain_again(folder: Path) -> tuple[str, ...]:
    """The stage `explain`, with the verdicts that the review file holds now; returns its warnings."""
    workspace = Workspace(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    rows = {name: workspace.table("shift_rows", set=name) for name in ("train", "a", "b")}
    features = {name: tables.map_array(workspace.path("shift_features", set=name)) for name in rows}
    answers = {name: workspace.arrays("shift_answers", set=name) for name in ("a", "b")}
    labels = {name: found["labels"] for name, found in answers.items()}
    path = workspace.path("review") / DECISIONS_FILE
    review = read_review(path, images=row_digests(rows, features, labels), class_names=CLASSES)
    found = explain(
        labels,
        {name: answers[name]["pred_probs"] for name in answers},
        features,
        train_labels=rows["train"]["label"].to_numpy(),
        rows=rows,
        class_names=CLASSES,
        training={},
        sets=params["sets"] | {"models_a": "data/none", "models_b": "data/none"},
        options=params["explain"],
        verdicts=review.rows,
    )
    for name, table in found.tables.items():
        workspace.write(name, table)
    workspace.write_each("shift_scores", "set", found.scores)
    workspace.write("metrics", found.summary, stage="summary")
    return review.warnings


def _rows(labels: np.ndarray, *, images: bool, given: bool) -> pd.DataFrame:
    if not given:
        labels = labels[:0]
    names = [f"{place:04d}" for place in range(len(labels))]
    frame = pd.DataFrame({"row": [f"row_0000{name}" for name in names], "name": "", "label": labels})
    if not images:
        return frame.astype({"row": object, "name": object})
    shades = [_picture(60 * int(label)) for label in range(len(CLASSES))]
    return frame.assign(
        row=[f"img_{name}" for name in names],
        name=[f"{CLASSES[label]}/{name}.png" for label, name in zip(labels, names, strict=True)],
        picture=[shades[label] for label in labels],
    )


def _picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (24, 24), (shade, shade, 90)).save(buffer, "PNG")
    return buffer.getvalue()


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()
