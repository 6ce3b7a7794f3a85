"""The optional truth file: what is really wrong with the training images, as far as it is known."""

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

_JUDGEMENTS = ("true_label", "is_ood", "duplicate_of")
# "1.0" is how a spreadsheet or pandas writes 1 in a column with empty cells.
_BOOLEANS = {"": pd.NA, "0": False, "1": True, "0.0": False, "1.0": True, "false": False, "true": True}
_DELIMITERS = (",", ";", "\t")


def read_truth(path: str | Path, *, class_names: list[str]) -> pd.DataFrame | None:
    """Read and check a truth file: CSV with `image_id` and any of `true_label`, `is_ood`, `duplicate_of`.

    An empty cell means unknown; in `duplicate_of` it means that the image copies no other.

    Args:
        path: the CSV file, with commas, or with semicolons or tabs as spreadsheets write them; a folder (`data/none`)
            stands for having none.
        class_names: K names, in label order.

    Returns:
        None for a folder, else a frame sorted by `image_id` (str, unique) with those of these columns that the file
        has: `true_label` (Int64 in [0, K), given as a class name or as a number; a value that is both is the name),
        `is_ood` (boolean, given as 0, 1, false or true), `duplicate_of` (str, "" for none).

    Raises:
        WinnowError: if the file is missing or no CSV, a column is missing or unknown, an id occurs twice, or a value
            is none of the allowed ones.
    """
    path = Path(path)
    if path.is_dir():
        return None
    frame: pd.DataFrame = _read_csv(path)
    _check_columns(path, list(frame.columns))
    frame = frame.apply(lambda column: column.str.strip())
    frame = frame[(frame != "").any(axis=1)]
    ids = frame["image_id"]
    if ids.eq("").any():
        raise WinnowError(f"{path} has an empty image_id in {_line(ids.eq(''))}; fill it in or remove the line.")
    if ids.duplicated().any():
        repeated = ids[ids.duplicated()].iloc[0]
        raise WinnowError(f"{path} holds the image_id {repeated!r} twice; keep one line of the two.")
    if "true_label" in frame:
        frame["true_label"] = _labels(path, frame["true_label"], class_names)
    if "is_ood" in frame:
        lower = frame["is_ood"].str.lower()
        wrong = ~lower.isin(list(_BOOLEANS))
        if wrong.any():
            value = frame["is_ood"][wrong].iloc[0]
            raise WinnowError(f"{path} has is_ood {value!r} in {_line(wrong)}; allowed are 0, 1 and empty (unknown).")
        frame["is_ood"] = lower.map(_BOOLEANS).astype("boolean")
    return frame.sort_values("image_id", ignore_index=True)


def faulty_images(truth: pd.DataFrame, labels: np.ndarray, column: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Which images a truth file says something of, and which of them have the fault.

    Args:
        truth: N rows, as `read_truth` has them; NA where nothing is known of an image.
        labels: (N,) int, as given.
        column: `is_ood`, or `true_label`: another label is the fault, of images not known to be out of distribution.

    Returns:
        (N,) bool known and (N,) bool faulty, which counts where known; None where the file lacks the column, and for
        `duplicate_of`, which judges pairs.
    """
    if column not in truth or column == "duplicate_of":
        return None
    is_ood = truth["is_ood"] if "is_ood" in truth else pd.Series(pd.NA, index=truth.index, dtype="boolean")
    outside = is_ood.fillna(False).to_numpy(dtype=bool)
    if column == "is_ood":
        return is_ood.notna().to_numpy(), outside
    true_label = truth["true_label"].fillna(-1).to_numpy(dtype=np.int64)
    return truth["true_label"].notna().to_numpy() & ~outside, labels != true_label


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline().strip()
        delimiter = max(
            _DELIMITERS, key=lambda delimiter: "image_id" in [cell.strip(' "') for cell in header.split(delimiter)]
        )
        frame = pd.read_csv(
            path, sep=delimiter, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except FileNotFoundError:
        raise WinnowError(
            f"the truth file {path} does not exist; correct data.truth in params.yaml, or set it to data/none."
        ) from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise WinnowError(f"the truth file {path} is no CSV in UTF-8 ({error}); save it as one.") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise WinnowError(f"{path} has more cells in line 2 than columns in line 1; name all columns, or remove cells.")
    broken = frame.apply(lambda column: column.str.contains(r"[\r\n]")).any(axis=1)
    if broken.any():
        raise WinnowError(f"{path} has a quote left open in {_line(broken)}, or behind it; close it.")
    return frame.rename(columns=str.strip)


def _check_columns(path: Path, columns: list[str]) -> None:
    known = ["image_id", *_JUDGEMENTS]
    found = ", ".join(columns)
    if "image_id" not in columns:
        raise WinnowError(
            f"{path} has no column image_id; its columns are: {found}; rename the one that holds the ids."
        )
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise WinnowError(
            f"{path} has the unknown column {unknown[0]!r}; allowed are {', '.join(known)}; rename or remove it."
        )
    if len(columns) == 1:
        raise WinnowError(f"{path} holds ids alone; add at least one of the columns {', '.join(_JUDGEMENTS)}.")


def _labels(path: Path, given: pd.Series, class_names: list[str]) -> pd.Series:
    composed = {unicodedata.normalize("NFC", name): label for label, name in enumerate(class_names)}
    by_name = given.str.normalize("NFC").map(composed)
    # "3.0" is how a spreadsheet or pandas writes 3 in a column with empty cells.
    by_number = pd.to_numeric(given.where(given.str.fullmatch(r"\d{1,9}(\.0*)?")))
    labels = by_name.fillna(by_number)
    wrong = given.ne("") & ~labels.between(0, len(class_names) - 1)
    if wrong.any():
        raise WinnowError(
            f"{path} has true_label {given[wrong].iloc[0]!r} in {_line(wrong)}; allowed are 0 to "
            f"{len(class_names) - 1}, the class names ({', '.join(class_names)}) and empty (unknown)."
        )
    return labels.astype("Int64")


def _line(wrong: pd.Series) -> str:
    return f"line {int(wrong.index.to_numpy()[wrong.to_numpy().argmax()]) + 2}"  # the header is line 1
