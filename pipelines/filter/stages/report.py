"""Show what went and why on one page."""

from winnow import stage, tables
from winnow.data.archive import open_archive
from winnow.report.filter_page import Facts, render
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    ledger = workspace.table("filter_ledger")
    ids = ledger.loc[ledger["is_filtered"], "image_id"].to_numpy(dtype=str)
    facts = Facts(
        ledger,
        workspace.arrays("points", of=ids)["points"],
        summary=workspace.json("filter_summary"),
        outliers=workspace.json("filter_outliers"),
        order=workspace.json("filter_order"),
        pays=workspace.json("pays_metrics"),
        dataset=workspace.json("filter_dataset_metrics"),
        layer=workspace.json("layer"),
        groups=workspace.table("filter_groups"),
        table=workspace.table("pays"),
    )
    with open_archive(params.dataset.archive, max_unpacked_bytes=params.dataset.max_unpacked_gb * 2**30) as archive:
        page = render(facts, archive, **params.filter_report.model_dump())
    tables.write_bytes(workspace.path("filter_report"), page.encode())
    return f"{len(page) / 2**20:.1f} MB"


if __name__ == "__main__":
    stage.run("report", main)
