"""The contracts on imports in pyproject.toml, as `make lint` checks them, on copies with a planted fault."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """pyproject.toml and the sources alone."""
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("layers")
    shutil.copy(root / "pyproject.toml", folder)
    shutil.copytree(root / "src", folder / "src", ignore=shutil.ignore_patterns("static", "__pycache__"))
    return folder


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_contracts_hold(copy):
    done = _lint(copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "words"),
    [
        ("data/decode.py", "import winnow.curation", "winnow.data is not allowed to import winnow.curation"),
        ("detect/labels/vote.py", "def f():\n    import winnow.encoders", "winnow.detect is not allowed to import"),
        ("detect/labels/vote.py", "import winnow.detect.outliers", "winnow.detect.labels is not allowed to import"),
        ("data/images.py", "import winnow.data.manifest", "No cycles within a room BROKEN"),
        ("new_room/__init__.py", '"""A room that stands in no layer."""', "new_room"),
    ],
)
def test_a_planted_import_is_found(copy, module, line, words):
    path = copy / "src/winnow" / module
    text = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{text or ''}\n{line}\n", encoding="utf-8")
    try:
        done = _lint(copy)
    finally:
        if text is None:
            shutil.rmtree(path.parent)
        else:
            path.write_text(text, encoding="utf-8")
    assert done.returncode == 1 and words in " ".join(done.stdout.split()), done.stdout + done.stderr
