"""The pipelines in pipelines/, by the names of their folders: what the params.yaml of each holds.

A module of this package describes the sections that a pipeline has alone; those that it shares with the main one are
the main one's. No two pipelines give one name to different sections.
"""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.params.competition import CompetitionParams
from winnow.params.filter import FilterParams
from winnow.params.section import Section
from winnow.params.shift import ShiftParams

PIPELINES: Mapping[str, type[Section]] = MappingProxyType(
    {"competition": CompetitionParams, "filter": FilterParams, "shift": ShiftParams}
)
