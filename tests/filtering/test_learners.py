"""What learns from what is kept: as many steps whatever that is, finished trainings kept over a kill, and it learns."""

import numpy as np
import pandas as pd
import pytest
import torchvision
from PIL import Image, ImageDraw

from winnow.errors import WinnowError
from winnow.filtering.learners import detector, network
from winnow.filtering.learners.average_precision import Boxes
from winnow.filtering.learners.detector import Described, boxes_of, described, detector_learner, judged, load_backbone
from winnow.filtering.learners.detector import trained as trained_detector
from winnow.filtering.learners.learner import Finished, Judged, OneByOne, passes
from winnow.filtering.learners.network import accuracy, network_learner, trained


def nothing(advance, note=""):
    pass


@pytest.mark.parametrize("count", [1, 3, 40])
def test_every_image_comes_before_any_comes_again(count):
    batches = passes(count, steps=7, batch_size=4, seed=0)
    assert [len(batch) for batch in batches] == [4] * 7
    times = np.bincount(np.concatenate(batches), minlength=count)
    assert times.max() - times.min() <= 1


def test_a_killed_run_trains_what_is_not_finished_and_gives_the_same(tmp_path):
    trained_for, fails_at = [], [2]

    def train(kept, asked, seed, report):
        if len(trained_for) == fails_at[0]:
            raise KeyboardInterrupt
        trained_for.append(kept.tolist())
        return Judged(1 / len(kept), len(asked), None, {"part": 0.5})

    def learner(steps):
        return OneByOne("network", train, Finished(tmp_path / "trained.json", {"steps": steps}, {"a": np.arange(3)}))

    pool, asked = np.array([3, 5, 7, 9]), np.array([1, 2])
    choices = [np.arange(4), np.array([2, 0]), np.array([1])]
    with pytest.raises(KeyboardInterrupt):
        learner(10).judged(pool, choices, asked, seed=0, report=nothing)
    fails_at[0] = None
    told = []
    found = learner(10).judged(pool, choices, asked, seed=0, report=lambda advance, note="": told.append(advance))
    assert trained_for == [[3, 5, 7, 9], [3, 7], [5]] and sum(told) == 3
    assert [one.score for one in found] == [0.25, 0.5, 1.0] and found[1] == Judged(0.5, 2, None, {"part": 0.5})
    for steps, seed, others in ((11, 0, asked), (10, 1, asked), (10, 0, asked[:1])):
        before = len(trained_for)
        learner(steps).judged(pool, choices[:1], others, seed=seed, report=nothing)
        assert len(trained_for) == before + 1  # another training


def trainings_of(monkeypatch, module):
    """The steps of every training that is run from now on, none of which takes time."""
    steps = []
    monkeypatch.setattr(module, "trained", lambda *arguments, **options: steps.append(options["steps"]))
    return steps


def test_a_network_is_trained_again_for_other_steps_pixels_or_labels_alone(tmp_path, monkeypatch):
    steps = trainings_of(monkeypatch, network)
    monkeypatch.setattr(network, "accuracy", lambda *arguments: 0.5)
    pixels, labels = coloured(8, 0)

    def compare(pixels, labels, steps):
        learner = network_learner(pixels, labels, steps=steps, file=tmp_path / "trained.json")
        return learner.judged(np.arange(6), [np.arange(6)], np.arange(6, 8), seed=0, report=nothing)

    others = pixels.copy()
    others[-1, 0, 0, 0] ^= 1  # of an image that is asked about
    for known, arguments in enumerate(
        [(pixels, labels, 5), (pixels, labels, 6), (others, labels, 5), (pixels, labels[::-1], 5)]
    ):
        for _ in range(2):
            assert compare(*arguments) == [Judged(0.5, 2)]
            assert len(steps) == known + 1
    assert steps == [5, 6, 5, 5]


def test_a_detector_is_trained_again_for_other_steps_boxes_maps_or_torchvision_alone(tmp_path, monkeypatch):
    steps = trainings_of(monkeypatch, detector)
    monkeypatch.setattr(detector, "judged", lambda network, images, asked: Judged(0.5, len(asked)))
    maps = np.zeros((4, 2, 96, 2, 2), dtype=np.float16)
    place, classes = np.array([[0.1, 0.1, 0.6, 0.6]]), np.array([0])
    one, moved, none = Boxes(place, classes), Boxes(place + 0.1, classes), Boxes(np.zeros((0, 4)), classes[:0])

    def compare(boxes, steps, side=32):
        learner = detector_learner(
            Described(maps, boxes), steps=steps, file=tmp_path / "trained.json", settings={"side": side}
        )
        return learner.judged(np.arange(3), [np.arange(3)], np.arange(3, 4), seed=0, report=nothing)

    cases = [
        ([one, one, none, one], 5),
        ([one, one, none, one], 6),
        ([one, one, none, moved], 5),
        ([one, Boxes(place, classes + 1), none, one], 5),
        ([one, none, one, one], 5),  # the same boxes of other images
        ([one, one, none, one], 5, 48),
    ]
    for known, arguments in enumerate(cases):
        for _ in range(2):
            assert compare(*arguments) == [Judged(0.5, 1)]
            assert len(steps) == known + 1
    assert steps == [5, 6, 5, 5, 5, 5]
    monkeypatch.setattr(torchvision, "__version__", "another")
    compare(*cases[0])
    assert len(steps) == len(cases) + 1


