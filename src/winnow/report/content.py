"""The facts that the report and the slides show: gathered once, so that their numbers agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from winnow import tables
from winnow.curation.review import ACTIONS
from winnow.curation.rules import RULES, cuts_of, in_force, with_others
from winnow.report.caveats import find_limits
from winnow.report.coordinates import Places, place_images
from winnow.report.formatting import clean
from winnow.report.galleries import Gallery, make_galleries
from winnow.report.histograms import Histogram, histogram
from winnow.report.inputs import Inputs
from winnow.report.lagging import Lagging, find_lagging
from winnow.report.noise import NoiseMatrix, noise_from_table
from winnow.report.results import Results, gather_results
from winnow.report.tiles import Tiles, make_tiles


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is shown. Class names are printable; shares lie in [0, 1].

    Attributes:
        dataset: what the archive is called, without folders and suffixes.
        team: who hands it in.
        class_names: K names.
        ledger: sorted by `image_id`.
        metrics: as `Inputs` has them.
        classes: a row per class in label order, counts of images: `class`, `given` (as it came), `final` (kept or
            relabelled into it), `kept`, `relabelled`, `dropped` (by the given label), `originals` and `copies` in the
            training set, `training` (both) and `validation`.
        rules: a row per rule and action that decided: `rule`, `words`, `meaning`, `action`, `images`, `share`.
        swaps: a row per pair of given and new label, most first: `given`, `new`, `images`.
        repairs: a row per kind of repair: `repair`, `images`.
        rejected: a row per reason: `reason`, `files`, `example`.
        noise, places, histograms, galleries, results, lagging, limits: as their modules describe them.
        tiles: small pictures of images of the map, and which.
        reviewers: a row per person who decided or confirmed: `reviewer`, `kept`, `relabelled`, `dropped`, `confirmed`
            (for the validation set), counts of images; the busiest first.
        copies: some augmented images beside their sources: (technique, class, source bytes, copy bytes).
        curves, params, encoder, files: as `Inputs` has them.
    """

    dataset: str
    team: str
    class_names: list[str]
    ledger: pd.DataFrame
    metrics: dict[str, dict[str, Any]]
    classes: pd.DataFrame
    rules: pd.DataFrame
    swaps: pd.DataFrame
    repairs: pd.DataFrame
    rejected: pd.DataFrame
    noise: NoiseMatrix
    places: Places
    histograms: list[Histogram]
    galleries: list[Gallery]
    tiles: Tiles
    reviewers: pd.DataFrame
    copies: list[tuple[str, str, bytes, bytes]]
    results: Results
    lagging: Lagging
    limits: list[str]
    curves: dict[str, pd.DataFrame]
    params: Mapping[str, Any]
    encoder: dict[str, Any]
    files: pd.DataFrame

    def gallery(self, key: str) -> Gallery | None:
        """The gallery of that key, if it has images."""
        return next((gallery for gallery in self.galleries if gallery.key == key), None)


def gather(inputs: Inputs) -> Facts:
    """Work the facts out; raises WinnowError if files do not fit one another."""
    names = [clean(name) for name in inputs.class_names]
    ledger = inputs.ledger.sort_values("image_id", ignore_index=True)
    image_id = ledger["image_id"].to_numpy()
    images = inputs.images.iloc[tables.align(image_id, inputs.images["image_id"].to_numpy(), "images.parquet")]
    images = images.reset_index(drop=True)
    curate = inputs.params["curate"]
    classes = count_classes(ledger, inputs.submission_set, class_names=names)
    # Not counted in the ledger: external photos that people confirmed are in the validation set as well.
    validated = inputs.metrics["validation_set"]["per_class"]
    classes["validation"] = [validated[name] for name in inputs.class_names]
    results = gather_results(
        inputs.metrics["evaluation"],
        inputs.per_class,
        inputs.predictions,
        class_names=inputs.class_names,
    )
    results.classes["class"] = names
    thresholds = in_force(curate)
    noise = noise_from_table(inputs.noise_transition, class_names=inputs.class_names)
    return Facts(
        dataset=clean(PurePosixPath(inputs.params["data"]["archive"]).name.partition(".")[0]),
        team=clean(inputs.params["submission"]["team"]),
        class_names=names,
        ledger=ledger,
        metrics=inputs.metrics,
        classes=classes,
        rules=count_rules(ledger),
        swaps=count_swaps(ledger, class_names=names),
        repairs=count_repairs(ledger),
        rejected=count_rejected(inputs.rejected),
        noise=noise,
        places=place_images(image_id, inputs.image_map),
        histograms=[
            histogram(cut.score, ledger[cut.score.name].to_numpy(float), threshold=thresholds[cut.threshold])
            for _, cut in cuts_of()
            if cut.score.bounded
        ],
        galleries=make_galleries(ledger, images, class_names=names, thresholds=thresholds),
        tiles=make_tiles(images["image_bytes"].tolist()),
        reviewers=count_reviewers(ledger),
        copies=choose_copies(inputs.submission_set, images, class_names=names),
        results=results,
        lagging=find_lagging(
            results,
            inputs.predictions["submission"],
            inputs.misjudged,
            ledger,
            images,
            class_names=inputs.class_names,
            classes=classes,
            noise=noise,
            curate=curate,
        ),
        limits=find_limits(
            inputs.metrics,
            results,
            classes=classes,
            per_class=inputs.params["validation"]["per_class"],
            class_floor=curate["class_floor"],
        ),
        curves=inputs.curves,
        params=inputs.params,
        encoder=inputs.encoder,
        files=inputs.files,
    )


