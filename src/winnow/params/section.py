"""What every section of params.yaml is built of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


class Section(BaseModel):
    """A frozen part of params.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
