"""Measure label-error detection in DS801's own domain: verified images with planted flips among its training images.

    python benchmarks/planted_flips.py --shared ../shared                               # 80 minutes a draw on one core
    python benchmarks/planted_flips.py --shared ../shared --images 7680 --draws 0 1 2   # with a quarter of the images

The 500 images of `test.zip`, whose labels people verified, join the training images and their labels as they came. In
each draw 40 % of the 500 labels are flipped, half of them to the class that looks most alike, half to any other. All
that learns from labels (`trained` networks, probes, neighbours) learns from all images, and is judged by the 500 alone.
The methods cut where they would without a truth.

Writes `benchmarks/results/planted-flips.json` after every set of features of every draw, and begins where it stopped.
Features are kept in `--cache`. Several processes may share both, each with draws of its own, once the frozen features
are there. Needs the `bench` dependency group (`pip install --group bench`).
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from detection_data import DS801_NAMES, Dataset
from detection_encoders import ROOT, cached_arrays, existing, finetuned, fitted_features, trained
from detection_methods import (
    NEIGHBOURS,
    Shared,
    datalab,
    neighbour_vote,
    shared_probabilities,
    winnow_labels,
    winnow_ood,
)
from machine import machine
from result_file import shared_result
from winnow.curation.decide import decide
from winnow.curation.review import no_review
from winnow.data.decode import decode_pixels
from winnow.data.manifest import load_dataset
from winnow.detect.duplicates.search import find_duplicates
from winnow.encoders.columns import concatenated, outlier_features
from winnow.learn.channel import channel_log_loss
from winnow.params.configs import load_config

LOOK_ALIKE = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8])  # cat and lynx, wolf and coyote, jaguar and cheetah, ...
FLIPPED = 0.4
THRESHOLDS = [(confidence, sources) for confidence in (0.3, 0.5, 0.7, 0.9) for sources in (1, 2)]
CONFIG = load_config("ds801-mobilenetv2", start=ROOT)
# What differs from configs/base.yaml in the networks of each name.
TRAINED = {
    "trained-32": {"epochs": 12},
    "trained-32-varied": {"epochs": 12, "mirror": True, "zoom": 0.2, "color": 0.2},
    "trained-32-again": {"epochs": 12},  # a second round: from the labels that the first one suggests
}
FIRST_ROUND = {"frozen": 1, "trained-32": 0.5}


def set_name(encoders: dict[str, float]) -> str:
    return " + ".join(encoder if weight == 1 else f"{weight} {encoder}" for encoder, weight in encoders.items())


# Encoders side by side, each with its weight, by name.
SETS: dict[str, dict[str, float]] = {
    set_name(encoders): encoders
    for encoders in (
        {"frozen": 1},
        *({"frozen": 1, "trained-32": weight} for weight in (0.3, 0.5, 0.7)),
        {"trained-32": 1},
        *({"frozen": 1, "trained-32-varied": weight} for weight in (0.3, 0.5, 0.7)),
        {"trained-32-varied": 1},
        *({"frozen": 1, "finetuned": weight} for weight in (0.5, 1)),
        *({"frozen": 1, "finetuned": weight, "trained-32": 0.5} for weight in (0.5, 1)),
        {"finetuned": 1},
        {"frozen": 1, "trained-32-again": 0.5},
        {"frozen-views": 1},
        {"frozen-views": 1, "finetuned": 1},
        {"frozen-views": 1, "finetuned": 1, "trained-32": 0.5},
    )
}
DEFAULT = [name for name, encoders in SETS.items() if set(encoders) <= {"frozen", "trained-32", "finetuned"}]
AGAINST_OTHERS = ("frozen", "frozen + 0.3 trained-32", "frozen + finetuned + 0.5 trained-32")


@dataclass(frozen=True)
class Images:
    """The training images and, after them, the verified ones.

    Attributes:
        image_id, pixels, labels: (N,), (N, 64, 64, 3) uint8, (N,) int64 as given; of verified images the true ones.
        verified: (N,) bool.
        is_ood: (N,) 1, 0 or NaN where nobody knows.
        frozen: features and zero-shot of the frozen encoder.
    """

    image_id: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    verified: np.ndarray
    is_ood: np.ndarray
    frozen: dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where features are kept")
    parser.add_argument("--images", default=None, type=int, help="training images to take, by their random ids; all")
    parser.add_argument("--draws", nargs="+", default=range(5), type=int, help="which, by number")
    parser.add_argument("--sets", nargs="+", default=DEFAULT, choices=SETS, help="encoders side by side, by weight")
    parser.add_argument("--alone", action="store_true", help="measure winnow alone")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/planted-flips.json", type=Path)
    arguments = parser.parse_args()
    images = read_images(arguments.shared, arguments.cache, arguments.images)
    count = str((~images.verified).sum())
    for draw in arguments.draws:
        labels = with_flips(images, seed=draw)
        dataset = frozen_dataset(images, labels)
        for name in arguments.sets:
            with shared_result(arguments.out) as result:
                known = result.get("training_images", {}).get(count, {}).get(str(draw), {})
            if name in known:
                continue
            encoders = SETS[name]
            features = [encoded(encoder, images, dataset, arguments) for encoder in encoders]
            beside = side_by_side(features, encoders)
            row = measured(
                replace(dataset, features=beside),
                images,
                by_outliers(encoders, [each.shape[1] for each in features], beside, images),
                against_others=not arguments.alone and name in AGAINST_OTHERS,
            ) | {key: machine()[key] for key in ("machine", "revision")}
            print(draw, name, json.dumps(row["methods"]["winnow"]), flush=True)
            with shared_result(arguments.out) as result:  # after each, so that a kill loses minutes
                result.update(machine() | result)
                result.setdefault("training_images", {}).setdefault(count, {}).setdefault(str(draw), {})[name] = row


def read_images(shared: Path, cache: Path, count: int | None) -> Images:
    parts = [
        load_dataset(
            existing(shared / f"data/ds801/{part}.zip"),
            class_names=DS801_NAMES,
            split=None,
            image_size=64,
            max_unpacked_bytes=4e9,
        )
        for part in ("train", "test")
    ]
    manifests = [part.manifest for part in parts]
    manifests[0] = manifests[0].sort_values("image_id").iloc[:count]
    pixels = [
        decode_pixels(part.images["image_bytes"].loc[manifest.index].to_list(), image_size=64)
        for part, manifest in zip(parts, manifests, strict=True)
    ]
    frozen = [cached_arrays(each, shared, cache, class_names=DS801_NAMES, input_sizes=(224,)) for each in pixels]
    image_id = np.concatenate([manifest["image_id"].to_numpy().astype(str) for manifest in manifests])
    truth = pd.read_csv(shared / "data/ds801/ood-truth.csv").set_index("id")["is_ood"]
    verified = np.arange(len(image_id)) >= len(pixels[0])
    return Images(
        image_id=image_id,
        pixels=np.concatenate(pixels),
        labels=np.concatenate([manifest["label"].to_numpy() for manifest in manifests]),
        verified=verified,
        is_ood=np.where(verified, np.nan, truth.reindex(image_id).to_numpy().astype(float)),
        frozen={name: np.concatenate([each[name] for each in frozen]) for name in frozen[0]},
    )


def with_flips(images: Images, *, seed: int) -> np.ndarray:
    """(N,) int64 labels, those of verified images in part flipped."""
    labels = images.labels.copy()
    labels[images.verified] = flip(labels[images.verified], seed=seed)
    return labels


def flip(true: np.ndarray, *, seed: int) -> np.ndarray:
    """(M,) labels of which `FLIPPED` are wrong: half of these the look-alike class, half any other wrong one."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(true))[: round(FLIPPED * len(true))]
    alike, other = np.array_split(chosen, 2)
    given = true.copy()
    given[alike] = LOOK_ALIKE[true[alike]]
    for row in other:
        given[row] = rng.choice([label for label in range(10) if label not in (true[row], LOOK_ALIKE[true[row]])])
    return given