def count_classes(ledger: pd.DataFrame, submission_set: pd.DataFrame, *, class_names: list[str]) -> pd.DataFrame:
    """`Facts.classes` but for `validation`."""

    def count(labels: pd.Series) -> np.ndarray:
        return np.bincount(labels[labels >= 0], minlength=len(class_names))

    action = ledger["action"]
    original = submission_set["technique"] == ""
    table = pd.DataFrame({"class": class_names, "given": count(ledger["label"]), "final": count(ledger["final_label"])})
    for column, name in zip(("kept", "relabelled", "dropped"), ACTIONS, strict=True):
        table[column] = count(ledger["label"][action == name])
    table["originals"] = count(submission_set["label"][original])
    table["copies"] = count(submission_set["label"][~original])
    table["training"] = table["originals"] + table["copies"]
    return table


def count_rules(ledger: pd.DataFrame) -> pd.DataFrame:
    """`Facts.rules`."""
    counts = ledger.groupby(["rule", "action"], sort=True).size().rename("images").reset_index()
    rules = with_others(RULES, counts["rule"])
    counts["words"] = counts["rule"].map({rule.name: clean(rule.title) for rule in rules})
    counts["meaning"] = counts["rule"].map({rule.name: rule.meaning for rule in rules})
    counts["share"] = counts["images"] / max(len(ledger), 1)
    rank = counts["rule"].map({rule.name: place for place, rule in enumerate(rules)})
    return counts.iloc[np.lexsort((counts["action"], rank))].reset_index(drop=True)


def count_swaps(ledger: pd.DataFrame, *, class_names: list[str]) -> pd.DataFrame:
    """`Facts.swaps`."""
    rows = ledger[ledger["action"] == "relabel"]
    counts = rows.groupby(["label", "final_label"], sort=True).size().rename("images").reset_index()
    counts = counts.sort_values("images", ascending=False, kind="stable", ignore_index=True)
    given, new = ([class_names[label] for label in counts[column]] for column in ("label", "final_label"))
    return pd.DataFrame({"given": given, "new": new, "images": counts["images"]})


def count_reviewers(ledger: pd.DataFrame) -> pd.DataFrame:
    """`Facts.reviewers`."""
    decided = ledger[ledger["decided_by"] != "rule"]
    counts = {
        name: decided.loc[decided["action"] == action, "decided_by"].value_counts()
        for name, action in zip(("kept", "relabelled", "dropped"), ACTIONS, strict=True)
    }
    confirmed = ledger.loc[ledger["confirmed_by"] != "", "confirmed_by"]
    table = pd.DataFrame(counts | {"confirmed": confirmed.value_counts()}).fillna(0).astype(int)
    table = table.rename_axis("reviewer").reset_index()
    table["reviewer"] = table["reviewer"].map(clean)
    order = np.lexsort((table["reviewer"], -table.drop(columns="reviewer").sum(axis=1)))
    return table.iloc[order].reset_index(drop=True)


def count_repairs(ledger: pd.DataFrame) -> pd.DataFrame:
    """`Facts.repairs`."""
    kinds = ledger["repairs"].str.split(",").explode().str.strip()
    counts = kinds[kinds != ""].value_counts().sort_index()
    return pd.DataFrame({"repair": counts.index.astype(str), "images": counts.to_numpy()})


def count_rejected(rejected: pd.DataFrame) -> pd.DataFrame:
    """`Facts.rejected`."""
    rows = rejected.fillna("").astype(str)
    names = [clean(file or image) for file, image in zip(rows["file_name"], rows["image_id"], strict=True)]
    rows = rows.assign(example=names).sort_values(["reason", "example"], kind="stable")
    return rows.groupby("reason", sort=True).agg(files=("reason", "size"), example=("example", "first")).reset_index()


def choose_copies(
    submission_set: pd.DataFrame, images: pd.DataFrame, *, class_names: list[str], per_technique: int = 4
) -> list[tuple[str, str, bytes, bytes]]:
    """`Facts.copies`: of each technique a few, of different classes where there are."""
    copies = submission_set[submission_set["technique"] != ""]
    source = pd.Series(images["image_bytes"].to_numpy(), index=images["image_id"].to_numpy())
    chosen = []
    for technique, rows in copies.groupby("technique", sort=True):
        rows = rows.assign(turn=rows.groupby("label").cumcount()).sort_values(["turn", "label"], kind="stable")
        picked = rows.iloc[np.linspace(0, len(rows) - 1, min(per_technique, len(rows))).astype(int)]
        if (rows["turn"] == 0).sum() >= per_technique:
            first = rows[rows["turn"] == 0]
            picked = first.iloc[np.linspace(0, len(first) - 1, per_technique).astype(int)]
        for row in picked.to_dict("records"):
            copied = source[row["image_id"]], row["image_bytes"]
            chosen.append((str(technique), class_names[row["label"]], *copied))
    return chosen
