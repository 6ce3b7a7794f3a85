"""Which images the report shows, and with what words."""

import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from winnow.report.formatting import clean

# How many images a gallery shows; the rest are in the ledger.
CAP = 48
RULES = {
    "review": ("review", "people decided"),
    "exact_duplicate": ("exact duplicates", "the same pixels as another image"),
    "near_duplicate": ("near duplicates", "the same photograph, encoded, cut or scaled anew"),
    "image_fault": ("image faults", "the picture itself is spoilt"),
    "ood": ("out of distribution", "far from every class"),
    "label_issue": ("label issues", "the label is probably wrong"),
    "class_floor": ("class floor", "taken back, or the class would have too few images"),
    "validation_leak": ("validation leaks", "a near duplicate of a validation image"),
    "keep": ("kept", "no rule applies"),
}
_LARGE = 16_000
_SIDE = 128


@dataclass(frozen=True)
class Card:
    """One image of a gallery.

    Attributes:
        image_id, reason: as in the ledger.
        picture: an encoded image.
        given, final: class names; `final` is empty for a dropped image.
        label_quality_score, ood_score: as in the ledger.
        counterpart: its id, empty if there is none, and `counterpart_picture`, None if there is none.
    """

    image_id: str
    picture: bytes
    given: str
    final: str
    label_quality_score: float
    ood_score: float
    reason: str
    counterpart: str
    counterpart_picture: bytes | None


@dataclass(frozen=True)
class Gallery:
    """Some of the images that share a fate.

    Attributes:
        key: unique, of letters, digits and dashes.
        title: in words.
        note: what they have in common.
        choice: how those shown were chosen.
        total: how many there are.
        cards: those shown.
    """

    key: str
    title: str
    note: str
    choice: str
    total: int
    cards: list[Card]


def make_galleries(
    ledger: pd.DataFrame,
    images: pd.DataFrame,
    *,
    class_names: list[str],
    label_quality_threshold: float,
    ood_threshold: float,
    seed: int = 0,
) -> list[Gallery]:
    """Galleries of the images dropped (one per rule), relabelled, kept, and nearly not kept, and of the validation set.

    Those shown are drawn at random, so that the report does not flatter; only the nearly dropped are chosen.

    Args:
        ledger: of N images, sorted by `image_id`.
        images: `image_id` and `image_bytes` of the same images, in the same order.
        class_names: K names.
        label_quality_threshold, ood_threshold: of `curate`, for the nearly dropped.
        seed: of the draw.
    """
    action = ledger["action"].to_numpy()
    rule = ledger["rule"].to_numpy()
    quality, ood = (ledger[name].to_numpy(dtype=np.float64) for name in ("label_quality_score", "ood_score"))
    training = (ledger["split"] == "train").to_numpy()
    chosen: list[tuple[str, str, str, np.ndarray, np.ndarray | None]] = []
    for name in [*RULES, *sorted(set(rule) - set(RULES))]:
        title, why = RULES.get(name, (name, "a rule of its own"))
        rows = np.flatnonzero((action == "drop") & (rule == name))
        chosen.append((f"dropped-{name}", f"Dropped: {title}", why, rows, None))
    rows = np.flatnonzero(action == "relabel")
    chosen.append(("relabelled", "Relabelled", "label as it came → new label", rows, None))
    rows = np.flatnonzero((action == "keep") & training)
    chosen.append(("kept", "Kept for training", "label as it came", rows, None))
    # How near a kept image came to either threshold, in units that make the two comparable: shares of their ranks.
    margin = np.fmin(_ranks(quality - label_quality_threshold, rows), _ranks(ood_threshold - ood, rows))
    note = "the closest to a threshold first"
    chosen.append(("nearly-dropped", "Kept, but only just", note, rows, rows[np.argsort(margin, kind="stable")]))
    rows = np.flatnonzero((ledger["split"] == "validation").to_numpy())
    chosen.append(("validation", "Validation set", "label after cleaning", rows, None))

    rng = np.random.default_rng(seed)
    positions = pd.Series(np.arange(len(ledger)), index=ledger["image_id"])
    galleries = []
    for key, title, note, rows, ordered in chosen:
        if not len(rows):
            continue
        shown = np.sort(rng.permutation(rows)[:CAP]) if ordered is None else ordered[:CAP]
        cards = [_card(int(row), ledger, images, positions, class_names) for row in shown]
        choice = "drawn at random" if ordered is None else "chosen"
        galleries.append(Gallery(key.replace("_", "-"), title, note, choice, len(rows), cards))
    return galleries


def _ranks(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) in [0, 1], 0 for the smallest that is not below 0; those below 0 were kept for another reason."""
    own = np.where(values[rows] >= 0, values[rows], np.inf)
    return own.argsort(kind="stable").argsort(kind="stable") / max(len(rows), 1)


def _card(row: int, ledger: pd.DataFrame, images: pd.DataFrame, positions: pd.Series, class_names: list[str]) -> Card:
    entry = ledger.iloc[row]
    counterpart = str(entry["counterpart"])
    other = positions.get(counterpart) if counterpart else None
    return Card(
        image_id=clean(entry["image_id"]),
        picture=thumbnail(images["image_bytes"].iloc[row]),
        given=class_names[entry["label"]],
        final=class_names[entry["final_label"]] if entry["final_label"] >= 0 else "",
        label_quality_score=float(entry["label_quality_score"]),
        ood_score=float(entry["ood_score"]),
        reason=clean(entry["reason"]),
        counterpart=clean(counterpart),
        counterpart_picture=None if other is None else thumbnail(images["image_bytes"].iloc[int(other)]),
    )


def thumbnail(image_bytes: bytes) -> bytes:
    """The bytes as they came where they are small; else a JPEG of at most 128 pixels a side."""
    if len(image_bytes) <= _LARGE:
        return image_bytes
    with Image.open(io.BytesIO(image_bytes)) as image:
        image.thumbnail((_SIDE, _SIDE))
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