def test_a_detectors_loss_that_is_not_finite_is_one_sentence(monkeypatch):
    rng = np.random.default_rng(0)
    boxes = [Boxes(np.array([[0.1, 0.1, 0.6, 0.6]]), np.array([0]))] * 4
    images = Described(rng.normal(size=(4, 2, 96, 4, 4)).astype(np.float16), boxes)
    trained_detector(images, np.arange(4), steps=3, seed=0, report=nothing)
    monkeypatch.setattr(detector, "_PEAK", 1e30)
    words = r"train: the loss is not finite after step \d+; look at the boxes of the images that were kept\."
    with pytest.raises(WinnowError, match=words):
        trained_detector(images, np.arange(4), steps=20, seed=0, report=nothing)


def coloured(count, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    pixels = rng.integers(0, 90, size=(count, 16, 16, 3))
    pixels[np.arange(count), :, :, labels] += 120
    return pixels.astype(np.uint8), labels


def test_a_network_learns_colours_and_the_same_seed_gives_the_same(tmp_path):
    pixels, labels = coloured(90, 0)
    learner = network_learner(pixels, labels, steps=25, file=tmp_path / "trained.json")
    pool, asked = np.arange(60), np.arange(60, 90)
    whole, few = learner.judged(pool, [np.arange(60), np.arange(6)], asked, seed=0, report=nothing)
    assert whole.score > 0.9 and whole.asked == 30 and whole.error is None and few.score > 1 / 3
    options = {"num_classes": 3, "steps": 25, "seed": 0}
    again = [accuracy(trained(pixels[:60], labels[:60], **options), pixels[60:], labels[60:]) for _ in range(2)]
    assert again == [whole.score] * 2
    untrained = accuracy(trained(pixels[:60], labels[:60], **options | {"steps": 1}), pixels[60:], labels[60:])
    assert untrained < whole.score


def with_a_square(count, seed):
    """Grey images of 96 x 64, each with one bright square, and the table of boxes."""
    rng = np.random.default_rng(seed)
    images, rows = [], []
    for number in range(count):
        left, top, side = rng.integers(2, 56), rng.integers(2, 24), rng.integers(28, 38)
        image = Image.new("RGB", (96, 64), (40, 40, 40))
        ImageDraw.Draw(image).rectangle((left, top, left + side - 1, top + side - 1), fill=(250, 200, 30))
        images.append(image)
        rows.append((str(number), "square", left / 96, top / 64, (left + side) / 96, (top + side) / 64))
    return images, pd.DataFrame(rows, columns=["image_id", "class_name", "x0", "y0", "x1", "y1"])


def test_a_detector_learns_squares_from_boxes(tmp_path):
    images, table = with_a_square(40, 0)
    ids = [str(number) for number in range(40)]
    found = described(
        load_backbone("untrained"),
        ids,
        lambda start: zip(ids[start:], images[start:], strict=True),
        boxes_of(ids, table, ["square"]),
        size=(64, 96),
        file=tmp_path / "maps.npy",
    )
    assert found.maps.shape == (40, 2, 96, 4, 6) and found.size == (64, 96) and found.num_classes == 1
    kept, asked = np.arange(30), np.arange(30, 40)
    late, early = (
        judged(trained_detector(found, kept, steps=steps, seed=0, report=nothing), found, asked) for steps in (100, 1)
    )
    assert late.parts["map50"] > 0.4 > early.parts["map50"] and late.asked == 10
    assert late.score == pytest.approx(0.1 * late.parts["map50"] + 0.9 * late.parts["map50_95"])
    assert 0 < late.error < 0.3


def test_boxes_of_a_mirrored_image_are_mirrored(monkeypatch):
    boxes = [Boxes(np.array([[0.125, 0.25, 0.5, 1.0]]), np.array([0]))] * 4
    images = Described(np.zeros((4, 2, 96, 4, 8), dtype=np.float16), boxes)
    images.maps[:, 1] = 1  # what tells an image's mirror image
    seen, heads = set(), detector._heads

    def watched(network, maps, size, targets):
        for part, target in zip(maps, targets, strict=True):
            seen.add((float(part.max()), *target["boxes"][0].tolist()))
        return heads(network, maps, size, targets)

    monkeypatch.setattr(detector, "_heads", watched)
    trained_detector(images, np.arange(4), steps=4, seed=0, report=nothing)
    assert seen == {(0.0, 16.0, 16.0, 64.0, 64.0), (1.0, 64.0, 16.0, 112.0, 64.0)}


def test_boxes_of_images_that_have_none_and_of_classes_that_are_not_asked_for():
    table = pd.DataFrame(
        [("b", "cat", 0.0, 0.0, 0.5, 0.5), ("b", "dog", 0.1, 0.2, 0.3, 0.4), ("c", "cow", 0.0, 0.0, 1.0, 1.0)],
        columns=["image_id", "class_name", "x0", "y0", "x1", "y1"],
    )
    a, b, c = boxes_of(["a", "b", "c"], table, ["cat", "dog"])
    assert a.corners.shape == (0, 4) == c.corners.shape and b.classes.tolist() == [0, 1]
    np.testing.assert_allclose(b.corners[1], [0.1, 0.2, 0.3, 0.4])


def test_missing_weights_are_one_sentence():
    with pytest.raises(WinnowError, match=r"the weights nowhere\.safetensors do not exist; put the file there"):
        load_backbone("nowhere.safetensors")
