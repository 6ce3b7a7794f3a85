"""The filter's report as one page that opens from disk: nothing in it is loaded from elsewhere."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from winnow.data.archive import Archive
from winnow.data.images import upright_rgb
from winnow.filtering.cut import KEPT, OUTLIER, REDUNDANT
from winnow.learn.projection import project
from winnow.report import elements
from winnow.report.formatting import clean, number, percent

_SIDE, _PER_TILE = 112, 6
_MEASURED = {
    "probe": "Accuracy in percent of a linear probe on the features (its gain does not always carry over to a network)",
    "network": "Accuracy in percent of a small network that is trained from nothing on the pixels",
    "detector": "Score in percent of a Faster R-CNN on a frozen MobileNetV2, 0.1 of its mAP50 and 0.9 of its mAP50-95",
}
"""What the comparison's learner gives."""
_HINT = (
    "Move over a point to see which image it is, and a line to the image that is kept for it. Drag turns; click first, "
    "and the wheel zooms; arrow keys turn, plus and minus zoom."
)


@dataclass(frozen=True)
class Facts:
    """What the page shows.

    Attributes:
        ledger: of all images.
        points: (M, D) float32 of the filtered images, in the ledger's order.
        summary, outliers, order, pays, dataset, layer: figures of the stages.
        groups: classes before and after.
        table: the comparison of rules.
    """

    ledger: pd.DataFrame
    points: np.ndarray
    summary: Mapping[str, Any]
    outliers: Mapping[str, Any]
    order: Mapping[str, Any]
    pays: Mapping[str, Any]
    dataset: Mapping[str, Any]
    layer: Mapping[str, Any]
    groups: pd.DataFrame
    table: pd.DataFrame


