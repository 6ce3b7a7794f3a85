"""What tools/params_docs.py generates from the params model."""

import json
import re
import subprocess
import sys

import yaml
from pydantic import Field, create_model

import params_docs
from winnow.params import Curate, Params


def test_this_repository_is_as_its_params_model_says(root):
    done = subprocess.run([sys.executable, root / "tools/params_docs.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_new_key_is_described_in_one_place_and_has_its_value_in_another(tmp_path, root):
    """A line in the model and one in base.yaml: the page, the comment and the schema follow."""
    base = (root / params_docs.BASE).read_text()
    (tmp_path / "configs").mkdir()
    (tmp_path / params_docs.BASE).write_text(base.replace("  class_floor: 20", "  clarity: 0.25\n  class_floor: 20"))
    words = Field(ge=0, lt=0.5, description="How `clear` it is. Higher is clearer.")
    curate = create_model("Curate", __base__=Curate, __doc__=Curate.__doc__, clarity=(float, words))
    model = create_model("Params", __base__=Params, __doc__=Params.__doc__, curate=(curate, ...))

    files = params_docs.generated_files(tmp_path, model)
    row = "| `curate.clarity` | float in [0, 0.5) | `0.25` | How `clear` it is. Higher is clearer. |"
    assert row in files["docs/params.md"].splitlines()
    assert "  clarity: 0.25 # How clear it is (float in [0, 0.5))" in files[params_docs.BASE].splitlines()
    schema = json.loads(files["configs/params.schema.json"])
    assert schema["$defs"]["Curate"]["properties"]["clarity"]["description"] == "How `clear` it is. Higher is clearer."
    assert "clarity" in schema["then"]["properties"]["curate"]["required"]

    now = params_docs.generated_files(root)
    assert set(files["docs/params.md"].splitlines()) - set(now["docs/params.md"].splitlines()) == {row}


def test_the_head_of_the_base_stays(root):
    text = params_docs.generated_files(root)[params_docs.BASE]
    head = (root / params_docs.BASE).read_text().partition("\ndata:")[0]
    assert text.startswith(head + "\ndata: #")


def test_the_page_has_a_row_per_key_and_no_mark_that_markdown_would_swallow(root):
    page = params_docs.markdown(yaml.safe_load((root / params_docs.BASE).read_text()))
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len({row.split("`")[1] for row in rows}) > 100
    for row in rows:
        assert row.count("|") == 5 and row.count("`") % 2 == 0, row
        assert not re.search(r"<\w", re.sub("`[^`]*`", "", row)), f"{row}: put names in angle brackets in backticks"
