"""The table of every file that passes between stages: name, path, kind and schema. `docs/files.md` is made from it.

A module holds the files of a pipeline. Their names are unique among all pipelines, so that a stage names a file alone.
"""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.competition import COMPETITION
from winnow.files.file import IMAGE_ID, File
from winnow.files.filter import FILTER
from winnow.files.main import ARMS, DUPLICATES, IMAGE_FAULTS, LABEL_ISSUES, LEDGER, MAIN, OOD_SCORES
from winnow.files.shift import FACTS, SETS, SHIFT
from winnow.params.inputs import given

PIPELINES: Mapping[str, Mapping[str, File]] = MappingProxyType(
    {"": MAIN, "competition": COMPETITION, "filter": FILTER, "shift": SHIFT}
)
"""The files of each pipeline, by its folder in pipelines/; the main pipeline's is empty."""
FILES: Mapping[str, File] = MappingProxyType(
    {name: file for files in PIPELINES.values() for name, file in files.items()}
)
"""All files by name."""

__all__ = [
    "ARMS",
    "DUPLICATES",
    "FACTS",
    "FILES",
    "IMAGE_FAULTS",
    "IMAGE_ID",
    "LABEL_ISSUES",
    "LEDGER",
    "OOD_SCORES",
    "PIPELINES",
    "SETS",
    "File",
    "given",
]
