"""What the name of a folder says of it: the split, or the layer, that it holds."""

import re
from collections.abc import Iterable, Sequence

_TRAINING = {"train", "training"}
_HELD_OUT = {
    *("test", "testing", "tst", "val", "valid", "validation", "valset", "dev", "devel", "eval", "evaluation"),
    *("holdout", "heldout", "pred", "predict", "prediction", "predictions", "inference", "submission"),
    *("trainval", "unlabeled", "unlabelled", "unseen"),
}
# Words beside a split's name that say nothing more.
_FILLERS = {
    "set",
    "data",
    "dataset",
    "images",
    "image",
    "imgs",
    "img",
    "masks",
    "mask",
    "labels",
    "split",
    "full",
    "all",
}
_IMAGES = {"images", "image", "imgs", "img", "jpegimages", "jpgimages", "jpegs", "jpgs", "photos", "pictures", "rgb"}
_ANNOTATIONS = {
    *("masks", "mask", "labels", "label", "annotations", "annotation", "annots", "segmentations", "segmentation"),
    *("segmentationclass", "segmentationobject", "segmaps", "gt", "groundtruth", "groundtruths", "trimaps", "trimap"),
    *("bbox", "bboxes", "boxes", "depth", "depths", "edges", "contours", "keypoints", "heatmaps", "xmls"),
}
# Of these, those that are never the name of a class; there are datasets of masks and edges.
_NEVER_CLASSES = {*("images", "image", "imgs", "img", "jpegimages"), *("labels", "annotations", "groundtruth", "gt")}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENDING = re.compile(r"(?<=.)(set|data|images|imgs)$")


def split_of(name: str) -> tuple[str, str] | None:
    """The split that a folder's name tells, and what else it tells.

    Returns:
        `train` or `held-out`, and the other words ("seg" of `seg_train`, "" of `test2017`); None if it tells no split.
    """
    words = [_ENDING.sub("", word.casefold()) for word in _WORD.findall(name)]
    if [word for word in words if not word.isdigit()][:2] == ["hold", "out"]:
        words = ["holdout", *words[2:]]
    for kind, known in (("train", _TRAINING), ("held-out", _HELD_OUT)):
        for place in (0, -1, *range(len(words))):
            if words and words[place] in known:
                others = [word for word in words if word != words[place]]
                return kind, " ".join(word for word in others if word not in _FILLERS and not word.isdigit())
    return None


def is_training(name: str) -> bool:
    """Whether a folder is called like a training split."""
    found = split_of(name)
    return found is not None and found[0] == "train"


def are_splits(names: Sequence[str]) -> bool:
    """Whether folders side by side are splits: each tells one, and nothing else that tells them apart."""
    found = [split_of(name) for name in names]
    return bool(found) and None not in found and len({split[1] for split in found if split is not None}) == 1


def stray_splits(names: Iterable[str]) -> list[str]:
    """The folders called like a held-out split and nothing else; `train` too where there is one, for alone it may be a
    class of vehicles."""
    plain = {name: found[0] for name in names if (found := split_of(name)) is not None and not found[1]}
    return sorted(plain) if "held-out" in plain.values() else []


def is_image_layer(name: str) -> bool:
    """Whether a folder says no more of what lies in it than that it is images."""
    return _plain(name) in _IMAGES


def is_annotation_layer(name: str) -> bool:
    """Whether a folder is called like one of masks, boxes or other annotations of images."""
    return _plain(name) in _ANNOTATIONS


def never_a_class(name: str) -> bool:
    """Whether no class is called so."""
    return _plain(name) in _NEVER_CLASSES


def _plain(name: str) -> str:
    return re.sub(r"[\W_\d]+", "", name).casefold()
