"""Draw the built-in sample: digits thick and thin with planted errors, a label book and a test set."""

from winnow import stage, tables
from winnow.competition.sample import make_sample
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    sample = make_sample(**params.competition_sample.model_dump())
    for name, content in (("numerals", sample.pool), ("test", sample.test)):
        tables.write_bytes(workspace.path("competition_sample", set=name), content)
    workspace.write("competition_truth", sample.truth)
    return f"{len(sample.truth)} pictures to clean"


if __name__ == "__main__":
    stage.run("make_sample", main)
