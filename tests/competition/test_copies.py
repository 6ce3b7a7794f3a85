"""The sample, the archive as a table, and copies at the size of their originals."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from archives import write_zip
from winnow.augmentation.policy.policy import Policy, Step
from winnow.competition.copies import arms, drawn_of_each_class, packed_with_copies, with_levels_of
from winnow.competition.pool import HIDDEN, read_pool, shrunk
from winnow.competition.sample import make_sample
from winnow.data.pixel_digest import pixel_digest
from winnow.errors import WinnowError

DIGITS = [str(digit) for digit in range(10)]
SIZES = {"train": 6, "val": 2, "label_book": 1, "test": 2, "wrong_labels": 0.2, "scribbles": 0.1}


@pytest.fixture(scope="module")
def sample():
    return make_sample(seed=0, **SIZES)


@pytest.fixture(scope="module")
def pool(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.zip"
    path.write_bytes(sample.pool)
    return read_pool(path, class_names=DIGITS)


def test_the_sample_is_the_same_every_time_and_holds_what_was_planted(sample, pool):
    assert make_sample(seed=0, **SIZES).pool == sample.pool != make_sample(seed=1, **SIZES).pool
    assert pool["split"].value_counts().to_dict() == {"train": 60, "val": 20, "label_book": 10}
    joined = pool.merge(sample.truth, on="image_id")
    assert len(joined) == len(sample.truth) == 80
    assert (joined["true_label"] == -1).sum() == 6 + 2
    wrong = (joined["true_label"] >= 0) & (joined["true_label"] != joined["label"])
    assert wrong.sum() == pytest.approx(16, abs=3)  # a scribble may have another label too
    assert 0.15 < joined["thin"].mean() < 0.5
    assert len({Image.open(io.BytesIO(content)).size for content in pool["image_bytes"]}) > 20


def test_a_foreign_folder_and_a_broken_file_are_named(tmp_path):
    def zipped(name: str, content: bytes):
        with zipfile.ZipFile(tmp_path / "pool.zip", "w") as archive:
            archive.writestr(name, content)
        return tmp_path / "pool.zip"

    with pytest.raises(WinnowError, match=r"train/eleven/a\.png is not <split>/<label>/<file>"):
        read_pool(zipped("train/eleven/a.png", b""), class_names=DIGITS)
    with pytest.raises(WinnowError, match=r"train/3/a\.bmp is not <split>/<label>/<file>\.png"):
        read_pool(zipped("train/3/a.bmp", b""), class_names=DIGITS)
    with pytest.raises(WinnowError, match=r"train/3/a\.png cannot be used"):
        read_pool(zipped("train/3/a.png", b"no picture"), class_names=DIGITS)
    with pytest.raises(WinnowError, match=r"there is no archive .*missing\.zip"):
        read_pool(tmp_path / "missing.zip", class_names=DIGITS)


def test_test_images_are_in_no_pool_and_a_test_set_holds_nothing_else(tmp_path):
    write_zip(tmp_path / "all.zip", {"train/3/a.png": _dot(0), "test/3/a.png": _dot(9)})
    with pytest.raises(WinnowError, match=r"test/3/a\.png is not .*, with train, val or label_book as the split"):
        read_pool(tmp_path / "all.zip", class_names=DIGITS)
    with pytest.raises(WinnowError, match=r"train/3/a\.png is not .*, with test as the split"):
        read_pool(tmp_path / "all.zip", class_names=DIGITS, splits=HIDDEN)


def test_two_files_of_one_name_in_a_submission_are_refused_before_any_work(tmp_path):
    write_zip(tmp_path / "pool.zip", {"train/3/a.PNG": _dot(0), "train/3/a.png": _dot(9)})
    with pytest.raises(WinnowError, match=r"train/3/a\.PNG and train/3/a\.png would both be train-3-a\.png"):
        read_pool(tmp_path / "pool.zip", class_names=DIGITS)


@pytest.mark.parametrize("kind", ["transparent", "16 bits"])
def test_a_copy_looks_as_its_original_does(kind):
    """A dark square on white, where nothing but transparency or 16 bits hold it."""
    square = np.zeros((40, 40), dtype=np.uint16)
    square[10:30, 10:30] = 1
    if kind == "transparent":
        image = Image.fromarray(np.dstack([np.zeros((40, 40, 3)), 255 * square]).astype(np.uint8))
    else:
        image = Image.fromarray((60_000 * (1 - square)).astype(np.uint16))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    unmoved = Policy(((Step("rotate", 1.0, 0.01),),), fill="border")
    packed = packed_with_copies(
        np.array(["a"]), [buffer.getvalue()], np.array([0]), np.array([np.nan]),
        per_class=2, policy=unmoved, strength=0.0, seed=0,
    )  # fmt: skip
    original, copy = shrunk(packed["image_bytes"].tolist())
    assert original.std() > 50 and np.abs(original - copy).mean() < 10


def test_originals_keep_their_bytes_and_copies_their_size(pool):
    rows = pool[pool["split"] == "train"]
    policy = Policy(((Step("rotate", 1.0, 0.5),),), fill="border")
    ids, labels = rows["image_id"].to_numpy(), rows["label"].to_numpy()
    options = {"per_class": 10, "policy": policy, "strength": 0.0, "seed": 0}
    packed = packed_with_copies(ids, rows["image_bytes"].tolist(), labels, np.full(len(ids), np.nan), **options)
    assert (packed.groupby("label").size() == 10).all() and packed["name"].is_unique
    source = rows.set_index("image_id")["image_bytes"]
    originals = packed[packed["technique"] == ""]
    assert (originals["image_bytes"] == source[originals["image_id"]].to_numpy()).all() and len(originals) == 60
    for copy in packed[packed["technique"] != ""].itertuples():
        image, original = (Image.open(io.BytesIO(content)) for content in (copy.image_bytes, source[copy.image_id]))
        assert image.format == "PNG" and image.mode == "L" and image.size == original.size
        assert copy.image_bytes != source[copy.image_id]
    again = packed_with_copies(ids, rows["image_bytes"].tolist(), labels, np.full(len(ids), np.nan), **options)
    assert again["image_bytes"].tolist() == packed["image_bytes"].tolist()


def test_a_copy_s_levels_become_the_nearest_ones_of_its_original():
    original = np.zeros((1, 3, 3), dtype=np.uint8)
    original[0, :, 0] = [0, 64, 255]
    original[0, :, 1] = [10, 10, 30]
    copy = np.zeros((2, 2, 3), dtype=np.uint8)
    copy[..., 0] = [[31, 32], [33, 160]]  # 32 is as near to 0 as to 64
    copy[..., 1] = [[0, 20], [21, 255]]
    copy[..., 2] = 7
    found = with_levels_of(original, copy)
    assert found.dtype == np.uint8
    assert found[..., 0].tolist() == [[0, 0], [64, 255]] and found[..., 1].tolist() == [[10, 10], [30, 30]]
    assert (found[..., 2] == 0).all()


def test_turned_copies_have_the_levels_of_their_originals_where_that_is_asked_for(pool):
    rows = pool[pool["split"] == "train"]
    policy = Policy(((Step("rotate", 1.0, 0.5),),), fill="border")
    sets = [rows["image_id"].to_numpy(), rows["image_bytes"].tolist(), rows["label"].to_numpy(), np.full(60, np.nan)]
    options = {"per_class": 10, "policy": policy, "strength": 0.0, "seed": 0}
    blended, brought_back = (
        packed_with_copies(*sets, **options, original_levels=original_levels) for original_levels in (False, True)
    )
    is_copy = (blended["technique"] != "").to_numpy()
    levels = [
        [set(np.unique(np.asarray(Image.open(io.BytesIO(content))))) for content in packed["image_bytes"][is_copy]]
        for packed in (blended, brought_back)
    ]
    assert max(map(len, levels[0])) > 50 and all(found <= {0, 255} for found in levels[1])
    assert blended[~is_copy].equals(brought_back[~is_copy]) and blended["name"].equals(brought_back["name"])


def test_hard_images_get_more_copies_than_easy_ones(pool):
    rows = pool[(pool["split"] == "train") & (pool["label"] == pool["label"].iloc[0])].iloc[:4]
    policy = Policy(((Step("rotate", 1.0, 0.5),),), fill="border")
    packed = packed_with_copies(
        rows["image_id"].to_numpy(), rows["image_bytes"].tolist(), np.zeros(4, dtype=int),
        np.array([0.1, 0.3, 0.2, np.nan]), per_class=4 + 12, policy=policy, strength=2.0, seed=0,
    )  # fmt: skip
    copies = packed[packed["technique"] != ""].groupby("image_id").size().reindex(rows["image_id"])
    # Weights 1, 3, 2 and 1: 12 copies in proportion, 1.7, 5.1, 3.4 and 1.7.
    assert copies.tolist() == [2, 5, 3, 2]


def test_pictures_of_all_sizes_are_shrunk_to_what_the_network_sees(pool):
    seen = shrunk(pool["image_bytes"].tolist()[:5])
    assert seen.shape == (5, 32, 32, 3) and seen.dtype == np.float32 and seen.min() >= 0 and seen.max() <= 255


def _dot(level: int, *, compress_level: int = 6) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), level, dtype=np.uint8)).save(buffer, "PNG", compress_level=compress_level)
    return buffer.getvalue()


def test_as_many_of_each_class_are_drawn_whichever_order_they_come_in():
    labels, names = np.array([0, 1] * 6), ("cat", "dog")
    files = [_dot(20 * number) for number in range(12)]
    drawn = drawn_of_each_class(files, labels, 2, class_names=names)
    assert np.bincount(labels[drawn]).tolist() == [2, 2]
    assert (drawn_of_each_class(files[::-1], labels[::-1], 2, class_names=names)[::-1] == drawn).all()


def test_equal_pictures_are_drawn_together_and_count_as_one():
    """Picture 20 is there twice in its class, where its digest is first, written in two ways, and once in the other."""
    levels = np.array([20, 20, 0, 40, 20, 60, 80, 100])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    files = [_dot(level, compress_level=9 * (row == 1)) for row, level in enumerate(levels)]
    assert files[0] != files[1]
    for count in (1, 2):
        drawn = drawn_of_each_class(files, labels, count, class_names=("cat", "dog"))
        assert drawn[[0, 1, 4]].all() and not set(levels[drawn]) & set(levels[~drawn])
        assert len(set(levels[drawn & (labels == 0)])) == count


@pytest.mark.parametrize(
    ("labels", "count", "words"),
    [
        ([0, 0, 0, 1, 1, 1], 3, "is 3, and so no image of the class cat, which has 3 different ones, is left"),
        ([0, 0, 0, 0, 0, 0], 1, "the class dog, which has 0 different ones"),
        ([], 1, "the class cat, which has 0 different ones"),
    ],
)
def test_a_class_with_too_few_pictures_is_named(labels, count, words):
    files = [_dot(20 * number) for number in range(len(labels))]
    with pytest.raises(WinnowError, match=words):
        drawn_of_each_class(files, np.array(labels, dtype=int), count, class_names=("cat", "dog"))


def test_no_class_is_emptied_by_what_another_class_draws():
    """The cat's second picture is the dog's first, so both of the cat's validate."""
    first, second, third, fourth = sorted(
        (_dot(20 * number) for number in range(4)), key=lambda file: pixel_digest(Image.open(io.BytesIO(file)))
    )
    files, labels = [first, second, second, third, fourth], np.array([0, 0, 1, 1, 1])
    with pytest.raises(WinnowError, match="no image of the class cat, which has 2 different ones, is left to train on"):
        drawn_of_each_class(files, labels, 1, class_names=("cat", "dog"))


