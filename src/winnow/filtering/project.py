"""A workspace of the pipeline `filter` for images of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from winnow.errors import WinnowError
from winnow.project import Project


def make_project(
    out: Path,
    archive: Path,
    settings: Sequence[str],
    *,
    keep: float | None = None,
    model: str | None = None,
    layer: str | None = None,
    weights: Path | None = None,
) -> Project:
    """Write a workspace, or change what the options name in one that is there for these images.

    Args:
        out: its folder, made where it is not there.
        archive: a folder, zip or tar of images, of any layout.
        settings: `key=value` each, what else differs from pipelines/filter/params.yaml.
        keep: share of the images that stays, in (0, 1]; None lets `cut.similar` decide.
        model, layer: of the network that describes the images; without a model the bank of fixed filters of the sample,
            which needs no weights.
        weights: of the network, where they are not published ones.

    Raises:
        WinnowError: if there is no repository, the folder holds another pipeline or is for other images, a setting is
            wrong, or a layer or weights are given without a model.
    """
    if not model and (weights or layer):
        raise WinnowError("--weights and --layer need --model.")
    project = Project(out, "filter")
    network: dict[str, Any] = {}
    if model:
        network = {"model": _relative(project, model)}
        if network["model"] != project.params["network"]["model"]:
            network |= {"layer": "auto", "input_size": None, "weights": None}
        given = {"layer": layer, "weights": project.path(weights) if weights else None}
        network |= {key: value for key, value in given.items() if value}
    cut = {} if keep is None else {"keep": keep}
    project.write({"dataset": {"archive": project.path(archive)}}, settings, options={"network": network, "cut": cut})
    return project


def _relative(project: Project, model: str) -> str:
    """A model string whose file is named as the workspace sees it."""
    kind, _, name = model.partition(":")
    return f"{kind}:{project.path(Path(name))}" if kind in ("script", "features") else model
