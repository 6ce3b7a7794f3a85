"""The files of the main pipeline, in the repository's root."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from winnow.files.file import BOX, IMAGE_ID, File
from winnow.files.scores import NEIGHBOURS, VALUES
from winnow.schema import Array, Arrays, Column, Table

ARMS = ("baseline", "submission")
"""What networks are trained on, the one to compare with first."""
MANIFEST = (
    IMAGE_ID,
    Column("file_name", "str", "path inside the archive"),
    Column("label", "int64", "as given; -1 where images have no labels", low=-1),
    Column("width", "int64", "pixels, as it came", low=1),
    Column("height", "int64", "pixels, as it came", low=1),
    Column("repairs", "str", "comma-separated, empty if none"),
    Column("bytes_sha256", "str", "of the bytes as they came"),
)
DUPLICATES = (
    IMAGE_ID,
    Column("duplicate_group", "int64", "own group if alone", low=0),
    Column("exact_group", "int64", "equal for identical pixels", low=0),
    Column("duplicate_kind", "str", '`""`, `exact` or `near`'),
    Column("duplicate_of", "str", 'the keeper\'s id, `""` for keepers and lone images'),
    Column("label_conflict", "bool", "labels differ within the group"),
    Column("duplicate_similarity", "float64", "cosine to the keeper, NaN if there is none"),
    Column("same_bytes", "bool", "another image is the same file, not only the same pixels"),
)
LABEL_ISSUES = (
    IMAGE_ID,
    Column(
        "label_quality_score",
        "float64",
        "probability of the given label; lower is worse; NaN without labels",
        low=0,
        high=1,
    ),
    Column("is_label_issue", "bool", "at the cut of the highest expected F1"),
    Column("suggested_label", "int64", "the most probable class if all were equally frequent, or -1", low=-1),
    Column("suggested_confidence", "float64", "probability of the suggested label", low=0, high=1),
    Column("agreeing_sources", "int64", "how many of probe, kNN, zero-shot argmax to `suggested_label`", low=0),
    Column("sources", "int64", "how many sources there were", low=0),
    Column("knn_label_agreement", "float64", "share of the nearest neighbours with the given label", low=0, high=1),
    Column("<source>_label_agreement", "float64", "a source's probability of the given label, or NaN", low=0, high=1),
    Column("signals_agree", "bool", "every source's argmax is the given label"),
    *NEIGHBOURS,
)
OOD_SCORES = (
    IMAGE_ID,
    Column(
        "<detector>",
        "float64",
        "a detector's score, higher is farther out, NaN where it cannot score: `knn_distance`, `mahalanobis_distance`, "
        "`class_uncertainty` (nats) and others",
    ),
    Column("in_class_probability", "float64", "of all classes together, lower is farther out; or NaN", low=0, high=1),
    Column("ood_score", "float64", "probability of being none of the classes", low=0, high=1),
    Column("ood_detectors", "int64", "how many detectors flag the image", low=0),
    Column("is_ood", "bool", "a score of at least 0.5, and two detectors agree"),
)
IMAGE_FAULTS = (
    IMAGE_ID,
    Column("<fault>_score", "float64", "of each fault; lower is worse", low=0, high=1),
    Column("is_<fault>", "bool", "by CleanVision's threshold"),
    Column("image_faults", "str", "names of those found, comma-separated"),
)
DECISIONS = (
    *MANIFEST,
    *DUPLICATES[1:],
    *LABEL_ISSUES[1:],
    *OOD_SCORES[1:],
    Column("blurry_score", "float64", "CleanVision's of sharpness; lower is blurrier", low=0, high=1),
    IMAGE_FAULTS[-1],
    *(replace(column, optional=True) for column in VALUES),
    Column("flagged_<finding>", "bool", "whether a rule takes it, whichever rule won"),
    Column("rule", "str", "the rule of `curation/rules` that decided"),
    Column("action", "str", "`keep`, `relabel` or `drop`"),
    Column("decided_by", "str", "`rule` or the reviewer"),
    Column(
        "counterpart", "str", 'the image chosen for its duplicate group, the validation image it resembles, or `""`'
    ),
    Column("final_label", "int64", "given or new label; -1 if dropped or without labels", low=-1),
    Column("threshold", "float64", "the value that it met, NaN if none"),
    Column("reason", "str", "in words"),
    Column("tags", "str", "that people gave, joined by `; `; absent where no image has any", optional=True),
)
LEDGER = (
    *DECISIONS,
    Column("confirmed_by", "str", 'who confirmed the image for the validation set, or `""`'),
    Column("leaks_validation", "bool", "a near duplicate of a validation image; it leaves training"),
    Column("split", "str", "`train`, `validation` or `none`"),
)
PACKED = (
    Column("name", "str", "file name without `.jpg`"),
    Column("image_id", "str", "the source"),
    Column("technique", "str", '`""` for originals'),
    Column("label", "int64", "to train or judge with", low=0),
    Column("image_bytes", "bytes", "an encoded image"),
)
OUTSIDE = (
    Column("image_id", "str", "`img_outside-<class>-<file>-<digest>`"),
    Column("photo", "str", "path in the archive"),
    Column("label", "int64", "its folder's class", low=0),
    Column("width", "int64", "pixels, as it came", low=1),
    Column("height", "int64", "pixels, as it came", low=1),
    Column("bytes_sha256", "str", "of the bytes as they came"),
    Column("image_bytes", "bytes", "cropped to the middle, resized"),
    Column("predicted_label", "int64", "by the encoder", low=0),
    Column("predicted_confidence", "float64", "in the predicted label", low=0, high=1),
    Column("label_probability", "float64", "of its folder's class", low=0, high=1),
    Column("encoder_agrees", "bool", "the predicted label is its folder's"),
    Column("counterparts", "str", "images of the dataset that it nearly equals, nearest first, comma-separated"),
    Column("same_as", "str", 'another photo, or `""`'),
)
VALUED = Table((IMAGE_ID, *VALUES))
_PROBABILITY: dict[str, Any] = {"low": 0.0, "high": 1.00001}  # float32 sums may pass 1 by rounding

MAIN: Mapping[str, File] = MappingProxyType(
    {
        "manifest": File("data/interim/manifest.parquet", "accepted images", Table(MANIFEST)),
        "images": File(
            "data/interim/images.parquet",
            "accepted images",
            Table((IMAGE_ID, Column("image_bytes", "bytes", "as they came; re-encoded JPEG where repaired"))),
        ),
        "classes": File("data/interim/classes.json", "the K class names, in label order"),
        "objects": File(
            "data/interim/objects.parquet",
            "boxes of accepted images, if there are any",
            Table((IMAGE_ID, *BOX), key=None),
        ),
        "rejected": File(
            "data/interim/rejected.csv",
            "rejected images",
            Table(
                (
                    Column("file_name", "str", "path inside the archive"),
                    Column("image_id", "str", "the image, as far as it has one"),
                    Column("reason", "str", "a word"),
                    Column("detail", "str", "in words"),
                ),
                key=None,
            ),
        ),
        "image_faults": File(
            "data/interim/image_faults.parquet",
            "accepted images",
            Table(IMAGE_FAULTS),
            note="The faults are CleanVision's: `dark`, `light`, `low_information`, `blurry`, `grayscale`, `odd_size`, "
            "`odd_aspect_ratio`. Size and aspect are of the image as it came, the others of the picture as it is "
            "trained on.",
        ),
        "features": File(
            "data/interim/features.npz",
            "accepted images",
            Arrays(
                (
                    Array("image_id", "str", "N", "the image"),
                    Array("features", "float32", "ND", "L2-normalised"),
                    Array("encoder", "str", "", "JSON fingerprint: name, weights' sha256, preprocessing"),
                    Array(
                        "zero_shot_pred_probs",
                        "float32",
                        "NK",
                        "of the class names, where the encoder gives them",
                        **_PROBABILITY,
                        optional=True,
                    ),
                    Array(
                        "in_class_probability",
                        "float32",
                        "N",
                        "of all classes together against everything else (CLIP: the negatives; `timm`: the rest of "
                        "ImageNet's labels), where the encoder gives it; lower for an image of no class",
                        **_PROBABILITY,
                        optional=True,
                    ),
                )
            ),
        ),
        "embedding": File(
            "data/interim/embedding.json",
            "images, dimensions, the weight of each encoder, and the held-out log-losses by weights",
        ),
        "duplicates": File("data/interim/duplicates.parquet", "accepted images", Table(DUPLICATES)),
        "pred_probs": File(
            "data/interim/pred_probs.npz",
            "accepted images",
            Arrays(
                (
                    Array("image_id", "str", "N", "the image"),
                    Array("pred_probs", "float32", "NK", "out of sample, mean over `crossval.seeds`", **_PROBABILITY),
                    Array("fold", "int64", "N", "of the first seed", low=0),
                    Array("l2", "float64", "", "the penalty chosen", low=0),
                )
            ),
        ),
        "label_issues": File("data/interim/label_issues.parquet", "accepted images", Table(LABEL_ISSUES)),
        "class_probs": File(
            "data/interim/class_probs.npz",
            "accepted images",
            Arrays(
                (
                    Array("image_id", "str", "N", "the image"),
                    Array("class_probs", "float32", "NK", "of the true class, without the own label", **_PROBABILITY),
                    Array("noise_rates", "float64", "KK", "P(given label | true class), a row per true class"),
                )
            ),
        ),
        "ood_scores": File("data/interim/ood_scores.parquet", "accepted images", Table(OOD_SCORES)),
        "map": File(
            "data/interim/map.parquet",
            "accepted images",
            Table(
                (
                    IMAGE_ID,
                    Column("method", "str", "`umap` or `pca`"),
                    *(Column(axis, "float32", "place on the map") for axis in ("x3", "y3", "z3", "x2", "y2")),
                )
            ),
        ),
        "values": File(
            "data/interim/values.parquet",
            "accepted images, by what they do to a network that is trained on them; none while `valuation.enabled` is "
            "false",
            VALUED,
            note="Of the reference and its near duplicates, which are not trained on, the numbers are NaN or 0, and "
            "`nearest_reference` is empty.",
        ),
        "outside": File("data/interim/outside.parquet", "external photos", Table(OUTSIDE)),
        "outside_rejected": File(
            "data/interim/outside-rejected.csv",
            "external photos that cannot be used",
            Table(
                (
                    Column("photo", "str", "path in the archive"),
                    Column("reason", "str", "a word"),
                    Column("detail", "str", "in words"),
                ),
                key=None,
            ),
        ),
        "decisions": File("data/interim/decisions.parquet", "accepted images", Table(DECISIONS)),
        "ledger": File("data/processed/ledger.parquet", "accepted images", Table(LEDGER)),
        "packed_set": File(
            "data/processed/{part}_set.parquet",
            "files of a set; `part` is `baseline`, `submission` or `validation`",
            Table(PACKED, key="name"),
        ),
        "weights": File(
            "models/{arm}",
            "`seed-<s>.safetensors`: weights of the best epoch; the metadata holds `network` and `num_classes`",
        ),
        "review": File("data/review", "what people decided: `decisions.csv`, `validation.csv` and `tags.csv`"),
        "submission": File("submission", "the folders to hand in"),
        "report": File("report", "`index.html` and `slides.pptx`, for people"),
        "augmentation_policy": File(
            "metrics/augmentation_policy.yaml",
            "`sub_policies`: lists of `operation`, `probability` and, where there is one, `magnitude`; empty while the "
            "search is off",
        ),
        "metrics": File(
            "metrics/{stage}.json",
            "figures of a stage, rates beside their counts, never NaN; of `summary` those of the run",
        ),
        "noise_transition": File(
            "metrics/noise_transition.csv",
            "a true class and a given label",
            Table(
                (
                    Column("true", "str", "class name"),
                    Column("given", "str", "class name"),
                    Column("probability", "float64", "P(given label | true class)", low=0, high=1),
                ),
                key=None,
            ),
        ),
        "self_check": File(
            "metrics/self_check.csv",
            "a fault and kind, or a fault and class; a header alone while the check is off",
            Table(
                (
                    Column("fault", "str", "`label`, `ood` or `duplicate`"),
                    Column("kind", "str", "of the fault, or `all`"),
                    Column("class_name", "str", "or `all`"),
                    Column(
                        "<figure>",
                        "number",
                        "the counts `judged`, `planted`, `found`, `false_alarms`, and `recall`, `precision`, `auroc`, "
                        "`average_precision`; NaN if undefined",
                    ),
                ),
                key=None,
            ),
        ),
        "curve": File(
            "metrics/curves/{arm}.csv",
            "an epoch of a seed",
            Table(
                (
                    Column("epoch", "int64", "from 1", low=1),
                    Column("train_loss", "float64", "cross-entropy, nats", low=0),
                    Column("validation_loss", "float64", "cross-entropy, nats", low=0),
                    Column("validation_balanced_accuracy", "float64", "higher is better", low=0, high=1),
                    Column("learning_rate", "float64", "of the epoch's last step", low=0),
                    Column("seed", "int64", "of the training", low=0),
                ),
                key=None,
            ),
        ),
        "predictions": File(
            "metrics/predictions/{arm}.csv",
            "validation and test images",
            Table(
                (
                    Column("split", "str", "`validation` or `test`"),
                    Column("image_id", "str", "the image"),
                    Column("leaks", "int64", "1: a near duplicate of the raw archive", low=0, high=1),
                    Column("label", "str", "class name"),
                    Column("seed-<s>", "str", "class name predicted by the network of that seed"),
                ),
                key=None,
            ),
            note="In git, so that any two runs can be paired.",
        ),
        "misjudged": File(
            "data/processed/misjudged.parquet",
            "validation and test images that most of the submission's networks get wrong, at most eight of a class",
            Table(
                (
                    Column("split", "str", "`validation`, `test`, or a test set by its name"),
                    IMAGE_ID,
                    Column("label", "int64", "the true class", low=0),
                    Column("wrong", "int64", "how many networks get it wrong", low=1),
                    Column("image_bytes", "bytes", "a JPEG of what the networks see"),
                ),
                key=None,
            ),
            note="Sorted by `split` and `image_id`. It is for the report, which does not read the test set itself.",
        ),
        "per_class": File(
            "metrics/per_class.csv",
            "an arm, split and class",
            Table(
                (
                    Column("arm", "str", "`baseline` or `submission`"),
                    Column("split", "str", "`validation`, `test` or `test_unseen`"),
                    Column("class", "str", "class name"),
                    Column("recall", "float64", "mean over seeds", low=0, high=1),
                    Column("images", "int64", "of the class", low=0),
                ),
                key=None,
            ),
        ),
        "confusion": File(
            "metrics/confusion/{arm}.csv",
            "an image, by the network of the first seed",
            Table((Column("actual", "str", "class name"), Column("predicted", "str", "class name")), key=None),
        ),
        "histogram": File(
            "metrics/histograms/{score}.csv",
            "a bin, fifty from 0 to 1, the same for every run",
            Table(
                (Column("score", "float64", "the bin's middle"), Column("images", "int64", "in it", low=0)), key=None
            ),
        ),
        "class_accuracy": File(
            "metrics/class_accuracy/{arm}.csv",
            "a class, on the test set (without one, the validation set)",
            Table(
                (Column("class", "str", "class name"), Column("accuracy", "float64", "mean over seeds", low=0, high=1)),
                key=None,
            ),
        ),
    }
)
