"""All runs in one table."""

import hashlib
import json
from pathlib import Path

import pytest
from rich.console import Console

from stub_project import call, make_project, winnow
from winnow.experiments.overview import QUICK, overview
from winnow.experiments.runs import Run


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A clean workspace at 0.5, and an experiment at 0.75."""
    folder = make_project(tmp_path_factory.mktemp("runs") / "project", Path(__file__).resolve().parents[2])
    call(folder, "dvc", "exp", "run", "-n", "better", "-S", "curate.ood_threshold=0.75")
    call(folder, "git", "checkout", ".")
    call(folder, "dvc", "checkout")
    return folder


def rows(output: str) -> dict[str, str]:
    return {line.split("  ")[0].strip(): line for line in output.splitlines() if "%" in line or "–" in line}


def test_every_run_is_listed_once_with_its_figures_and_its_change(project):
    found = rows(winnow(project, "runs"))
    assert list(found) == ["HEAD (workspace)", "better"]
    assert found["better"].split()[1:] == ["75.00%", "75.00%", "75", "0", "25", "curate.ood_threshold", "0.75"]
    assert found["HEAD (workspace)"].split()[2:] == ["50.00%", "50.00%", "50", "0", "50"]


def test_a_workspace_that_is_not_run_says_why_it_has_no_figures(project):
    params = project / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("ood_threshold: 0.5", "ood_threshold: 0.6"))
    try:
        found = rows(winnow(project, "runs"))
    finally:
        params.write_text(text)
    assert list(found) == ["workspace", "HEAD", "better"]
    assert "–" in found["workspace"] and "params.yaml says 0.6" in found["workspace"]


class Held:
    """A repository whose runs hold nothing but the quick check's figures, the same each time."""

    content = json.dumps({"quick_validation": 0.5, "quick_test": 0.75}).encode()

    def read(self, path, rev):
        return self.content if path == QUICK else None


def run_of(name: str, *, ran: float, params: float, ledger: str = "a", fault: str = "") -> Run:
    """Its quick check ran at the threshold `ran` and on the ledger `ledger`; curate wrote "a"."""
    wrote = hashlib.md5(Held.content).hexdigest()
    lock = {
        "stages": {
            "curate": {
                "params": {"params.yaml": {"curate.ood_threshold": ran}},
                "outs": [{"path": "ledger", "md5": "a"}],
            },
            "quick_check": {"deps": [{"path": "ledger", "md5": ledger}], "outs": [{"path": QUICK, "md5": wrote}]},
            "train": {"deps": [{"path": "ledger", "md5": "of another run"}], "outs": []},
        }
    }
    return Run(name, name, {"curate": {"ood_threshold": params}}, lock, {}, fault)


def test_a_run_that_went_as_far_as_the_quick_check_shows_its_figure():
    stale = "stage train ran with another ledger"
    runs = [
        run_of("workspace", ran=0.5, params=0.5, fault=stale),
        run_of("HEAD", ran=0.5, params=0.5),
        run_of("quick", ran=0.7, params=0.7, fault=stale),
        run_of("edited since", ran=0.7, params=0.8, fault=stale),
        run_of("older ledger", ran=0.7, params=0.7, ledger="b", fault=stale),
    ]
    console = Console(width=140)
    with console.capture() as shown:
        console.print(overview(Held(), runs))
    lines = rows(shown.get())
    assert "75.00%" in lines["HEAD"] and "quick check only" not in lines["HEAD"]
    assert "75.00%" in lines["quick"] and "ood_threshold 0.7; quick check only" in lines["quick"]
    for name in ("edited since", "older ledger"):
        assert "75.00%" not in lines[name] and "ran with another" in lines[name]
