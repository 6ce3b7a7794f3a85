"""Which images the report shows, and with what words."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from winnow.curation.rules import RULES, cuts_of, with_others
from winnow.curation.rules.rule import Cut, Rule, Thresholds
from winnow.detect.signals import Score
from winnow.report.formatting import clean

# How many images a gallery shows; the rest are in the ledger.
CAP = 48
_LARGE = 16_000
_SIDE = 128


@dataclass(frozen=True)
class Card:
    """One image of a gallery.

    Attributes:
        image_id, reason: as in the ledger.
        picture: an encoded image.
        given, final: class names; `final` is empty for a dropped image.
        scores: what each score is called that a rule cuts, and its value.
        caption: the score that dropped it, in words; "" for none.
        counterpart: its id, empty if there is none, and `counterpart_picture`, None if there is none.
    """

    image_id: str
    picture: bytes
    given: str
    final: str
    scores: list[tuple[str, float]]
    caption: str
    reason: str
    counterpart: str
    counterpart_picture: bytes | None


@dataclass(frozen=True)
class Gallery:
    """Some of the images that share an outcome.

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


@dataclass(frozen=True)
class _Chosen:
    """The images of a gallery.

    Attributes:
        key, title, note: of the gallery.
        rows: of the ledger, all of them.
        shown: those to show, in order; None to draw them.
        cut: the score that dropped them, if one did.
    """

    key: str
    title: str
    note: str
    rows: np.ndarray
    shown: np.ndarray | None = None
    cut: Cut | None = None


def make_galleries(
    ledger: pd.DataFrame,
    images: pd.DataFrame,
    *,
    class_names: list[str],
    thresholds: Thresholds,
    rules: Sequence[Rule] = RULES,
    seed: int = 0,
) -> list[Gallery]:
    """Galleries of the images dropped (one per rule), relabelled, kept, and nearly not kept, and of the validation set.

    Those shown are drawn at random, so that the report does not flatter; only the nearly dropped are chosen.

    Args:
        ledger: of N images, sorted by `image_id`.
        images: `image_id` and `image_bytes` of the same images, in the same order.
        class_names: K names.
        thresholds: the value of each, for the nearly dropped.
        rules: in the order of their galleries.
        seed: of the draw.
    """
    action = ledger["action"].to_numpy()
    rule = ledger["rule"].to_numpy()
    training = (ledger["split"] == "train").to_numpy()
    chosen: list[_Chosen] = []
    for known in with_others(rules, set(rule)):
        rows = np.flatnonzero((action == "drop") & (rule == known.name))
        cut = known.cuts[0] if known.cuts else None
        chosen.append(_Chosen(f"dropped-{known.name}", f"Dropped: {known.title}", known.meaning, rows, cut=cut))
    rows = np.flatnonzero(action == "relabel")
    chosen.append(_Chosen("relabelled", "Relabelled", "label as it came → new label", rows))
    rows = np.flatnonzero((action == "keep") & training)
    chosen.append(_Chosen("kept", "Kept for training", "label as it came", rows))
    # How near a kept image came to any threshold, in units that make them comparable: shares of their ranks.
    margin = np.full(len(rows), np.inf)
    for _, cut in cuts_of(rules):
        values = ledger[cut.score.name].to_numpy(dtype=np.float64)
        margin = np.fmin(margin, _ranks(cut.score.margin(values, thresholds[cut.threshold]), rows))
    note = "the closest to a threshold first"
    closest = rows[np.argsort(margin, kind="stable")]
    chosen.append(_Chosen("nearly-dropped", "Kept, but only just", note, rows, shown=closest[:CAP]))
    rows = np.flatnonzero((ledger["split"] == "validation").to_numpy())
    chosen.append(_Chosen("validation", "Validation set", "label after cleaning", rows))

    rng = np.random.default_rng(seed)
    galleries = []
    for each in chosen:
        if not len(each.rows):
            continue
        shown = np.sort(rng.permutation(each.rows)[:CAP]) if each.shown is None else each.shown
        cards = make_cards(shown, ledger, images, class_names=class_names, rules=rules, cut=each.cut)
        choice = "drawn at random" if each.shown is None else "chosen"
        galleries.append(Gallery(each.key.replace("_", "-"), each.title, each.note, choice, len(each.rows), cards))
    return galleries


def _ranks(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(rows),) in [0, 1], 0 for the smallest that is not below 0; those below 0 were kept for another reason."""
    own = np.where(values[rows] >= 0, values[rows], np.inf)
    return own.argsort(kind="stable").argsort(kind="stable") / max(len(rows), 1)


def make_cards(
    rows: np.ndarray,
    ledger: pd.DataFrame,
    images: pd.DataFrame,
    *,
    class_names: list[str],
    rules: Sequence[Rule] = RULES,
    cut: Cut | None = None,
) -> list[Card]:
    """The images of these rows, in their order; other arguments are those of `make_galleries` and `_Chosen`."""
    positions = pd.Series(np.arange(len(ledger)), index=ledger["image_id"])
    scores = [cut.score for _, cut in cuts_of(rules)]
    return [_card(int(row), ledger, images, positions, class_names, scores, cut) for row in rows]


def _card(
    row: int,
    ledger: pd.DataFrame,
    images: pd.DataFrame,
    positions: pd.Series,
    class_names: list[str],
    scores: list[Score],
    cut: Cut | None,
) -> Card:
    entry = ledger.iloc[row]
    counterpart = str(entry["counterpart"])
    other = positions.get(counterpart) if counterpart else None
    return Card(
        image_id=clean(entry["image_id"]),
        picture=thumbnail(images["image_bytes"].iloc[row]),
        given=class_names[entry["label"]],
        final=class_names[entry["final_label"]] if entry["final_label"] >= 0 else "",
        scores=[(score.caption, float(entry[score.name])) for score in scores],
        caption=cut.caption.format(entry[cut.score.name]) if cut else "",
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
