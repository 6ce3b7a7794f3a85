"""One round of cleaning: an encoder learns from what the last round left; all images are judged anew."""

import sys

from winnow import stage
from winnow.competition.rounds import VALUES, clean_round
from winnow.device import best_device
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, number, options = Workspace(), sys.argv[1], params.cleaning.model_dump()
    before_it = str(int(number) - 1)
    last = workspace.table("competition_values") if number == "1" else workspace.table("round", number=before_it)
    images = workspace.table("pool").merge(last[["image_id", *VALUES]], on="image_id", validate="1:1")
    before = None if number == "1" else last["final_label"].to_numpy()
    decided, counts = clean_round(
        images,
        before,
        num_classes=len(params.competition.class_names),
        options=options,
        scratch=workspace.scratch("clean", number),
        device=best_device(),
    )
    workspace.write("round", decided, number=number)
    workspace.write("competition_metrics", counts, stage=f"round-{number}")
    workspace.remove_scratch("clean", number)
    return f"round {number}: {counts['relabelled']} relabelled, {counts['dropped']} dropped, {counts['kept']} kept"


if __name__ == "__main__":
    stage.run("clean", main)