def side_by_side(features: list[np.ndarray], encoders: dict[str, float]) -> np.ndarray:
    return concatenated(features, list(encoders.values())) if len(features) > 1 else features[0]


def encoded(encoder: str, images: Images, dataset: Dataset, arguments: argparse.Namespace) -> np.ndarray:
    """(N, D) float32 features, of networks that learn by the dataset's labels out of fold."""
    labels = dataset.labels
    if encoder == "frozen":
        return images.frozen["features"]
    if encoder == "frozen-views":
        timm = CONFIG.embed.timm
        sizes = (timm.input_size, *timm.more_input_sizes)
        views = cached_arrays(images.pixels, arguments.shared, arguments.cache, input_sizes=sizes, flip=True)
        return views["features"]
    if encoder == "trained-32-again":
        features = [encoded(name, images, dataset, arguments) for name in FIRST_ROUND]
        first = replace(dataset, features=side_by_side(features, FIRST_ROUND))
        found = winnow_labels(first, shared_probabilities(first)).frame
        labels = np.where(found["is_label_issue"], found["suggested_label"], labels)
    learner = finetuned(arguments.shared, 10) if encoder == "finetuned" else trained(10, **TRAINED[encoder])
    return fitted_features(images.pixels, labels, learner, name=encoder, cache=arguments.cache)


