"""End to end: `dvc repro` on a tiny archive, what a second run does, reviews, two clones, and a kill."""

import hashlib
import io
import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from browser import opened, press, serving, wait
from stub_project import environment
from tiny_project import CLASSES, SIZE, clone, dvc, picture, run_stage, write_archive
from warm_python import Warm

pytestmark = [pytest.mark.pipeline, pytest.mark.timeout(1800)]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_image_has_its_outcome(tiny):
    ledger = pd.read_parquet(tiny / "data/processed/ledger.parquet")
    counts = json.loads((tiny / "metrics/manifest.json").read_text())
    assert counts["images_in"] == counts["accepted"] + counts["rejected"] == 255 == len(ledger)
    assert ledger["image_id"].is_unique and ledger["image_id"].is_monotonic_increasing
    assert ledger["reason"].str.len().gt(10).all()
    assert set(ledger["split"]) == {"train", "validation", "none"}


def test_planted_faults_were_found(tiny):
    ledger = pd.read_parquet(tiny / "data/processed/ledger.parquet").set_index("image_id")
    copies = ledger.loc[[f"img_copy{i}" for i in range(6)]]
    sources = ledger.loc[[f"img_{i * 7:04d}" for i in range(6)]]
    assert (copies["duplicate_group"].to_numpy() == sources["duplicate_group"].to_numpy()).all()
    scorecard = json.loads((tiny / "metrics/scorecard.json").read_text())
    assert scorecard["duplicates.f1"] > 0.9
    assert scorecard["label_errors.average_precision"] > 0.75  # a fifth of the labels is wrong: chance is 0.2
    assert 0 <= scorecard["ood.auroc"] <= 1  # nine outliers tell nothing more; tests of the detector do


def test_the_submission_is_in_the_course_s_form(tiny):
    metrics = json.loads((tiny / "metrics/submission.json").read_text())
    assert metrics["rules_broken"] == 0 and metrics["rules_passed"] > 5
    training = tiny / "submission/tiny-training-set"
    labels = json.loads((training / "data-labels.json").read_text())
    assert {file.stem for file in (training / "imgs").iterdir()} == set(labels)
    assert 200 <= len(labels) <= 330
    with zipfile.ZipFile(tiny / "data/raw/tiny.zip") as archive:
        originals = [name for name in labels if f"tiny/imgs/{name}.jpg" in archive.namelist()]
        assert len(originals) > 100
        for name in originals:
            assert (training / f"imgs/{name}.jpg").read_bytes() == archive.read(f"tiny/imgs/{name}.jpg")


def test_metrics_are_what_dvc_shows(built):
    evaluation = json.loads((built / "metrics/evaluation.json").read_text())
    shown = json.loads(dvc(built, "metrics", "show", "--json"))[""]["data"]
    assert list(shown) == ["metrics/summary.json"]
    assert list(json.loads((built / "metrics/quick_check.json").read_text())) == ["quick_validation", "quick_test"]
    figures = shown["metrics/summary.json"]["data"]
    assert figures["test"] == round(evaluation["submission"]["test"]["balanced_accuracy"], 4)
    assert figures["keep"] + figures["relabel"] + figures["drop"] == 255
    assert max(map(len, dvc(built, "metrics", "show").splitlines())) <= 120
    for arm in ("baseline", "submission"):
        for split in ("validation", "test"):
            assert 0 <= evaluation[arm][split]["balanced_accuracy"] <= 1
            assert list(evaluation[arm][split]["per_class"]) == CLASSES
    html = built / "plots.html"
    dvc(built, "plots", "show", "-o", str(built / "dvc_plots"))
    page = (built / "dvc_plots/index.html").read_text()
    assert page.count("vegaEmbed('#") == 9 and "<script src" not in page  # it opens without a network
    assert "third_party" not in page
    assert not html.exists()


