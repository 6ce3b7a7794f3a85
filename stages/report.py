"""Write the report and the slides, and the tables that `dvc plots` draws."""

import json
from pathlib import Path

import pandas as pd

from winnow import stage, tables
from winnow.report.content import Inputs, gather
from winnow.report.input_digests import hashed_files
from winnow.report.page import render_page
from winnow.report.results import ARMS
from winnow.report.slides import make_slides

FEATURES = "data/interim/features.npz"
NOISE = "metrics/noise_transition.csv"
MAP = "data/interim/map.parquet"


def main(params) -> str:
    sections = {
        "data": params.data,
        "sample": params.sample,
        "embed": params.embed,
        "duplicates": params.duplicates,
        "crossval": params.crossval,
        "label_issues": params.label_issues,
        "ood": params.ood,
        "map": params.map,
        "curate": params.curate,
        "self_check": params.self_check,
        "validation": params.validation,
        "policy_search": params.policy_search,
        "augment": params.augment,
        "submission": params.submission,
        "train": params.train,
        "evaluate": params.evaluate,
    }
    read = stage.declared_data("report")
    features = tables.read_arrays(FEATURES)
    facts = gather(
        Inputs(
            class_names=tables.read_json("data/interim/classes.json"),
            ledger=tables.read_parquet("data/processed/ledger.parquet"),
            images=tables.read_parquet("data/interim/images.parquet"),
            image_id=features["image_id"],
            features=features["features"],
            encoder=json.loads(str(features["encoder"])),
            rejected=pd.read_csv("data/interim/rejected.csv", dtype=str, keep_default_na=False),
            submission_set=tables.read_parquet("data/processed/submission_set.parquet"),
            metrics={Path(path).stem: tables.read_json(path) for path in read if path.endswith(".json")},
            per_class=read_per_class("metrics/per_class.csv"),
            predictions={arm: read_text(f"metrics/predictions/{arm}.csv") for arm in ARMS},
            curves={arm: pd.read_csv(f"metrics/curves/{arm}.csv") for arm in ARMS},
            params={name: section.model_dump() for name, section in sections.items()},
            files=hashed_files(read),
            noise_transition=read_text(NOISE) if NOISE in read else None,
            image_map=tables.read_parquet(MAP) if MAP in read else None,
        )
    )
    for found in facts.histograms:
        tables.write_csv(found.table(), f"metrics/histograms/{found.score}.csv")
    for arm in ARMS:
        accuracy = facts.results.classes[["class", arm]].set_axis(["class", "accuracy"], axis=1)
        tables.write_csv(accuracy, f"metrics/class_accuracy/{arm}.csv")
    with tables.replacing("report/index.html") as temporary:
        temporary.write_text(render_page(facts), encoding="utf-8")
    slides = make_slides(facts)
    with tables.replacing("report/slides.pptx") as temporary:
        temporary.write_bytes(slides)
    size = Path("report/index.html").stat().st_size
    files = f"report/index.html ({size / 1e6:.1f} MB) and report/slides.pptx ({len(slides) / 1e6:.1f} MB)"
    return f"{facts.results.headline} See {files}"


def read_per_class(path: str) -> pd.DataFrame:
    """A class may be called NA; one without images has no recall, which `evaluate` leaves empty."""
    return pd.read_csv(path, dtype={"class": str}, keep_default_na=False, na_values={"recall": [""]})


def read_text(path: str) -> pd.DataFrame:
    """A CSV whose cells stay text: a class may be called NA or 1."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


if __name__ == "__main__":
    stage.run("report", main)
