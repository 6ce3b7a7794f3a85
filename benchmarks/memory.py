"""Peak memory of the stages that need pixels, for revisions of winnow and sizes of the dataset.

    python benchmarks/memory.py --revision 1db1e2b --revision HEAD

Each stage is run as dvc.yaml runs it, alone, in a workspace with made-up inputs: JPEGs of smooth patterns, no two
alike, features at random, an encoder and networks of random weights. Peak memory is the stage's own (`ru_maxrss`, with
Python and its libraries). Writes `benchmarks/results/memory.json`, and prints docs/benchmarks.md's table.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
import yaml
from safetensors.torch import save_file
from torchvision import models

from machine import machine
from synthetic import CLASSES, pictures
from winnow.curation.external import no_photos
from winnow.files import ARMS
from winnow.tables import ROW_GROUP
from winnow.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("embed", "find_duplicates", "find_image_faults", "select_validation", "evaluate")
NAMES = [f"class {label}" for label in range(CLASSES)]
FEATURES = 64
VALIDATION = 200
TEST_SHARE = 32  # one test image for so many others: networks on a CPU take their time
ENCODER = "weights/test_resnet.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revision", action="append", required=True, help="a revision to measure; several in turn")
    parser.add_argument("--images", type=int, nargs="+", default=[8_000, 32_000], help="sizes of the dataset")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, help="stages to measure")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results/memory.json"), help="the result file")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory(prefix="winnow-") as scratch:
        for images in arguments.images:
            inputs = Path(scratch) / "inputs"
            make_inputs(inputs, images=images, size=arguments.size)
            for revision in arguments.revision:
                sources = export(revision, Path(scratch) / "sources" / revision)
                runs += [
                    {"revision": revision, "images": images, **measure(sources, inputs, stage, size=arguments.size)}
                    for stage in arguments.stages
                ]
                print(*(json.dumps(run) for run in runs[-len(arguments.stages) :]), sep="\n", flush=True)
            shutil.rmtree(inputs)
    result = {"benchmark": "memory", **machine(), "image_size": arguments.size, "runs": runs}
    Path(arguments.out).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(runs))


def make_inputs(folder: Path, *, images: int, size: int) -> None:
    """Write what the stages read: a dataset of `images`, a test set, and decisions that keep every image."""
    workspace, rng = Workspace(folder), np.random.default_rng(0)
    image_id = np.array([f"img_{row:06d}" for row in range(images)])
    labels = np.empty(images, dtype=np.int64)
    workspace.write_stream("images", image_frames(image_id, labels, size))
    manifest = pd.DataFrame(
        {"image_id": image_id, "file_name": image_id, "label": labels, "width": size, "height": size, "repairs": ""}
    )
    manifest["bytes_sha256"] = image_id
    workspace.write("manifest", manifest)
    workspace.write("classes", NAMES)
    features = rng.normal(size=(images, FEATURES)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    workspace.write("features", {"image_id": image_id, "features": features, "encoder": np.array("{}")})
    workspace.write("decisions", decisions(manifest))
    workspace.write("outside", no_photos())
    (folder / "data/review").mkdir()
    (folder / "data/none").mkdir()
    packed = workspace.column("images", "image_bytes")
    for part, rows in (("validation", np.arange(VALIDATION)), ("baseline", np.arange(VALIDATION, images))):
        workspace.write_stream("packed_set", packed_frames(image_id, labels, packed, rows), part=part)
    workspace.write("ledger", ledger(decisions(manifest)))
    test_archive(folder / "data/raw/test.zip", images=images // TEST_SHARE, size=size)
    torch.manual_seed(0)
    (folder / ENCODER).parent.mkdir()
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), folder / ENCODER)
    for arm in ARMS:
        path = workspace.path("weights", arm=arm) / "seed-0.safetensors"
        path.parent.mkdir(parents=True)
        save_file(models.resnet34(num_classes=CLASSES).state_dict(), path)


def image_frames(image_id: np.ndarray, labels: np.ndarray, size: int) -> Iterator[pd.DataFrame]:
    """The packed images in pieces; fills in their labels on the way."""
    made = pictures(images=len(image_id), seed=0, image_size=size)
    for start in range(0, len(image_id), ROW_GROUP):
        image_bytes, shown = zip(*islice(made, ROW_GROUP), strict=True)
        rows = slice(start, start + len(shown))
        labels[rows] = shown
        yield pd.DataFrame({"image_id": image_id[rows], "image_bytes": image_bytes})


def packed_frames(image_id: np.ndarray, labels: np.ndarray, packed, rows: np.ndarray) -> Iterator[pd.DataFrame]:
    for start in range(0, len(rows), ROW_GROUP):
        some = rows[start : start + ROW_GROUP]
        columns = {"name": image_id[some], "image_id": image_id[some], "technique": "", "label": labels[some]}
        yield pd.DataFrame({**columns, "image_bytes": packed[some]})


def decisions(manifest: pd.DataFrame) -> pd.DataFrame:
    """Every image kept, no two of one group, and nothing against any."""
    own = np.arange(len(manifest))
    return manifest.assign(
        duplicate_group=own,
        exact_group=own,
        duplicate_kind="",
        duplicate_of="",
        label_conflict=False,
        duplicate_similarity=np.nan,
        same_bytes=False,
        label_quality_score=0.95,
        is_label_issue=False,
        suggested_label=manifest["label"],
        suggested_confidence=0.95,
        agreeing_sources=2,
        sources=2,
        knn_label_agreement=0.95,
        zero_shot_label_agreement=np.nan,
        signals_agree=True,
        knn_distance=0.1,
        in_class_probability=np.nan,
        ood_score=0.01,
        ood_detectors=0,
        is_ood=False,
        image_faults="",
        flagged_label_issue=False,
        flagged_ood=False,
        flagged_duplicate=False,
        rule="keep",
        action="keep",
        decided_by="rule",
        counterpart="",
        final_label=manifest["label"],
        threshold=np.nan,
        reason="nothing speaks against the label",
    )


def ledger(decided: pd.DataFrame) -> pd.DataFrame:
    split = np.where(np.arange(len(decided)) < VALIDATION, "validation", "train")
    return decided.assign(confirmed_by="", leaks_validation=False, split=split)


def test_archive(path: Path, *, images: int, size: int) -> None:
    """A zip in the course's layout, of pictures that the dataset does not hold."""
    path.parent.mkdir(parents=True)
    labels = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for row, (content, label) in enumerate(pictures(images=images, seed=1, image_size=size)):
            labels[f"img_t{row:06d}"] = np.eye(CLASSES, dtype=int)[label].tolist()
            archive.writestr(f"test/imgs/img_t{row:06d}.jpg", content)
        archive.writestr("test/data-labels.json", json.dumps(labels))


