"""All runs in one table."""

from pathlib import Path

import pytest

from stub_project import call, make_project, winnow


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
