"""The command line: exit statuses, one-sentence errors, readable answers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from winnow import tables
from winnow.cli import app
from winnow.data.manifest import load_dataset
from winnow.workspace import Workspace

SIZE = 32


def _run(*arguments: str | Path):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    """A ledger of two images, and the class names."""
    common = {
        "file_name": "set/imgs/img_17.jpg",
        "width": 64,
        "height": 64,
        "repairs": "",
        "bytes_sha256": "ab" * 32,
        "label_quality_score": 0.9123,
        "suggested_label": 1,
        "zero_shot_label_agreement": np.nan,
        "ood_score": 0.75,
        "duplicate_of": "",
        "brand_new_score": 0.5,
        "decided_by": "rule",
        "threshold": np.nan,
        "counterpart": "",
    }
    rows = [
        common
        | {"image_id": "img_17", "label": 0, "final_label": -1, "action": "drop", "split": "none"}
        | {"reason": "out of distribution [score 0.75]", "rule": "ood", "threshold": 0.5},
        common
        | {"image_id": "img_18", "label": 0, "final_label": 1, "action": "relabel", "split": "train"}
        | {"reason": "clearly a dog", "rule": "review", "decided_by": "ada", "counterpart": "img_17"}
        | {"tags": "blurry; ask ada"},
    ]
    workspace = Workspace(tmp_path)
    tables.write_parquet(pd.DataFrame(rows), workspace.path("ledger"))
    workspace.write("classes", ["cat", "dog"])
    return workspace


def test_help_answers_at_once(root) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "winnow.cli", "--help"],
        capture_output=True,
        text=True,
        cwd=root,
        env={"PYTHONPATH": "src"},
        check=True,
    )
    assert "lint-submission" in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "pandas", "pyarrow", "torch", "albumentations", "cv2", "faiss", "PIL", "pydantic"}


@pytest.mark.parametrize("module", ["winnow.curation.explain", "winnow.review.dataset", "winnow.review.whatif"])
def test_the_records_of_detectors_and_rules_load_no_detector(root, module) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        cwd=root,
        env={"PYTHONPATH": "src"},
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "winnow.curation.rules" in loaded
    assert not loaded & {"torch", "sklearn", "faiss", "cleanlab", "scipy"}


def test_no_arguments_show_the_help() -> None:
    assert "Usage" in _run().output


def test_version() -> None:
    result = _run("--version")
    assert result.exit_code == 0
    assert result.output.startswith("winnow")


def test_why_tells_the_decision_first(workspace) -> None:
    result = _run("why", "img_17", "--workspace", workspace.root)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "img_17: dropped"
    assert lines[1] == "out of distribution [score 0.75]."
    assert "the rule ood" in result.output
    assert "0 (cat)" in result.output
    told = next(line.split() for line in lines if line.lstrip().startswith("ood_score"))
    assert told[1:5] == ["0.75", "threshold", "0.5;", "probability"]
    assert "brand_new_score" in result.output, "scores that the command does not know are shown all the same"
    assert max(map(len, lines)) <= 80


def test_why_names_the_reviewer_and_the_counterpart(workspace, monkeypatch) -> None:
    monkeypatch.chdir(workspace.root)
    result = _run("why", "img_18")
    assert "img_18: relabelled\nclearly a dog." in result.output
    facts = {line[:13].strip(): line[13:].strip() for line in result.output.splitlines()}
    assert facts["decided by"] == "ada"
    assert facts["counterpart"] == "img_17"
    assert facts["tags"] == "blurry; ask ada"
    assert facts["given label"] == "0 (cat)"
    assert facts["final label"] == "1 (dog)"


@pytest.mark.parametrize(
    ("asked", "hint"), [("17", "img_17"), ("img_71", "img_17"), ("zzzzzz", "ids look like img_17")]
)
def test_why_helps_with_unknown_ids(workspace, asked, hint) -> None:
    result = _run("why", asked, "--workspace", workspace.root)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert asked in result.stderr
    assert hint in result.stderr
    assert result.stderr.count("\n") == 1


def test_why_tells_the_reason_of_a_file_that_could_not_be_used(workspace) -> None:
    rows = [("dog/trunc.jpg", "img_trunc", "unreadable", "cut off [after 12 bytes]"), ("", "img_9", "no-file", "none")]
    rejected = pd.DataFrame(rows, columns=["file_name", "image_id", "reason", "detail"])
    workspace.write("rejected", rejected)
    for asked in ("dog/trunc.jpg", "trunc.jpg", "img_trunc"):
        result = _run("why", asked, "--workspace", workspace.root)
        assert result.exit_code == 0
        assert result.output == "dog/trunc.jpg: not used\nunreadable: cut off [after 12 bytes].\n"
    assert _run("why", "img_9", "--workspace", workspace.root).output == "img_9: not used\nno-file: none.\n"


def test_why_names_the_images_that_share_a_file_name(workspace) -> None:
    ledger = workspace.table("ledger").assign(file_name=["cat/0.jpg", "dog/0.jpg"])
    tables.write_parquet(ledger, workspace.path("ledger"))
    said = _run("why", "0.jpg", "--workspace", workspace.root).stderr
    assert "2 images are called 0.jpg: cat/0.jpg, dog/0.jpg; name one by its path." in said
    rejected = pd.DataFrame(
        [("owl/0.jpg", "img_2", "unreadable", "x")], columns=["file_name", "image_id", "reason", "detail"]
    )
    workspace.write("rejected", rejected)
    assert "3 images are called 0.jpg" in _run("why", "0.jpg", "--workspace", workspace.root).stderr
    assert "img_17: dropped" in _run("why", "cat/0.jpg", "--workspace", workspace.root).output


def test_why_tells_of_a_file_that_the_filter_could_not_use(tmp_path) -> None:
    ledger = pd.DataFrame(
        [("cat/0.jpg", "kept", "because", "", 0.5)], columns=["image_id", "verdict", "reason", "keeper", "x"]
    )
    problems = [("unreadable-image", "cat/1.jpg", "cut off"), ("empty-box", "cat/0.jpg", "no area")]
    problems.append(("empty-box", "instances.json", "annotation 7"))
    workspace = Workspace(tmp_path)
    tables.write_parquet(ledger, workspace.path("filter_ledger"))
    workspace.write("problems", pd.DataFrame(problems, columns=["kind", "file", "detail"]))
    assert _run("why", "1.jpg", "--workspace", tmp_path).output == "cat/1.jpg: not used\nunreadable-image: cut off.\n"
    assert "cat/0.jpg: kept" in _run("why", "0.jpg", "--workspace", tmp_path).output
    assert "holds no image 'instances.json'" in _run("why", "instances.json", "--workspace", tmp_path).stderr


def test_why_knows_an_image_by_its_file_before_a_rejected_one_by_its_id(workspace) -> None:
    tables.write_parquet(
        workspace.table("ledger").assign(file_name=["cat/a.jpg", "dog/b.jpg"]), workspace.path("ledger")
    )
    columns = ["file_name", "image_id", "reason", "detail"]
    workspace.write("rejected", pd.DataFrame([("", "a.jpg", "no-image", "a stray key")], columns=columns))
    assert "img_17: dropped" in _run("why", "a.jpg", "--workspace", workspace.root).output


def test_why_without_a_ledger_says_how_to_get_one(tmp_path) -> None:
    result = _run("why", "img_1", "--workspace", tmp_path)
    assert result.exit_code == 1
    assert "dvc repro" in result.stderr


def test_check_params(root, tmp_path) -> None:
    result = _run("check-params", root / "params.yaml")
    assert result.exit_code == 0
    assert "is valid" in result.output
    (tmp_path / "bad.yaml").write_text((root / "params.yaml").read_text().replace("budget:", "bugdet:"))
    result = _run("check-params", tmp_path / "bad.yaml")
    assert result.exit_code == 1
    assert "augment.bugdet" in result.stderr
    assert _run("check-params", tmp_path / "none.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("archive: data/raw/sample.zip", "archive: data/raw/animals.zip", "data.archive is data/raw/animals.zip"),
        ("test_archive: data/raw/sample-test.zip", "test_archive: none", "or set it to data/none"),
        ("truth: data/raw/sample-truth.csv", "truth: truth.csv", "data.truth is truth.csv, which does not exist"),
    ],
)
def test_check_params_finds_missing_files_but_not_those_that_the_pipeline_makes(
    root, tmp_path, monkeypatch, old, new, words
) -> None:
    """An empty folder with the pipeline's definition: nothing is built yet, as in a fresh clone."""
    text = (root / "params.yaml").read_text()
    (tmp_path / "dvc.yaml").write_text((root / "dvc.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    assert _run("check-params").exit_code == 0
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new))
    result = _run("check-params")
    assert result.exit_code == 1
    assert words in result.stderr


