"""Image faults: planted ones are found, clean pictures are not, and the scores are CleanVision's own."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import TypeAdapter

from winnow.detect.faults.image_faults import FAULTS, count_image_faults, score_image_faults
from winnow.params import ImageFault


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """(10, 64, 64, 3) uint8: five fine pictures, then a dark, a light, a flat, a blurred and a grey one."""
    rng = np.random.default_rng(0)
    fine = rng.integers(0, 256, (5, 64, 64, 3))
    dark = rng.integers(0, 40, (64, 64, 3))
    light = rng.integers(250, 256, (64, 64, 3))
    flat = np.full((64, 64, 3), (120, 130, 110))
    y, x = np.mgrid[:64, :64] - 31.5
    glow = 255 * np.clip(1 - np.hypot(x, y) / 36, 0, 1)
    blurred = np.stack([glow, glow, 0.9 * glow], axis=2)  # of every shade, and without an edge
    grey = np.repeat(rng.integers(0, 256, (64, 64, 1)), 3, axis=2)
    return np.stack([*fine, dark, light, flat, blurred, grey]).astype(np.uint8)


def score(pixels, width=None, height=None):
    same = np.full(len(pixels), 64)
    return score_image_faults(pixels, same if width is None else width, same if height is None else height)


def test_planted_faults_are_found_and_fine_pictures_are_not(pixels):
    faults = score(pixels)
    planted = ["dark", "light", "low_information", "blurry", "grayscale"]
    assert faults["image_faults"].tolist() == [""] * 5 + planted
    assert count_image_faults(faults) == {
        "images": 10,
        "faulty": 5,
        "faulty_share": 0.5,
        **dict.fromkeys(planted, 1),
        **dict.fromkeys(["odd_size", "odd_aspect_ratio"], 0),
    }


def test_scores_lie_between_0_and_1_and_the_faulty_score_lowest(pixels):
    faults = score(pixels)
    for fault in FAULTS:
        scores, found = faults[f"{fault}_score"], faults[f"is_{fault}"].to_numpy()
        assert scores.between(0, 1).all()
        assert not found.any() or scores[found].max() < scores[~found].min(), fault


def test_sizes_are_those_of_the_images_as_they_came(pixels):
    """All pixels are squares of 64 by now; the first image came 20 times as wide as the rest, the second as a strip."""
    width, height = np.full(10, 100), np.full(10, 100) + np.arange(10)
    width[0] = height[0] = 2000
    width[1], height[1] = 330, 33
    faults = score(pixels, width, height)
    assert np.flatnonzero(faults["is_odd_size"]).tolist() == [0]
    assert np.flatnonzero(faults["is_odd_aspect_ratio"]).tolist() == [1]
    assert faults["odd_aspect_ratio_score"][1] == pytest.approx(0.1)


def test_scores_are_what_cleanvision_says_of_the_same_files(pixels, tmp_path):
    from cleanvision import Imagelab

    width = np.array([64, 64, 64, 64, 60, 64, 64, 64, 64, 64])
    paths = []
    for row, image in enumerate(pixels):
        paths.append(str(tmp_path / f"{row}.png"))
        Image.fromarray(image[..., 0] if row == 9 else image).save(paths[-1])
    Image.fromarray(pixels[4][:, :60]).save(paths[4])
    lab = Imagelab(filepaths=paths)
    lab.find_issues({fault: {} for fault in FAULTS}, n_jobs=1, verbose=False)
    theirs, ours = lab.issues.loc[paths].reset_index(drop=True), score(pixels, width, np.full(10, 64))
    # The image that is not square was resized by the time we see it: only its size is comparable.
    rows = {fault: range(10) if fault.startswith("odd") else [0, 1, 2, 3, 5, 6, 7, 8, 9] for fault in FAULTS}
    for fault in FAULTS:
        left, right = ours[f"{fault}_score"][rows[fault]], theirs[f"{fault}_score"][rows[fault]].astype(float)
        pd.testing.assert_series_equal(left, right, check_names=False)
        assert (ours[f"is_{fault}"] == theirs[f"is_{fault}_issue"])[rows[fault]].all()


def test_params_allow_exactly_the_faults_that_there_are():
    allowed = TypeAdapter(list[ImageFault])
    assert allowed.validate_python(list(FAULTS)) == list(FAULTS)
    assert set(allowed.json_schema()["items"]["enum"]) == set(FAULTS)


def test_the_same_pictures_score_the_same(pixels):
    pd.testing.assert_frame_equal(score(pixels), score(pixels.copy()))
