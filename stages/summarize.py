"""Sum the run up in ten figures, the only ones that DVC lists as metrics."""

from winnow import stage
from winnow.evaluation.figures import summary_figures
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    evaluation, card = (workspace.json("metrics", stage=name) for name in ("evaluation", "scorecard"))
    figures = summary_figures(evaluation, card, workspace.table("ledger"))
    workspace.write("metrics", figures, stage="summary")
    return ", ".join(f"{name} {value:g}" for name, value in figures.items())


if __name__ == "__main__":
    stage.run("summarize", main)
