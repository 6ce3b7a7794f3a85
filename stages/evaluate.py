"""Balanced accuracy of both arms on the validation and test sets; the scorecard against the truth file."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from winnow import stage, tables
from winnow.data.decode import decode_pixels
from winnow.data.manifest import load_dataset
from winnow.detect.duplicates.leaks import leaked_images
from winnow.evaluation.evaluate import evaluate
from winnow.evaluation.predict import by_seed, predict_splits
from winnow.evaluation.predictions import predictions_path, predictions_table
from winnow.evaluation.scorecard import scorecard
from winnow.evaluation.summary import summary
from winnow.evaluation.truth import read_truth

NO_DATA = Path("data/none")
ARMS = ("baseline", "submission")


def main(params) -> str:
    class_names = tables.read_json("data/interim/classes.json")
    pixels, labels, image_id = {}, {}, {}
    pixels["validation"], labels["validation"], image_id["validation"] = read_packed(
        "validation", params.data.image_size
    )
    rejected = 0
    if Path(params.data.test_archive) != NO_DATA:
        test = load_dataset(
            params.data.test_archive,
            class_names=class_names,
            split=params.data.test_split,
            image_size=params.data.image_size,
            max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
            every_class=False,
        )
        warn_of_rejected(test.rejected, params.data.test_archive)
        pixels["test"] = decode_pixels(test.images["image_bytes"].to_list(), image_size=params.data.image_size)
        labels["test"], image_id["test"] = test.manifest["label"].to_numpy(), test.manifest["image_id"].to_numpy()
        rejected = len(test.rejected)

    leaks = np.zeros(0, bool)
    if "test" in pixels:
        # Whatever either arm could have seen, the baseline's set holds (it has the sources of all that the submission
        # has), or chose its best epoch by.
        seen = np.concatenate([read_packed("baseline", params.data.image_size)[0], pixels["validation"]])
        leaks = leaked_images(seen, pixels["test"])
    unseen = bool(leaks.any() and not leaks.all())
    predictions = {}
    for arm in ARMS:
        networks = by_seed(Path("models", arm).glob("seed-*.safetensors"), arm)
        predicted = predict_splits(
            networks, pixels, arm=arm, num_classes=len(class_names), batch_size=params.evaluate.batch_size
        )
        table = predictions_table(
            predicted, labels, image_id, seeds=list(networks), class_names=class_names, leaks=leaks
        )
        tables.write_csv(table, predictions_path(arm))
        if unseen:
            predicted["test_unseen"] = predicted["test"][:, ~leaks]
        predictions |= {(arm, split): rows for split, rows in predicted.items()}
    if unseen:
        labels["test_unseen"] = labels["test"][~leaks]
    if leaks.any():
        without = "test_unseen is the accuracy without them" if unseen else "none is left: the figures prove nothing"
        print(
            f"warning: {leaks.sum()} of {len(leaks)} test images are near duplicates of images in "
            f"{params.data.archive}; {without}.",
            file=sys.stderr,
        )
    evaluation = evaluate(predictions, labels, class_names=class_names)
    metrics = dict(evaluation.metrics)
    if "test" in pixels:
        metrics |= {"test_rejected": rejected, "test_leaks": int(leaks.sum())}
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


def read_packed(name: str, image_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed = tables.read_parquet(f"data/processed/{name}_set.parquet")
    pixels = decode_pixels(packed["image_bytes"].to_list(), image_size=image_size)
    return pixels, packed["label"].to_numpy(), packed["image_id"].to_numpy()


def warn_of_rejected(rejected: pd.DataFrame, archive: str) -> None:
    """Say aloud how many entries of the test archive could not be used."""
    if len(rejected):
        print(
            f"warning: {len(rejected)} entries of {archive} are not scored, the first is "
            f"{rejected['file_name'].iloc[0] or rejected['image_id'].iloc[0]} ({rejected['detail'].iloc[0]}).",
            file=sys.stderr,
        )


if __name__ == "__main__":
    stage.run("evaluate", main)
