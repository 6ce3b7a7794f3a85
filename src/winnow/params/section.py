"""What every section of params.yaml is built of."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A frozen part of params.yaml.

    The docstring of a section and the description of a key are all that people read about them: docs/params.md, the
    comments in params files, the JSON schema and the review app take them from here. The first sentence stands alone in
    comments; the others add what a threshold's direction does, and the rest. Both are Markdown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def inputs(self) -> Mapping[str, tuple[str, str]]:
        """The files that must be there before a run: key within the section to path, and what to do without it."""
        return {}
