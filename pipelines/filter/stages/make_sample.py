"""Draw the built-in sample: digits, 40 % of them shifted copies, with a test split and the truth."""

from winnow import stage, tables
from winnow.filtering.sample import make_sample
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    archive, truth = make_sample(**params.filter_sample.model_dump())
    tables.write_bytes(workspace.path("filter_sample"), archive)
    workspace.write("filter_truth", truth)
    return f"{len(truth):,} images"


if __name__ == "__main__":
    stage.run("make_sample", main)
