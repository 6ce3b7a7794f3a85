"""The review file: what people decided, replayed over every rule."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.errors import WinnowError

ACTIONS = ("keep", "relabel", "drop")
COLUMNS = ("image_id", "action", "label", "reviewer")


def read_review(path: str | Path, *, image_id: np.ndarray, class_names: list[str]) -> pd.DataFrame:
    """Read and check `decisions.csv`; an absent file is an empty review.

    Args:
        path: CSV with the columns `image_id,action,label,reviewer` and, if wanted, `reason`.
        image_id: (N,) ids that exist.
        class_names: K names; `label` is one of them or an integer in [0, K).

    Returns:
        Frame with `image_id`, `action`, `label` (int64, -1 unless relabelled), `reviewer`, `reason`.

    Raises:
        WinnowError: for a missing column, an unknown image, action or label, an image decided twice, or no reviewer;
            the message names the line.
    """
    path = Path(path)
    rows: list[dict] = []
    if path.exists():
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
                if missing:
                    raise WinnowError(
                        f"{path} has no column {missing[0]!r}; its first line must be '{','.join(COLUMNS)}' "
                        "(a column 'reason' may follow)."
                    )
                known, seen = set(image_id.tolist()), {}
                for row in reader:
                    place = f"{path}, line {reader.line_num}"
                    rows.append(_checked(row, place, known, seen, class_names))
        except (UnicodeDecodeError, csv.Error) as error:
            raise WinnowError(f"{path} cannot be read as CSV in UTF-8 ({error}); save it in that form.") from None
    columns = ["image_id", "action", "label", "reviewer", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"label": np.int64})


def _checked(row: dict, place: str, known: set[str], seen: dict[str, int], class_names: list[str]) -> dict:
    cells = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
    image, action, reviewer = cells["image_id"], cells["action"].lower(), cells["reviewer"]
    if image not in known:
        raise WinnowError(f"{place}: the dataset has no image {image!r}; mend the id or remove the line.")
    if image in seen:
        raise WinnowError(f"{place}: {image!r} was decided before, at line {seen[image]}; keep one of the two lines.")
    seen[image] = int(place.rsplit(" ", 1)[1])
    if action not in ACTIONS:
        raise WinnowError(f"{place}: the action is {action!r}; it must be one of {', '.join(ACTIONS)}.")
    if not reviewer:
        raise WinnowError(f"{place}: 'reviewer' is empty; say who decided.")
    label = -1
    if action == "relabel":
        label = _label(cells["label"], place, class_names)
    elif cells["label"]:
        raise WinnowError(f"{place}: a label stands beside the action {action!r}; only 'relabel' takes one.")
    return {
        "image_id": image,
        "action": action,
        "label": label,
        "reviewer": reviewer,
        "reason": cells.get("reason", ""),
    }


def _label(text: str, place: str, class_names: list[str]) -> int:
    if text in class_names:
        return class_names.index(text)
    if text.isdigit() and int(text) < len(class_names):
        return int(text)
    allowed = f"one of {', '.join(class_names)}, or a number below {len(class_names)}"
    raise WinnowError(f"{place}: the label is {text!r}; it must be {allowed}.")
