"""Many networks side by side on one GPU: both arms in full, a study's rows, and ways of augmenting at a quarter's size.

    python benchmarks/one_gpu.py --pack .gpu/ds801 --workspace W --row outliers=W1 --row labels=W2
    python benchmarks/one_gpu.py --workspace .gpu/ds801 --out results --seconds 500 --mps   # where the GPU is

`W` holds the pipeline up to `select_validation`, each further workspace that of a row of the study, with other params.
A network of 64x64 images does not fill a GPU, so a process trains each, and NVIDIA's multi-process service lets them
compute at once (`--mps`). The rows are the pipeline's own stages (`augment`, `train`, `evaluate`); the ways of
augmenting are `benchmarks/augmentation.py`'s: all with one seed, the five best on the validation set with three, then
the two best at full size. What is not done after `--seconds` is left out, and goes on in another call with the same
`--work`.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pandas as pd
import yaml

from augmentation import BASELINE, REFERENCE, VARIANTS, pack
from machine import machine
from winnow import tables
from winnow.data.packed import pack_originals

ROOT = Path(__file__).resolve().parents[1]
MAIN = "main"
VALIDATION = "data/processed/validation_set.parquet"
OF_ROW = ("params.yaml", "data/processed/ledger.parquet", VALIDATION)
_running: list[subprocess.Popen] = []  # to be ended in time
_over = threading.Event()


def main() -> None:
    arguments = parse()
    if arguments.pack:
        take_along(arguments)
        return
    end = time.monotonic() + arguments.seconds
    out, work = Path(arguments.out).resolve(), Path(arguments.work).resolve()
    out.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    (out / "machine.json").write_text(json.dumps(machine(), indent=2) + "\n")
    rows = Rows(Path(arguments.workspace).resolve(), work, arguments.rows)
    with multi_process_service() if arguments.mps else nullcontext():
        timer = threading.Timer(max(0.0, end - time.monotonic()), end_all)
        timer.start()
        with ThreadPoolExecutor(2) as lanes:
            study = lanes.submit(augmentations, arguments, work, end)
            trained = lanes.submit(rows.train_all, arguments.seeds, arguments.jobs, end)
        timer.cancel()
        _over.clear()
        for lane in (study, trained):
            if lane.exception():
                print(f"a lane stopped: {lane.exception()!r}", flush=True)
    rows.evaluate_all()  # without the service, which refuses newcomers for a while when processes were ended
    rows.write(out)
    for file in work.glob("augmentation-*.json"):
        shutil.copy(file, out)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", required=True, help="where the pipeline ran, or what --pack wrote")
    parser.add_argument("--pack", help="copy what is needed from the workspaces to this folder, and stop")
    parser.add_argument("--row", action="append", default=[], metavar="NAME=WORKSPACE", help="with --pack: a row")
    parser.add_argument("--rows", nargs="*", help="only these, in this order, each with all seeds (default: all)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=7, help="networks of the rows at a time")
    parser.add_argument("--study-jobs", type=int, default=5, help="networks of the study at a time; 0: none")
    parser.add_argument("--per-class", type=int, default=700, help="originals of the study")
    parser.add_argument("--budget", type=int, default=12_500, help="images of the study")
    parser.add_argument("--epochs", type=int, default=12, help="of the study")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), help="of the study")
    parser.add_argument("--seconds", type=float, default=86_400.0, help="training ends after these")
    parser.add_argument("--mps", action="store_true", help="start NVIDIA's multi-process service, and end it")
    parser.add_argument("--work", default=".winnow/one-gpu", help="a folder for what is not finished")
    parser.add_argument("--out", default="one-gpu", help="folder of the results")
    return parser.parse_args()


def take_along(arguments: argparse.Namespace) -> None:
    workspace, target = Path(arguments.workspace), Path(arguments.pack)
    if seen := trained_and_validated(workspace):
        raise SystemExit(
            f"{seen} validation images of {workspace} are in its {BASELINE}, which another run wrote; make both again "
            "with 'dvc repro select_validation' there."
        )
    params = yaml.safe_load((workspace / "params.yaml").read_text())
    pack(workspace, target, params["data"]["test_archive"])
    for name, folder in [(MAIN, workspace), *((item.partition("=")[::2]) for item in arguments.row)]:
        for file in OF_ROW:
            to = target / "rows" / name / Path(file).name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / file, to)


def trained_and_validated(workspace: Path) -> int:
    """Validation images among those that the baseline is trained on."""
    given, chosen = (tables.read_parquet(workspace / file, ["image_id"])["image_id"] for file in (BASELINE, VALIDATION))
    return int(chosen.isin(given).sum())


class Rows:
    """Workspaces of the study's rows; MAIN's also trains the baseline, which all share."""

    def __init__(self, packed: Path, work: Path, names: list[str] | None) -> None:
        self._packed, self._work = packed, work
        self._names = names or sorted(folder.name for folder in (packed / "rows").iterdir())
        self._prepared: dict[str, threading.Lock] = {name: threading.Lock() for name in [MAIN, *self._names]}
        self._writes_baseline = threading.Lock()

    def train_all(self, seeds: int, jobs: int, end: float) -> None:
        first = [(MAIN, arm, seed) for seed in range(seeds) for arm in ("submission", "baseline")]
        others = [(name, "submission", seed) for name in self._names if name != MAIN for seed in range(seeds)]
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(lambda task: self._train(*task, end=end), (first if MAIN in self._names else []) + others))

    def _train(self, name: str, arm: str, seed: int, *, end: float) -> None:
        folder = self._work / name
        weights = folder / f"models/{arm}/seed-{seed}.safetensors"
        if weights.exists() or time.monotonic() > end:
            return
        with self._prepared[name]:
            self._prepare(name, needs_set=arm == "submission")
        own = self._work / f"{name}-{arm}-{seed}"
        own.mkdir(exist_ok=True)
        for part in ("src", "stages", "versions", "dvc.yaml", "data"):
            link(folder / part, own / part)
        params = yaml.safe_load((folder / "params.yaml").read_text())
        params["train"]["seeds"] = [seed]
        (own / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        start = time.monotonic()
        if run_stage(own, "train", arm):
            curve = pd.read_csv(own / f"metrics/curves/{arm}.csv")
            best = curve["validation_balanced_accuracy"].max()
            print(f"{name}, {arm}, seed {seed}: {best:.2%} on validation, {time.monotonic() - start:.0f} s", flush=True)
            weights.parent.mkdir(parents=True, exist_ok=True)
            (own / f"models/{arm}/seed-{seed}.safetensors").rename(weights)

    def _prepare(self, name: str, *, needs_set: bool) -> None:
        folder, row = self._work / name, self._packed / "rows" / name
        if not (folder / "params.yaml").exists():
            for part in ("src", "stages", "versions", "dvc.yaml"):
                link(ROOT / part, folder / part)
            for part in ("data/none", "data/review"):
                link(ROOT / part, folder / part)
            link(self._packed / "data/interim", folder / "data/interim")
            link(self._packed / "data/raw", folder / "data/raw")
            for file in OF_ROW[1:]:
                link(row / Path(file).name, folder / file)
            (folder / "metrics").mkdir()
            shutil.copy(self._packed / "metrics/augmentation_policy.yaml", folder / "metrics")
            link(self._baseline(), folder / BASELINE)
            shutil.copy(row / "params.yaml", folder)
        if needs_set and not (folder / "data/processed/submission_set.parquet").exists():
            run_stage(folder, "augment")

    def _baseline(self) -> Path:
        with self._writes_baseline:
            file = self._work / "baseline_set.parquet"
            if not file.exists():
                tables.write_parquet(self._baseline_set(), file)
        return file

    def _baseline_set(self) -> pd.DataFrame:
        images = tables.read_parquet(self._packed / "data/interim/images.parquet")
        given = tables.read_parquet(self._packed / BASELINE, ["image_id", "label"])
        image_id = given["image_id"].to_numpy()
        rows = tables.align(image_id, images["image_id"].to_numpy(), "images.parquet")
        return pack_originals(image_id, given["label"].to_numpy(), images["image_bytes"].to_numpy()[rows]).frame()

    def evaluate_all(self) -> None:
        """Of each row the networks that there are, beside the baseline's."""
        baseline = self._work / MAIN / "models/baseline"
        names = [name for name in [MAIN, *self._names] if (self._work / name / "models/submission").exists()]
        names = list(dict.fromkeys(names)) if baseline.exists() else []
        for name in names:
            link(baseline, self._work / name / "models/baseline")
        with ThreadPoolExecutor(len(names) or 1) as pool:
            list(pool.map(lambda name: run_stage(self._work / name, "evaluate"), names))

    def write(self, out: Path) -> None:
        """All that is small: figures, curves, params, the stages' times and what they printed."""
        with tarfile.open(out / "rows.tgz", "w:gz") as archive:
            for file in sorted(self._work.rglob("*")):
                name = file.relative_to(self._work)
                small = name.parts[1:2] in (("metrics",), (".winnow",)) or file.suffix in (".log", ".yaml")
                if small and file.is_file() and not file.is_symlink() and "scratch" not in name.parts:
                    archive.add(file, str(name))


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.resolve())


