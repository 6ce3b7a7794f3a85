"""Write the dataset as it came, less the images that went."""

from winnow import stage
from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.data.writers.filtered import write_filtered
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, section = Workspace(), params.dataset
    ledger = workspace.table("filter_ledger", ["image_id", "verdict"])
    gone = set(ledger.loc[ledger["verdict"] != "kept", "image_id"])
    with open_archive(section.archive, max_unpacked_bytes=section.max_unpacked_gb * 2**30) as archive:
        dataset = read_dataset(archive, layout=section.layout)
        files = write_filtered(archive, dataset, gone, workspace.path("filtered_dataset"))
    return f"{files:,} files, {len(gone):,} images less"


if __name__ == "__main__":
    stage.run("export", main)
