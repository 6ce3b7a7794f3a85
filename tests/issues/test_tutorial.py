"""The notebook of docs/tutorials, cell by cell as a reader runs it: `find_issues` the whole way."""

import ast
import json
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

from warm_python import warm_python

NOTEBOOK = "docs/tutorials/find_issues.ipynb"


@pytest.fixture
def cells(root):
    return json.loads((root / NOTEBOOK).read_text(encoding="utf-8"))["cells"]


def run(cells, names):
    """The values of the cells that end in an expression, as a notebook shows them."""
    shown = []
    for source in ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"):
        *statements, last = ast.parse(source).body
        exec(compile(ast.Module(statements, []), NOTEBOOK, "exec"), names)
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), NOTEBOOK, "eval"), names))
        else:
            exec(compile(ast.Module([last], []), NOTEBOOK, "exec"), names)
    return [value for value in shown if value is not None]


def test_the_notebook_is_stored_without_outputs(cells):
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)


@pytest.mark.pipeline
def test_the_notebook_finds_the_faults_that_it_makes(cells, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(warm_python().programs / "python3"))
    names = {}
    found, worst = run(cells, names)
    assert names["recall"] >= 0.8 and names["precision"] >= 0.8
    assert found is names["found"] and found.frame["label"].tolist() == [str(label) for label in names["labels"]]
    assert (found.frame["rule"] == "exact_duplicate").sum() == 5 and "5 exact duplicates\n" in found.summary()
    assert worst["label_quality_score"].is_monotonic_increasing and set(worst["action"]) <= {"relabel", "drop"}
    page = found._repr_html_()
    assert "data:image/jpeg;base64," in page and "<script" not in page

    kept = found.frame[found.frame["action"] != "drop"]
    files = sorted((tmp_path / "cleaned/images").rglob("*.png"))
    assert sum(names["exported"].counts.values()) == 245 and len(files) == len(kept)
    for file in files[:5]:
        with Image.open(file) as image:
            assert any(np.array_equal(np.asarray(image), pixels) for pixels in names["images"])
    assert "of 245 labels" in capsys.readouterr().out
