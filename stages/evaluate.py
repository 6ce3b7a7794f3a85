"""Balanced accuracy of both arms on the validation and test sets; the scorecard against the truth file."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.data.manifest import load_dataset
from winnow.detect.duplicates import LEAK_HASH_DISTANCE, cross_duplicates
from winnow.errors import WinnowError
from winnow.evaluation.evaluate import evaluate
from winnow.evaluation.scorecard import scorecard
from winnow.evaluation.summary import summary
from winnow.evaluation.truth import read_truth
from winnow.progress import progress
from winnow.training.network import load_model, predict

NO_DATA = Path("data/none")
ARMS = ("baseline", "submission")


def main(params) -> str:
    class_names = tables.read_json("data/interim/classes.json")
    pixels, labels = {}, {}
    pixels["validation"], labels["validation"] = read_packed("validation", params.data.image_size)
    rejected = 0
    if Path(params.data.test_archive) != NO_DATA:
        test = load_dataset(
            params.data.test_archive,
            class_names=class_names,
            split=params.data.test_split,
            image_size=params.data.image_size,
            max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
        )
        warn_of_rejected(test.rejected, params.data.test_archive)
        pixels["test"] = decode_pixels(test.images["image_bytes"].to_list(), image_size=params.data.image_size)
        labels["test"], rejected = test.manifest["label"].to_numpy(), len(test.rejected)

    predictions = {
        (arm, split): predict_with_all(arm, split, images, len(class_names), params.evaluate.batch_size)
        for arm in ARMS
        for split, images in pixels.items()
    }
    if "test" in pixels:
        # Whatever either arm could have seen: the baseline's set holds the sources of all that the submission holds.
        seen, _ = read_packed("baseline", params.data.image_size)
        pairs = cross_duplicates(seen, pixels["test"], max_hash_distance=LEAK_HASH_DISTANCE)
        unseen = np.setdiff1d(np.arange(len(pixels["test"])), [test for _, test, _ in pairs])
        leaks = len(pixels["test"]) - len(unseen)
        if leaks:
            labels["test_unseen"] = labels["test"][unseen]
            predictions |= {(arm, "test_unseen"): predictions[arm, "test"][:, unseen] for arm in ARMS}
            print(
                f"warning: {leaks} of {len(pixels['test'])} test images are near duplicates of images in "
                f"{params.data.archive}; test_unseen is the accuracy without them.",
                file=sys.stderr,
            )
    evaluation = evaluate(predictions, labels, class_names=class_names)
    metrics = dict(evaluation.metrics)
    if "test" in pixels:
        metrics |= {"test_rejected": rejected, "test_leaks": leaks}
    tables.write_json("metrics/evaluation.json", metrics)
    tables.write_csv(evaluation.per_class, "metrics/per_class.csv")
    split = "test" if "test" in pixels else "validation"
    for arm, rows in evaluation.predictions[evaluation.predictions["split"] == split].groupby("arm"):
        tables.write_csv(rows[["actual", "predicted"]], f"metrics/confusion/{arm}.csv")

    truth = read_truth(params.data.truth, class_names=class_names)
    card = {} if truth is None else scorecard(tables.read_parquet("data/processed/ledger.parquet"), truth)
    tables.write_json("metrics/scorecard.json", card)

    for (arm, part), recall in evaluation.recall.items():
        print(f"\n{arm}, {part} set\n{summary(recall, class_names)}")
    before, after = (metrics[arm][split]["balanced_accuracy"] for arm in ARMS)
    return f"balanced accuracy on the {split} set: baseline {before:.2%}, submission {after:.2%}"


def read_packed(name: str, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    packed = tables.read_parquet(f"data/processed/{name}_set.parquet")
    pixels = decode_pixels(packed["image_bytes"].to_list(), image_size=image_size)
    return pixels, packed["label"].to_numpy()


def warn_of_rejected(rejected: pd.DataFrame, archive: str) -> None:
    """Say aloud how many entries of the test archive could not be used."""
    if len(rejected):
        print(
            f"warning: {len(rejected)} entries of {archive} are not scored, the first is "
            f"{rejected['file_name'].iloc[0] or rejected['image_id'].iloc[0]} ({rejected['detail'].iloc[0]}).",
            file=sys.stderr,
        )


def predict_with_all(arm: str, split: str, pixels: np.ndarray, num_classes: int, batch_size: int) -> np.ndarray:
    """(S, N) predicted labels, a row per trained seed of the arm."""
    paths = sorted(Path("models", arm).glob("seed-*.safetensors"))
    if not paths:
        raise WinnowError(f"models/{arm} holds no model; run 'dvc repro' to train it.")
    with progress(f"evaluate {arm} on the {split} set", len(paths) * len(pixels)) as report:
        networks = (load_model(path, num_classes=num_classes) for path in paths)
        logits = [predict(network, pixels, batch_size=batch_size, report=report) for network in networks]
    return np.stack(logits).argmax(axis=2)


if __name__ == "__main__":
    stage.run("evaluate", main)
