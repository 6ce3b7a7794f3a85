"""What the last run came to, and what to do next: the words with which `make repro` ends."""

from winnow import tables
from winnow.files import ARMS
from winnow.report.formatting import number
from winnow.report.results import gather_results
from winnow.workspace import Workspace


def outcome(workspace: Workspace) -> str:
    """Both arms' accuracy and the decisions, in two sentences.

    Raises:
        WinnowError: if a file is missing, as before the first run.
    """
    results = gather_results(
        workspace.json("metrics", stage="evaluation"),
        workspace.table("per_class"),
        {
            arm: tables.read_csv(workspace.path("predictions", arm=arm), text=lambda column: True, guarded=True)
            for arm in ARMS
        },
        class_names=workspace.class_names,
    )
    actions = workspace.table("ledger", ["action"])["action"]
    kept, relabelled, dropped = (number(int((actions == action).sum())) for action in ("keep", "relabel", "drop"))
    return (
        f"{results.headline}\n"
        f"Of {number(len(actions))} images {kept} were kept, {relabelled} relabelled and {dropped} dropped; the ledger "
        "has each one's reason."
    )


def next_steps(*, uncommitted: bool) -> str:
    """Commands to go on with, a line each.

    Args:
        uncommitted: whether git holds other results than the workspace.
    """
    steps = [
        ("open report/index.html", "what became of the images, with pictures and reasons"),
        ("source .venv/bin/activate", "for the commands below and for dvc"),
        ("winnow review", "see it, correct it, try thresholds in the browser"),
    ]
    if uncommitted:
        steps.append(("git commit -am 'Run it'", "so that experiments begin from these results"))
    return "Next:\n" + "\n".join(f"  {command:<28}{words}" for command, words in steps)
