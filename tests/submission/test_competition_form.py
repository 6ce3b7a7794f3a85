"""The competition's form and rules: what is written passes, and each fault is caught by its rule."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from archives import write_zip
from winnow.cli import app
from winnow.data.pixel_digest import pixel_digest
from winnow.data.writers import write_sets
from winnow.submission.competition import CLASS_NAMES, graded_count, lint_competition
from winnow.workspace import Workspace

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


def lint(*arguments):
    options = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, ["lint-submission", *options], env={"COLUMNS": "80", "TERM": "dumb"})


def test_the_command_knows_the_competition_s_layout(submission):
    for arguments in ((), ("--rules", "competition")):
        result = lint(submission, *arguments)
        assert result.exit_code == 0, result.output
        assert "8 of 8 rules hold." in result.output and "BROKEN" not in result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    (submission / "train/i/cut.png").write_bytes(b"no picture")
    result = lint(submission)
    assert result.exit_code == 1 and "7 of 8 rules hold." in result.output
    assert [line.split()[0] for line in result.output.splitlines() if "BROKEN" in line] == ["png"]
    assert "train/i/cut.png" in result.output


def test_the_command_checks_any_folder_by_the_rules_that_are_asked_for(submission, tmp_path):
    (tmp_path / "empty").mkdir()
    result = lint(tmp_path / "empty", "--rules", "competition")
    assert result.exit_code == 1 and "train" in result.output and "6 of 8 rules hold." in result.output
    assert lint(submission, "--rules", "course").exit_code == 2, "the course's need the archive"
    assert lint(tmp_path / "empty").exit_code == 2
    assert lint(submission, "--rules", "house").exit_code == 2


def test_the_command_takes_classes_and_label_book_from_where_it_was_made(submission, root, tmp_path):
    params = yaml.safe_load((root / "pipelines/competition/params.yaml").read_text(encoding="utf-8"))
    (tmp_path / "made-in").mkdir()
    params["competition"]["class_names"] = list(CLASS_NAMES)
    (tmp_path / "made-in/params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    missing = lint(submission, "--workspace", tmp_path / "made-in")
    assert missing.exit_code == 1 and "pool.parquet is missing" in missing.stderr and missing.stderr.count("\n") == 1
    rows = [("label_book/vi/a.png", "label_book", 5, png(45)), ("train/i/a.png", "train", 0, png(0))]
    pool = pd.DataFrame(rows, columns=["image_id", "split", "label", "image_bytes"])
    Workspace(tmp_path / "made-in").write("pool", pool)
    write_zip(tmp_path / "released.zip", {name: content for name, _, _, content in rows})
    for arguments in (("--workspace", tmp_path / "made-in"), ("--original", tmp_path / "released.zip")):
        result = lint(submission, *arguments)
        assert result.exit_code == 1 and "val/vi/img_045.png" in result.output
        assert [line.split()[0] for line in result.output.splitlines() if "BROKEN" in line] == ["reference"]
    params["competition"]["class_names"][0] = "one"
    (tmp_path / "made-in/params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    assert "train/one is missing" in lint(submission, "--workspace", tmp_path / "made-in").output


@pytest.mark.parametrize("text", [None, "data: {}", "competition: 3"])
def test_a_folder_that_is_no_workspace_of_the_competition_is_one_sentence(submission, tmp_path, text):
    (tmp_path / "other").mkdir()
    if text is not None:
        (tmp_path / "other/params.yaml").write_text(text, encoding="utf-8")
    result = lint(submission, "--workspace", tmp_path / "other")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "name a folder where pipelines/competition has run" in result.stderr
