"""The datasets with truth that detectors are measured on, each as arrays, with features from one encoder.

Read from a folder beside the repository (`--shared`), laid out as `data/ds801`, `data/cifar10n`, `data/roman-numerals`
and `encoders`; features are cached, since they take minutes. The sample is read from the workspace after `dvc repro`.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from detection_encoders import ROOT, cached_arrays, existing, finetuned, fitted_features, trained
from winnow import tables
from winnow.data.decode import decode_pixels
from winnow.data.images import read_image
from winnow.data.manifest import load_dataset
from winnow.detect.duplicates.search import find_duplicates
from winnow.encoders.columns import concatenated
from winnow.params import Params
from winnow.params.configs import load_config

CIFAR_NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LOSSES = ("cross_entropy", "supervised_contrastive", "both")
DS801_NAMES = ["cat", "lynx", "wolf", "coyote", "jaguar", "cheetah", "chimpanzee", "orangutan", "hamster", "guinea pig"]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset to find faults in.

    Attributes:
        name: as the tables call it.
        image_id: (N,) str.
        labels: (N,) int64 as given.
        features: (N, D) float32, L2-normalised.
        groups: (N,) int64, equal for copies of one picture.
        class_names: K names.
        is_label_error: (N,) float64 1, 0 or NaN where nobody knows, or None.
        is_ood: (N,) likewise, or None.
        outliers_are_errors: whether `is_label_error` is 1 for pictures of no class, too.
        zero_shot_pred_probs, in_class_probability: (N, K) and (N,) of the encoder's own classifier, where its labels
            name all classes, or None.
        clean_features, clean_labels: (M, D) and (M,) of a clean test set, or None.
        duplicates, config: with a clean test set, what `find_duplicates` found, and the params whose thresholds curate
            the dataset.
    """

    name: str
    image_id: np.ndarray
    labels: np.ndarray
    features: np.ndarray
    groups: np.ndarray
    class_names: list[str]
    is_label_error: np.ndarray | None = None
    is_ood: np.ndarray | None = None
    outliers_are_errors: bool = False
    zero_shot_pred_probs: np.ndarray | None = None
    in_class_probability: np.ndarray | None = None
    clean_features: np.ndarray | None = None
    clean_labels: np.ndarray | None = None
    duplicates: pd.DataFrame | None = None
    config: Params | None = None


def datasets(names: list[str], shared: Path, cache: Path) -> Iterator[Dataset]:
    """Those of `names` that are to be had; says which are not."""
    readers = {
        "sample": sample,
        "roman-numerals": roman_numerals,
        "roman-numerals-trained": roman_numerals,
        **{f"roman-numerals-{loss}": roman_numerals for loss in LOSSES},
        "ds801": ds801,
        "cifar10n-aggregate": cifar10n,
        "cifar10n-worst": cifar10n,
        "cifar10n-aggregate-finetuned": cifar10n,
        "cifar10n-worst-finetuned": cifar10n,
    }
    if unknown := sorted(set(names) - set(readers)):
        raise SystemExit(f"no dataset is called {unknown[0]!r}; there are {', '.join(readers)}")
    for name in names:
        try:
            yield readers[name](name, shared, cache)
        except FileNotFoundError as missing:
            print(f"{name} is left out: {missing.filename} is missing")


def sample(name: str, shared: Path, cache: Path) -> Dataset:
    """The built-in sample with the features of `dvc repro`, and all that was planted."""
    manifest = pd.read_parquet("data/interim/manifest.parquet")
    image_id = manifest["image_id"].to_numpy().astype(str)
    arrays = np.load("data/interim/features.npz")
    duplicates = pd.read_parquet("data/interim/duplicates.parquet").set_index("image_id")["duplicate_group"]
    truth = pd.read_csv("data/raw/sample-truth.csv").set_index("image_id").reindex(image_id)
    is_ood = truth["is_ood"].to_numpy().astype(float)
    wrong = (truth["true_label"].to_numpy() != manifest["label"].to_numpy()).astype(float)
    return Dataset(
        name=name,
        image_id=image_id,
        labels=manifest["label"].to_numpy(),
        features=arrays["features"][tables.align(image_id, arrays["image_id"], "features")],
        groups=duplicates.reindex(image_id).to_numpy(),
        class_names=json.loads(Path("data/interim/classes.json").read_text()),
        is_label_error=np.where(is_ood == 1, np.nan, wrong),
        is_ood=is_ood,
    )


