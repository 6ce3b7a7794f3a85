"""What a followed training says of wrong labels, beside label quality: each column of `value_images`, and both joined.

    python benchmarks/valuation.py --shared ../shared --images 7680 --draws 0 1 2

The data are those of `benchmarks/planted_flips.py`: DS801's training images and verified ones of which 40 % are
flipped. Label quality is of the frozen features alone; the reference are the images of the highest label quality, so
no truth is read but to judge. `exact_influence` is of the first draw, `rule` what `curate`'s rule takes at one harmed
reference image and 3 % of all. Writes `benchmarks/results/valuation.json`, after each draw.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from detection_methods import shared_probabilities, winnow_labels, winnow_ood
from machine import machine
from planted_flips import frozen_dataset, read_images, with_flips
from result_file import shared_result
from winnow.detect.labels.neighbour_rule import far_from_its_class, with_another_label
from winnow.detect.valuation.harm import harmful
from winnow.evaluation.valued import value_dataset
from winnow.params.configs import load_config

ROOT = Path(__file__).resolve().parents[1]
HIGHER_IS_WORSE = ("early_loss", "gradient_norm", "tracin", "influence", "exact_influence")
LOWER_IS_WORSE = ("early_probability", "aum")
REFERENCE_PER_CLASS = 5
NOBODY: tuple[pd.Series, set[str]] = (pd.Series(dtype=np.int64), set())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/ and encoders/")
    parser.add_argument("--cache", default=".winnow/bench", type=Path, help="where features are kept")
    parser.add_argument("--images", default=7680, type=int, help="training images to take, by their random ids")
    parser.add_argument("--draws", nargs="+", default=[0, 1, 2], type=int, help="which, by number")
    parser.add_argument("--exact", action="store_true", help="the exact influence of the first draw, too")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/valuation.json", type=Path)
    arguments = parser.parse_args()
    images = read_images(arguments.shared, arguments.cache, arguments.images)
    for draw in arguments.draws:
        labels = with_flips(images, seed=draw)
        data = frozen_dataset(images, labels)
        shared = shared_probabilities(data)
        scores = winnow_labels(data, shared)
        outside = winnow_ood(data, shared, scores)
        frame = scores.frame.assign(
            image_id=data.image_id, label=labels, duplicate_group=data.groups, is_ood=outside.frame["is_ood"]
        )
        exact = arguments.exact and draw == arguments.draws[0]
        options = load_config("base", start=ROOT).valuation.model_copy(update={"enabled": True, "exact": exact})
        valued = value_dataset(
            frame,
            images.pixels,
            None,
            NOBODY,
            class_names=data.class_names,
            options=options,
            reference_per_class=REFERENCE_PER_CLASS,
            scratch=arguments.cache / f"values-{draw}",
        )
        judged = images.verified & valued.values["influence"].notna().to_numpy()
        row = figures(frame, valued.values, judged, labels != images.labels)
        print(draw, valued.summary, row, flush=True)
        with shared_result(arguments.out) as result:
            result.update(machine() | result)
            result.setdefault("draws", {})[str(draw)] = row | {"training_images": int((~images.verified).sum())}


def figures(scores: pd.DataFrame, values: pd.DataFrame, judged: np.ndarray, wrong: np.ndarray) -> dict:
    """Of the judged images AUROC and average precision of each score, and what the rules take and how much of it is
    wrong; by the truth (N,) bool."""
    quality = scores["label_quality_score"].to_numpy()
    ranked = {"label_quality_score": -quality}
    ranked |= {name: values[name].to_numpy() for name in HIGHER_IS_WORSE}
    ranked |= {name: -values[name].to_numpy() for name in LOWER_IS_WORSE}
    ranked["label quality and early probability"] = -log_odds(quality) - log_odds(
        values["early_probability"].to_numpy()
    )
    row: dict = {
        name: {
            "auroc": round(float(roc_auc_score(wrong[judged], score[judged])), 4),
            "average_precision": round(float(average_precision_score(wrong[judged], score[judged])), 4),
        }
        for name, score in ranked.items()
        if not np.isnan(score[judged]).any()
    }
    given = scores["label"].to_numpy()
    taken = {
        "valuation": harmful(values["points_harmed"].to_numpy(), values["influence"].to_numpy(), least=1, most=0.03),
        "neighbour_relabel": with_another_label(scores, given, share=1.0),
        "neighbour_drop": far_from_its_class(scores, given, distance=3.0),
    }
    row["rules"] = {
        name: {"taken": int((rows & judged).sum()), "wrong": int((rows & judged & wrong).sum())}
        for name, rows in taken.items()
    }
    return row | {"judged": int(judged.sum()), "wrong": int((judged & wrong).sum())}


def log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


if __name__ == "__main__":
    main()
