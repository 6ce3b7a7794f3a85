"""What each way of augmenting adds to the balanced accuracy that a fixed network reaches: the step by step table.

    python benchmarks/augmentation.py --workspace <folder>                       # after `dvc repro select_validation`
    python benchmarks/augmentation.py --workspace <folder> --pack .gpu/ds801     # 60 MB to take to another machine
    python benchmarks/augmentation.py --workspace .gpu/ds801 --recipes course fast --jobs 4

Every variant of the training set comes from the same decisions and is judged on the same validation and test images. It
is trained with each recipe and seed; the epoch that is best on the validation set counts. Where both recipes run, the
rank correlation of their means says whether `fast` may stand for `course` in a sweep. The result is
`benchmarks/results/augmentation-<name>.json`; a run that was killed goes on where it was. `--per-class`, `--budget` and
`--epochs` make it small enough for a CPU.
"""

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.stats import spearmanr

from machine import machine
from winnow import tables
from winnow.augmentation.edge_cases import difficulty_by, edge_case_weights
from winnow.augmentation.plan import choose_originals, plan_copies
from winnow.augmentation.policy.policy import read_policy
from winnow.augmentation.render import render_copies
from winnow.curation.estimates import final_label_probability
from winnow.data.decode import decode_pixels
from winnow.data.manifest import load_dataset
from winnow.data.packed import pack_originals
from winnow.errors import WinnowError
from winnow.metrics import balanced_accuracy
from winnow.models.classifier import train_classifier
from winnow.models.networks import find_network
from winnow.models.predict import predict
from winnow.models.recipe import named_recipe

ROOT = Path(__file__).resolve().parents[1]
_VIEWS = {"flip": 1.0, "crop": 1.0, "flip_crop": 1.0}
# Each variant's changes to the `augment` section of params.yaml; techniques that are not named are off. "originals" is
# the share of each class's originals that is used: those whose labels are the likeliest. "stored" is the share of those
# used that is in the set itself, drawn by chance; copies are made of all.
VARIANTS: dict[str, dict] = {
    "untouched": {"given": True, "max_copies_per_image": 0},
    "cleaned": {"max_copies_per_image": 0},
    "+ balance by plain copies": {"techniques": {"oversampling": 1.0}},
    "+ flips": {"techniques": {"flip": 1.0}},
    "+ flips, crops": {"techniques": _VIEWS},
    "+ flips, crops, colours, rotations": {"techniques": _VIEWS | {"color": 1.0, "rotation": 1.0}},
    "+ flips, crops, TrivialAugment": {"techniques": _VIEWS | {"trivial_augment": 1.0}},
    "+ flips, crops, AugMix": {"techniques": _VIEWS | {"augmix": 1.0}},
    "+ flips, crops, CutMix": {"techniques": _VIEWS | {"cutmix": 1.0}},
    "+ flips, crops, Faster AutoAugment": {"techniques": _VIEWS | {"faster_autoaugment": 1.0}},
    "+ flips, crops; no balance": {"techniques": _VIEWS, "balance": "none"},
    "+ flips, crops; effective number": {"techniques": _VIEWS, "balance": "effective_number"},
    "+ flips, crops; edge cases": {"techniques": _VIEWS, "edge_cases": {"strength": 2.0}},
    "+ TrivialAugment": {"techniques": {"trivial_augment": 1.0}},
    "+ colours": {"techniques": {"color": 1.0}},
    "+ flips, crops, Mixup": {"techniques": _VIEWS | {"mixup": 1.0}},
    "+ flips, crops, colours, TrivialAugment, CutMix, Mixup": {
        "techniques": _VIEWS | {"color": 1.0, "trivial_augment": 1.0, "cutmix": 1.0, "mixup": 1.0}
    },
    "+ flips, crops; copies in place of the least certain 30 %": {"techniques": _VIEWS, "originals": 0.7},
    "+ flips, crops; copies in place of the least certain 50 %": {"techniques": _VIEWS, "originals": 0.5},
    "+ flips, crops; edge cases; copies in place of the least certain 30 %": {
        "techniques": _VIEWS,
        "edge_cases": {"strength": 2.0},
        "originals": 0.7,
    },
    "+ flips, crops; copies in place of half of the originals": {"techniques": _VIEWS, "stored": 0.5},
    "+ CutMix": {"techniques": {"cutmix": 1.0}},
    "+ flips, crops, TrivialAugment, CutMix": {"techniques": _VIEWS | {"trivial_augment": 1.0, "cutmix": 1.0}},
}
REFERENCE = "+ flips, crops"  # what the variants with several seeds are compared with
FILES = (
    "params.yaml",
    "data/interim/classes.json",
    "data/interim/images.parquet",
    "data/interim/pred_probs.npz",
    "data/interim/class_probs.npz",
    "data/processed/ledger.parquet",
    "data/processed/validation_set.parquet",
    "metrics/augmentation_policy.yaml",
)
POLICY = "metrics/augmentation_policy.yaml"
BASELINE = "data/processed/baseline_set.parquet"


