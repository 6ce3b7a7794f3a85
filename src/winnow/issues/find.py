"""`winnow.find_issues`."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from winnow.errors import WinnowError
from winnow.issues.found import Found, read_found
from winnow.issues.inputs import LABELS, write_inputs
from winnow.scan.create import begin, commit, create_workspace, is_workspace
from winnow.scan.run import run_pipeline


def find_issues(
    images: Any,
    labels: Sequence[Any] | None = None,
    *,
    workspace: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Found:
    """Find wrong labels, outliers, copies and bad pictures in a dataset.

    Runs the part of the pipeline that scores and decides, as `winnow scan` does, in a workspace of its own. Without
    labels that is outliers, copies and bad pictures, by colours and edges; what needs labels is skipped, and the
    summary says so.

    Args:
        images: N paths, PIL images or uint8 arrays (H, W) or (H, W, 3); a dataset of N items, pairs of image and
            label as torchvision's, or mappings with `image` and `label` as Hugging Face's; or the path of a folder,
            zip, tar or table, as `winnow scan` takes it.
        labels: (N,) text or integers, of two classes or more; None to take them from the dataset, which may have none.
        workspace: a new folder for the DVC project; a temporary one if not given.
        settings: dotted key to value, what differs from `configs/scan.yaml`, for example
            `{"embed.encoder": "open_clip"}`.
        quiet: whether to say nothing while it runs.

    Returns:
        A frame with a row per image, in the order given or by file of a path, and what to do with it: `summary()`,
        `export(to)`.

    Raises:
        WinnowError: if images or labels are not what they should be, the workspace is not new, or a stage fails.
    """
    folder = Path(workspace) if workspace is not None else Path(tempfile.mkdtemp(prefix="winnow-"))
    if is_workspace(folder) or (folder.exists() and any(folder.iterdir())):
        raise WinnowError(f"{folder} is there already; give find_issues a new folder as its workspace.")
    if isinstance(images, str | os.PathLike):
        source, paths = _dataset(Path(images), labels), None
    else:
        inputs = folder.with_name(f"{folder.name}-images")
        source, paths = inputs / LABELS, write_inputs(inputs, images, labels)
    given = dict(settings or {})
    _, values = begin(source, folder, given)
    create_workspace(folder, settings=values | given, more=[], archive=str(source))
    run_pipeline(folder, say=(lambda line: None) if quiet else print)
    commit(folder, "Scan")
    return read_found(folder, paths)


def _dataset(path: Path, labels: Sequence[Any] | None) -> Path:
    if labels is not None:
        raise WinnowError(
            f"{path} has its own labels, or none; give labels with a sequence of images, or leave them out."
        )
    if not path.exists():
        raise WinnowError(
            f"there is nothing at {path}; name a folder, zip, tar or table, or give a sequence of images."
        )
    return path
