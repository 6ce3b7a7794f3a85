"""The cleaned dataset of a workspace, written out of the original files: a module per format.

To add one, write a module with a `Writer` function, and name it in FORMATS.
"""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.export import csv, imagefolder, parquet
from winnow.export.own_layout import writer_of
from winnow.export.writer import Writer

__all__ = ["DROPPED_APART", "FORMATS", "OWN", "Writer"]

OWN = ("coco", "yolo", "voc", "flat")
"""Of datasets that came so."""
DROPPED_APART = ("imagefolder", *OWN)
"""Those with a place for dropped files."""

FORMATS: Mapping[str, Writer] = MappingProxyType(
    {
        "imagefolder": imagefolder.write,
        "csv": csv.write,
        "parquet": parquet.write,
        **{layout: writer_of(layout) for layout in OWN},
    }
)
