"""Write the results that `benchmarks/one_gpu.py` brought from a GPU's machine, and draw the study's figure.

    python benchmarks/one_gpu_results.py results --workspace W --name ds801-mobilenetv2 --revision COMMIT

`results` is the folder that it wrote, `W` the workspace that was packed. Writes `pipeline-<name>.json` and
`ablation-<name>.json` to `benchmarks/results/`, and `docs/figures/ablation-ds801.png`. Rows count with as many seeds as
were trained in the time; what is no row of the study stands beside it, as `others`, and on the validation images that
all of these and the main row chose, as `validation_in_common`.
"""

import argparse
import json
import tarfile
import tempfile
from pathlib import Path

import pandas as pd

from one_gpu import MAIN, ROOT, trained_and_validated
from pipeline import METRICS
from winnow.compare.align_predictions import in_split
from winnow.curation.estimates import final_label_probability
from winnow.experiments.ablation import study_markdown, study_rows
from winnow.experiments.plan import only_rows, read_ablation
from winnow.experiments.waterfall import write_waterfall

STUDY = "configs/ablations/ds801.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--name", required=True, help="names the result files")
    parser.add_argument("--config", default="ds801-mobilenetv2")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="what was changed of it")
    parser.add_argument("--revision", required=True, help="the commit that was trained")
    parser.add_argument("--remark", default="")
    parser.add_argument("--row", default="config", help="of the study: the one that the config itself is")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs/figures/ablation-ds801.png")
    arguments = parser.parse_args()
    told = json.loads((arguments.results / "machine.json").read_text()) | {"revision": arguments.revision}
    told |= {"config": f"configs/{arguments.config}.yaml", "changes": arguments.set, "remark": arguments.remark}
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(arguments.results / "rows.tgz") as archive:
            archive.extractall(folder, filter="data")
        rows = Path(folder)
        write(arguments.out / f"pipeline-{arguments.name}.json", {
            "benchmark": "pipeline",
            "name": arguments.name,
            **told,
            "stages": times(rows, arguments.workspace),
            "metrics": {name: metrics(arguments.workspace, name) for name in METRICS},
            "evaluation": unseen_by_the_baseline(metrics(rows / MAIN, "evaluation"), arguments.workspace),
            "scorecard": metrics(rows / MAIN, "scorecard"),
            "expected_label_accuracy": expected_label_accuracy(arguments.workspace),
        })  # fmt: skip
        predicted = predictions(rows, arguments.split, main_row=arguments.row)
        study = read_ablation(ROOT / STUDY)
        known = {row.name for row in study.rows}
        in_common = on_images_in_common(
            rows, sorted(name for name in predicted if name not in known), main_row=arguments.row
        )
        others = {name: figures(rows / name) for name in predicted if name not in known}
        predicted = {name: frame for name, frame in predicted.items() if name in known}
        study = only_rows(study, predicted)
        found = study_rows(study, predicted)
    write(arguments.out / f"ablation-{arguments.name}.json", {
        "benchmark": "ablation",
        "name": arguments.name,
        **told,
        "title": study.title,
        "split": arguments.split,
        "rows": found,
        "others": others,
        "validation_in_common": in_common,
    })  # fmt: skip
    write_waterfall(found, [arguments.figure], title=study.title, split=arguments.split)
    print(study_markdown(found))


def predictions(rows: Path, split: str, *, main_row: str) -> dict[str, pd.DataFrame]:
    """By the study's row, what its networks predict."""
    files = {file.parents[2].name: file for file in rows.glob("*/metrics/predictions/submission.csv")}
    return {
        main_row if name == MAIN else name: in_split(pd.read_csv(file, dtype=str), split, name)
        for name, file in files.items()
    }


def figures(folder: Path) -> dict[str, float]:
    """Of a row that the study does not know: seeds and balanced accuracies of its submission."""
    evaluated = metrics(folder, "evaluation")["submission"]
    return {"seeds": evaluated["test"]["seeds"]} | {
        split: round(evaluated[split]["balanced_accuracy"], 4) for split in ("validation", "test")
    }


def unseen_by_the_baseline(evaluation: dict, workspace: Path) -> dict:
    """Without the validation set's figures of a baseline that was trained on some of it, with another one's rest."""
    if trained_and_validated(workspace):
        for part in ("baseline", "improvement"):
            evaluation[part].pop("validation", None)
    return evaluation


def on_images_in_common(rows: Path, names: list[str], *, main_row: str) -> dict:
    """Accuracy of the main row and of these on the validation images that all of them have: each chose its own."""
    if not names:
        return {}
    frames = {
        name: in_split(pd.read_csv(rows / name / "metrics/predictions/submission.csv", dtype=str), "validation", name)
        for name in (MAIN, *names)
    }
    frames = {name: frame.set_index("image_id") for name, frame in frames.items()}
    shared = sorted(set.intersection(*(set(frame.index) for frame in frames.values())))
    found = {"images": len(shared)}
    for name, frame in frames.items():
        seeds = frame.loc[shared].filter(like="seed-")
        found[main_row if name == MAIN else name] = [
            round(float((seeds[seed] == frame.loc[shared, "label"]).mean()), 4) for seed in seeds
        ]
    return found


def expected_label_accuracy(workspace: Path) -> float:
    """Mean probability of the labels that are trained with."""
    ledger = pd.read_parquet(workspace / "data/processed/ledger.parquet")
    return round(float(final_label_probability(ledger[ledger["split"] == "train"]).mean()), 4)


def times(rows: Path, workspace: Path) -> dict[str, dict]:
    """Seconds and peak memory of every stage: before the networks where the workspace is, then on the GPU's machine."""
    found = {}
    for folder, suffix in [
        (workspace, ""),
        (rows / MAIN, ""),
        *((each, f", seed {each.name[-1]}") for each in sorted(rows.glob(f"{MAIN}-*"))),
    ]:
        for line in (folder / ".winnow/timings.jsonl").read_text().splitlines():
            timing = json.loads(line)
            found[timing.pop("stage") + suffix] = timing
    return found


def metrics(folder: Path, name: str) -> dict:
    return json.loads((folder / f"metrics/{name}.json").read_text())


def write(path: Path, result: dict) -> None:
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
