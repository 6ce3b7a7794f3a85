"""The rules of the Data-Centric AI competition of 2021: its classes, its layout, and its way of counting to 10,000."""

CLASS_NAMES = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
"""In the grader's order, which is not the alphabetical one of the folders."""

MOST_IMAGES = 10_000
_BATCH = 8


def graded_count(training: int, validation: int) -> int:
    """How many images the grader counts: it counts batches of eight, and takes a last one that is not full for full.

    More than `MOST_IMAGES` ends its run: 9,993 + 1 images are 10,008.
    """
    return _BATCH * (-(-training // _BATCH) - (-validation // _BATCH))
