"""The competition's form and rules: what is written passes, and each fault is caught by its rule."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from winnow.data.pixel_digest import pixel_digest
from winnow.data.writers import write_sets
from winnow.submission.competition import CLASS_NAMES, graded_count, lint_competition

RULES = ["folders", "no-stray-files", "classes", "count", "png", "grey", "leak", "reference"]


def png(level: int, *, mode: str = "L") -> bytes:
    pixels = np.full((9, 7), 255, dtype=np.uint8)
    pixels[level // 7 % 9, level % 7] = level % 200
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def packed(images: range) -> pd.DataFrame:
    names = [f"img_{image:03d}" for image in images]
    columns = {"name": names, "image_id": names, "technique": "", "label": [image % 10 for image in images]}
    return pd.DataFrame({**columns, "image_bytes": pd.Series([png(image) for image in images], dtype=object)})


@pytest.fixture
def submission(tmp_path) -> Path:
    folder = tmp_path / "submission"
    sets = {"training": packed(range(40)), "validation": packed(range(40, 60))}
    write_sets(folder, sets, name="owls", class_names=CLASS_NAMES, form="imagefolder")
    return folder


def broken(folder: Path, **options) -> dict[str, str]:
    findings = lint_competition(folder, **options)
    assert [finding.rule for finding in findings] == RULES
    return {finding.rule: " ".join([finding.detail, *finding.examples]) for finding in findings if not finding.ok}


def test_what_is_written_holds_to_every_rule(submission):
    assert broken(submission) == {}
    assert (submission / "train/viii/img_007.png").read_bytes() == png(7)
    assert sorted(path.name for path in (submission / "val").iterdir()) == sorted(CLASS_NAMES)


def test_a_second_submission_replaces_the_first_whole(submission):
    sets = {"training": packed(range(10)), "validation": packed(range(40, 50))}
    write_sets(submission, sets, name="owls", class_names=CLASS_NAMES, form="imagefolder")
    assert len(list(submission.rglob("*.png"))) == 20


def test_the_grader_counts_whole_batches():
    assert graded_count(9_992, 8) == 10_000
    assert graded_count(9_993, 1) == 10_008  # 9,994 images
    assert graded_count(9_985, 9) == 10_008
    assert graded_count(2_067, 813) == 2_072 + 816
    assert graded_count(1, 1) == 16 and graded_count(0, 0) == 0


def test_classes_are_in_the_grader_s_order():
    assert CLASS_NAMES.index("ix") == 8 and sorted(CLASS_NAMES).index("ix") == 4


def test_one_image_too_many_by_the_grader_s_count_is_refused(submission, monkeypatch):
    monkeypatch.setattr("winnow.submission.competition.MOST_IMAGES", 64)
    assert broken(submission) == {}  # 40 + 24
    (submission / "val/i/more.png").write_bytes(png(100))
    (submission / "train/i/more.png").write_bytes(png(101))
    assert set(broken(submission)) == {"count"}
    assert "41 + 21 images, which the grader counts as 72 of 64" in broken(submission)["count"]


def test_each_fault_is_found_by_its_rule(submission):
    (submission / "notes.txt").write_text("")
    assert set(broken(submission)) == {"no-stray-files"}
    (submission / "notes.txt").unlink()
    (submission / "train/xi").mkdir()
    assert "train/xi is no class" in broken(submission)["classes"]
    (submission / "train/xi").rmdir()
    (submission / "val/i/cut.png").write_bytes(png(3)[:40])
    assert set(broken(submission)) == {"png"}
    Image.new("RGB", (5, 5), "red").save(submission / "val/i/cut.png")
    assert set(broken(submission)) == {"grey"}
    (submission / "val/i/cut.png").write_bytes(png(0, mode="RGB"))
    assert "val/i/cut.png" in broken(submission)["leak"]
    (submission / "val/i/cut.png").unlink()
    reference = pixel_digest(Image.open(io.BytesIO(png(45))))
    assert "val/vi/img_045.png" in broken(submission, reference={reference})["reference"]


def test_whatever_is_there_gives_findings(tmp_path):
    assert set(broken(tmp_path / "nothing")) == {"folders", "count"}
    (tmp_path / "train").write_text("a file")
    assert "train" in broken(tmp_path)["folders"]
