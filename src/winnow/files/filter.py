"""The files of the pipeline `filter`. Its images are named by their paths in the dataset."""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.file import BOX, File
from winnow.schema import Array, Arrays, Column, Table

_ID = Column("image_id", "str", "the image's path in the dataset")
_ITEMS = (
    _ID,
    Column("split", "str", '`train`, `val`, `test`, another, or `""`'),
    Column("label", "str", 'its class, or `""`'),
    Column("classes", "str", "of its boxes, each once, comma-separated"),
    Column("boxes", "int64", "how many", low=0),
    Column("width", "int64", "pixels", low=1),
    Column("height", "int64", "pixels", low=1),
    Column("bytes_sha256", "str", "of the file"),
    Column("is_filtered", "bool", "in a split that is filtered; others are not touched"),
)
_OUTLIERS = (
    _ID,
    Column("outlier_rank", "int64", "1 is the oddest; 0 in the ledger: not filtered", low=0),
    Column("core_distance", "float64", "to the neighbour of `outliers.min_samples`; Euclidean, of unit vectors", low=0),
    Column("leaving_height", "float64", "at which it leaves the largest component; higher is odder", low=0),
)
_REDUNDANCY = (
    _ID,
    Column("group", "int64", "inside which its tree was built", low=0),
    Column("balance", "int64", "class, set of classes or group whose share is held", low=0),
    Column("tile", "int64", "one of some 50 clusters, to look at together", low=0),
    Column("removal_rank", "int64", "1 is the first to go; 0 never goes", low=0),
    Column(
        "merge_height",
        "float64",
        "of its merge, or the share of its block by herding; below 0: a copy; infinite: never",
    ),
    Column("stays_for_it", "str", "the image that stays when it goes; itself if it never goes"),
)
_LEDGER = (
    *_ITEMS,
    *_OUTLIERS[1:],
    *_REDUNDANCY[1:],
    Column("verdict", "str", "`kept`, `redundant`, `outlier`, or `person`: dropped by one"),
    Column("reason", "str", "in words"),
    Column("keeper", "str", 'the kept image it went for, or `""`'),
    Column("distance", "float64", "cosine distance to that, 0 to 2; or NaN"),
    Column("decided_by", "str", '`rule`, the reviewer, or `""` where it is not filtered'),
)

FILTER: Mapping[str, File] = MappingProxyType(
    {
        "filter_sample": File("data/sample/digits.zip", "the built-in sample, an ImageFolder with a test split"),
        "filter_truth": File(
            "data/sample/truth.csv",
            "images of the sample",
            Table(
                (
                    Column("file", "str", "path in the dataset"),
                    Column("copy_of", "str", 'the image that it is a shifted copy of, or `""`'),
                    Column("odd", "bool", "its pixels are scrambled"),
                ),
                key="file",
            ),
        ),
        "items": File("data/interim/items.parquet", "readable images of all splits", Table(_ITEMS)),
        "boxes": File(
            "data/interim/boxes.parquet",
            "boxes, faulty ones left out",
            Table((_ID, *BOX), key=None),
        ),
        "problems": File(
            "data/interim/problems.csv",
            "faults of annotations, and images that cannot be read",
            Table(
                (
                    Column("kind", "str", "a word"),
                    Column("file", "str", "where"),
                    Column("detail", "str", "in words"),
                ),
                key=None,
            ),
        ),
        "layer_features": File(
            "data/interim/features.npy",
            "a row per image in the order of `items`; a memory map of float16, or of float32 for ready features that "
            "lose much in it",
        ),
        "layer": File("data/interim/layer.json", "model, weights' sha256, preprocessing, layer and pooling"),
        "changed": File(
            "data/interim/changed.npz",
            "some of the images, lightly changed",
            Arrays(
                (
                    Array("image_id", "str", "N", "the image"),
                    Array("features", "float32", "ND", "of the changed image"),
                )
            ),
        ),
        "points": File(
            "data/interim/points.npz",
            "readable images of all splits",
            Arrays(
                (
                    Array("image_id", "str", "N", "the image"),
                    Array("points", "float32", "ND", "reduced features of length 1"),
                    Array("copy_mean", "float32", "F", "mean of the features at length 1: copies are centred by it"),
                    Array("copy_directions", "float32", "RF", "directions in which a light change moves images"),
                    Array("copy_shrunk_by", "float32", "R", "the part of each that goes", low=0, high=1),
                    Array("copy_distance", "float64", "", "how far a copy may be; Euclidean", low=0),
                )
            ),
        ),
        "outlier_scores": File("data/interim/outliers.parquet", "filtered images", Table(_OUTLIERS)),
        "redundancy": File("data/interim/redundancy.parquet", "filtered images", Table(_REDUNDANCY)),
        "filter_ledger": File("data/processed/filter_ledger.parquet", "readable images of all splits", Table(_LEDGER)),
        "leaks": File(
            "data/processed/leaks.csv",
            "images of splits that are not filtered with a copy in those that are",
            Table(
                (
                    _ID,
                    Column("copy_of", "str", "the filtered image"),
                    Column("distance", "float64", "Euclidean, of unit vectors", low=0, high=2),
                ),
                key=None,
            ),
        ),
        "kept_list": File("data/processed/kept.txt", "names of the images that stay, a line each"),
        "filtered_dataset": File("data/processed/filtered", "the dataset as it came, less the images that went"),
        "filter_dataset_metrics": File("metrics/dataset.json", "counts of what was read"),
        "filter_outliers": File(
            "metrics/outliers.json",
            "counts, and where outliers are found in blocks how well that agrees with the exact tree",
        ),
        "filter_order": File(
            "metrics/order.json", "counts, and where trees are built in blocks how well that agrees with the exact tree"
        ),
        "filter_summary": File("metrics/summary.json", "what went, and how well the rest stands for all"),
        "filter_groups": File(
            "metrics/groups.csv",
            "classes of images and of boxes",
            Table(
                (
                    Column("kind", "str", "`images` or `boxes`"),
                    Column("class_name", "str", "the class"),
                    Column("before", "int64", "count", low=0),
                    Column("after", "int64", "count", low=0),
                    Column("share_kept", "float64", "of its share; 1 is balanced", low=0),
                ),
                key=None,
            ),
        ),
        "pays_metrics": File("metrics/pays.json", "the comparison in one sentence, and its figures"),
        "pays": File(
            "metrics/pays.csv",
            "ways to choose, by share kept",
            Table(
                (
                    Column("rule", "str", "how images were chosen"),
                    Column("kept", "float64", "share", low=0, high=1),
                    Column(
                        "accuracy",
                        "float64",
                        "of what `pays.learner` says, mean over the pools; a detector's score, 0.1 and 0.9 of `map50` "
                        "and `map50_95`",
                        low=0,
                        high=1,
                    ),
                    Column("difference", "float64", "from random of the same size"),
                    Column("low", "float64", "end of the 95 % interval of the difference"),
                    Column("high", "float64", "end of the 95 % interval of the difference"),
                    Column(
                        "map50",
                        "float64",
                        "of a detector: average precision at an overlap of 0.5",
                        low=0,
                        high=1,
                        optional=True,
                    ),
                    Column("map50_95", "float64", "likewise from 0.5 to 0.95", low=0, high=1, optional=True),
                ),
                key=None,
            ),
        ),
        "filter_report": File("report/index.html", "the report; opens without a network"),
    }
)
