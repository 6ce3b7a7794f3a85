"""Draw the built-in sample: a training set, two test sets and the truth about how they differ."""

from winnow import stage, tables
from winnow.shift.sample import make_sample
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    sample = make_sample(**params.shift_sample.model_dump())
    for name, content in sample.archives.items():
        tables.write_bytes(workspace.path("shift_sample", set=name), content)
    workspace.write("shift_truth", sample.truth)
    return f"three sets of {params.shift_sample.rows} pictures"


if __name__ == "__main__":
    stage.run("make_sample", main)