def run_stage(folder: Path, stage: str, *arguments: str) -> bool:
    """Whether the stage of the workspace `folder` ended well; what it printed is in `<stage>.log`."""
    command = [sys.executable, "-m", "winnow.launch", f"stages/{stage}.py", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")])}
    with (folder / f"{stage}.log").open("a") as log:
        return ended_well(command, cwd=folder, env=environment, log=log)


def ended_well(command: list[str], *, cwd: Path, env: dict[str, str], log) -> bool:
    if _over.is_set():
        return False
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=log, stderr=log, start_new_session=True)
    _running.append(process)
    code = process.wait()
    _running.remove(process)
    if code > 0:
        print(f"{cwd.name}: {' '.join(command[2:5])} failed with {code}", flush=True)
        print(Path(log.name).read_text()[-1500:], flush=True)
    return code == 0


def end_all() -> None:
    _over.set()
    for process in list(_running):
        os.killpg(process.pid, 15)


def augmentations(arguments: argparse.Namespace, work: Path, end: float) -> None:
    """The study at a quarter's size, and its two best at full size."""
    if not arguments.study_jobs:
        return
    quarter = [
        "--per-class",
        str(arguments.per_class),
        "--budget",
        str(arguments.budget),
        "--epochs",
        str(arguments.epochs),
    ]
    study(arguments, work, "ds801-quarter", quarter, arguments.variants, seeds=1)
    best = ranking(work / "augmentation-ds801-quarter.json")
    print("on validation:", ", ".join(f"{name} {score:.1%}" for name, score in best), flush=True)
    names = [name for name, _ in best if name != "untouched"]
    if time.monotonic() < end:
        study(arguments, work, "ds801-quarter", quarter, list(dict.fromkeys([*names[:5], REFERENCE])), seeds=3)
    best = ranking(work / "augmentation-ds801-quarter.json", seeds=2)
    if time.monotonic() < end and best:
        study(arguments, work, "ds801-full", [], [name for name, _ in best[:2]], seeds=arguments.seeds)


