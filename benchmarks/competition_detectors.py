"""How well labels' scores find what a person's audit of the competition's images found: AUROC, average precision, F1.

    python benchmarks/competition_detectors.py --shared ../shared --state .winnow/competition

Scores that `benchmarks/competition.py` kept under `--state` are read, others are left out, and said so. F1 is at
winnow's own cut; no threshold is chosen on the audit. Writes `benchmarks/results/competition-detectors.json`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, precision_score, roc_auc_score

from competition_data import audited, read_numerals
from competition_rows import state_of_this_code
from machine import machine
from winnow.competition.outcome import found_errors

ROOT = Path(__file__).resolve().parents[1]
# The sign that makes higher worse.
VALUES = {"early_loss": 1, "early_probability": -1, "aum": -1, "gradient_norm": 1, "tracin": 1, "influence": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", default="../shared", type=Path, help="folder with data/roman-numerals")
    parser.add_argument("--state", default=".winnow/competition", type=Path, help="where scores are kept")
    parser.add_argument("--out", default=ROOT / "benchmarks/results/competition-detectors.json", type=Path)
    arguments = parser.parse_args()
    folder, state = arguments.shared / "data/roman-numerals", state_of_this_code(arguments.state)
    released = read_numerals(folder / "roman-numerals.zip")
    true = audited(released, folder / "human-audit.csv")
    truth = pd.Series(true != released.labels, index=released.paths)
    rows = {}
    issues = _kept(state / "label-issues.parquet")
    if issues is not None:
        bad = truth[issues["image_id"]].to_numpy()
        flagged = issues["is_label_issue"].to_numpy()
        rows["winnow, label issues on `trained`"] = ranking(bad, -issues["label_quality_score"].to_numpy()) | {
            "flagged": int(flagged.sum()),
            "precision": round(float(precision_score(bad, flagged)), 4),
            "f1": round(float(f1_score(bad, flagged)), 4),
        }
    values = _kept(state / "values.parquet")
    if values is not None:
        bad = truth[values["image_id"]].to_numpy()
        for name, sign in VALUES.items():
            rows[name] = ranking(bad, sign * values[name].to_numpy())
        harmed = values["points_harmed"].to_numpy() > 0
        rows["rule min + std"] = {
            "flagged": int(harmed.sum()),
            "precision": round(float(precision_score(bad, harmed, zero_division=0)), 4),
        }
    for number in (1, 2):
        decided = _kept(state / f"round-{number}.parquet")
        if decided is not None:
            found = found_errors(decided, pd.DataFrame({"image_id": released.paths, "true_label": true}))
            rows[f"round {number}"] = found | {"kept": int((decided["final_label"] >= 0).sum())}
    if not rows:
        raise SystemExit(f"{state} has no scores; run benchmarks/competition.py with this code first")
    content = {**machine(), "images": int((released.split != "label_book").sum()), "rows": rows}
    arguments.out.write_text(json.dumps(content, indent=2) + "\n")


def ranking(bad: np.ndarray, score: np.ndarray) -> dict:
    return {
        "auroc": round(float(roc_auc_score(bad, score)), 4),
        "average_precision": round(float(average_precision_score(bad, score)), 4),
    }


def _kept(path: Path) -> pd.DataFrame | None:
    if path.exists():
        return pd.read_parquet(path)
    print(f"{path.name} is left out: benchmarks/competition.py has not made it")
    return None


if __name__ == "__main__":
    main()
