"""The files of the pipeline `shift`."""

from collections.abc import Mapping
from types import MappingProxyType

from winnow.files.file import File
from winnow.schema import Array, Arrays, Column, Table

SETS = ("train", "a", "b")
"""The training set, the test set to compare with and the one to explain."""
FACTS = ("width", "height", "bytes", "quantisation", "greyness")
"""Plain facts of an image file."""
_SET = Column("set", "str", "`train`, `a` or `b`")
_FILE_NAME = Column("file_name", "str", "path inside the archive")
_ROW = Column("row", "str", "the row, a unique string")
_ESTIMATE = (
    Column("value", "float64", "its part of the drop"),
    Column("low", "float64", "of the 95 % interval"),
    Column("high", "float64", "of the 95 % interval"),
    Column("sure", "bool", "beyond chance among all parts, or all classes"),
)

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
        "shift_rows": File(
            "data/interim/rows-{set}.parquet",
            "rows of a set: `train`, `a` or `b`; none of one that is not given",
            Table(
                (
                    _ROW,
                    Column("name", "str", "path inside the archive, empty in tables"),
                    Column("label", "int64", "as given", low=0),
                    Column("width", "float64", "pixels, as it came", low=1, optional=True),
                    Column("height", "float64", "pixels, as it came", low=1, optional=True),
                    Column("bytes", "float64", "of the file", low=0, optional=True),
                    Column("quantisation", "float64", "mean step of JPEG's luminance table; 0: no JPEG", optional=True),
                    Column("greyness", "float64", "mean spread of the channels; 0: grey", low=0, optional=True),
                    Column("picture", "bytes", "an encoded image", optional=True),
                ),
                key="row",
            ),
            note="Plain facts and pictures are of images alone.",
        ),
        "shift_features": File(
            "data/interim/features-{set}.npy", "(N, D) float16 features of a set, to be read as a memory map"
        ),
        "shift_answers": File(
            "data/interim/answers-{set}.npz",
            "rows of set `a` or `b`",
            Arrays(
                (
                    Array("labels", "int64", "N", "as given", low=0),
                    Array("pred_probs", "float32", "SNK", "by the classifier of each seed", low=0, high=1.00001),
                )
            ),
        ),
        "shift_curve": File(
            "metrics/curve.csv",
            "an epoch of a seed",
            Table(
                (
                    Column("epoch", "int64", "from 1", low=1),
                    Column("train_loss", "float64", "cross-entropy, nats", low=0),
                    Column("learning_rate", "float64", "of the epoch", low=0),
                    Column("validation_loss", "float64", "cross-entropy, nats", low=0),
                    Column("validation_accuracy", "float64", "higher is better", low=0, high=1),
                    Column("seed", "int64", "of the training", low=0),
                ),
                key=None,
            ),
        ),
        "shift_scores": File(
            "data/interim/scores-{set}.parquet",
            "rows of set `a` or `b`",
            Table(
                (
                    _ROW,
                    Column("correct", "float64", "share of the seeds that are right", low=0, high=1),
                    Column("predicted", "int64", "the most probable class", low=0),
                    Column("leaked", "bool", "a row that the classifier was trained on"),
                    Column("nearest_distance", "float64", "to the nearest training row; NaN without one", low=0),
                    Column("label_error", "float64", "probability that the label is wrong", low=0, high=1),
                    Column("suggested", "int64", "the class that it would be instead", low=0),
                    Column("slice", "int64", "group of alike rows; -1 without features", low=-1),
                    Column("final_label", "int64", "with what people said; -1: of no class", low=-1, optional=True),
                    Column("decided_by", "str", "who judged the label, or empty", optional=True),
                ),
                key="row",
            ),
            note="The last two are there where people judged rows of the set.",
        ),
        "shift_parts": File(
            "metrics/waterfall.csv",
            "a part of the drop",
            Table((Column("part", "str", "its name"), *_ESTIMATE), key=None),
        ),
        "shift_classes": File(
            "metrics/classes.csv",
            "a class",
            Table(
                (
                    Column("class", "str", "class name"),
                    *(Column(name, "int64", "how many", low=0) for name in ("train_rows", "rows_a", "rows_b")),
                    Column("recall_a", "float64", "NaN without rows", low=0, high=1),
                    Column("recall_b", "float64", "NaN without rows", low=0, high=1),
                    Column("part", "float64", "of the drop, within the class; NaN where a set lacks it"),
                    *_ESTIMATE[1:],
                    Column("auc", "float64", "how well the sets are told apart in it; NaN if not asked", low=0, high=1),
                    Column("withheld", "str", "why it is not split further, or empty"),
                    Column("taken_for", "str", "what most wrong answers on B are"),
                ),
                key=None,
            ),
        ),
        "shift_slices": File(
            "metrics/slices.csv",
            "a group of alike rows that is worse in B, the most costly first",
            Table(
                (
                    Column("slice", "int64", "its number", low=0),
                    Column("name", "str", "a suggestion"),
                    Column("rows_a", "int64", "of it in A", low=0),
                    Column("rows_b", "int64", "of it in B", low=0),
                    Column("accuracy_a", "float64", "NaN without rows", low=0, high=1),
                    Column("accuracy_b", "float64", "higher is better", low=0, high=1),
                    Column("cost", "float64", "what it takes from the accuracy of B", low=0),
                    Column("p_value", "float64", "times the number of groups", low=0, high=1),
                ),
                key=None,
            ),
        ),
        "shift_distances": File(
            "metrics/distances.csv",
            "a fifth of A by distance to the nearest training row, and B in the same bins",
            Table(
                (
                    Column("set", "str", "`a` or `b`"),
                    Column("bin", "int64", "0 is nearest", low=0),
                    Column("rows", "int64", "in it", low=0),
                    Column("accuracy", "float64", "NaN without rows", low=0, high=1),
                ),
                key=None,
            ),
        ),
    }
)
