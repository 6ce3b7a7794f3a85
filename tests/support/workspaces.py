"""A workspace as the pipeline leaves it, with made-up scores: what the review app is tested and timed on."""

import hashlib
import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image

from winnow import tables
from winnow.curation.decide import decide
from winnow.curation.external import no_photos
from winnow.curation.review import no_review
from winnow.curation.validation import apply_confirmations, assign_splits
from winnow.params import load_params

ROOT = Path(__file__).resolve().parents[2]
CLASSES = [f"class {i}" for i in range(10)]


def jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_workspace(folder: Path, *, images: int, class_names=CLASSES, truth: bool = True, seed: int = 0) -> Path:
    """Write params.yaml and the outputs that the app reads.

    Scores are drawn at random; a tenth of the images come in pairs of near duplicates; the truth file marks 30 % of the
    labels as wrong. Pictures are of 40 kinds only, so that many images take no time.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["data"] |= {"class_names": list(class_names), "truth": "data/raw/truth.csv" if truth else "data/none"}
    comment = "# kept: a comment of a person\n"
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(comment + text.replace("  ood_threshold: 0.5", "  ood_threshold: 0.5 # mine"))
    shutil.copy(ROOT / "dvc.yaml", folder / "dvc.yaml")

    count = len(class_names)
    image_id = np.array([f"img_{i:06d}" for i in range(images)])
    true_label = rng.integers(0, count, images)
    wrong = rng.random(images) < 0.3
    label = np.where(wrong, (true_label + 1) % count, true_label)
    quality = np.where(wrong, rng.beta(1, 6, images), rng.beta(6, 1, images))
    suggested = np.where(rng.random(images) < 0.9, true_label, (true_label + 2) % count)
    pair = np.arange(images)
    pairs = images // 20
    pair[1 : 2 * pairs : 2] = pair[0 : 2 * pairs : 2]
    kind = np.where(np.arange(images) < 2 * pairs, "near", "")
    ood = np.where(rng.random(images) < 0.08, rng.beta(8, 2, images), rng.beta(1, 8, images))
    scores = pd.DataFrame(
        {
            "image_id": image_id,
            "file_name": [f"imgs/{name}.jpg" for name in image_id],
            "label": label,
            "width": 64,
            "height": 64,
            "repairs": "",
            "bytes_sha256": [hashlib.sha256(name.encode()).hexdigest() for name in image_id],
            "duplicate_group": pair,
            "exact_group": np.arange(images),
            "duplicate_kind": kind,
            "duplicate_of": "",
            "label_conflict": False,
            "duplicate_similarity": np.nan,
            "label_quality_score": quality,
            "is_label_issue": quality < 0.25,
            "suggested_label": suggested,
            "suggested_confidence": rng.beta(4, 2, images),
            "agreeing_sources": rng.integers(0, 3, images),
            "sources": 2,
            "knn_label_agreement": np.clip(quality + rng.normal(0, 0.15, images), 0, 1),
            "zero_shot_label_agreement": np.nan,
            "signals_agree": ~wrong,
            "knn_distance": rng.random(images),
            "mahalanobis_distance": rng.random(images),
            "ood_score": ood,
            "ood_detectors": np.where(ood > 0.3, 3, 1),
            "blurry_score": 0.5,
            "image_faults": "",
        }
    )
    loaded = load_params(folder / "params.yaml")
    thresholds = loaded.curate.model_dump()
    decisions = decide(scores, class_names=list(class_names), thresholds=thresholds, review=no_review())
    answers = pd.DataFrame({"image_id": [], "label": [], "verdict": [], "reviewer": [], "reason": []}).astype(object)
    decisions, *_ = apply_confirmations(decisions, answers, class_names=list(class_names))
    kept = decisions[decisions["rule"].eq("keep") & (decisions["duplicate_kind"] == "")]
    chosen = np.sort(kept.groupby("label").head(3).index.to_numpy())
    ledger = assign_splits(decisions, chosen, {}, class_names=list(class_names))
    tables.write_parquet(ledger, folder / "data/processed/ledger.parquet")
    tables.write_json(folder / "data/interim/classes.json", list(class_names))

    kinds = [jpeg(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)) for _ in range(40)]
    packed = pd.DataFrame({"image_id": image_id, "image_bytes": [kinds[i % 40] for i in range(images)]})
    tables.write_parquet(packed, folder / "data/interim/images.parquet")
    centres = rng.normal(size=(count, 16))
    features = centres[true_label] + 0.7 * rng.normal(size=(images, 16))
    features = (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)
    tables.write_arrays(folder / "data/interim/features.npz", image_id=image_id, features=features)
    places = pd.DataFrame({"image_id": image_id, "method": "pca"})
    for i, axis in enumerate(("x3", "y3", "z3", "x2", "y2")):
        places[axis] = (features[:, i] * 1.5).astype(np.float32)
    tables.write_parquet(places, folder / "data/interim/map.parquet")
    tables.write_parquet(no_photos(), folder / "data/interim/outside.parquet")
    if truth:
        (folder / "data/raw").mkdir(exist_ok=True)
        card = pd.DataFrame({"image_id": image_id, "true_label": true_label, "is_ood": (ood > 0.5).astype(int)})
        card.to_csv(folder / "data/raw/truth.csv", index=False)
    return folder
