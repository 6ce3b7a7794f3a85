"""A first answer on somebody's images: `winnow scan` beside the quickstarts of other tools, on the same images.

    python -m venv peers && peers/bin/pip install "cleanlab[datalab]" cleanvision torch torchvision
    python -m venv lightly && lightly/bin/pip install lightly-studio
    python benchmarks/quickstarts.py --shared ../shared --cleanlab peers/bin/python --lightly lightly/bin/python

The images are the first hundred of each class of the roman numerals' training set, 1,000 in folders of labels. Every
tool runs in a process of its own, with one thread; what is counted is CPU seconds of it and of all that it started,
with the start of Python. Bytecode is kept, as on any machine, whatever PYTHONDONTWRITEBYTECODE says here. A tool whose
interpreter is not given is left out, and of one that fails the last line is kept. Then, in the workspace that `winnow
scan` made, a threshold is changed and `quick_check` run anew. Writes `benchmarks/results/quickstarts.json`, and prints
docs/benchmarks.md's table.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PER_CLASS = 100
LIMIT_S = 1800
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
WORDS = {
    "winnow": "`winnow scan`",
    "threshold": "`dvc exp run -S curate.relabel_confidence=0.5 quick_check`, after it",
    "cleanvision": "CleanVision: `Imagelab(data_path).find_issues()`",
    "datalab": "Datalab: small network in 3 folds, 2 epochs, then `find_issues(features, pred_probs)`",
    "lightly": "LightlyStudio: `add_images_from_path`",
    "lightly-plain": "LightlyStudio: `add_images_from_path(embed=False)`",
}
GIVES = {
    "winnow": "label issues, outliers, copies, faults, decisions with reasons, map",
    "threshold": "decisions, validation set and a figure for the curated set",
    "cleanvision": "faults, copies",
    "datalab": "label issues, outliers, copies, faults",
    "lightly": "map, search",
    "lightly-plain": "a grid of the images",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/roman-numerals")
    parser.add_argument("--cleanlab", help="a Python with cleanlab[datalab], cleanvision and torch")
    parser.add_argument("--lightly", help="a Python with lightly-studio")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/quickstarts.json", type=Path)
    parser.add_argument("--only", nargs="+", choices=WORDS, help="these alone; the others' figures stay in the file")
    parser.add_argument("--one", help="internal: the tool that runs in this process")
    parser.add_argument("--images", type=Path, help="internal: its images")
    arguments = parser.parse_args()
    if arguments.one:
        TOOLS[arguments.one](arguments.images)
        return
    with tempfile.TemporaryDirectory(prefix="quickstarts-") as scratch:
        folder = Path(scratch)
        count = write_images(arguments.shared / "data/roman-numerals/roman-numerals.zip", folder / "images")
        runs = {}
        if not arguments.only or {"winnow", "threshold"} & set(arguments.only):
            runs = ours(folder)
        for tool, python in (
            ("cleanvision", arguments.cleanlab),
            ("datalab", arguments.cleanlab),
            ("lightly", arguments.lightly),
            ("lightly-plain", arguments.lightly),
        ):
            if python and (not arguments.only or tool in arguments.only):
                (folder / tool).mkdir()
                command = [str(Path(python).absolute()), str(Path(__file__).resolve()), "--one", tool]
                runs[tool] = timed([*command, "--images", str(folder / "images")], folder / tool)
    from machine import machine

    result = {"benchmark": "quickstarts", **machine(), "threads": 1, "images": count, "runs": runs}
    if arguments.only:
        result = json.loads(arguments.out.read_text(encoding="utf-8"))
        runs = result["runs"] = result["runs"] | runs
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(table(runs))


def ours(folder: Path) -> dict[str, dict[str, Any]]:
    """`winnow scan`, and a threshold tried after it."""
    scanned = timed([sys.executable, "-m", "winnow.cli", "scan", "images", "--top", "0"], folder)
    dvc, workspace = [sys.executable, "-m", "dvc"], folder / "images-winnow"
    timed([*dvc, "repro", "quick_check"], workspace)
    change = [*dvc, "exp", "run", "-S", "curate.relabel_confidence=0.5", "quick_check"]
    return {"winnow": scanned, "threshold": timed(change, workspace)}


def write_images(archive: Path, folder: Path) -> int:
    """Folders of labels with PER_CLASS images each; how many there are."""
    written: Counter[str] = Counter()
    with zipfile.ZipFile(archive) as packed:
        for name in sorted(packed.namelist()):
            *_, split, label, file = ("", "", *name.split("/"))
            if split == "train" and file.endswith(".png") and written[label] < PER_CLASS:
                written[label] += 1
                (folder / label).mkdir(parents=True, exist_ok=True)
                (folder / label / file).write_bytes(packed.read(name))
    return written.total()


def timed(command: list[str], folder: Path) -> dict[str, Any]:
    """CPU and wall seconds of a command and all that it starts; its last line where it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ONE_THREAD
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    measured: dict[str, Any] = {"cpu_s": round(cpu, 1), "wall_s": round(time.perf_counter() - start, 1)}
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "WARNING" not in line]
        measured["failed"] = lines[-1][:300] if lines else f"status {done.returncode}"
    print(" ".join(command[-4:]), measured, file=sys.stderr, flush=True)
    return measured


