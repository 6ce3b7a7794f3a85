"""What the name of a folder says of it: the split, or the layer, that it holds."""

import re
from collections.abc import Iterable, Sequence

_TRAINING = {"train", "training"}
_HELD_OUT = {
    *("test", "testing", "tst", "val", "valid", "validation", "valset", "dev", "devel", "eval", "evaluation"),
    *("holdout", "heldout", "pred", "predict", "prediction", "predictions", "inference", "submission"),
    *("trainval", "unlabeled", "unlabelled", "unseen", "query", "gallery"),
}
# Words beside a split's name that say nothing more.
_FILLERS = {
    *("set", "data", "dataset", "images", "image", "imgs", "img", "masks", "mask", "labels", "split", "full", "all"),
    *("public", "private"),
}
# Words of what an archive was cut into, for its size or for cross-validation, when a number stands behind.
_PARTS = {"part", "chunk", "shard", "batch", "fold", "subset", "volume", "vol", "disc", "archive"}
_IMAGES = {
    *("images", "image", "imgs", "img", "jpegimages", "jpgimages", "jpegs", "jpgs", "photos", "pictures", "rgb"),
    *("input", "inputs", "original", "originals"),
}
_ANNOTATIONS = {
    *("masks", "mask", "labels", "label", "annotations", "annotation", "annots", "segmentations", "segmentation"),
    *("segmentationclass", "segmentationobject", "segmaps", "gt", "groundtruth", "groundtruths", "trimaps", "trimap"),
    *(
        "target",
        "targets",
        "bbox",
        "bboxes",
        "boxes",
        "depth",
        "depths",
        "edges",
        "contours",
        "keypoints",
        "heatmaps",
        "xmls",
    ),
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
    """Whether folders side by side are splits: each is called so, and they are of both kinds (`trainA`, `testB`) or
    differ in nothing else (`test1`, `test2`; but not `blood_test`, `urine_test`)."""
    found = [split for name in names if (split := split_of(name)) is not None]
    return (
        bool(found)
        and len(found) == len(names)
        and (len({k for k, _ in found}) == 2 or len({r for _, r in found}) == 1)
    )


def are_parts(names: Sequence[str]) -> bool:
    """Whether folders side by side are numbered parts of one set: `fold1`, `fold2`, or `images_part_1` and so on."""
    words = {tuple(word.casefold() for word in _WORD.findall(name)) for name in names}
    without = {tuple(word for word in name if not word.isdigit()) for name in words}
    numbered = all(len(name) > 1 and name[-1].isdigit() and name[-2] in _PARTS for name in words)
    return len(words) > 1 and len(without) == 1 and numbered


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
