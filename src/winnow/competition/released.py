"""What a workspace of the pipeline knows of the released images: their classes, and the label book."""

import pandas as pd

from winnow.competition.pool import pictures
from winnow.data.pixel_digest import pixel_digest
from winnow.errors import WinnowError
from winnow.params import check_content, read_yaml
from winnow.params.competition import CompetitionData
from winnow.workspace import Workspace


def class_names(workspace: Workspace) -> list[str]:
    """The K class names of the workspace's params.yaml, in the grader's order.

    Raises:
        WinnowError: if there is no such file, or its section `competition` is missing or wrong.
    """
    path = workspace.root / "params.yaml"
    content = read_yaml(path, missing="is missing; name a folder where pipelines/competition has run.")
    if not isinstance(content, dict) or not isinstance(content.get("competition"), dict):
        raise WinnowError(f"{path} has no section competition; name a folder where pipelines/competition has run.")
    return check_content(content["competition"], f"{path}, section competition", CompetitionData).class_names


def label_book(pool: pd.DataFrame) -> set[str]:
    """`pixel_digest`s of the reference, which must not be handed in; `pool` has `split` and `image_bytes`."""
    return {pixel_digest(image) for image in pictures(pool[pool["split"] == "label_book"]["image_bytes"])}