def test_check_params_finds_missing_weights(root, tmp_path, monkeypatch) -> None:
    text = (root / "params.yaml").read_text().replace("encoder: trained", "encoder: timm")
    (tmp_path / "dvc.yaml").write_text((root / "dvc.yaml").read_text())
    (tmp_path / "params.yaml").write_text(text.replace("checkpoint: null", "checkpoint: weights/a.safetensors"))
    monkeypatch.chdir(tmp_path)
    assert "embed.timm.checkpoint is weights/a.safetensors" in _run("check-params").stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"resnet34": "resnet43"}, "train.network is 'resnet43', which winnow does not know; did you mean resnet34"),
        ({"resnet34": "timm:resnext34"}, "train.network is 'timm:resnext34', which winnow does not know; did you mean"),
        ({"network: small": "network: smaller"}, "quick_check.network is 'smaller', which winnow does not"),
        ({"resnet34": "timm:test_vit_relpos"}, "takes no images of 64 x 64 pixels"),
        (
            {
                "valuation:": "valuation:",
                "  enabled: false # Whether images are valued": "  enabled: true",
                "network: small # What is trained": "network: timm:resnetv2_50 # What is trained",
            },
            "valuation.network is timm:resnetv2_50, in which the gradients of single images cannot be taken",
        ),
        ({"points_harmed: 0": "points_harmed: 2"}, "curate.points_harmed is 2, but no image is valued"),
        ({"encoder: trained": "encoder: clip"}, "embed.encoder is 'clip': name one of open_clip, timm, plain, trained"),
        (
            {"encoder: trained": "encoder: timm", "mobilenetv2_100": "mobilnetv2_100"},
            "embed.timm.model is 'mobilnetv2_100', which timm does not know; did you mean mobilenetv2_100",
        ),
        (
            {"encoder: trained": "encoder: open_clip", "ViT-B-32": "ViT-B-33"},
            "embed.open_clip.model is 'ViT-B-33', which open_clip does not know; did you mean",
        ),
        (
            {"encoder: trained": "encoder: open_clip", "laion2b_s34b_b79k": "laion3b"},
            "embed.open_clip.pretrained is 'laion3b', which is neither a file nor a tag of ViT-B-32; its tags are",
        ),
        ({"    augmix:": "    augmax:"}, "augment.techniques.augmax is no parameter of winnow (did you mean"),
        ({"  - shear_x": "  - sheer_x"}, "policy_search.operations.0 is 'sheer_x': input should be 'shear_x'"),
    ],
    ids=lambda value: next(reversed(value.values())).strip(" :-") if isinstance(value, dict) else "",
)
def test_check_params_refuses_a_name_that_no_registry_has(root, tmp_path, monkeypatch, changes, words) -> None:
    text = (root / "params.yaml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "dvc.yaml").write_text((root / "dvc.yaml").read_text())
    (tmp_path / "params.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    result = _run("check-params")
    assert result.exit_code == 1
    assert words in result.stderr and result.stderr.count("\n") == 1


@pytest.fixture
def hand_in(tmp_path) -> tuple[Path, Path]:
    """A good submission and its archive: 12 images for each set, 2 classes."""
    parts = {
        "original/noisy": range(24),
        "submission/owls-training-set": range(12),
        "submission/owls-validation-set": range(12, 24),
    }
    for part, rows in parts.items():
        (tmp_path / part / "imgs").mkdir(parents=True)
        for row in rows:
            coarse = np.random.default_rng(row).integers(0, 255, (8, 8, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            image.save(tmp_path / part / f"imgs/img_{row}.jpg")
        labels = {f"img_{row}": [1 - row % 2, row % 2] for row in rows}
        (tmp_path / part / "data-labels.json").write_text(json.dumps(labels))
    return tmp_path / "submission", tmp_path / "original"


def test_lint_submission_passes_and_fails(hand_in, root) -> None:
    submission, original = hand_in
    result = _run("lint-submission", submission, "--original", original, "--image-size", SIZE)
    assert result.exit_code == 0, result.output
    assert "16 of 16 rules hold" in result.output
    assert "BROKEN" not in result.output
    assert max(map(len, result.stdout.splitlines())) <= 80

    workspace = Workspace(submission.parent / "made-in")
    workspace.write("classes", ["cat", "dog"])
    workspace.path("review").mkdir(parents=True)
    params = (root / "configs/base.yaml").read_text().replace("image_size: 64", "image_size: null")
    (workspace.root / "params.yaml").write_text(params.replace("train_size: 64", f"train_size: {SIZE}"))
    verdicts = "image_id,label,verdict,reviewer\nimg_20,0,confirm,ada\nimg_21,1,reject,ada\n"
    (workspace.path("review") / "validation.csv").write_text(verdicts)
    large = Image.open(original / "noisy/imgs/img_0.jpg").resize((3 * SIZE, 2 * SIZE), Image.Resampling.BICUBIC)
    (original / "noisy/imgs/img_0.jpg").unlink()
    large.save(original / "noisy/imgs/img_0.png")
    kept = load_dataset(original, class_names=[], split=None, image_size=None, max_unpacked_bytes=2**30).resized(SIZE)
    content = kept.images.set_index("image_id").loc["img_0", "image_bytes"]
    (submission / "owls-training-set/imgs/img_0.jpg").write_bytes(content)
    as_made = _run("lint-submission", submission, "--original", original, "--workspace", workspace.root)
    assert "16 of 16 rules hold" in as_made.output
    assert "1 of 12 validation images were seen by a person" in as_made.output

    (submission / "owls-training-set/imgs/img_3.jpg").write_bytes(b"")
    result = _run("lint-submission", submission, "--original", original, "--workspace", workspace.root)
    assert result.exit_code == 1
    assert "15 of 16 rules hold" in result.output
    broken = [line.split()[0] for line in result.output.splitlines() if "BROKEN" in line]
    assert broken == ["images-decode"]
    assert "img_3.jpg" in result.output


def test_lint_submission_tells_bad_usage_from_bad_archives(hand_in, tmp_path) -> None:
    submission, original = hand_in
    assert _run("lint-submission", submission).exit_code == 2
    assert _run("lint-submission", tmp_path / "none", "--original", original).exit_code == 2
    assert _run("lint-submission", submission, "--original", tmp_path / "none.zip").exit_code == 2
    assert _run("lint-submission", submission, "--original", original, "--budget", "0").exit_code == 2
    (tmp_path / "no.zip").write_text("no archive")
    result = _run("lint-submission", submission, "--original", tmp_path / "no.zip")
    assert result.exit_code == 1
    assert result.stderr.startswith("winnow: ")
    assert result.stderr.count("\n") == 1
