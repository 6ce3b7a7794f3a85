"""A workspace of the pipeline `filter` for images of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from winnow.errors import WinnowError
from winnow.project import Project

_AUTO = "auto"


def make_project(
    out: Path,
    archive: Path,
    settings: Sequence[str],
    *,
    keep: float | None = None,
    model: str | None = None,
    layer: str = _AUTO,
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
    if not model and (weights or layer != _AUTO):
        raise WinnowError("--weights and --layer need --model.")
    project = Project(out, "filter")
    network: dict[str, Any] = {}
    if model:
        network = {"model": _relative(project, model), "layer": layer, "input_size": None}
        network["weights"] = project.path(weights) if weights else None
        if network["model"] == project.params["network"]["model"]:  # what is not given stays as it is
            network = {key: value for key, value in network.items() if value not in (None, _AUTO)}
    cut = {} if keep is None else {"keep": keep}
    project.write({"dataset": {"archive": project.path(archive)}}, settings, options={"network": network, "cut": cut})
    return project


def _relative(project: Project, model: str) -> str:
    """A model string whose file is named as the workspace sees it."""
    kind, _, name = model.partition(":")
    return f"{kind}:{project.path(Path(name))}" if kind in ("script", "features") else model
