"""A workspace as `filter` leaves it, made by its library in a second: what the app's view of it is tested on."""

from pathlib import Path

import numpy as np
import yaml

from winnow import tables
from winnow.curation.review import DECISIONS_FILE
from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.filtering.calibration import reduced
from winnow.filtering.decide import decide
from winnow.filtering.describe import describe
from winnow.filtering.items import item_tables
from winnow.filtering.outlier_scores import outlier_scores
from winnow.filtering.sample import make_sample
from winnow.filtering.scores import redundancy_scores
from winnow.filtering.verdicts import read_verdicts
from winnow.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def write_filter_workspace(folder: Path) -> Path:
    """The built-in sample with 300 training images, cut by `auto`."""
    workspace = Workspace(folder)
    params = yaml.safe_load((ROOT / "pipelines/filter/params.yaml").read_text(encoding="utf-8"))
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    content, _ = make_sample(seed=0, images=300, copied=0.4, odd=3, leaked=5)
    archive = folder / params["dataset"]["archive"]
    tables.write_bytes(archive, content)
    workspace.path("layer_features").parent.mkdir(parents=True)
    network = {name: value for name, value in params["network"].items() if name != "arguments"}
    with open_archive(archive, max_unpacked_bytes=1e9) as opened:
        items, boxes, _ = item_tables(opened, read_dataset(opened), splits=[])
        features = workspace.path("layer_features")
        options = {"arguments": [], "changed_images": 100, "seed": 0, "scratch": workspace.scratch("extract")}
        _, changed = describe(opened, items, features, **network, **options)
    ids, filtered = items["image_id"].to_numpy(dtype=str), items["is_filtered"].to_numpy()
    found = reduced(ids, tables.map_array(features), filtered, changed, dimensions=64)
    own, points = items[filtered].reset_index(drop=True), found.points[filtered]
    workspace.write("items", items)
    workspace.write("boxes", boxes)
    workspace.write("points", {"image_id": ids, **found.arrays()})
    workspace.write("outlier_scores", outlier_scores(own["image_id"].to_numpy(), points, min_samples=5))
    copies = {"copies": found.copies.only(filtered), "within": found.copy_distance}
    options = {"method": "ward", "groups": "cluster", "clusters": 5, "floor": 0.95, "seed": 0}
    workspace.write("redundancy", redundancy_scores(own, points, **copies, **options))
    cut_again(folder)
    return folder


def cut_again(folder: Path) -> tuple[str, ...]:
    """The stage `cut`, with the verdicts that the review file holds now; returns its warnings about them."""
    workspace = Workspace(folder)
    items = workspace.table("items")
    review = read_verdicts(workspace.path("review") / DECISIONS_FILE, items)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    found = decide(
        items,
        workspace.table("boxes"),
        workspace.arrays("points", of=items["image_id"].to_numpy(dtype=str)),
        np.load(workspace.path("layer_features")),
        workspace.table("outlier_scores").merge(workspace.table("redundancy"), on="image_id"),
        review.rows,
        copies_across_groups=True,
        **params["cut"],
    )
    workspace.write("filter_ledger", found.ledger)
    return review.warnings
