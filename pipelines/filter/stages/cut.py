"""Decide which images go, with a reason for each."""

import numpy as np

from winnow import stage, tables
from winnow.curation.review import DECISIONS_FILE
from winnow.filtering.copies import across_groups
from winnow.filtering.decide import decide
from winnow.filtering.verdicts import read_verdicts
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    items, boxes = workspace.table("items"), workspace.table("boxes")
    review = read_verdicts(workspace.path("review") / DECISIONS_FILE, items)
    found = decide(
        items,
        boxes,
        workspace.arrays("points", of=items["image_id"].to_numpy(dtype=str)),
        np.load(workspace.path("layer_features"), mmap_mode="r"),
        workspace.table("outlier_scores").merge(workspace.table("redundancy"), on="image_id", validate="one_to_one"),
        review.rows,
        copies_across_groups=across_groups(params.redundancy.groups),
        **params.cut.model_dump(),
    )
    stage.warn([*review.warnings, *found.warnings])
    workspace.write("filter_ledger", found.ledger)
    workspace.write("leaks", found.leaks)
    workspace.write("filter_summary", found.figures)
    workspace.write("filter_groups", found.groups)
    tables.write_bytes(workspace.path("kept_list"), found.kept_list.encode())
    return found.sentence


if __name__ == "__main__":
    stage.run("cut", main)
