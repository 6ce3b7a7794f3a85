"""Plant known faults into a copy of the data, run the detectors on it, and report what they find; off by default."""

from winnow import stage
from winnow.selfcheck.result import OFF
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, result = Workspace(), OFF
    if params.self_check.enabled:
        from winnow.data.pixels import (  # here, for a check that is off is not to import detectors
            DecodedPixels,
            resized_to,
        )
        from winnow.encoders.registry import load_encoder
        from winnow.selfcheck.check import OPTIONS, self_check

        decisions, class_names = workspace.table("decisions"), workspace.class_names
        image_id = decisions["image_id"].to_numpy()
        sections = params.duplicates, params.crossval, params.label_issues, params.ood, params.curate
        side = resized_to(params.data.image_size, params.data.train_size)
        result = self_check(
            decisions,
            DecodedPixels(workspace.column("images", "image_bytes", of=image_id), resized_to=side),
            workspace.arrays("pred_probs", of=image_id)["pred_probs"],
            workspace.arrays("features", of=image_id),
            load_encoder(params.embed.model_dump(), class_names=class_names),
            class_names=class_names,
            faults=params.self_check.model_dump(exclude={"enabled"}),
            **dict(zip(OPTIONS, [section.model_dump() for section in sections], strict=True)),
            scratch=workspace.scratch("self_check"),
        )
    workspace.write("self_check", result.table)
    workspace.write("metrics", result.metrics, stage="self_check")
    workspace.remove_scratch("self_check")
    return result.sentence


if __name__ == "__main__":
    stage.run("self_check", main)