def test_validation_images_are_drawn_from_what_is_kept_of_both_splits(pool):
    images = pool[pool["split"] != "label_book"]
    decided = images[["image_id", "label"]].assign(
        final_label=np.where(np.arange(len(images)) % 10 == 3, -1, images["label"]),
        neighbour_label=-1,
        neighbour_agreement=0.0,
        neighbour_distance=np.nan,
    )
    options = {"class_names": DIGITS, "policy": Policy(()), "per_class": 9, "strength": 0.0, "seed": 0}
    released, drawn = (arms(pool, decided, **options, validation_per_class=count) for count in (None, 2))
    kept = set(released["cleaned", "training"]["name"]) | set(released["cleaned", "validation"]["name"])
    assert len(kept) == (decided["final_label"] >= 0).sum()
    training, validation = (set(drawn["cleaned", part]["name"]) for part in ("training", "validation"))
    assert training | validation == kept and not training & validation
    assert drawn["cleaned", "validation"]["label"].value_counts().unique().tolist() == [2]
    assert {name.split("-")[0] for name in validation} == {"train", "val"}
    for part in ("training", "validation"):
        assert drawn["raw", part].equals(released["raw", part])


def test_the_cleaned_arm_has_the_labels_of_the_last_round_and_the_raw_one_those_given(pool):
    images = pool[pool["split"] != "label_book"]
    moved = images["image_id"].iloc[0]
    final = np.where(images["image_id"] == moved, (images["label"] + 1) % 10, images["label"])
    decided = images[["image_id", "label"]].assign(
        final_label=final, neighbour_label=-1, neighbour_agreement=0.0, neighbour_distance=np.nan
    )
    options = {"class_names": DIGITS, "policy": Policy(()), "per_class": 9, "strength": 0.0, "seed": 0}
    sets = arms(pool, decided, **options)
    given = images["label"].iloc[0]
    name = moved.removesuffix(".png").replace("/", "-")
    labels = {arm: sets[arm, "training"].set_index("name")["label"] for arm in ("raw", "cleaned")}
    assert labels["raw"][name] == given and labels["cleaned"][name] == (given + 1) % 10
    assert (labels["raw"].drop(name) == labels["cleaned"].drop(name)).all()


def test_copies_of_validation_images_help_to_choose_the_epoch_and_none_is_trained_on(pool):
    images = pool[pool["split"] != "label_book"]
    decided = images[["image_id", "label"]].assign(
        final_label=images["label"], neighbour_label=-1, neighbour_agreement=0.0, neighbour_distance=np.nan
    )
    turned = Policy(((Step("rotate", 1.0, 0.5),),), fill="border")
    options = {"class_names": DIGITS, "per_class": 9, "strength": 0.0, "seed": 0, "validation_per_class": 2}
    sets = arms(pool, decided, **options, policy=turned, validation_with_copies=8)
    training, validation = (sets["cleaned", part] for part in ("training", "validation"))
    assert validation["label"].value_counts().unique().tolist() == [8]
    assert (validation["technique"] == "").sum() == 20 and not set(validation["image_id"]) & set(training["image_id"])
    assert not set(validation["image_bytes"]) & set(training["image_bytes"])
    for more in ({"policy": turned}, {"policy": Policy(()), "validation_with_copies": 8}):
        assert (arms(pool, decided, **options, **more)["cleaned", "validation"]["technique"] == "").all()
