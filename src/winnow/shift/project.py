"""A workspace of the pipeline `shift` for sets of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from winnow.project import Project

_IMAGE_SIZE = 64  # of one's own images, unless a setting says otherwise; the sample's are smaller
_OPTIONAL = ("train", "predictions_a", "predictions_b", "models_a", "models_b")


def make_project(out: Path, sets: Mapping[str, Path], settings: Sequence[str]) -> Project:
    """Write a workspace, or change what the settings name in one that is there for these sets.

    Args:
        out: its folder, made where it is not there.
        sets: by key of the section `sets`, the paths given; others are none.
        settings: `key=value` each, what else differs from pipelines/shift/params.yaml.

    Raises:
        WinnowError: if there is no repository, the folder holds another pipeline or is for other sets, or a setting is
            wrong.
    """
    project = Project(out, "shift")
    given = {name: project.path(path) for name, path in sets.items()}
    values = {"image_size": _IMAGE_SIZE, **dict.fromkeys(_OPTIONAL, project.none), **given}
    project.write({"sets": values}, settings)
    return project
