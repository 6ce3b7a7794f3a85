"""The files of the pipeline `competition`."""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.file import File
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

_EARLY = Column(
    "early_probability",
    "float64",
    "mean probability of the given label over the checkpoints, lower is worse",
    low=0,
    high=1,
)
_INFLUENCE = Column("influence", "float64", "HyDRA, mean over the reference, positive harms")
_HARMED = Column("points_harmed", "int64", "reference images that the rule min + std sees harmed", low=0)

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
        "values": File(
            "data/interim/values.parquet",
            "images of `train` and `val`, by what they do to the network",
            Table(
                (
                    _PATH,
                    Column("early_loss", "float64", "mean loss of the given label over the checkpoints", low=0),
                    _EARLY,
                    Column("aum", "float64", "margin of the given label while training, lower is worse"),
                    Column("gradient_norm", "float64", "mean norm of its gradient, higher is worse", low=0),
                    Column("tracin", "float64", "TracIn of the mean reference loss, positive harms"),
                    _INFLUENCE,
                    Column("influence_se", "float64", "its standard error over seeds, NaN for one seed"),
                    _HARMED,
                    Column("nearest_reference", "str", "the reference image that it harms most"),
                )
            ),
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
                    Column(
                        "neighbour_label",
                        "int64",
                        "of most neighbours, -1 for an image that was dropped before",
                        low=-1,
                    ),
                    Column("neighbour_agreement", "float64", "share of them that have it", low=0, high=1),
                    Column("neighbour_distance", "float64", "to the nearest of its label, 1 is usual", low=0),
                    _EARLY,
                    _HARMED,
                    _INFLUENCE,
                )
            ),
        ),
        "competition_policy": File("data/processed/policy.yaml", "the searched augmentation policy"),
        "competition_set": File(
            "data/processed/{arm}-{part}.parquet", "files of a set, sorted by name", Table(_PACKED, key=None)
        ),
        "competition_submission": File("submission", "what is handed in: `train/<label>/` and `val/<label>/`"),
        "competition_weights": File("models/{arm}", "a network per seed"),
        "competition_metrics": File("metrics/{stage}.json", "counts and figures"),
    }
)