def study(
    arguments: argparse.Namespace, work: Path, name: str, sizes: list[str], variants: list[str], *, seeds: int
) -> None:
    options = [
        "--workspace",
        arguments.workspace,
        "--name",
        name,
        "--out",
        str(work),
        "--jobs",
        str(arguments.study_jobs),
    ]
    command = [sys.executable, str(ROOT / "benchmarks/augmentation.py"), *options, *sizes, "--seeds", str(seeds)]
    with (work / f"{name}.log").open("a") as log:
        ended_well([*command, "--variants", *variants], cwd=ROOT, env=dict(os.environ), log=log)


def ranking(file: Path, *, seeds: int = 1) -> list[tuple[str, float]]:
    """The variants of at least so many seeds, the best on the validation set first."""
    frame = pd.DataFrame(json.loads(file.read_text())["runs"])
    groups = frame.groupby("variant")["validation_balanced_accuracy"]
    means = groups.mean()[groups.size() >= seeds].sort_values(ascending=False, kind="stable")
    return list(means.items())


@contextmanager
def multi_process_service():
    """NVIDIA's MPS with folders of its own, for the processes that are started within; one that runs is joined."""
    if "CUDA_MPS_PIPE_DIRECTORY" in os.environ:
        yield
        del os.environ["CUDA_MPS_PIPE_DIRECTORY"]
        return
    folder = tempfile.mkdtemp(prefix="winnow-mps-")
    os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
    subprocess.run(["nvidia-cuda-mps-control", "-d"], check=True)
    try:
        yield
    finally:
        subprocess.run(["nvidia-cuda-mps-control"], input="quit\n", text=True, check=False)
        for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"):
            del os.environ[name]


if __name__ == "__main__":
    main()