def test_the_self_check_is_off_until_asked_for(built):
    """And then it runs on the tiny archive, without touching what the other stages wrote."""
    metrics = built / "metrics/self_check.json"
    assert json.loads(metrics.read_text()) == {"enabled": False}
    params = yaml.safe_load((built / "params.yaml").read_text())
    params["self_check"] |= {"enabled": True, "label_flips": 0.1, "ood": 0.05, "duplicates": 0.05}
    (built / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    output = dvc(built, "repro", "-s", "self_check")
    assert "planted label flips" in output
    figures = json.loads(metrics.read_text())
    assert figures["enabled"] and figures["images"] == 255
    assert (figures["ood.planted"], figures["duplicate.planted"]) == (13, 13)
    assert figures["duplicate.recall"] >= 0.5
    classes = pd.read_csv(built / "metrics/self_check.csv").query("fault == 'label' and kind == 'all'")
    assert classes["class_name"].tolist() == ["all", *CLASSES]
    assert classes["planted"].tolist()[0] == classes["planted"][1:].sum() == figures["label.planted"] > 0


def test_images_are_valued_where_that_is_asked_for_and_the_worst_may_go(built):
    values = built / "data/interim/values.parquet"
    assert len(pd.read_parquet(values)) == 0
    assert "influence" not in pd.read_parquet(built / "data/interim/decisions.parquet")
    params = yaml.safe_load((built / "params.yaml").read_text())
    params["valuation"] |= {"enabled": True, "epochs": 3, "checkpoints": [1, 2]}
    params["curate"] |= {"points_harmed": 1, "class_floor": 5}
    (built / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    output = dvc(built, "repro", "-s", "value_images", "curate", "select_validation")
    table = pd.read_parquet(values)
    assert len(table) == 255 and f"{table['influence'].notna().sum()} images by a reference of" in output
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet")
    gone = ledger[ledger["rule"] == "valuation"]
    assert 0 < len(gone) <= 0.03 * 255 and (gone["points_harmed"] > 0).all()
    row = gone.iloc[0]
    command = [sys.executable, "-m", "winnow.cli", "why", row["image_id"]]
    told = subprocess.run(command, cwd=built, capture_output=True, text=True, check=True).stdout
    assert f"most of all that of {row['nearest_reference']}" in " ".join(told.split())
    judges = set(ledger["nearest_reference"]) - {""}
    assert judges and not judges & set(ledger["image_id"][ledger["influence"].notna()])


def test_a_second_repro_does_nothing(built):
    assert "Data and pipelines are up to date." in dvc(built, "repro")


def test_a_training_is_restored_where_it_was_done_before(built):
    """A sweep that changes `train` relies on it: DVC's run cache gives all runs but the first their baseline."""
    (built / "dvc.lock").unlink()
    output = dvc(built, "repro", "--single-item", "train@baseline")
    assert "Stage 'train@baseline' is cached - skipping run" in output


def test_a_test_set_of_training_images_is_measured_and_said_to_prove_nothing(built):
    """Nor does it matter that it lacks a class. Two others have names of their own, and are told apart."""
    packed = pd.read_parquet(built / "data/processed/baseline_set.parquet")
    packed = packed[packed["label"] < 2].head(9).set_index("name")
    write_archive(built / "data/raw/seen.zip", "seen", packed["image_bytes"].to_dict(), packed["label"].to_dict())
    params = yaml.safe_load((built / "params.yaml").read_text())
    (built / "data/raw/more").mkdir()
    for name in ("clean", "other"):
        shutil.copy(built / "data/raw/tiny-test.zip", built / f"data/raw/more/{name}.zip")
    params["data"] |= {"test_archive": "data/raw/seen.zip", "test_sets": "data/raw/more"}
    (built / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    output = dvc(built, "repro", "-s", "evaluate")
    assert "9 of 9 test images" in output and "none is left: the figures prove nothing" in output
    figures = json.loads((built / "metrics/evaluation.json").read_text())
    assert "test_unseen" not in figures["submission"] and figures["submission"]["test"]["images"] == 9
    assert figures["submission"]["clean"]["images"] > 9 and list(figures["pairs"]) == ["clean_to_other"]
    assert figures["pairs"]["clean_to_other"]["drop"]["value"] == 0
    assert "A is clean, B is other: Accuracy is" in output


def test_images_of_many_sizes_are_trained_on_at_one_and_kept_at_their_own(built):
    """From the archive to the report; the decisions and the networks are those of before."""
    with zipfile.ZipFile(built / "data/raw/tiny.zip") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(built / "data/raw/tiny.zip", "w") as archive:
        for row, (name, image_bytes) in enumerate(content.items()):
            if row % 3 == 0 and name.endswith(".jpg"):
                with Image.open(io.BytesIO(image_bytes)) as image:
                    image.resize((40 + row % 50, 70)).save(enlarged := io.BytesIO(), "JPEG", quality=95)
                image_bytes = enlarged.getvalue()
            archive.writestr(name, image_bytes)
    params = yaml.safe_load((built / "params.yaml").read_text())
    params["data"] |= {"image_size": None, "train_size": SIZE}
    (built / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    # package_submission fails where the linter finds that an original is not as it was.
    scored = ("build_manifest", "select_validation", "quick_check")
    for stage in (*scored, "augment", "package_submission", "evaluate", "report"):
        run_stage(built, stage)
    assert sizes_of(built / "data/interim/images.parquet") >= {(SIZE, SIZE), (40, 70)}
    for part in ("baseline", "validation", "submission"):
        assert sizes_of(built / f"data/processed/{part}_set.parquet") == {(SIZE, SIZE)}


def sizes_of(path: Path) -> set[tuple[int, int]]:
    return {Image.open(io.BytesIO(content)).size for content in pd.read_parquet(path)["image_bytes"]}


@pytest.mark.slow
def test_two_clones_build_the_same_bytes_with_any_number_of_threads(tiny, root, tmp_path, monkeypatch):
    for library in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "4")  # the other's are the test run's: one
    with_four_threads = Warm()  # libraries ask for their number when they are imported
    monkeypatch.setattr("stub_project.warm_python", lambda: with_four_threads)
    other = clone(root, tmp_path / "other")
    dvc(other, "repro")
    mine, theirs = (yaml.safe_load((folder / "dvc.lock").read_text())["stages"] for folder in (tiny, other))
    for stage, entry in mine.items():
        assert theirs[stage]["outs"] == entry["outs"], f"{stage} wrote other bytes in a second clone"
    assert sorted(mine) == sorted(theirs)


def test_what_people_decide_is_replayed(built):
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet").set_index("image_id")
    image_id = ledger.index[(ledger["split"] == "train") & (ledger["rule"] == "keep")][0]
    review = built / "data/review/decisions.csv"
    review.write_text(f"image_id,action,label,reviewer,reason\n{image_id},drop,,ada,blurred beyond use\n")
    (review.parent / "tags.csv").write_text(f"image_id,tags,reviewer\n{image_id},night;rain,ada\n")
    output = dvc(built, "repro", "package_submission")
    assert "Stage 'score_ood' didn't change, skipping" in output and "Running stage 'curate'" in output
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet").set_index("image_id")
    assert ledger.loc[image_id, ["action", "decided_by", "split"]].tolist() == ["drop", "ada", "none"]
    assert ledger.loc[image_id, "reason"] == "dropped by ada: blurred beyond use"
    assert ledger["tags"][ledger["tags"] != ""].to_dict() == {image_id: "night; rain"}
    assert not list((built / "submission/tiny-training-set/imgs").glob(f"{image_id}*"))
    (review.parent / "tags.csv").unlink()

    gone = "image_id,action,label,reviewer\nimg_nobody,drop,,ada\n"
    review.write_text(gone)
    output = dvc(built, "repro", "select_validation")
    assert "warning: 1 of 1 rows of data/review/decisions.csv match no single image of the dataset" in output
    assert "img_nobody (line 2)" in output and review.read_text() == gone
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet")
    assert set(ledger["decided_by"]) == {"rule"}

    review.write_text(f"image_id,action,label,reviewer\n{image_id},discard,,ada\n")
    output = dvc(built, "repro", "curate", fails=True)
    assert "winnow: curate: data/review/decisions.csv, line 2: " in output and "'discard'" in output
    assert "Traceback" not in output


@pytest.mark.browser
def test_a_review_in_the_browser_is_replayed(browser, built):
    driver = browser.tab()
    with serving(built) as address:
        opened(driver, address, "queue")
        driver.execute_script("localStorage.setItem('winnow.reviewer', 'grace')")
        for count in range(1, 21):
            press(driver, "d" if count % 2 else "k")
            wait(driver, f"return document.getElementById('progress').textContent.includes(' {count} of')")
        opened(driver, address, "validation")
        wait(driver, "return document.activeElement.classList.contains('cell')")
        confirmed = driver.execute_script("return document.activeElement.dataset.id")
        press(driver, "c")
        wait(driver, "return document.querySelector('#confirmed').textContent.startsWith('1 ')")
        driver.get("about:blank")
    verdicts = pd.read_csv(built / "data/review/decisions.csv").set_index("image_id")
    assert len(verdicts) == 20 and set(verdicts["reviewer"]) == {"grace"}
    output = dvc(built, "repro", "package_submission")
    ran = {name for name in yaml.safe_load((built / "dvc.yaml").read_text())["stages"] if f"'{name}':" in output}
    assert ran == {"value_images", "curate", "select_validation", "search_policy", "augment", "package_submission"}
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet").set_index("image_id")
    decided = ledger.loc[verdicts.index]
    assert (decided["decided_by"] == "grace").all()
    stays = decided["rule"] != "validation_leak"
    assert (decided["action"] == verdicts["action"])[stays].all()
    if verdicts["action"].get(confirmed, "keep") == "keep":
        assert ledger.loc[confirmed, ["split", "confirmed_by"]].tolist() == ["validation", "grace"]
        assert "images were seen by a person." in output and "\n0 of" not in output


def test_external_photos_join_the_validation_set(built):
    rng = np.random.default_rng(5)
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet")
    original = ledger["image_id"][(ledger["split"] == "train") & (ledger["rule"] == "keep")].iloc[0]
    with zipfile.ZipFile(built / "data/raw/tiny.zip") as archive:
        copied = np.asarray(Image.open(io.BytesIO(archive.read(f"tiny/imgs/{original}.jpg"))))
    photos = built / "data/raw/photos"
    for label, name in enumerate(CLASSES):
        (photos / name).mkdir(parents=True)
        Image.fromarray(picture(label, rng)).save(photos / name / "own photo.png")
    Image.fromarray(copied).save(photos / CLASSES[0] / "known.png")
    params = yaml.safe_load((built / "params.yaml").read_text())
    params["data"]["outside_photos"] = "data/raw/photos"
    (built / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    dvc(built, "repro", "select_validation")
    outside = pd.read_parquet(built / "data/interim/outside.parquet").set_index("photo")
    assert len(outside) == 4 and original in outside.loc["disc/known.png", "counterparts"].split(",")

    lines = ["image_id,label,verdict,reviewer,reason"]
    pairs = zip(outside["image_id"], outside["label"], strict=True)
    lines += [f"{image_id},{CLASSES[label]},confirm,ada," for image_id, label in pairs]
    (built / "data/review/validation.csv").write_text("\n".join(lines) + "\n")
    output = dvc(built, "repro", "package_submission")
    assert "4 of " in output and "validation images were seen by a person" in output
    files = {path.stem for path in (built / "submission/tiny-validation-set/imgs").iterdir()}
    assert set(outside["image_id"]) <= files
    ledger = pd.read_parquet(built / "data/processed/ledger.parquet").set_index("image_id")
    known = outside.loc["disc/known.png", "image_id"]
    assert ledger.loc[original, ["leaks_validation", "split"]].tolist() == [True, "none"]
    assert ledger.loc[original, "counterpart"] in (known, "") or ledger.loc[original, "rule"] != "validation_leak"
    assert json.loads((built / "metrics/validation_set.json").read_text())["from_outside"] == 4


@pytest.mark.parametrize(
    ("command", "out"),
    [
        (["stages/embed.py"], "data/interim/features.npz"),
        (["stages/train.py", "submission"], "models/submission/seed-0.safetensors"),
    ],
)
def test_a_killed_stage_resumes_to_the_same_bytes(built, command, out):
    """In a Python of its own; what it should give was made in a fork of the warm one."""
    expected = sha256(built / out)
    (built / out).unlink()
    settings = {"cwd": built, "env": environment() | {"PYTHONPATH": "src"}}
    process = subprocess.Popen([sys.executable, *command], **settings, stderr=subprocess.DEVNULL)
    scratch = built / ".winnow/scratch"
    deadline = time.monotonic() + 120
    while not [file for file in scratch.rglob("*") if file.is_file() and not file.name.endswith(".tmp")]:
        assert process.poll() is None, "the stage ended before it stored anything"
        assert time.monotonic() < deadline, "nothing was stored"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (built / out).exists()
    subprocess.run([sys.executable, *command], **settings, check=True)
    assert sha256(built / out) == expected


def test_a_bad_archive_stops_with_one_sentence(built):
    (built / "data/raw/tiny.zip").write_bytes(b"no archive at all")
    output = dvc(built, "repro", "build_manifest", fails=True)
    assert "winnow: build_manifest: data/raw/tiny.zip" in output and "Traceback" not in output