def frozen_dataset(images: Images, labels: np.ndarray) -> Dataset:
    """With the frozen encoder's features, by which copies are found."""
    features = images.frozen["features"]
    duplicates = find_duplicates(images.image_id, labels, images.pixels, features, **CONFIG.duplicates.model_dump())
    return Dataset(
        name="planted flips",
        image_id=images.image_id,
        labels=labels,
        features=features,
        groups=duplicates["duplicate_group"].to_numpy(),
        class_names=DS801_NAMES,
        is_ood=images.is_ood,
        zero_shot_pred_probs=images.frozen["zero_shot_pred_probs"],
        in_class_probability=images.frozen["in_class_probability"],
        duplicates=duplicates[["duplicate_group", "exact_group"]].reset_index(drop=True),
        config=CONFIG,
    )


def by_outliers(encoders: dict[str, float], dimensions: list[int], features: np.ndarray, images: Images) -> np.ndarray:
    """(N, D) float32 by which stage `score_ood` finds outliers; without a frozen encoder in the set, that one's own."""
    if not next(iter(encoders)).startswith("frozen"):
        return images.frozen["features"]
    fingerprint: dict = {"encoder": list(encoders)}
    for columns, (name, weight) in zip(dimensions, encoders.items(), strict=True):
        start = {"backbone": {}} if name == "finetuned" else {}
        fingerprint[name] = {"dimensions": columns, "weight": weight, **start}
    return outlier_features({"features": features, "encoder": np.array(json.dumps(fingerprint))})


def measured(data: Dataset, images: Images, for_outliers: np.ndarray, *, against_others: bool) -> dict:
    """Figures of all methods on one set of features; outliers are found by others, (N, D), and by these."""
    shared = shared_probabilities(data)
    scores = winnow_labels(data, shared)
    outside = winnow_ood(replace(data, features=for_outliers), shared, scores)
    same = for_outliers.shape == data.features.shape and np.allclose(for_outliers, data.features, atol=1e-6)
    by_these = outside if same else winnow_ood(data, shared, scores)
    frame = scores.frame
    judge = Judge(images.labels[images.verified], data.labels[images.verified], images.verified)
    methods = {
        "winnow": judge.figures(
            1 - frame["label_quality_score"].to_numpy(),
            frame["is_label_issue"].to_numpy(),
            frame["suggested_label"].to_numpy(),
        )
    }
    if against_others:
        methods |= dict(others(data, shared, judge))
    return {
        "methods": methods,
        "log_loss": round(shared.probe.log_loss[shared.probe.l2], 5),
        "l2": shared.probe.l2,
        "source_weights": {name: round(weight, 3) for name, weight in scores.source_weights.items()},
        "channel_log_loss": round(channel_log_loss(data.labels, scores.class_probs, scores.noise_rates), 5),
        "ood": outliers(images, outside.frame),
        "ood_by_these_features": outliers(images, by_these.frame),
        "curated": curated(data, judge, pd.concat([data.duplicates, frame, outside.frame], axis=1)),
    }


