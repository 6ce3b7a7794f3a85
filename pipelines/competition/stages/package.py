"""Write the submission as folders of PNG, and check it by the competition's rules."""

from winnow import stage
from winnow.competition.released import label_book
from winnow.data.writers import write_sets
from winnow.errors import WinnowError
from winnow.submission.competition import lint_competition
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, names = Workspace(), params.competition.class_names
    sets = {part: workspace.table("competition_set", arm="cleaned", part=part) for part in ("training", "validation")}
    folder = workspace.path("competition_submission")
    write_sets(folder, sets, name="competition", class_names=names, form="imagefolder")
    reference = label_book(workspace.table("pool", ["split", "image_bytes"]))
    findings = lint_competition(folder, class_names=names, reference=reference)
    workspace.write("competition_metrics", {finding.rule: finding.detail for finding in findings}, stage="package")
    if broken := [finding for finding in findings if not finding.ok]:
        raise WinnowError(f"the submission breaks {broken[0].rule}: {broken[0].detail} {broken[0].examples}")
    return next(finding.detail for finding in findings if finding.rule == "count")


if __name__ == "__main__":
    stage.run("package", main)
