"""Tell it all in one page that opens offline."""

from winnow import stage, tables
from winnow.report.shift_page import ShiftFacts, render_shift_page
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    facts = ShiftFacts(
        summary=workspace.json("metrics", stage="summary"),
        parts=workspace.table("shift_parts"),
        classes=workspace.table("shift_classes"),
        slices=workspace.table("shift_slices"),
        distances=workspace.table("shift_distances"),
        curve=workspace.table("shift_curve"),
        rows={name: workspace.table("shift_rows", set=name) for name in ("a", "b")},
        scores={name: workspace.table("shift_scores", set=name) for name in ("a", "b")},
        class_names=workspace.class_names,
        pictures=params.explain.pictures,
    )
    page = workspace.path("report") / "index.html"
    tables.write_bytes(page, render_shift_page(facts).encode())
    return f"{page}, open it in a browser"


if __name__ == "__main__":
    stage.run("report", main)
