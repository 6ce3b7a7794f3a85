"""The files of the pipeline `competition`."""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.file import File
from winnow.files.scores import EARLY_PROBABILITY, INFLUENCE, NEIGHBOURS, POINTS_HARMED, VALUES
from winnow.schema import Column, Table

_PATH = Column("image_id", "str", "path of the image inside its archive")
_LABEL = Column("label", "int64", "as given, in the order of `competition.class_names`", low=0)
_PACKED = (
    Column("name", "str", "file name without suffix, unique"),
    Column("image_id", "str", "the original's `name`: its path with `-` for `/`, without suffix"),
    Column("technique", "str", 'how a copy was made; "" for an original'),
    Column("label", "int64", "as trained with", low=0),
    Column("image_bytes", "bytes", "the encoded image"),
)

COMPETITION: Mapping[str, File] = MappingProxyType(
    {
        "competition_sample": File("data/sample/{set}.zip", "the built-in sample: `numerals` and `test`"),
        "competition_truth": File(
            "data/sample/truth.csv",
            "pictures of the built-in sample",
            Table(
                (
                    _PATH,
                    Column("true_label", "int64", "of what was drawn, -1 for a scribble", low=-1),
                    Column("thin", "int64", "1: drawn thin", low=0, high=1),
                )
            ),
        ),
        "pool": File(
            "data/interim/pool.parquet",
            "images of the archive",
            Table((_PATH, Column("split", "str", "`train`, `val` or `label_book`"), _LABEL, _PACKED[-1])),
        ),
        "competition_values": File(
            "data/interim/values.parquet",
            "images of `train` and `val`, by what they do to the network",
            Table((_PATH, *VALUES)),
        ),
        "round": File(
            "data/interim/round-{number}.parquet",
            "images of `train` and `val`, as a round leaves them",
            Table(
                (
                    _PATH,
                    _LABEL,
                    Column("final_label", "int64", "as the round leaves it, -1 for dropped", low=-1),
                    Column("rule", "str", "which rule changed it"),
                    Column("flip", "bool", "whether a third label was suggested, and not taken"),
                    Column("drift", "bool", "whether an image that no round touches would have been changed"),
                    Column("label_quality_score", "float64", "of the given label, lower is worse", low=0, high=1),
                    Column("suggested_label", "int64", "the most probable class", low=0),
                    Column("suggested_confidence", "float64", "its probability", low=0, high=1),
                    *NEIGHBOURS,
                    EARLY_PROBABILITY,
                    POINTS_HARMED,
                    INFLUENCE,
                )
            ),
        ),
        "competition_policy": File("data/processed/policy.yaml", "the augmentation policy of copies"),
        "competition_set": File(
            "data/processed/{arm}-{part}.parquet", "files of a set, sorted by name", Table(_PACKED, key=None)
        ),
        "competition_submission": File("submission", "what is handed in: `train/<label>/` and `val/<label>/`"),
        "competition_weights": File("models/{arm}", "a network per seed"),
        "competition_metrics": File("metrics/{stage}.json", "counts and figures"),
    }
)