def render(facts: Facts, archive: Archive, *, pairs: int, seed: int) -> str:
    """The page; the same text for the same facts.

    Args:
        facts: what it shows.
        archive: that holds the images.
        pairs: how many removed images it shows of each kind.
        seed: of their choice.
    """
    own = facts.ledger[facts.ledger["is_filtered"]].reset_index(drop=True)
    rng = np.random.default_rng(seed)
    shots = _Shots(archive)
    sections = {
        "cloud-section": ("All images", _cloud(facts, own)),
        "pairs": ("Removed, because of", _pairs(own, shots, rng, pairs)),
        "outliers": ("Outliers", _outliers(own, shots, pairs)),
        "tiles": ("Groups of alike images", _tiles(own, shots)),
        "classes": ("Classes", _classes(facts)),
        "pays": ("Does it pay?", _pays(facts)),
        "provenance": ("From what", _provenance(facts)),
    }
    links = "".join(f'<a href="#{key}">{title}</a>' for key, (title, _) in sections.items())
    body = "".join(f'<section id="{key}"><h2>{title}</h2>{text}</section>' for key, (title, text) in sections.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{elements.POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>winnow filter</title>'
        f"<style>{elements.asset('page.css')}{elements.asset('filter_cloud.css')}</style></head><body>{_header(facts)}"
        f"<nav><div>{links}</div></nav><main>{body}</main>"
        f'<script type="application/json" id="cloud-data">{elements.script_json(_cloud_data(facts, own))}</script>'
        f"<script>{elements.asset('filter_cloud.js')}</script></body></html>\n"
    )


class _Shots:
    """Small pictures of images, each read once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._made: dict[str, str] = {}

    def __call__(self, image_id: str) -> str:
        if image_id not in self._made:
            image = upright_rgb(self._archive.read(image_id), file_name=image_id)[0]
            image.thumbnail((_SIDE, _SIDE))
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=80)
            self._made[image_id] = elements.picture(buffer.getvalue(), label=image_id)
        return self._made[image_id]


def _header(facts: Facts) -> str:
    summary = facts.summary
    beside = summary["beside_random"]
    tiles = [
        elements.tile(number(summary["images"]), "images to filter"),
        elements.tile(number(summary["kept"]), f"kept, {percent(summary['kept_share'])}"),
        elements.tile(number(summary["removed"]["redundant"]), "went as redundant"),
        elements.tile(number(summary["removed"]["outlier"]), "went as outliers"),
        elements.tile(
            f"{beside['filtered']['distance_mean']:.3f}",
            f"from a removed image to the nearest kept one; {beside['random']['distance_mean']:.3f} by random choice",
        ),
        elements.tile(number(summary["leaked_into_other_splits"]), "images of other splits are copies of these"),
    ]
    return (
        f'<header><h1>What a network sees twice</h1><p class="lead">{elements.escaped(facts.pays["sentence"])}</p>'
        f'<div class="tiles">{"".join(tiles)}</div></header>'
    )


def _cloud(facts: Facts, own: pd.DataFrame) -> str:
    gone = {name: int((own["verdict"] == name).sum()) for name in (REDUNDANT, OUTLIER)}
    most = {"alike": int((own["removal_rank"] > 0).sum()), "odd": len(own) // 2}
    sliders = "".join(
        f'<label>{words} <input type="range" id="slide-{key}" min="0" max="{most[key]}" value="{value}"></label>'
        for key, words, value in (("alike", "redundant", gone[REDUNDANT]), ("odd", "outliers", gone[OUTLIER]))
    )
    legend = "".join(
        f'<span><i style="background:var(--{colour})"></i>{words}</span>'
        for colour, words in (("keep", "kept"), ("relabel", "redundant, a diamond"), ("drop", "outlier, a cross"))
    )
    return (
        f'<div id="cloud"><div class="tools">{sliders}<span id="numbers"></span></div><div class="tools">{legend}</div>'
        '<canvas tabindex="0" role="img" aria-label="All images in space by what the network sees in them; arrow keys '
        'turn, plus and minus zoom"></canvas><div id="told" aria-live="polite"></div></div>'
        "<p>The sliders show what other values of <code>cut</code> would do; nothing is changed. Guards for rare "
        "classes and the verdicts of people are in the numbers above alone.</p>"
    )


def _cloud_data(facts: Facts, own: pd.DataFrame) -> dict[str, Any]:
    space, _, _ = project(facts.points, method="pca", neighbours=15, min_distance=0.1, seed=0)
    position = pd.Series(np.arange(len(own)), index=own["image_id"])
    able = np.flatnonzero(own["removal_rank"] > 0)
    stays = (own["verdict"] != REDUNDANT).to_numpy()  # where the slider stands at first, what went is before it
    return {
        "places": elements.packed(space.clip(-1, 1) * 32767, "<i2"),
        "odd": elements.packed(own["outlier_rank"].to_numpy(), "<i4"),
        "order": elements.packed(able[np.lexsort((own["removal_rank"].to_numpy()[able], stays[able]))], "<i4"),
        "went_for": elements.packed(own["keeper"].map(position).fillna(-1).to_numpy(), "<i4"),
        "keeper": elements.packed(position[own["stays_for_it"]].to_numpy(), "<i4"),
        "ids": [clean(image_id) for image_id in own["image_id"]],
        "hint": _HINT,
    }


def _pairs(own: pd.DataFrame, shots: _Shots, rng: np.random.Generator, pairs: int) -> str:
    gone = own[own["verdict"] == REDUNDANT]
    if gone.empty:
        return "<p>No image went as redundant.</p>"
    chosen = gone.iloc[np.sort(rng.choice(len(gone), min(pairs, len(gone)), replace=False))]
    cards = "".join(
        f'<div class="card"><div class="pictures">{shots(str(row.image_id))}{shots(str(row.keeper))}</div>'
        f"{elements.escaped(row.reason)}<br><code>{elements.escaped(row.image_id)}</code></div>"
        for row in chosen.sort_values("distance").itertuples()
    )
    return (
        f"<p>{number(len(chosen))} of {number(len(gone))}, drawn at random: the removed image, and the kept one that "
        f'it went for.</p><div class="cards">{cards}</div>'
    )


def _outliers(own: pd.DataFrame, shots: _Shots, pairs: int) -> str:
    gone = own[own["verdict"] == OUTLIER].sort_values("outlier_rank").head(pairs)
    next_ones = own[own["verdict"] == KEPT].nsmallest(min(pairs, 12), "outlier_rank")
    text = "<p>No image went as an outlier. " if gone.empty else "<p>The oddest first. "
    text += "An outlier is alone; many alike foreign images are the densest spot there is, and no rank finds them: see "
    text += '<a href="#tiles">the groups</a>.</p>'
    for words, rows in (("", gone), ("<h3>The next that would go</h3>", next_ones)):
        cards = "".join(
            f'<div class="card"><div class="pictures">{shots(str(row.image_id))}</div><b>rank {row.outlier_rank}</b>'
            f"{row.leaving_height:.2f}<br><code>{elements.escaped(row.image_id)}</code></div>"
            for row in rows.itertuples()
        )
        text += f'{words}<div class="cards">{cards}</div>'
    return text


def _tiles(own: pd.DataFrame, shots: _Shots) -> str:
    rows = []
    for _, part in sorted(own.groupby("tile"), key=lambda item: -len(item[1])):
        shown = part.sort_values("merge_height", ascending=False).head(_PER_TILE)
        kept = int((part["verdict"] == KEPT).sum())
        label = part["label"].mode()
        words = f"{number(len(part))} images, {number(kept)} kept"
        if len(label) and label.iloc[0]:
            words += f", {percent(float((part['label'] == label.iloc[0]).mean()))} are {label.iloc[0]}"
        pictures = "".join(shots(str(image_id)) for image_id in shown["image_id"])
        rows.append(f'<div class="tilerow"><span>{elements.escaped(words)}</span>{pictures}</div>')
    return (
        "<p>Some fifty groups of alike images, the largest first, each with the images that stand for it. A "
        "group of foreign images is seen here at a glance; to drop or to keep it as a whole, run "
        f"<code>winnow review</code>, whose view Groups holds the same groups.</p>{''.join(rows)}"
    )


def _classes(facts: Facts) -> str:
    if facts.groups.empty:
        return "<p>The dataset has no labels or boxes.</p>"
    rows = [
        (row["kind"], row["class_name"], number(row["before"]), number(row["after"]), f"{row['share_kept']:.2f}")
        for _, row in facts.groups.iterrows()
    ]
    smallest = facts.summary["smallest_group_share"]
    random = facts.summary["beside_random"]["random"]["smallest_group_share"]
    return (
        f"<p>The class or group that lost most has {smallest:.2f} of its share left; {random:.2f} with random images "
        "gone.</p>" + elements.table(["", "class", "before", "after", "of its share"], rows, numbers=[2, 3, 4])
    )


def _pays(facts: Facts) -> str:
    text = f"<p>{elements.escaped(facts.pays['sentence'])}</p>"
    if facts.table.empty:
        return text
    shares = sorted(facts.table["kept"].unique(), reverse=True)
    rows = []
    for rule, part in facts.table.groupby("rule", sort=False):
        by_share = part.set_index("kept")
        cells = [
            f"{100 * by_share.loc[share, 'accuracy']:.1f}"
            + ("" if rule == "random" else f" ({100 * by_share.loc[share, 'difference']:+.1f})")
            for share in shares
        ]
        rows.append((rule, *cells))
    head = ["kept", *(percent(share) for share in shares)]
    return (
        text
        + elements.table(head, rows, numbers=range(1, len(head)))
        + f"<p>{_MEASURED[facts.pays['learner']]}, mean over pools of 80 % of {number(facts.pays['images'])} images, "
        f"asked about {number(facts.pays['asked'])} others, and the difference from random of the same size in points; "
        f"all images reach {percent(facts.pays['full_accuracy'])}.</p>"
    )


def _provenance(facts: Facts) -> str:
    rows = [(key, str(value)) for key, value in sorted(facts.layer.items())]
    faults = [(kind, number(count)) for kind, count in facts.dataset["problems"].items()]
    told = elements.table(["fault of the dataset", "count"], faults, numbers=[1]) if faults else ""
    in_blocks = "".join(
        f"<p>{elements.escaped(found['blocks']['sentence'])}.</p>"
        for found in (facts.outliers, facts.order)
        if "blocks" in found
    )
    told = told or "<p>No fault of an annotation or image was found.</p>"
    return elements.table(["features", ""], rows) + in_blocks + told
