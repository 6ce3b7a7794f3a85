"""Tags: words that people give images to find them again. They decide nothing."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from winnow.curation.review import Review, unplaced_rows
from winnow.curation.review_csv import images_of, read_sheet
from winnow.errors import WinnowError

TAGS_FILE = "tags.csv"
TAG_COLUMNS = ("image_id", "tags", "reviewer")
SEPARATOR = ";"
LONGEST_TAG = 40


def split_tags(cell: str) -> list[str]:
    """The tags of a cell such as `blurry; ask ada`, each once, in its order."""
    return list(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in cell.split(SEPARATOR)))))


def join_tags(tags: list[str]) -> str:
    """The cell that `split_tags` reads."""
    return f"{SEPARATOR} ".join(tags)


def read_tags(path: str | Path, *, images: Mapping[str, str]) -> Review:
    """Read and check `tags.csv`; an absent file has no tags.

    Args:
        path: CSV with the columns `image_id,tags,reviewer` and, if wanted, `bytes_sha256`.
        images: the sha256 of the bytes of each image of the dataset, by `image_id`, as `read_review` takes them.

    Returns:
        Rows with `image_id`, `tags` (joined as `join_tags` does) and `reviewer`; images without a tag are left out.

    Raises:
        WinnowError: for a file that is no such CSV, an image that stands twice, a tag that is too long, or no reviewer;
            the message names the line.
    """
    path = Path(path)
    sheet = read_sheet(path, TAG_COLUMNS)
    rows: dict[str, dict[str, str]] = {}
    unplaced = []
    for cells, line, image_id in zip(sheet.rows, sheet.lines, images_of(sheet.rows, images), strict=True):
        if image_id is None:
            unplaced.append(f"{cells['image_id']} (line {line})")
            continue
        place = f"{path}, line {line}"
        if image_id in rows:
            raise WinnowError(f"{place}: {image_id!r} stands twice; put all of its tags in one line.")
        if not cells["reviewer"]:
            raise WinnowError(f"{place}: 'reviewer' is empty; say who gave the tags.")
        tags = split_tags(cells["tags"])
        if long := next((tag for tag in tags if len(tag) > LONGEST_TAG), None):
            raise WinnowError(f"{place}: the tag {long[:LONGEST_TAG]!r}… is longer than {LONGEST_TAG} letters.")
        rows[image_id] = {"image_id": image_id, "tags": join_tags(tags), "reviewer": cells["reviewer"]}
    tagged = pd.DataFrame([row for row in rows.values() if row["tags"]], columns=list(TAG_COLUMNS), dtype=object)
    return Review(tagged, unplaced_rows(path, unplaced, len(sheet.rows)))


def with_tags(decisions: pd.DataFrame, tags: pd.DataFrame) -> pd.DataFrame:
    """The decisions with a column `tags`, "" where an image has none; as they are where no image has any.

    Args:
        decisions: a row per image, with `image_id`.
        tags: as `read_tags` returns them.
    """
    if tags.empty:
        return decisions
    found = tags.set_index("image_id")["tags"].reindex(decisions["image_id"])
    return decisions.assign(tags=np.where(found.notna(), found, ""))