def table(runs: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| what | gives | CPU s | beside `winnow scan` |", "| --- | --- | ---: | ---: |"]
    for name, run in runs.items():
        took = f"{run['cpu_s']:.0f}" if "failed" not in run else "did not run"
        share = f"{run['cpu_s'] / runs['winnow']['cpu_s']:.2f}" if "failed" not in run else ""
        lines.append(f"| {WORDS[name]} | {GIVES[name]} | {took} | {share} |")
    return "\n".join(lines)


def cleanvision(images: Path) -> None:
    """The quickstart of CleanVision's README."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(images))
    lab.find_issues()
    lab.report()


def datalab(images: Path) -> None:
    """As cleanlab's tutorial on image data goes: a small network, cross-validated, for features and probabilities."""
    import numpy as np
    import torch
    from cleanlab import Datalab
    from datasets import load_dataset
    from sklearn.model_selection import StratifiedKFold

    torch.manual_seed(0)
    data = load_dataset("imagefolder", data_dir=str(images), split="train")
    pixels = np.stack([np.asarray(image.convert("RGB").resize((32, 32))) for image in data["image"]])
    inputs = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    labels = torch.tensor(data["label"])
    classes = int(labels.max()) + 1
    features, pred_probs = np.zeros((len(labels), 128), np.float32), np.zeros((len(labels), classes), np.float32)
    for train, held_out in StratifiedKFold(3, shuffle=True, random_state=0).split(pixels, labels):
        body, head = small_network(torch.nn), torch.nn.Linear(128, classes)
        network = torch.nn.Sequential(body, head)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
        for _ in range(2):
            for rows in torch.from_numpy(np.random.default_rng(0).permutation(train)).split(64):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
                optimizer.step()
        network.eval()
        with torch.inference_mode():
            seen = body(inputs[held_out])
            features[held_out], pred_probs[held_out] = seen.numpy(), head(seen).softmax(dim=1).numpy()
    lab = Datalab(data=data, label_name="label", image_key="image")
    lab.find_issues(features=features, pred_probs=pred_probs)
    lab.report()


def small_network(nn: Any) -> Any:
    """Two convolutions and a layer of 128, of 32 x 32 pixels."""
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 128), nn.ReLU()),
    )


def lightly(images: Path, **options: Any) -> None:
    """The quickstart of LightlyStudio up to where it opens the browser; embeddings need weights, downloaded once."""
    import lightly_studio

    dataset = lightly_studio.ImageDataset.create()
    dataset.add_images_from_path(path=str(images), **options)


def lightly_plain(images: Path) -> None:
    """Without embeddings, which leaves a grid of images."""
    lightly(images, embed=False)


TOOLS = {"cleanvision": cleanvision, "datalab": datalab, "lightly": lightly, "lightly-plain": lightly_plain}

if __name__ == "__main__":
    main()
