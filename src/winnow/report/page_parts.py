"""Pieces of the page. Whatever comes from outside (names of classes and files, reasons) goes through `escaped`."""

import base64
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from winnow.curation.review import ACTIONS
from winnow.report.content import Facts
from winnow.report.elements import escaped, packed, picture, script_json
from winnow.report.formatting import clean, counted, number
from winnow.report.galleries import Card, Gallery
from winnow.report.style import Render, to_svg
from winnow.report.tiles import COLUMNS, SIDE

MAP_HINT = (
    "Move over a point to see which image it is. Drag turns, Shift and drag shifts; click first, and the wheel zooms."
)


def drawn(draw: Callable[[Facts, Render[str]], str], facts: Facts) -> str:
    """A figure as an element of the page."""
    return draw(facts, partial(to_svg, prefix=draw.__name__))


def gallery(found: Gallery) -> str:
    """A gallery, closed at first; it says how many of how many it shows."""
    return (
        f'<details id="gallery-{found.key}"><summary>{escaped(found.title)} '
        f'<span class="soft">{gallery_size(found)} · {escaped(found.note)}</span></summary>{cards(found)}</details>'
    )


def gallery_size(found: Gallery) -> str:
    """How many of how many a gallery shows."""
    shown = len(found.cards)
    if shown < found.total:
        return f"{number(shown)} of {number(found.total)}, {found.choice}"
    return counted(found.total, "image")


def cards(found: Gallery) -> str:
    """The images of a gallery."""
    return f'<div class="cards">{"".join(_card(card) for card in found.cards)}</div>'


def _card(card: Card) -> str:
    pictures = picture(card.picture, label=card.image_id)
    if card.counterpart_picture is not None:
        pictures += picture(card.counterpart_picture, label=f"counterpart {card.counterpart}")
    label = card.given if card.final in ("", card.given) else f"{card.given} → {card.final}"
    return (
        f'<div class="card"><div class="pictures">{pictures}</div><b>{escaped(label)}</b>'
        f"{escaped(card.reason)}<br><code>{escaped(card.image_id)}</code></div>"
    )


def copies(facts: Facts) -> str:
    """Augmented images beside their sources."""
    cards = "".join(
        f'<div class="card"><div class="pictures">{picture(source, label="source")}'
        f"{picture(copy, label=f'{technique} of it')}</div><b>{escaped(technique)}</b>{escaped(name)}</div>"
        for technique, name, source, copy in facts.copies
    )
    return f'<div class="cards">{cards}</div>' if cards else ""


def map_data(facts: Facts) -> str:
    """Places, actions, labels and rules of all images as JSON that a script element can hold."""
    ledger = facts.ledger
    rules = sorted(ledger["rule"].unique())
    titles = dict(zip(facts.rules["rule"], facts.rules["words"], strict=True))
    flat = facts.places.flat - facts.places.flat.mean(axis=0)
    flat = flat / max(float(np.abs(flat).max()), 1e-12)
    content = {
        "space": packed(facts.places.space * 32767, "<i2"),
        "flat": packed(flat * 32767, "<i2"),
        "action": packed(pd.Index(ACTIONS).get_indexer(pd.Index(ledger["action"])), "u1"),
        "label": packed(ledger["label"].to_numpy(), "<u2"),
        "sheet": base64.b64encode(facts.tiles.sheet).decode("ascii"),
        "tiles": {
            "side": SIDE,
            "columns": COLUMNS,
            "every": int(facts.tiles.rows[1]) if len(facts.tiles.rows) > 1 else 1,
        },
        "final": packed(ledger["final_label"].to_numpy(), "<i2"),
        "rule": packed(pd.Index(rules).get_indexer(pd.Index(ledger["rule"])), "u1"),
        "rules": [titles.get(rule, clean(rule)) for rule in rules],
        "classes": facts.class_names,
        "ids": [clean(image_id) for image_id in ledger["image_id"]],
        "hint": MAP_HINT,
    }
    return script_json(content)
