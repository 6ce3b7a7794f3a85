"""The linter against a submission broken in every way that it knows: each fault is caught by precisely its rule."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from winnow.data.manifest import Manifest, load_dataset
from winnow.submission.lint import Finding, lint_submission
from winnow.submission.names import parse_name

SIZE = 32
CLASSES = 3
TRAINING, VALIDATION = "owls-training-set", "owls-validation-set"
RULES = [
    *("folders", "no-stray-files", "labels-readable", "files-labelled", "one-hot-labels", "names", "sources"),
    *("training-count", "training-classes", "validation-count", "validation-classes"),
    *("images-decode", "original-bytes", "validation-sources", "validation-exact", "validation-near"),
]


def _pixels(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def _encoded(pixels: np.ndarray, *, form: str = "JPEG", quality: int = 95) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **({"quality": quality} if form == "JPEG" else {}))
    return buffer.getvalue()


def _write_set(folder: Path, images: dict[str, bytes], labels: dict[str, list[int]]) -> None:
    (folder / "imgs").mkdir(parents=True)
    for name, content in images.items():
        (folder / "imgs" / f"{name}.jpg").write_bytes(content)
    (folder / "data-labels.json").write_text(json.dumps(labels))


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """36 images of 3 classes; img_20 is the twin of img_00, img_09 must be repaired."""
    folder = tmp_path_factory.mktemp("original") / "noisy-train-set"
    images = {f"img_{row:02d}": _encoded(_pixels(row)) for row in range(36)}
    images["img_20"] = images["img_00"]
    images["img_09"] = _encoded(np.asarray(Image.fromarray(_pixels(9)).resize((50, 40))))
    _write_set(folder, images, {name: np.eye(CLASSES, dtype=int)[int(name[4:]) % CLASSES].tolist() for name in images})
    return folder


@pytest.fixture(scope="module")
def original(archive) -> Manifest:
    return load_dataset(archive, class_names=[], split=None, image_size=SIZE, max_unpacked_bytes=2**30)


@pytest.fixture(scope="module")
def good(tmp_path_factory, original) -> Path:
    """Training: img_00 to img_11 with copies of four of them. Validation: img_24 to img_35."""
    folder = tmp_path_factory.mktemp("good")
    content = dict(zip(original.images["image_id"], original.images["image_bytes"], strict=True))
    label = dict(zip(original.manifest["image_id"], original.manifest["label"], strict=True))
    training = {f"img_{row:02d}": content[f"img_{row:02d}"] for row in range(12)}
    validation = {f"img_{row:02d}": content[f"img_{row:02d}"] for row in range(24, 36)}
    for row, technique in enumerate(("flip", "crop-1", "crop-2", "color-jitter-1")):
        training[f"img_{row:02d}_{technique}"] = _encoded(np.ascontiguousarray(_pixels(row)[:, ::-1]), quality=90)
    # A copy may stand without its source.
    training["img_15_flip"] = _encoded(np.ascontiguousarray(_pixels(15)[:, ::-1]))
    for name, images in ((TRAINING, training), (VALIDATION, validation)):
        _write_set(folder / name, images, {key: np.eye(CLASSES, dtype=int)[label[key[:6]]].tolist() for key in images})
    return folder


@pytest.fixture
def submission(tmp_path, good) -> Path:
    return Path(shutil.copytree(good, tmp_path / "submission"))


def _lint(submission: Path, original: Manifest, **options) -> list[Finding]:
    return lint_submission(
        submission, original, **({"budget": 50, "class_count": CLASSES, "image_size": SIZE} | options)
    )


def _broken(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings if finding.ok is False}


def _edit_labels(part: Path, change: Callable[[dict], None]) -> None:
    labels = json.loads((part / "data-labels.json").read_text())
    change(labels)
    (part / "data-labels.json").write_text(json.dumps(labels))


def _add(part: Path, name: str, content: bytes, label: int = 0) -> None:
    (part / "imgs" / f"{name}.jpg").write_bytes(content)
    _edit_labels(part, lambda labels: labels.update({name: np.eye(CLASSES, dtype=int)[label].tolist()}))


def _remove(part: Path, name: str) -> None:
    (part / "imgs" / f"{name}.jpg").unlink()
    _edit_labels(part, lambda labels: labels.pop(name))


def _rename(part: Path, old: str, new: str) -> None:
    (part / "imgs" / f"{old}.jpg").rename(part / "imgs" / f"{new}.jpg")
    _edit_labels(part, lambda labels: labels.update({new: labels.pop(old)}))


def test_a_good_submission_keeps_every_rule(submission, original) -> None:
    findings = _lint(submission, original)
    assert [finding.rule for finding in findings] == RULES
    assert [finding for finding in findings if finding.ok is not True] == []
    detail = next(finding.detail for finding in findings if finding.rule == "original-bytes")
    assert detail == (
        "11 images without a technique are as in the original, byte for byte, and 1 as the manifest converted them"
    )


def _near_twin(seed: int) -> bytes:
    return _encoded(np.clip(_pixels(seed).astype(int) + 6, 0, 255).astype(np.uint8), quality=70)


BREAKAGES: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "two teams": ("folders", lambda s, a: (s / VALIDATION).rename(s / "bats-validation-set")),
    "no training folder": ("folders", lambda s, a: shutil.rmtree(s / TRAINING)),
    "no validation folder": ("folders", lambda s, a: shutil.rmtree(s / VALIDATION)),
    "two training folders": ("folders", lambda s, a: shutil.copytree(s / TRAINING, s / "bats-training-set")),
    "no folder at all": ("folders", lambda s, a: shutil.rmtree(s)),
    "no images folder": ("folders", lambda s, a: shutil.rmtree(s / TRAINING / "imgs")),
    "no labels file": ("folders", lambda s, a: (s / VALIDATION / "data-labels.json").unlink()),
    "stray file beside the sets": ("no-stray-files", lambda s, a: (s / ".DS_Store").write_text("x")),
    "stray folder beside the sets": ("no-stray-files", lambda s, a: (s / "old").mkdir()),
    "stray file in a set": ("no-stray-files", lambda s, a: (s / TRAINING / "notes.txt").write_text("x")),
    "stray file among images": ("no-stray-files", lambda s, a: (s / VALIDATION / "imgs/Thumbs.db").write_text("x")),
    "folder among images": ("no-stray-files", lambda s, a: (s / TRAINING / "imgs/more").mkdir()),
    "labels cut off": (
        "labels-readable",
        lambda s, a: (s / TRAINING / "data-labels.json").write_text('{"img_00": [1,'),
    ),
    "labels not UTF-8": (
        "labels-readable",
        lambda s, a: (s / TRAINING / "data-labels.json").write_bytes(b'{"\xff": 1}'),
    ),
    "labels a list": ("labels-readable", lambda s, a: (s / VALIDATION / "data-labels.json").write_text("[1, 2]")),
    "labels too deep": ("labels-readable", lambda s, a: (s / TRAINING / "data-labels.json").write_text("[" * 200_000)),
    "labels repeated": (
        "labels-readable",
        lambda s, a: (s / TRAINING / "data-labels.json").write_text('{"img_00": [1, 0, 0], "img_00": [1, 0, 0]}'),
    ),
    "file without a label": ("files-labelled", lambda s, a: _edit_labels(s / TRAINING, lambda d: d.pop("img_03"))),
    "label without a file": (
        "files-labelled",
        lambda s, a: _edit_labels(s / VALIDATION, lambda d: d.update({"img_99": [1, 0, 0]})),
    ),
    "labels with .jpg": (
        "files-labelled",
        lambda s, a: _edit_labels(s / TRAINING, lambda d: d.update({"img_03.jpg": d.pop("img_03")})),
    ),
    **{
        f"label {value!r}": (
            "one-hot-labels",
            lambda s, a, v=value: _edit_labels(s / TRAINING, lambda d: d.update(img_03=v)),
        )
        for value in (
            [1, 1, 0],
            [0, 0, 0],
            [1, 0],
            [1, 0, 0, 0],
            [0.5, 0.5, 0],
            [2, -1, 0],
            1,
            None,
            "100",
            ["1", 0, 0],
            [True, 0, 0],
        )
    },
    "name without img": ("names", lambda s, a: _rename(s / TRAINING, "img_00_flip", "00_flip")),
    "technique in capitals": ("names", lambda s, a: _rename(s / TRAINING, "img_00_flip", "img_00_Flip")),
    "empty technique": ("names", lambda s, a: _rename(s / TRAINING, "img_00_flip", "img_00_")),
    "another suffix": (
        "names",
        lambda s, a: (s / VALIDATION / "imgs/img_24.jpg").rename(s / VALIDATION / "imgs/img_24.jpeg"),
    ),
    "copy of nothing": ("sources", lambda s, a: _rename(s / TRAINING, "img_00_flip", "img_99_flip")),
    "outside image": ("sources", lambda s, a: _add(s / TRAINING, "img_outside", _encoded(_pixels(99)))),
    "no training image": (
        "training-count",
        lambda s, a: [_remove(s / TRAINING, path.stem) for path in list((s / TRAINING / "imgs").iterdir())],
    ),
    "training lacks a class": (
        "training-classes",
        lambda s, a: [
            _remove(s / TRAINING, path.stem)
            for path in list((s / TRAINING / "imgs").iterdir())
            if int(path.name[4:6]) % CLASSES == 2
        ],
    ),
    "validation too small": (
        "validation-count",
        lambda s, a: [_remove(s / VALIDATION, name) for name in ("img_24", "img_25", "img_26")],
    ),
    "validation too large": (
        "validation-count",
        lambda s, a: (
            [
                (s / VALIDATION / f"imgs/img_new{row}.jpg").write_bytes(
                    _encoded(np.full((SIZE, SIZE, 3), row % 255, np.uint8))
                )
                for row in range(989)
            ]
            and _edit_labels(s / VALIDATION, lambda d: d.update({f"img_new{row}": [1, 0, 0] for row in range(989)}))
        ),
    ),
    "validation lacks a class": (
        "validation-classes",
        lambda s, a: _edit_labels(
            s / VALIDATION, lambda d: d.update({key: [1, 0, 0] for key, value in d.items() if value[2] == 1})
        ),
    ),
    "image cut off": (
        "images-decode",
        lambda s, a: (s / TRAINING / "imgs/img_03.jpg").write_bytes(_encoded(_pixels(3))[:-200]),
    ),
    "no image": ("images-decode", lambda s, a: (s / VALIDATION / "imgs/img_24.jpg").write_bytes(b"nothing")),
    "empty file": ("images-decode", lambda s, a: (s / VALIDATION / "imgs/img_24.jpg").write_bytes(b"")),
    "PNG by content": (
        "images-decode",
        lambda s, a: (s / TRAINING / "imgs/img_03.jpg").write_bytes(_encoded(_pixels(3), form="PNG")),
    ),
    "grey image": (
        "images-decode",
        lambda s, a: (s / TRAINING / "imgs/img_03.jpg").write_bytes(_encoded(_pixels(3)[..., 0])),
    ),
    "wrong size": (
        "images-decode",
        lambda s, a: (s / TRAINING / "imgs/img_00_flip.jpg").write_bytes(_encoded(_pixels(0)[:-1])),
    ),
    "original encoded again": (
        "original-bytes",
        lambda s, a: (s / TRAINING / "imgs/img_03.jpg").write_bytes(_encoded(_pixels(3), quality=94)),
    ),
    "original swapped": (
        "original-bytes",
        lambda s, a: (s / TRAINING / "imgs/img_03.jpg").write_bytes((a / "imgs/img_04.jpg").read_bytes()),
    ),
    "validation image in training": (
        "validation-sources",
        lambda s, a: _add(s / TRAINING, "img_24", (a / "imgs/img_24.jpg").read_bytes()),
    ),
    "copy of a validation image in training": (
        "validation-sources",
        lambda s, a: _add(s / TRAINING, "img_25_rotation", _encoded(np.rot90(_pixels(25)))),
    ),
    "copy of a training image in validation": (
        "validation-sources",
        lambda s, a: _add(s / VALIDATION, "img_03_flip", _encoded(_pixels(3)[:, ::-1])),
    ),
    "twin of a training image": (
        "validation-exact",
        lambda s, a: _add(s / VALIDATION, "img_20", (a / "imgs/img_20.jpg").read_bytes()),
    ),
    "renamed training image": (
        "validation-exact",
        lambda s, a: _add(s / VALIDATION, "img_new", (a / "imgs/img_05.jpg").read_bytes()),
    ),
    "near duplicate of a training image": (
        "validation-near",
        lambda s, a: _add(s / VALIDATION, "img_new", _near_twin(5)),
    ),
    "near duplicate of the source of a copy": (
        "validation-near",
        lambda s, a: _add(s / VALIDATION, "img_new", _near_twin(15)),
    ),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_each_fault_is_caught_by_precisely_its_rule(breakage, submission, archive, original) -> None:
    rule, change = BREAKAGES[breakage]
    change(submission, archive)
    findings = _lint(submission, original)
    assert [finding.rule for finding in findings] == RULES
    assert _broken(findings) == {rule}
    finding = next(finding for finding in findings if finding.rule == rule)
    assert finding.detail
    assert len(finding.examples) <= 3


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {rule for rule, _ in BREAKAGES.values()} == set(RULES)


def test_the_budget_counts_and_never_exceeds_the_course_s(submission, original) -> None:
    count = len(list((submission / TRAINING / "imgs").iterdir()))
    assert _broken(_lint(submission, original, budget=count)) == set()
    assert _broken(_lint(submission, original, budget=count - 1)) == {"training-count"}
    findings = _lint(submission, original, budget=10**9)
    assert "50,000" in next(finding.detail for finding in findings if finding.rule == "training-count")


def test_what_cannot_be_checked_is_said_not_passed(submission, original) -> None:
    (submission / TRAINING / "data-labels.json").write_text("{")
    verdicts = {finding.rule: finding.ok for finding in _lint(submission, original)}
    assert verdicts["labels-readable"] is False
    for rule in ("files-labelled", "one-hot-labels", "training-classes"):
        assert verdicts[rule] is None
    assert verdicts["images-decode"] is True

    shutil.rmtree(submission)
    verdicts = {finding.rule: finding.ok for finding in _lint(submission, original)}
    assert verdicts.pop("folders") is False
    assert verdicts.pop("no-stray-files") is True
    assert set(verdicts.values()) == {None}


def test_the_repaired_form_and_the_bytes_as_they_came_both_count_as_original(submission, original, archive) -> None:
    repaired = (submission / TRAINING / "imgs/img_09.jpg").read_bytes()
    assert repaired != (archive / "imgs/img_09.jpg").read_bytes()
    assert original.manifest.set_index("image_id").loc["img_09", "repairs"] == "size"
    assert _broken(_lint(submission, original)) == set()


def test_examples_name_the_files(submission, original) -> None:
    for row in range(5):
        (submission / TRAINING / f"imgs/img_{row:02d}.jpg").write_bytes(b"x")
    finding = next(finding for finding in _lint(submission, original) if finding.rule == "images-decode")
    assert finding.detail.endswith(": 5")
    assert len(finding.examples) == 3
    assert finding.examples[0].startswith(f"{TRAINING}/imgs/img_00.jpg: ")


def test_a_leak_is_told_once_with_both_images(submission, original, archive) -> None:
    _add(submission / TRAINING, "img_24", (archive / "imgs/img_24.jpg").read_bytes())
    _add(submission / TRAINING, "img_24_crop", _encoded(_pixels(24)))
    findings = _lint(submission, original)
    assert _broken(findings) == {"validation-sources"}
    finding = next(finding for finding in findings if finding.rule == "validation-sources")
    assert finding.examples == [f"{VALIDATION}/imgs/img_24.jpg and {TRAINING}/imgs/img_24.jpg"]


def test_external_photos_are_allowed_in_validation(submission, original) -> None:
    _add(submission / VALIDATION, "img_my_own_photo", _encoded(_pixels(77)))
    assert _broken(_lint(submission, original)) == set()


def test_names_that_are_no_unicode_are_reported(submission, original) -> None:
    try:
        (submission / TRAINING / "imgs" / "img_\udcff.jpg").write_bytes(_encoded(_pixels(50)))
    except (OSError, UnicodeError):
        pytest.skip("this file system holds Unicode names only")
    findings = _lint(submission, original)
    assert {"names", "files-labelled"} <= _broken(findings)
    for finding in findings:
        "".join([finding.detail, *finding.examples]).encode("utf-8")


def test_a_folder_that_cannot_be_read_is_a_finding(submission, original, monkeypatch) -> None:
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    finding = _lint(submission, original)[0]
    assert (finding.rule, finding.ok) == ("folders", False)
    assert "Permission denied" in finding.examples[0]


def test_control_characters_in_names_never_reach_the_terminal(submission, original) -> None:
    (submission / TRAINING / "imgs" / "img_\x1b[31m.txt").write_text("x")
    finding = next(finding for finding in _lint(submission, original) if finding.rule == "no-stray-files")
    assert finding.examples == [f"{TRAINING}/imgs/img_\\x1b[31m.txt"]


@pytest.mark.parametrize(
    ("file_name", "parsed"),
    [
        ("img_a.jpg", ("img_a", "")),
        ("img_a_crop.jpg", ("img_a", "crop")),
        ("img_a_crop-2.jpg", ("img_a", "crop-2")),
        ("img_a_color-jitter-12.jpg", ("img_a", "color-jitter-12")),
        ("img_a_b.jpg", ("img_a_b", "")),  # an original whose key has an underscore
        ("img_a_b_crop.jpg", ("img_a_b", "crop")),
        ("img_new.jpg", ("img_new", "")),
        ("img_new_crop.jpg", ("img_new", "crop")),
        ("img_0f-4c.2.jpg", ("img_0f-4c.2", "")),
        ("img_a_.jpg", None),
        ("img_a_Crop.jpg", None),
        ("img_a_crop-.jpg", None),
        ("img_a.png", None),
        ("img_a", None),
        ("img_.jpg", None),
        ("a.jpg", None),
        ("img_a b.jpg", None),
        ("img_ä.jpg", None),
    ],
)
def test_names_are_parsed(file_name, parsed) -> None:
    assert parse_name(file_name, {"img_a", "img_a_b"}) == parsed