def main() -> None:
    signal.signal(signal.SIGTERM, end_with_workers)
    arguments = parse()
    workspace = Path(arguments.workspace)
    params = yaml.safe_load((workspace / "params.yaml").read_text())
    if not (workspace / params["data"]["test_archive"]).exists() or params["data"]["test_archive"] == "data/none":
        raise SystemExit("the variants are judged on a test set: set data.test_archive in the workspace's params.yaml")
    if arguments.pack:
        pack(workspace, Path(arguments.pack), params["data"]["test_archive"])
        return
    recipes = {name: recipe_settings(params, name, arguments.epochs) for name in arguments.recipes}
    out = Path(arguments.out) / f"augmentation-{arguments.name}.json"
    result = started(out, arguments, params, recipes)
    variants = [name for name in VARIANTS if not arguments.variants or name in arguments.variants]
    scratch = Path(tempfile.mkdtemp(prefix="winnow-augmentation-"))
    start = time.perf_counter()
    train_all(variants, workspace, params, recipes, arguments, scratch, result, out)
    shutil.rmtree(scratch)
    if not result["runs"]:
        raise SystemExit("no network was trained; the lines above say why")
    result["seconds"] = round(time.perf_counter() - start, 1)
    result["means"] = means(result["runs"])
    if {"course", "fast"} <= set(result["recipes"]):
        result["rank_correlation"] = rank_correlation(result["means"])
        print(f"rank correlation of the recipes: {result['rank_correlation']}")
    write(result, out)
    print(f"wrote {out}; python benchmarks/training_tables.py {out} prints the table")


def end_with_workers(number: int, frame: object) -> None:
    for worker in active_children():
        worker.terminate()
    os._exit(128 + number)


def started(out: Path, arguments: argparse.Namespace, params: dict, recipes: dict[str, dict]) -> dict:
    """The result to fill. Runs of an earlier call stay where machine, revision, sizes and their recipe are the same."""
    result = {
        "benchmark": "augmentation",
        "name": arguments.name,
        **machine(),
        "per_class": arguments.per_class,
        "budget": arguments.budget or params["augment"]["budget"],
        "recipes": recipes,
        "runs": [],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    before = json.loads(out.read_text()) if out.exists() else {}
    if before and all(before[key] == result[key] for key in ("machine", "revision", "per_class", "budget")):
        result["recipes"] = before["recipes"] | recipes
        result["runs"] = [
            run for run in before["runs"] if before["recipes"][run["recipe"]] == result["recipes"][run["recipe"]]
        ]
    return result


def train_all(
    variants: list[str],
    workspace: Path,
    params: dict,
    recipes: dict[str, dict],
    arguments: argparse.Namespace,
    scratch: Path,
    result: dict,
    out: Path,
) -> None:
    """Train what `result` lacks, and write each run down as it ends; one that fails is named and leaves the others."""
    done = {(run["variant"], run["recipe"], run["seed"]) for run in result["runs"]}
    threads = max(1, len(os.sched_getaffinity(0)) // arguments.jobs)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        running: dict[Future, tuple] = {}
        for variant in variants:
            wanted = [
                (variant, recipe, seed)
                for recipe in recipes
                for seed in range(arguments.seeds)
                if (variant, recipe, seed) not in done
            ]
            if not wanted:
                continue
            try:
                file, images = write_variant(workspace, params, variant, arguments, scratch)
            except WinnowError as error:
                print(f"{variant} is left out: {error}", flush=True)
                continue
            for key in wanted:
                future = pool.submit(run_one, file, workspace, params, recipes[key[1]], *key[1:], threads)
                running[future] = (*key, images)
            collect(running, result, out, wait_for=0)
        while running:
            collect(running, result, out, wait_for=None)


def collect(running: dict[Future, tuple], result: dict, out: Path, *, wait_for: float | None) -> None:
    """Write down the runs that have ended; wait for one at most so many seconds, None for as long as it takes."""
    for future in wait(running, timeout=wait_for, return_when=FIRST_COMPLETED).done:
        variant, recipe, seed, images = running.pop(future)
        if (error := future.exception()) is not None:
            print(f"{variant}, {recipe}, seed {seed} failed: {error!r}", flush=True)
            continue
        run = {"variant": variant, "recipe": recipe, "seed": seed, "images": images, **future.result()}
        result["runs"].append(run)
        print(f"{variant}, {recipe}, seed {seed}: {run['balanced_accuracy']:.2%} on {images} images", flush=True)
        write(result, out)


def write(result: dict, out: Path) -> None:
    with tables.replacing(out) as temporary:
        temporary.write_text(json.dumps(result, indent=2) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", default=".", help="where the pipeline ran up to select_validation")
    parser.add_argument("--pack", help="copy what is needed from the workspace to this folder, and stop")
    parser.add_argument("--name", default="ds801", help="names the result file")
    parser.add_argument("--recipes", nargs="+", default=["course"], choices=["course", "fast"])
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), help="only these")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="networks trained at a time, on one GPU")
    parser.add_argument("--per-class", type=int, help="originals per class, at most")
    parser.add_argument("--budget", type=int, help="images in a training set (default: that of params.yaml)")
    parser.add_argument("--epochs", type=int, help="of both recipes (default: those of params.yaml)")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the result file")
    return parser.parse_args()


