"""What the file names of a submission say."""

import re
from collections.abc import Collection

_IMAGE = re.compile(r"img_[A-Za-z0-9._-]+", re.ASCII)
_TECHNIQUE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


def parse_name(file_name: str, originals: Collection[str]) -> tuple[str, str] | None:
    """Source and technique of an image, by its file name.

    Keys may hold underscores, hence the look at which images there are: `img_a_b.jpg` is the original `img_a_b` if
    there is one, and otherwise the copy `b` of `img_a`.

    Args:
        file_name: for example `img_17_crop-2.jpg`.
        originals: ids of the original images; a set or a dict.

    Returns:
        The source's image_id and the technique ("" for an image as it came, numbers left on), or None if the name is
        neither `img_<key>.jpg` nor `img_<key>_<technique>.jpg`.
    """
    stem = file_name.removesuffix(".jpg")
    if stem == file_name or not _IMAGE.fullmatch(stem):
        return None
    if stem in originals:
        return stem, ""
    source, _, technique = stem.rpartition("_")
    if not _IMAGE.fullmatch(source):
        return stem, ""
    return (source, technique) if _TECHNIQUE.fullmatch(technique) else None
