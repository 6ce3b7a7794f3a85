"""Read the training set and both test sets: rows, features and the class names."""

from winnow import stage
from winnow.files import SETS
from winnow.shift.sets import read_sets
from winnow.workspace import Workspace


def main(params: stage.Declared) -> str:
    workspace = Workspace()
    targets = {name: workspace.path("shift_features", set=name) for name in SETS}
    scratch = workspace.scratch("read_sets")
    sets = read_sets(params.sets.model_dump(), targets, embed=params.embed.model_dump(), scratch=scratch)
    workspace.write_each("shift_rows", "set", sets.rows)
    workspace.write("classes", sets.class_names)
    workspace.remove_scratch("read_sets")
    return sets.summary


if __name__ == "__main__":
    stage.run("read_sets", main)
