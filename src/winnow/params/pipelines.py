"""The pipelines in pipelines/, by the names of their folders: what the params.yaml of each holds.

A module of this package describes the sections that a pipeline has alone; those that it shares with the main one are
the main one's. No two pipelines give one name to different sections.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import create_model

from winnow.params.competition import CompetitionParams
from winnow.params.filter import FilterParams
from winnow.params.section import Section
from winnow.params.shift import ShiftParams

PIPELINES: Mapping[str, type[Section]] = MappingProxyType(
    {"competition": CompetitionParams, "filter": FilterParams, "shift": ShiftParams}
)


def without_sample(pipeline: str) -> type[Section]:
    """The params.yaml of a pipeline for data of one's own: all sections but that of its built-in sample."""
    fields: dict[str, Any] = {
        name: (field.annotation, ...)
        for name, field in PIPELINES[pipeline].model_fields.items()
        if name != f"{pipeline}_sample"
    }
    return create_model("OwnData", __base__=Section, **fields)