def export(revision: str, folder: Path) -> Path:
    """The tree of a revision."""
    if not folder.exists():
        content = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(folder, filter="data")
    return folder


def measure(sources: Path, inputs: Path, stage: str, *, size: int) -> dict[str, str | float]:
    """Run one stage of the revision in `sources` on links to the inputs; seconds and peak memory in MB."""
    definition = yaml.safe_load((sources / "dvc.yaml").read_text(encoding="utf-8"))
    command = definition["stages"][stage]["cmd"]
    for name, value in ((name, value) for part in definition["vars"] for name, value in part.items()):
        command = command.replace(f"${{{name}}}", value)
    params = yaml.safe_load((sources / "params.yaml").read_text(encoding="utf-8"))
    params["data"] |= {"archive": "data/raw/made-up.zip", "test_archive": "data/raw/test.zip", "truth": "data/none"}
    params["data"] |= {"class_names": NAMES, "image_size": size}
    params["embed"] |= {"encoder": "timm", "batch_size": 64}
    params["embed"]["timm"] |= {"model": "test_resnet", "checkpoint": ENCODER, "input_size": 96}
    params["validation"]["per_class"] = VALIDATION // CLASSES
    params["evaluate"]["batch_size"] = 32
    with tempfile.TemporaryDirectory(dir=inputs.parent) as folder:
        workspace = Path(folder)
        shutil.copytree(inputs, workspace, copy_function=os.symlink, dirs_exist_ok=True)
        for name in ("src", "stages", "dvc.yaml"):
            (workspace / name).symlink_to(sources / name)
        (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        (workspace / "metrics").mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {name: value for name, value in os.environ.items() if name != "DVC_STAGE"} | {"PATH": path}
        subprocess.run(command, shell=True, cwd=workspace, check=True, env=environment, stdout=subprocess.DEVNULL)
        (line,) = (workspace / ".winnow/timings.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads(line)


def table(runs: list[dict]) -> str:
    """A row per stage, a column per revision and size, MB."""
    frame = pd.DataFrame(runs).pivot(index="stage", columns=["revision", "images"], values="peak_mb")
    head = ["peak memory, MB", *(f"`{revision}`, {images:,} images" for revision, images in frame.columns)]
    measured = [stage for stage in STAGES if stage in frame.index]
    rows = [[f"`{stage}`", *(f"{value:,.0f}" for value in frame.loc[stage])] for stage in measured]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
