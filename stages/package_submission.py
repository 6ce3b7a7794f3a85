"""Write the submission folders and lint them against the original archive."""

from winnow import stage
from winnow.curation.review import digests, seen_by_people
from winnow.data.manifest import load_dataset
from winnow.data.pixels import resized_to
from winnow.data.writers import write_sets
from winnow.submission.lint import lint_submission
from winnow.submission.report import print_findings, seen_line
from winnow.submission.summary import SETS, summarize
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, side = Workspace(), resized_to(params.data.image_size, params.data.train_size)
    folder, class_names = workspace.path("submission"), workspace.class_names
    sets = {name: workspace.table("packed_set", part=part) for name, part in SETS.items()}
    write_sets(folder, sets, name=params.submission.team, class_names=class_names)
    original = load_dataset(
        params.data.archive,
        class_names=params.data.class_names,
        keep=class_names,
        split=params.data.split,
        image_size=params.data.image_size,
        max_unpacked_bytes=params.data.max_unpacked_gb * 2**30,
        spool=workspace.scratch("package_submission"),
    )
    limits = {"budget": params.augment.budget, "class_count": len(class_names)}
    size = side or params.data.image_size
    findings = lint_submission(folder, original.resized(side), image_size=size, **limits)
    found = summarize(sets, findings, class_names=class_names)
    print_findings(findings)
    print(seen_line(folder, seen_by_people(workspace.path("review"), images=digests(original.manifest))))
    workspace.write("metrics", found.metrics, stage="submission")
    found.require_rules(folder)
    return found.summary


if __name__ == "__main__":
    stage.run("package_submission", main)