def outliers(images: Images, found: pd.DataFrame) -> dict[str, float]:
    """Planted outliers against all other training images, and verified images called outliers."""
    known = ~np.isnan(images.is_ood)
    planted, score = images.is_ood[known] == 1, found["ood_score"][known]
    figures = {
        "auroc": roc_auc_score(planted, score),
        "average_precision": average_precision_score(planted, score),
        "verified_flagged": found["is_ood"][images.verified].mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


@dataclass(frozen=True)
class Judge:
    """What is known of the verified images: (M,) true and given labels, and their places, (N,) bool."""

    true: np.ndarray
    given: np.ndarray
    verified: np.ndarray

    def figures(self, score: np.ndarray, flagged: np.ndarray, suggested: np.ndarray) -> dict[str, float]:
        """Of (N,) scores (higher is more likely wrong), flags and suggested labels."""
        score, flagged, suggested = (array[self.verified] for array in (score, flagged, suggested))
        wrong = self.true != self.given
        figures = {
            "f1": f1_score(wrong, flagged),
            "precision": precision_score(wrong, flagged),
            "recall": recall_score(wrong, flagged),
            "auroc": roc_auc_score(wrong, score),
            "average_precision": average_precision_score(wrong, score),
            "right_suggestions": (suggested == self.true).mean(),
            "right_suggestions_of_flips": (suggested == self.true)[wrong].mean(),
        }
        return {name: round(float(value), 4) for name, value in figures.items()}


def others(data: Dataset, shared: Shared, judge: Judge) -> Iterator[tuple[str, dict[str, float]]]:
    """Those that winnow is measured against."""
    pred_probs, labels = shared.probe.pred_probs, data.labels
    issues = datalab(data, pred_probs).get_issues("label")
    yield (
        "cleanlab Datalab, defaults",
        judge.figures(
            1 - issues["label_score"].to_numpy(),
            issues["is_label_issue"].to_numpy(),
            issues["predicted_label"].to_numpy(),
        ),
    )
    flagged = find_label_issues(labels, pred_probs, n_jobs=1)
    quality = get_label_quality_scores(labels, pred_probs)
    yield "confident learning", judge.figures(1 - quality, flagged, pred_probs.argmax(axis=1))
    vote = neighbour_vote(data)
    winner, own = vote.argmax(axis=1), vote[np.arange(len(labels)), labels]
    yield f"kNN vote, k={NEIGHBOURS}", judge.figures(1 - own, winner != labels, winner)


def curated(data: Dataset, judge: Judge, scores: pd.DataFrame) -> list[dict[str, float]]:
    """What `curate` makes of the verified images: how many stay, and how many of their labels are right.

    No class is held at a floor, which would keep wrong labels of a small class.
    """
    frame = scores.assign(image_id=data.image_id, label=data.labels, image_faults="")
    rows = []
    for confidence, sources in THRESHOLDS:
        changes = {"relabel_confidence": confidence, "relabel_sources": sources, "class_floor": 0}
        thresholds = data.config.curate.model_dump() | changes
        decisions = decide(
            frame, class_names=data.class_names, thresholds=thresholds, review=no_review(), with_reasons=False
        )
        final = decisions["final_label"].to_numpy()[judge.verified]
        kept = final >= 0
        rows.append(
            {
                "relabel_confidence": confidence,
                "relabel_sources": sources,
                "doubtful_share": thresholds["doubtful_share"],
                "kept": int(kept.sum()),
                "right": int((final == judge.true)[kept].sum()),
                "label_accuracy": round(float((final == judge.true)[kept].mean()), 4),
            }
        )
    return rows


if __name__ == "__main__":
    main()
