"""What tools/files_docs.py makes from the table of files."""

import subprocess
import sys

import files_docs
from winnow.files import FILES, File
from winnow.schema import Array, Arrays, Column, Table


def test_the_page_of_this_repository_is_as_its_table_says(root):
    done = subprocess.run([sys.executable, root / "tools/files_docs.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_file_column_and_array_has_its_line():
    page = files_docs.markdown()
    for file in FILES.values():
        assert f"{file.path}`" in page
        items = getattr(file.schema, "columns", ()) + getattr(file.schema, "arrays", ())
        assert [item.name for item in items if f"`{item.name}`" not in page] == []


def test_types_ranges_and_meanings_are_shown():
    table = Table(
        (
            Column("score", "float64", "P(a | b); lower is worse", low=0, high=1),
            Column("count", "int64", "how many", low=0, optional=True),
            Column("note", "str", "in words"),
        )
    )
    arrays = Arrays((Array("features", "float32", "ND", "unit length"), Array("l2", "float64", "", "chosen", low=0)))
    files = {
        "scores": File("a/{arm}.csv", "images", table, note="Sorted."),
        "features": File("f.npz", "images", arrays),
    }
    page = files_docs.markdown({"": files})
    assert "| [`a/{arm}.csv`](#aarmcsv) | `scores` | images |" in page
    assert "## `a/{arm}.csv`\nA row each: images. Sorted.\n" in page
    assert "| `score` | float64 | 0 to 1 | P(a \\| b); lower is worse |" in page
    assert "| `count` | int64 | ≥ 0 | how many; optional |" in page and "| `note` | str |  | in words |" in page
    assert "## `f.npz`\nImages.\n" in page
    assert "| `features` | float32 (N, D) |  | unit length |" in page and "| `l2` | float64 | ≥ 0 | chosen |" in page


def test_many_columns_of_another_file_are_named_and_not_explained_again():
    shared = tuple(Column(name, "str", f"about {name}") for name in "abcd")
    more = Table((*shared, Column("own", "str", "its own")))
    files = {"one": File("one.csv", "images", Table(shared)), "two": File("two.csv", "images", more)}
    page = files_docs.markdown({"": files})
    assert page.count("about a") == 1 and "- From `one.csv`: `a`, `b`, `c`, `d`.\n" in page
    assert "its own" in page.split("## `two.csv`")[1]


def test_a_file_of_another_pipeline_is_shown_in_its_folder():
    files = {"": {"one": File("a.csv", "images")}, "filter": {"two": File("a.csv", "rows", note="Sorted.")}}
    page = files_docs.markdown(files)
    assert "| `a.csv` | `one` | images |" in page.split("## Files of `pipelines/filter/`")[0]
    assert "| [`pipelines/filter/a.csv`](#pipelinesfilteracsv) | `two` | rows |" in page
    assert "## `pipelines/filter/a.csv`\n" in page
