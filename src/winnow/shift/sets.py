"""The training set and the two test sets as they come in: images or tables of features, classes numbered alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from winnow.data.pixels import Pixels
from winnow.encoders.registry import load_encoder
from winnow.errors import WinnowError
from winnow.files import SETS
from winnow.params.inputs import given
from winnow.shift.feature_table import is_feature_table, read_features
from winnow.shift.image_source import pixel_features, read_images
from winnow.shift.predictions import read_predictions


@dataclass(frozen=True)
class Sets:
    """What was read; the features lie in the files that `read_sets` was given.

    Attributes:
        rows: by set: `row`, `name`, `label` int64, and of images the plain facts and the picture; without rows for a
            set that is not given.
        class_names: in label order.
        summary: in a few words.
    """

    rows: Mapping[str, pd.DataFrame]
    class_names: list[str]
    summary: str


def read_sets(
    options: Mapping[str, Any], targets: Mapping[str, Path], *, embed: Mapping[str, Any], scratch: Path
) -> Sets:
    """Read the sets that params name; what is not given has no rows.

    Args:
        options: the section `sets` of the params.
        targets: by set, the .npy to write its (N, D) float16 features to; (0, 0) for a set that is not given.
        embed: the section `embed`, for images that an encoder turns into features.
        scratch: folder in which features lie until all sets are read, so that a run after a kill goes on within a CSV,
            and with what was read before it. The caller removes it.

    Raises:
        WinnowError: if a set cannot be read, test rows have a class that the training set lacks, or the sets differ in
            the number of features.
    """
    class_names: list[str] = []
    predictions = {name: options[f"predictions_{name}"] for name in ("a", "b")}
    if given(predictions["a"]) != given(predictions["b"]):
        raise WinnowError("sets.predictions_a and sets.predictions_b go together; name both or neither.")
    if given(predictions["a"]):
        columns = [read_predictions(path, label_column=options["label_column"])[2] for path in predictions.values()]
        if columns[0] != columns[1]:
            raise WinnowError("sets.predictions_a and sets.predictions_b have other class columns; name them alike.")
        class_names = columns[0]
    elif not given(options["train"]):
        raise WinnowError("sets.train and sets.predictions_a are both data/none; name one of them.")
    parts = {name: scratch / f"{name}.npy" for name in SETS}
    rows, widths, said = {}, {}, []
    for name in SETS:
        path = options[name]
        if not given(path):
            rows[name] = _no_rows()
            _save(parts[name], np.empty((0, 0), dtype=np.float16))
            continue
        frame, names = _read(path, parts[name], options, class_names, embed)
        class_names = class_names or names
        rows[name] = _numbered(frame, class_names, path)
        widths[name] = np.load(parts[name], mmap_mode="r").shape[1]
        said.append(f"{name} {len(frame)}")
    if len(set(widths.values())) > 1:
        raise WinnowError(
            f"the sets differ in their features ({', '.join(f'{name} {width}' for name, width in widths.items())}); "
            "make all of them by one encoder, or name the columns that one lacks in sets.leave_out."
        )
    for name, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        parts[name].replace(target)
    width = f", {next(iter(widths.values()))} features" if widths else ""
    return Sets(rows, class_names, f"{', '.join(said) or 'no'} rows of {len(class_names)} classes{width}")


def _read(
    path: str, target: Path, options: Mapping[str, Any], class_names: Sequence[str], embed: Mapping[str, Any]
) -> tuple[pd.DataFrame, list[str]]:
    """Rows with labels as text, and the class names in order; the features are written."""
    columns = {"label_column": options["label_column"], "leave_out": options["leave_out"]}
    if is_feature_table(path, **columns):
        table = read_features(path, target, **columns, note=_note(target))
        frame = pd.DataFrame(
            {
                "row": [f"row_{place:08d}" for place in range(len(table.labels))],
                "name": "",
                "label": table.labels,
            }
        )
        return frame, sorted(set(table.labels), key=_natural)

    def features(pixels: Pixels, labels: np.ndarray) -> np.ndarray:
        if options["image_features"] == "pixels":
            return pixel_features(pixels, options["pixel_side"])
        encoder = load_encoder(embed, class_names=list(class_names) or [str(label) for label in np.unique(labels)])
        if encoder.is_fitted:
            raise WinnowError(
                f"embed.encoder is {encoder.name}, which is trained on each set anew, so that their features cannot be "
                "compared; choose open_clip or timm, or set sets.image_features to pixels."
            )
        return encoder.embed_dataset(pixels, labels).features

    found = read_images(
        path,
        class_names=class_names,
        image_size=options["image_size"],
        max_unpacked_bytes=options["max_unpacked_gb"] * 2**30,
        embed=features,
    )
    _save(target, found.features.astype(np.float16))
    names = np.array(found.class_names)
    return found.rows.assign(label=names[found.rows["label"].to_numpy()]), found.class_names


def _numbered(frame: pd.DataFrame, class_names: list[str], path: str) -> pd.DataFrame:
    places = {name: place for place, name in enumerate(class_names)}
    labels = frame["label"].map(places)
    if labels.isna().any():
        other = frame["label"][labels.isna()].iloc[0]
        raise WinnowError(
            f"{path} has the class {other!r}, which the training set or the predictions lack; leave its rows out or "
            "add the class there."
        )
    return frame.assign(label=labels.astype(np.int64))


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"row": pd.Series(dtype=str), "name": pd.Series(dtype=str), "label": pd.Series(dtype=np.int64)})


def _note(features: Path) -> Path:
    """Of what was read into a file of features."""
    return features.with_suffix(".json")


def _save(target: Path, features: np.ndarray) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    _note(target).unlink(missing_ok=True)
    np.save(target, features)


def _natural(text: str) -> tuple[int, float, str]:
    """Numbers by their value, before names."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text
