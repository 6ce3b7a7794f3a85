"""The first stage and `winnow check-params`, as a person meets them on their own data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from archives import write_folder, write_zip
from pictures import picture

ROOT = Path(__file__).parents[2]
PETS = {f"pets/{name}/{i}.jpg": picture(i) for name in ("cat", "dog") for i in range(4)}


@pytest.fixture
def run(tmp_path):
    """Write params for these data and run a command there; the process, with all that it printed as `stdout`."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)

    def run(*command, **data):
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        params["data"] |= {"archive": "pets.zip", "test_archive": "data/none", "truth": "data/none", "class_names": []}
        params["data"] |= {"image_size": 16} | data
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
        options = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": tmp_path}
        return subprocess.run(
            [sys.executable, *command], env=os.environ | {"PYTHONPATH": str(ROOT / "src")}, check=False, **options
        )

    return run


CHECK = ("-m", "winnow.cli", "check-params")
STAGE = (str(ROOT / "stages/build_manifest.py"),)


def test_the_stage_prints_what_it_read(run, tmp_path):
    write_zip(tmp_path / "pets.zip", PETS | {"pets/README.md": b"x", "pets/Thumbs.db": b"x", "pets/cat/broken": b"x"})
    done = run(*STAGE)
    assert done.returncode == 0
    for words in ("layout: ImageFolder, pets/<label>/<image>", "11 files in the archive, 2 left out", "1 rejected"):
        assert words in done.stdout
    assert (tmp_path / "data/interim/manifest.parquet").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pets/emu/1.jpg": picture(), "pets/emu/2.jpg": picture()[:-60]}, "fewer than 2 usable images of class 'emu'"),
        ({"pets/emu/1.heic": b"\0\0\0\x18ftypheic\0\0\0\0"}, "no usable image of class 'emu'"),
        ({"pets/emu/1.jpg": b"<html>"}, "no usable image of class 'emu'"),
    ],
)
def test_rejected_csv_is_there_when_the_stage_stops(run, tmp_path, more, words):
    write_zip(tmp_path / "pets.zip", PETS | more)
    stopped = run(*STAGE)
    assert stopped.returncode == 1 and words in stopped.stdout and "Traceback" not in stopped.stdout
    rejected = pd.read_csv(tmp_path / "data/interim/rejected.csv")
    assert rejected["file_name"].tolist() == [sorted(more)[-1]]
    assert rejected["file_name"][0] in stopped.stdout
    assert run(*STAGE, min_images_per_class=2).returncode == 0
    assert "min_images_per_class (2) leaves out 'emu'" in run(*STAGE, min_images_per_class=2).stdout


def test_check_params_reads_all_that_a_run_will_read(run, tmp_path):
    write_zip(tmp_path / "pets.zip", PETS)
    write_folder(tmp_path / "test", {"Dog/1.jpg": picture(), "cat/1.jpg": picture()})
    write_folder(tmp_path / "photos", {"CAT/1.jpg": picture(), "emu/1.jpg": picture()})
    (tmp_path / "truth.csv").write_text("image_id,true_label\nimg_cat-1,dog\n")
    done = run(*CHECK, test_archive="test", truth="truth.csv", outside_photos="photos")
    assert done.returncode == 0
    for words in (
        "8 images of 2 classes",
        "1 images of 2 classes, 1 not to be placed (Dog/1.jpg",
        "truth.csv: 1 images",
    ):
        assert words in done.stdout
    assert "photos: 1 photos in folders of classes, 1 in others" in done.stdout


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"test_archive": "others"}, "data.test_archive is others, which holds no image of the classes cat, dog"),
        ({"test_archive": "flat"}, "flat has all its images in its root"),
        ({"test_archive": "pets.zip", "test_split": "test"}, "no split 'test'"),
        ({"reference": "others"}, "data.reference is others, which holds no image of the classes cat, dog"),
        ({"outside_photos": "others"}, "data.outside_photos is others, whose folders (x, y) are not named like"),
        ({"outside_photos": "empty"}, "which holds no photo"),
        ({"truth": "wrong-ids.csv"}, "data.truth is wrong-ids.csv, whose ids (img_1 and so on) are of no image"),
        ({"truth": "wrong-labels.csv"}, "true_label 'emu'"),
    ],
)
def test_check_params_tells_at_once_what_a_run_would_find_out(run, tmp_path, data, words):
    write_zip(tmp_path / "pets.zip", PETS)
    write_folder(tmp_path / "others", {"x/1.jpg": picture(), "y/1.jpg": picture()})
    write_folder(tmp_path / "flat", {"1.jpg": picture(), "2.jpg": picture()})
    write_folder(tmp_path / "empty", {"notes.txt": b"x"})
    (tmp_path / "wrong-ids.csv").write_text("image_id,is_ood\nimg_1,1\n")
    (tmp_path / "wrong-labels.csv").write_text("image_id,true_label\nimg_cat-1,emu\n")
    stopped = run(*CHECK, **data)
    assert stopped.returncode == 1 and words in stopped.stdout and "Traceback" not in stopped.stdout


def test_check_params_tells_what_a_run_without_labels_leaves_out(run, tmp_path):
    write_folder(tmp_path / "flat", {"1.jpg": picture(), "2.jpg": picture()})
    checked = run(*CHECK, archive="flat")
    assert checked.returncode == 0 and "what needs labels is skipped" in checked.stdout
