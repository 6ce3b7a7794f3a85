"""A small, made-up dataset in the form that the report reads."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from winnow.report.inputs import Inputs

CLASSES = ["cat", "dog", "owl"]
RULES = {"keep": "keep", "label_issue": "drop", "ood": "drop", "near_duplicate": "drop"}


def jpeg(colour: tuple[int, int, int], *, side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def make_ledger(count: int = 30) -> pd.DataFrame:
    """`count` images, class by class in turn. Of every ten: five kept, two relabelled, one dropped by each rule."""
    number = np.arange(count)
    turn = number % 10
    rule = np.select([turn < 5, turn < 8, turn == 8], ["keep", "label_issue", "ood"], "near_duplicate")
    action = np.select([turn < 5, turn < 7], ["keep", "relabel"], "drop")
    label = number % 3
    suggested = np.where(rule == "label_issue", (label + 1) % 3, label)
    ids = np.array([f"img_{i:03d}" for i in number])
    return pd.DataFrame(
        {
            "image_id": ids,
            "file_name": [f"imgs/{image_id}.jpg" for image_id in ids],
            "label": label,
            "repairs": np.where(turn == 0, "size,grey", ""),
            "label_quality_score": np.where(rule == "label_issue", 0.1, 0.8),
            "suggested_label": suggested,
            "suggested_confidence": np.where(rule == "label_issue", 0.9, 0.8),
            "ood_score": np.where(rule == "ood", 0.9, 0.1),
            "rule": rule,
            "action": action,
            "decided_by": "rule",
            "confirmed_by": "",
            "counterpart": np.where(rule == "near_duplicate", "img_000", ""),
            "final_label": np.select([action == "keep", action == "relabel"], [label, suggested], -1),
            "reason": [f"for a reason, number {i}" for i in number],
            "split": np.select([action == "drop", turn == 1], ["none", "validation"], "train"),
        }
    )


def make_inputs(root: Path, *, class_names: list[str] | None = None, test: bool = True, truth: bool = True) -> Inputs:
    """Inputs that fit one another; `test` and `truth` say whether those files were given."""
    names = class_names or CLASSES
    ledger = make_ledger()
    rng = np.random.default_rng(0)
    pictures = [jpeg(tuple(rng.integers(0, 256, 3).tolist())) for _ in range(len(ledger))]
    images = pd.DataFrame({"image_id": ledger["image_id"], "image_bytes": pictures})
    training = ledger[ledger["split"] == "train"]
    originals = training.assign(technique="", name=training["image_id"])
    copies = training.iloc[:4].assign(technique="crop")
    copies["name"] = copies["image_id"] + "_crop"
    packed = pd.concat([originals, copies]).rename(columns={"label": "given", "final_label": "label"})
    packed["image_bytes"] = jpeg((1, 2, 3))
    submission_set = packed[["name", "image_id", "technique", "label", "image_bytes"]].reset_index(drop=True)
    splits = ["test", "test_unseen", "validation"] if test else ["validation"]
    validation = ledger["final_label"][ledger["split"] == "validation"]
    labels = np.arange(60) % 3
    right = {"baseline": np.arange(60) < 24, "submission": np.arange(60) < 45}
    predicted = {arm: np.where(hit, labels, (labels + 1) % 3) for arm, hit in right.items()}
    named = np.array(names, dtype=object)
    evaluation = {
        arm: {
            split: {
                "balanced_accuracy": float(np.mean([hit[labels == k].mean() for k in range(3)])),
                "seeds": 1,
                "images": 60,
                "per_class": {names[k]: float(hit[labels == k].mean()) for k in range(3)},
            }
            for split in splits
        }
        for arm, hit in right.items()
    }
    params = yaml.safe_load((root / "params.yaml").read_text())
    return Inputs(
        class_names=names,
        ledger=ledger,
        images=images,
        image_map=pd.DataFrame(
            {
                "image_id": ledger["image_id"],
                "method": "umap",
                **{axis: rng.normal(size=len(ledger)).astype(np.float32) for axis in ("x3", "y3", "z3", "x2", "y2")},
            }
        ),
        encoder={"name": "made-up", "preprocessing": {"input_size": 8}},
        rejected=pd.DataFrame(
            {
                "file_name": ["imgs/torn.jpg"],
                "image_id": ["img_torn"],
                "reason": ["truncated"],
                "detail": ["it ends early"],
            }
        ),
        submission_set=submission_set,
        misjudged=misjudged_of(named[labels], named[predicted["submission"]], splits=splits, class_names=names),
        metrics={
            "manifest": {"images_in": 31, "accepted": 30, "rejected": 1, "converted": 3, "repaired": 0},
            "image_faults": {"dark": 2},
            "curate": {"decided_by_people": 0},
            "self_check": {"enabled": False},
            "validation_set": {
                "images": 3,
                "seen_by_people": 0,
                "near_duplicates_removed_from_training": 7,
                "per_class": {names[k]: int((validation == k).sum()) for k in range(3)},
            },
            "augment": {
                "budget": 50,
                "total": len(packed),
                "originals": len(training),
                "originals_left_out": 0,
                "copies": 4,
                "techniques.crop": 4,
            },
            "submission": {"rules_passed": 16, "rules_broken": 0},
            "evaluation": evaluation | ({"test_rejected": 0, "test_leaks": 2} if test else {}),
            "scorecard": scorecard() if truth else {},
        },
        noise_transition=pd.DataFrame(
            [(true, given, 0.7 if true == given else 0.15) for true in names for given in names],
            columns=["true", "given", "probability"],
        ),
        per_class=pd.DataFrame(
            (arm, split, names[k], hit[labels == k].mean(), 20)
            for arm, hit in right.items()
            for split in splits
            for k in range(3)
        ).set_axis(["arm", "split", "class", "recall", "images"], axis=1),
        predictions={
            arm: pd.concat(
                pd.DataFrame(
                    {
                        "split": split,
                        "image_id": [f"{split}_{i}" for i in range(60)],
                        "leaks": 0,
                        "label": named[labels],
                        "seed-0": named[guess],
                    }
                )
                for split in splits
                if split != "test_unseen"
            )
            for arm, guess in predicted.items()
        },
        curves={
            arm: pd.DataFrame(
                {"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_balanced_accuracy": [0.2, 0.4], "seed": [0, 0]}
            )
            for arm in right
        },
        params=params,
        files=pd.DataFrame({"path": ["data/processed/ledger.parquet"], "bytes": [1234], "md5": ["0123abc"]}),
    )


def misjudged_of(
    labels: np.ndarray, *predicted: np.ndarray, splits: list[str], class_names: list[str], most: int = 8
) -> pd.DataFrame:
    """What `evaluate` writes of the splits, whose images are called `<split>_<i>`; class names."""
    wrong = np.sum([own != labels for own in predicted], axis=0)
    table = pd.DataFrame({"image_id": np.arange(len(labels)), "label": labels, "wrong": wrong})
    table = table[2 * wrong > len(predicted)].sort_values("wrong", ascending=False, kind="stable")
    table = table.groupby("label").head(most)
    table["label"] = table["label"].map(class_names.index)
    parts = [
        table.assign(split=split, image_id=[f"{split}_{i}" for i in table["image_id"]], image_bytes=jpeg((5, 5, 5)))
        for split in splits
        if split != "test_unseen"
    ]
    return pd.concat(parts).sort_values(["split", "image_id"], ignore_index=True)


def scorecard() -> dict[str, float]:
    card = {
        "images_in_truth": 30,
        "label_errors.label_accuracy_before": 0.625,
        "label_errors.label_accuracy_after": 0.875,
    }
    for name in ("label_errors", "ood", "duplicates"):
        card |= {f"{name}.true_positives": 8, f"{name}.false_positives": 2, f"{name}.false_negatives": 5}
        card |= {f"{name}.precision": 0.8, f"{name}.recall": 0.615, f"{name}.f1": 0.696}
    return card
