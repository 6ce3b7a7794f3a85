"""The files of the pipeline `shift`."""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.file import File
from winnow.schema import Column, Table

_SET = Column("set", "str", "`train`, `a` or `b`")
_FILE_NAME = Column("file_name", "str", "path inside the archive")

SHIFT: Mapping[str, File] = MappingProxyType(
    {
        "shift_sample": File("data/sample/{set}.zip", "the built-in sample, an ImageFolder each: `train`, `a`, `b`"),
        "shift_truth": File(
            "data/sample/truth.csv",
            "pictures of the built-in sample",
            Table(
                (
                    _SET,
                    _FILE_NAME,
                    Column("label", "int64", "as given", low=0),
                    Column("true_label", "int64", "of what was drawn", low=0),
                    Column("leaked", "int64", "1: a copy of a training picture", low=0, high=1),
                    Column("blurred", "int64", "1: of the blurred class in set B", low=0, high=1),
                ),
                key=None,
            ),
        ),
    }
)
