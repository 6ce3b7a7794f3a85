"""The sample: real digits, planted faults in the promised numbers, and a test set of its own."""

import hashlib
import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from winnow.data.sample import make_sample
from winnow.errors import WinnowError

OPTIONS = {"label_noise": 0.35, "ood_share": 0.12, "exact_duplicates": 30, "near_duplicates": 30}


def unpack(content, root):
    """Images and given labels by image_id, of an archive in the course layout."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        labels = json.loads(archive.read(f"{root}/data-labels.json"))
        assert all(len(one_hot) == 10 and sorted(one_hot) == [0] * 9 + [1] for one_hot in labels.values())
        images = {image_id: archive.read(f"{root}/imgs/{image_id}.jpg") for image_id in labels}
        assert len(archive.namelist()) == len(labels) + 1
    return images, pd.Series({image_id: one_hot.index(1) for image_id, one_hot in labels.items()})


def pixels(image_bytes):
    return np.asarray(Image.open(io.BytesIO(image_bytes))).astype(float)


@pytest.fixture(scope="module", params=[0, 5])
def sample(request):
    made = make_sample(seed=request.param, **OPTIONS)
    images, given = unpack(made.train_zip, "sample")
    test_images, test_labels = unpack(made.test_zip, "sample-test")
    truth = made.truth.set_index("image_id")
    assert truth.index.is_unique
    assert truth.index.is_monotonic_increasing
    assert set(truth.index) == set(images)
    return SimpleNamespace(
        truth=truth, images=images, given=given[truth.index], test_images=test_images, test_labels=test_labels
    )


def test_size_and_balance(sample):
    assert len(sample.truth) >= 1000
    given = sample.given.value_counts()
    assert set(given.index) == set(range(10))
    assert given.max() / given.min() >= 3
    test = sample.test_labels.value_counts()
    assert len(sample.test_labels) >= 400
    assert len(test) == 10
    assert test.max() / test.min() < 1.2


def test_images_are_64_pixel_rgb_jpegs(sample):
    for image_bytes in [*sample.images.values(), *sample.test_images.values()]:
        image = Image.open(io.BytesIO(image_bytes))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 64))


def test_ood_share(sample):
    assert sample.truth["is_ood"].mean() == pytest.approx(0.12, abs=0.002)
    assert (sample.truth["true_label"].isna() == (sample.truth["is_ood"] == 1)).all()
    assert sample.given[sample.truth["is_ood"] == 1].nunique() == 10


def test_label_noise_is_half_pairwise_half_uniform_and_never_a_majority(sample):
    digits = sample.truth[sample.truth["is_ood"] == 0]
    true, given = digits["true_label"].astype(int), sample.given[digits.index]
    assert (true != given).mean() == pytest.approx(0.35, abs=0.025)
    shift = (given - true)[true != given] % 10
    # Half goes to the next class, and a ninth of the other half too.
    assert (shift == 1).mean() == pytest.approx(0.5 + 0.5 / 9, abs=0.05)
    assert set(shift) == set(range(1, 10))
    assert ((true != given).groupby(true).mean() < 0.5).all()


def test_duplicates(sample):
    truth = sample.truth
    copies = truth[truth["duplicate_of"] != ""]
    sources = truth.loc[copies["duplicate_of"]]
    assert len(copies) == 60
    assert copies["duplicate_of"].is_unique
    assert (sources["duplicate_of"] == "").all()
    assert (sources["is_ood"] == 0).all()
    assert (copies["true_label"].to_numpy() == sources["true_label"].to_numpy()).all()
    exact = np.array([sample.images[a] == sample.images[b] for a, b in copies["duplicate_of"].items()])
    conflict = sample.given[copies.index].to_numpy() != sample.given[sources.index].to_numpy()
    assert exact.sum() == 30
    assert conflict[exact].sum() == 15
    assert conflict[~exact].sum() == 15
    for a, b in copies["duplicate_of"][~exact].items():
        assert np.corrcoef(pixels(sample.images[a]).ravel(), pixels(sample.images[b]).ravel())[0, 1] > 0.8


def test_only_planted_images_are_byte_identical(sample):
    digests = [hashlib.sha256(image).digest() for image in sample.images.values()]
    assert len(digests) - len(set(digests)) == 30


def test_no_test_digit_is_in_the_training_set(sample):
    """Rendering blurs, tints and lights a scan, but each image still points back to the scan it came from."""
    scans, _ = load_digits(return_X_y=True)
    scans = scans - scans.mean(axis=1, keepdims=True)
    scans /= np.linalg.norm(scans, axis=1, keepdims=True)

    def nearest_scans(images):
        small = [-np.asarray(Image.open(io.BytesIO(image)).convert("L").resize((8, 8)), float) for image in images]
        small = np.stack(small).reshape(-1, 64)
        small -= small.mean(axis=1, keepdims=True)
        similarity = small / np.linalg.norm(small, axis=1, keepdims=True) @ scans.T
        return similarity.argmax(axis=1)

    digits = sample.truth.index[(sample.truth["is_ood"] == 0) & (sample.truth["duplicate_of"] == "")]
    train = nearest_scans([sample.images[image_id] for image_id in digits])
    test = nearest_scans(list(sample.test_images.values()))
    # That the images of each set point at as many scans as there are images shows that pointing back works.
    assert len(set(train)) > 0.97 * len(train)
    assert len(set(test)) > 0.97 * len(test)
    assert len(set(train) & set(test)) < 0.03 * len(test)
    assert not set(sample.images.values()) & set(sample.test_images.values())
    assert not set(sample.images) & set(sample.test_images)


def test_same_seed_same_bytes_and_another_seed_others():
    first, again = make_sample(seed=3, **OPTIONS), make_sample(seed=3, **OPTIONS)
    assert first.train_zip == again.train_zip
    assert first.test_zip == again.test_zip
    pd.testing.assert_frame_equal(first.truth, again.truth)
    assert make_sample(seed=4, **OPTIONS).train_zip != first.train_zip


def test_without_any_faults():
    made = make_sample(seed=0, label_noise=0, ood_share=0, exact_duplicates=0, near_duplicates=0)
    _, given = unpack(made.train_zip, "sample")
    assert (made.truth["is_ood"] == 0).all()
    assert (made.truth["duplicate_of"] == "").all()
    assert (made.truth["true_label"].to_numpy() == given[made.truth["image_id"]].to_numpy()).all()


def test_more_copies_than_digits():
    with pytest.raises(WinnowError, match=r"ask for 9000 copies but there are only \d+ digits"):
        make_sample(seed=0, label_noise=0.3, ood_share=0.1, exact_duplicates=4000, near_duplicates=5000)
