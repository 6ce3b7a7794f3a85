"""Put the sample's planted label errors right from the proposals: by walls, and one verdict at a time.

    python benchmarks/review_walls.py --workspace /path/to/a/workspace/with/the/sample

A reviewer who knows the truth file works in a headless Chromium, by keys and clicks alone, on a copy of the workspace.
By walls: every group of proposals to relabel is looked through, wrong pictures are marked, the rest accepted. One at a
time: the same images in the queue, each by one key. Writes `benchmarks/results/review-walls.json`.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
from pathlib import Path

import pandas as pd

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "src"))

PIECES = ("params.yaml", "dvc.yaml", "data/raw", "data/interim", "data/processed")
ENTER = "\ue007"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", required=True, help="where the pipeline has run on the sample")
    parser.add_argument("--truth", default="data/raw/sample-truth.csv", help="the truth file, in the workspace")
    parser.add_argument("--one-by-one", type=int, default=40, help="images judged one at a time, to count keys on")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the result file")
    arguments = parser.parse_args()
    workspace = Path(arguments.workspace)
    ledger = pd.read_parquet(workspace / "data/processed/ledger.parquet").set_index("image_id").sort_index()
    truth = pd.read_csv(workspace / arguments.truth).set_index("image_id").reindex(ledger.index)
    result = {"benchmark": "review-walls", **machine(), "images": len(ledger)}
    with tempfile.TemporaryDirectory(prefix="winnow-") as scratch:
        result["walls"] = by_walls(copy_of(workspace, Path(scratch) / "walls"), ledger, truth["true_label"])
        result["one_at_a_time"] = one_by_one(
            copy_of(workspace, Path(scratch) / "queue"), ledger, truth["true_label"], most=arguments.one_by_one
        )
    out = Path(arguments.out) / "review-walls.json"
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def copy_of(workspace: Path, target: Path) -> Path:
    for piece in PIECES:
        source = workspace / piece
        (target / piece).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / piece)
        elif source.exists():
            shutil.copy(source, target / piece)
    return target


def by_walls(folder: Path, ledger: pd.DataFrame, true_label: pd.Series) -> dict:
    """Every wall of relabels; a picture whose proposal is wrong is clicked and, if another class is right, named."""
    from browser import chromium, opened, press, serving, wait

    names = json.loads((folder / "data/interim/classes.json").read_text())
    keys = clicks = walls = 0
    with serving(folder) as address, chromium() as driver:
        groups = json.loads(_get(driver, address, "api/proposals"))["groups"]
        groups = [group for group in groups if group["action"] == "relabel"]
        opened(driver, address, f"proposals?group={groups[0]['key']}")
        for group in groups:  # the app goes on to the next by itself
            wait(driver, f"return location.hash.endsWith('{group['key']}') && document.querySelector('.tile')")
            for place, row in enumerate(group["rows"]):
                right = true_label.iloc[row]
                if pd.isna(right) or names[group["new"]] == right or group["new"] == right:
                    continue
                while not driver.execute_script(f"return Boolean(document.querySelector('[data-place=\"{place}\"]'))"):
                    press(driver, ENTER)
                    keys += 1
                driver.execute_script(f"document.querySelector('[data-place=\"{place}\"]').click()")
                clicks += 1
                digit = names.index(right) if right in names else int(right)
                if digit != group["given"]:
                    press(driver, str(digit))
                    keys += 1
            walls += 1
            before = len(_verdicts(folder))
            while "seen" in driver.execute_script("return document.getElementById('accept').textContent"):
                press(driver, ENTER)
                keys += 1
            press(driver, ENTER)
            keys += 1
            while len(_verdicts(folder)) == before:
                driver.execute_async_script("setTimeout(arguments[0], 50)")
        driver.get("about:blank")
    written = _verdicts(folder)
    return {
        "groups": walls,
        "verdicts": len(written),
        "clicks": clicks,
        "keys": keys,
        "actions_per_verdict": round((keys + clicks) / len(written), 3),
        "label_accuracy_before": _accuracy(ledger["label"], true_label, names),
        "label_accuracy_after": _accuracy(_after(ledger, written, names), true_label, names),
    }


def one_by_one(folder: Path, ledger: pd.DataFrame, true_label: pd.Series, *, most: int) -> dict:
    """The relabels as the gallery's selection in the queue: a key for each."""
    from browser import chromium, opened, press, serving, wait

    names = json.loads((folder / "data/interim/classes.json").read_text())
    rows = [row for row, action in enumerate(ledger["action"]) if action == "relabel"]
    keys = 0
    with serving(folder) as address, chromium() as driver:
        opened(driver, address, "map")
        driver.execute_script(
            "winnowReview.state.selection = arguments[0]; localStorage.setItem('winnow.queue.order', 'selection');"
            "location.hash = '#/queue'",
            rows[:most],
        )
        for row in rows[:most]:
            wait(driver, f"return document.getElementById('picture')?.dataset.id === '{ledger.index[row]}'")
            right = true_label.iloc[row]
            digit = ledger["final_label"].iloc[row] if pd.isna(right) else _label(right, names)
            before = len(_verdicts(folder))
            press(driver, str(digit))
            keys += 1
            while len(_verdicts(folder)) == before:
                driver.execute_async_script("setTimeout(arguments[0], 50)")
        driver.get("about:blank")
    return {"images": len(rows), "measured_on": min(most, len(rows)), "keys_per_verdict": keys / min(most, len(rows))}


def _get(driver, address: str, path: str) -> str:
    driver.get(f"{address}")
    return driver.execute_async_script(f"fetch('{path}').then((it) => it.text()).then(arguments[0])")


def _verdicts(folder: Path) -> list[dict[str, str]]:
    path = folder / "data/review/decisions.csv"
    return list(csv.DictReader(path.open(newline=""))) if path.exists() else []


def _label(text, names: list[str]) -> int:
    return names.index(text) if text in names else int(text)


def _after(ledger: pd.DataFrame, verdicts: list[dict[str, str]], names: list[str]) -> pd.Series:
    labels = ledger["label"].copy()
    for row in verdicts:
        if row["action"] == "relabel":
            labels[row["image_id"]] = names.index(row["label"])
    return labels


def _accuracy(labels: pd.Series, true_label: pd.Series, names: list[str]) -> float:
    known = true_label.notna()
    right = true_label[known].map(lambda text: _label(text, names))
    return round(float((labels[known] == right).mean()), 4)


if __name__ == "__main__":
    main()
