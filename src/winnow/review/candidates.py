"""Candidates for the validation set, for people to confirm or reject."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from winnow.errors import WinnowError
from winnow.review.dataset import Dataset
from winnow.review.session import Session
from winnow.review.verdicts import Change


def candidates(dataset: Dataset) -> dict[str, Any]:
    """What people are to look at.

    Returns:
        JSON values: `chosen`, rows of the ledger in the validation set now; `outside`, a dict per photo with
        `image_id`, `photo`, `label`, `predicted_label`, `predicted_confidence`, `encoder_agrees`, `counterpart` (row of
        the image of the dataset that it nearly equals, -1 if none), `same_as` (another photo, "" if none), `width`,
        `height`.
    """
    chosen = np.flatnonzero(dataset.ledger["split"] == "validation")
    photos = []
    for photo in dataset.outside.drop(columns="image_bytes").to_dict("records"):
        confidence = photo["predicted_confidence"]
        photos.append(
            {
                **{key: photo[key] for key in ("image_id", "photo", "label", "width", "height", "same_as")},
                "predicted_label": photo["predicted_label"],
                "predicted_confidence": None if np.isnan(confidence) else round(float(confidence), 4),
                "encoder_agrees": bool(photo["encoder_agrees"]),
                "counterpart": dataset.position.get(photo["counterparts"].split(",")[0], -1),
            }
        )
    return {"chosen": chosen.tolist(), "outside": photos}


def check_total(session: Session, changes: Sequence[Change]) -> None:
    """Refuse a confirmation that would make the set larger than allowed."""
    images, rows = session.dataset.digests_with_photos, session.validation.read()
    after = {image_id: row.get("verdict") for image_id, row in rows.items() if image_id in images}
    after |= {change.image_id: (change.verdict or {}).get("verdict") for change in changes}
    total = sum(verdict == "confirm" for verdict in after.values())
    most = session.dataset.params.validation.max_total
    if total > most and any((change.verdict or {}).get("verdict") == "confirm" for change in changes):
        raise WinnowError(
            f"the validation set may hold {most:,} images (validation.max_total) and {total:,} would be confirmed; "
            "reject some first, nothing was saved."
        )