def pack(workspace: Path, target: Path, test_archive: str) -> None:
    for name in (*FILES, test_archive):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (workspace / name).is_dir():
            shutil.copytree(workspace / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copy(workspace / name, target / name)
    baseline = tables.read_parquet(workspace / BASELINE, ["image_id", "label"])
    tables.write_parquet(baseline, target / BASELINE)
    size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    print(f"{target}: {size / 1e6:.0f} MB")


def recipe_settings(params: dict, name: str, epochs: int | None) -> dict:
    settings = params["train"][name] | {"precision": params["train"]["precision"]}
    return settings | ({"epochs": epochs} if epochs else {})


def write_variant(
    workspace: Path, params: dict, variant: str, arguments: argparse.Namespace, scratch: Path
) -> tuple[Path, int]:
    """Make the training set of a variant; returns the file with its `pixels` and `labels`, and how many there are."""
    changes = dict(VARIANTS[variant])
    share, stored = changes.pop("originals", 1.0), changes.pop("stored", 1.0)
    images = tables.read_parquet(workspace / "data/interim/images.parquet")
    settings = params["augment"] | changes
    budget = arguments.budget or settings["budget"]
    if changes.pop("given", False):
        table = tables.read_parquet(workspace / BASELINE, ["image_id", "label"])
        image_id, labels = table["image_id"].to_numpy(), table["label"].to_numpy()
    else:
        table = tables.read_parquet(workspace / "data/processed/ledger.parquet")
        table = table[table["split"] == "train"]
        image_id, labels = table["image_id"].to_numpy(), table["final_label"].to_numpy()
    most = arguments.per_class * len(np.unique(labels)) if arguments.per_class else budget
    kept = choose_originals(image_id, labels, budget=min(most, budget), seed=settings["seed"])
    table, image_id, labels = table[kept], image_id[kept], labels[kept]
    if share < 1:
        certain = most_certain(table, labels, share=share)
        table, image_id, labels = table[certain], image_id[certain], labels[certain]
    positions = tables.align(image_id, images["image_id"].to_numpy(), "images.parquet")
    originals = pack_originals(image_id, labels, images["image_bytes"].to_numpy()[positions]).frame()
    chance = pd.Series(np.random.default_rng(settings["seed"]).random(len(labels)))
    packed = [originals[(chance.groupby(labels).rank(pct=True) <= stored).to_numpy()]]
    if settings["max_copies_per_image"]:
        plan = plan_copies(
            image_id,
            labels,
            budget=budget + len(originals) - len(packed[0]),
            balance=settings["balance"],
            max_copies_per_image=settings["max_copies_per_image"],
            techniques=settings["techniques"],
            seed=settings["seed"],
            effective_number_beta=settings["effective_number_beta"],
            weights=weights_of(
                workspace, table, image_id, labels, params["augment"]["edge_cases"] | changes.get("edge_cases", {})
            ),
        )
        policy = read_policy(workspace / POLICY)
        packed.append(render_copies(plan, images, jpeg_quality=settings["jpeg_quality"], policy=policy))
    joined = pd.concat(packed)
    file = scratch / f"{list(VARIANTS).index(variant)}.npz"
    pixels = decode_pixels(joined["image_bytes"].to_list(), image_size=params["data"]["image_size"])
    tables.write_arrays(file, pixels=pixels, labels=joined["label"].to_numpy())
    return file, len(joined)


def aligned(workspace: Path, name: str, image_id: np.ndarray) -> np.ndarray:
    """(N, K) of the file of that name, in the order of (N,) ids."""
    arrays = tables.read_arrays(workspace / f"data/interim/{name}.npz")
    return arrays[name][tables.align(image_id, arrays["image_id"], f"{name}.npz")]


def most_certain(table: pd.DataFrame, labels: np.ndarray, *, share: float) -> np.ndarray:
    """A (N,) mask: of each class the share of images whose labels are the likeliest."""
    certainty = pd.Series(final_label_probability(table))
    return (certainty.groupby(labels).rank(ascending=False, pct=True) <= share).to_numpy()


def weights_of(
    workspace: Path, table: pd.DataFrame, image_id: np.ndarray, labels: np.ndarray, settings: dict
) -> np.ndarray:
    pred_probs, options = aligned(workspace, "pred_probs", image_id), dict(settings)
    return edge_case_weights(
        difficulty_by(options.pop("by"), table, pred_probs, labels),
        aligned(workspace, "class_probs", image_id),
        labels,
        ood_score=table["ood_score"].to_numpy(),
        by_person=(table["decided_by"] != "rule").to_numpy(),
        **options,
    )


def run_one(file: Path, workspace: Path, params: dict, settings: dict, recipe: str, seed: int, threads: int) -> dict:
    settings = settings | {"threads": threads}
    training = tables.read_arrays(file)
    validation = tables.read_parquet(workspace / "data/processed/validation_set.parquet")
    class_names = tables.read_json(workspace / "data/interim/classes.json")
    num_classes = len(class_names)
    size = params["data"]["image_size"]
    test = load_dataset(
        workspace / params["data"]["test_archive"],
        class_names=class_names,
        split=params["data"]["test_split"],
        image_size=size,
        max_unpacked_bytes=params["data"]["max_unpacked_gb"] * 2**30,
        every_class=False,
    )
    checkpoints = workspace / f".winnow/scratch/augmentation/{file.stem}-{recipe}-{seed}"
    trained = train_classifier(
        training["pixels"],
        training["labels"],
        decode_pixels(validation["image_bytes"].to_list(), image_size=size),
        validation["label"].to_numpy(),
        num_classes=num_classes,
        recipe=named_recipe(recipe, **settings),
        seed=seed,
        scratch=checkpoints,
        description=f"{file.stem}, {recipe}, seed {seed}",
    )
    shutil.rmtree(checkpoints)
    network = find_network("resnet34").build(num_classes)
    network.load_state_dict(trained.state)
    logits = predict(network, decode_pixels(test.images["image_bytes"].to_list(), image_size=size), batch_size=500)
    return {
        "balanced_accuracy": balanced_accuracy(
            test.manifest["label"].to_numpy(), logits.argmax(axis=1), num_classes=num_classes
        ),
        "validation_balanced_accuracy": float(trained.curve["validation_balanced_accuracy"].max()),
        "best_epoch": trained.best_epoch,
        "images_per_second": round(trained.images_per_second, 1),
    }


def means(runs: list[dict]) -> list[dict]:
    """A row per variant and recipe: mean and standard deviation over seeds."""
    frame = pd.DataFrame(runs)
    frame["place"] = frame["variant"].map(list(VARIANTS).index)
    return [
        {
            "variant": variant,
            "recipe": recipe,
            "images": int(group["images"].iloc[0]),
            "seeds": len(group),
            "balanced_accuracy": float(group["balanced_accuracy"].mean()),
            "standard_deviation": float(group["balanced_accuracy"].std(ddof=1)) if len(group) > 1 else None,
            "validation_balanced_accuracy": float(group["validation_balanced_accuracy"].mean()),
        }
        for (_, variant, recipe), group in frame.groupby(["place", "variant", "recipe"])
    ]


def rank_correlation(rows: list[dict]) -> float | None:
    """Spearman's, between the recipes' mean balanced accuracies over the variants; None where a recipe has but one."""
    table = pd.DataFrame(rows).pivot(index="variant", columns="recipe", values="balanced_accuracy").dropna()
    if min(table["course"].nunique(), table["fast"].nunique()) < 2:
        return None
    return round(float(spearmanr(table["course"], table["fast"]).statistic), 3)


if __name__ == "__main__":
    main()
