"""Read a dataset of any layout: images, splits, labels, boxes and faults."""

from winnow import stage
from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.filtering.items import dataset_figures, item_tables
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace, section = Workspace(), params.dataset
    with open_archive(section.archive, max_unpacked_bytes=section.max_unpacked_gb * 2**30) as archive:
        dataset = read_dataset(archive, layout=section.layout)
        items, boxes, problems = item_tables(archive, dataset, splits=section.splits)
    workspace.write("items", items)
    workspace.write("boxes", boxes)
    workspace.write("problems", problems)
    figures = dataset_figures(items, boxes, problems)
    workspace.write("filter_dataset_metrics", figures)
    faults = ", ".join(f"{count} {kind}" for kind, count in figures["problems"].items())
    return f"{dataset.form}: {len(items):,} images, {figures['filtered']:,} to filter; faults: {faults or 'none'}"


if __name__ == "__main__":
    stage.run("read_dataset", main)
