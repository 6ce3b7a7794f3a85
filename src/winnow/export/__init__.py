"""The cleaned dataset of a workspace, written out of the original files: a module per format.

To add one, write a module with a `Writer` function, and name it in FORMATS.
"""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.export import csv, imagefolder, parquet
from winnow.export.writer import Writer

__all__ = ["FORMATS", "Writer"]

FORMATS: Mapping[str, Writer] = MappingProxyType(
    {"imagefolder": imagefolder.write, "csv": csv.write, "parquet": parquet.write}
)