def ds801(name: str, shared: Path, cache: Path) -> Dataset:
    """The course's own data: planted outliers known for half of the images, and a clean test set."""
    train, test = (
        load_dataset(
            existing(shared / f"data/ds801/{part}.zip"),
            class_names=DS801_NAMES,
            split=None,
            image_size=64,
            max_unpacked_bytes=4e9,
        )
        for part in ("train", "test")
    )
    pixels = decode_pixels(train.images["image_bytes"].to_list(), image_size=64)
    config = load_config("ds801-mobilenetv2", start=ROOT)
    embed = config.embed
    views = {"input_sizes": (embed.timm.input_size, *embed.timm.more_input_sizes), "flip": embed.flip}
    arrays = cached_arrays(pixels, shared, cache, class_names=DS801_NAMES, **views)
    features = arrays["features"]
    image_id, labels = train.manifest["image_id"].to_numpy().astype(str), train.manifest["label"].to_numpy()
    duplicates = find_duplicates(image_id, labels, pixels, features, max_hash_distance=14, min_similarity=0.8)
    truth = pd.read_csv(shared / "data/ds801/ood-truth.csv").set_index("id")["is_ood"]
    clean = decode_pixels(test.images["image_bytes"].to_list(), image_size=64)
    return Dataset(
        name=name,
        image_id=image_id,
        labels=labels,
        features=features,
        groups=duplicates["duplicate_group"].to_numpy(),
        class_names=DS801_NAMES,
        is_ood=truth.reindex(image_id).to_numpy().astype(float),
        zero_shot_pred_probs=arrays["zero_shot_pred_probs"],
        in_class_probability=arrays["in_class_probability"],
        clean_features=cached_arrays(clean, shared, cache, **views)["features"],
        clean_labels=test.manifest["label"].to_numpy(),
        duplicates=duplicates[["duplicate_group", "exact_group"]].reset_index(drop=True),
        config=config,
    )


def cifar10n(name: str, shared: Path, cache: Path) -> Dataset:
    """CIFAR-10 with the labels that people gave it; the true ones are CIFAR's."""
    _, which, *more = name.split("-")
    column = {"aggregate": "aggre_label", "worst": "worse_label"}[which]
    frame = pd.read_parquet(existing(shared / "data/cifar10n/train.parquet"), columns=["jpeg", "label", column])
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in frame["jpeg"]])
    labels = frame[column].to_numpy().astype(np.int64)
    features = cached_arrays(pixels, shared, cache, input_sizes=(160,))["features"]
    if more:
        learned = fitted_features(pixels, labels, finetuned(shared, 10), name="finetuned", cache=cache)
        features = concatenated([features, learned], [1, 1])
    return Dataset(
        name=name,
        image_id=np.arange(len(frame)).astype(str),
        labels=labels,
        features=features,
        groups=np.arange(len(frame)),
        class_names=CIFAR_NAMES,
        is_label_error=(frame[column] != frame["label"]).to_numpy().astype(float),
    )


VARIED = {"epochs": 30, "zoom": 0.2, "shift": 0.2}


def own_networks(pixels: np.ndarray, labels: np.ndarray, cache: Path) -> np.ndarray:
    """(N, D) float32 of two encoders `trained`, at 32 and at 64 px, side by side; a mirror image is another numeral."""
    learners = {f"trained-{side}-varied": trained(10, input_size=side, **VARIED) for side in (32, 64)}
    features = [
        fitted_features(pixels, labels, learner, name=name, cache=cache, flip=False)
        for name, learner in learners.items()
    ]
    return concatenated(features, [1, 1])


def by_loss(pixels: np.ndarray, labels: np.ndarray, loss: str, cache: Path) -> np.ndarray:
    """(N, D) float32 of `trained` at 64 px with that loss, all else alike."""
    learner = trained(10, input_size=64, loss=loss, **VARIED)
    return fitted_features(pixels, labels, learner, name=f"trained-64-{loss}", cache=cache, flip=False)


def roman_numerals(name: str, shared: Path, cache: Path) -> Dataset:
    """The data-centric competition's handwritten numerals; an error is what one competitor relabelled or deleted."""
    folder = shared / "data/roman-numerals"
    audit = pd.read_csv(existing(folder / "human-audit.csv"), keep_default_na=False)
    with zipfile.ZipFile(folder / "roman-numerals.zip") as archive:
        paths = audit["split"] + "/" + audit["label"] + "/" + audit["filename"]
        pixels = np.stack([read_image(archive.read(path), image_size=128).pixels for path in paths])
    class_names, labels = np.unique(audit["label"], return_inverse=True)
    if name.endswith("-trained"):
        features = own_networks(pixels, labels, cache)
    elif (loss := name.rpartition("-")[2]) in LOSSES:
        features = by_loss(pixels, labels, loss, cache)
    else:
        features = cached_arrays(pixels, shared, cache, input_sizes=(224,))["features"]
    image_id = paths.to_numpy().astype(str)
    duplicates = find_duplicates(image_id, labels, pixels, features, max_hash_distance=8, min_similarity=0.95)
    return Dataset(
        name=name,
        image_id=image_id,
        labels=labels.astype(np.int64),
        features=features,
        groups=duplicates["duplicate_group"].to_numpy(),
        class_names=class_names.tolist(),
        is_label_error=(audit["human_label"] != audit["label"]).to_numpy().astype(float),
        outliers_are_errors=True,
    )
