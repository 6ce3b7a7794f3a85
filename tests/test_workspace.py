"""Workspaces: files by name."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from winnow.errors import WinnowError
from winnow.files import FILES, PIPELINES
from winnow.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def test_rows_come_in_the_order_asked_for(workspace):
    images = pd.DataFrame({"image_id": ["a", "b", "c"], "image_bytes": [b"1", b"2", b"3"]})
    workspace.write("images", images)
    assert workspace.table("images", of=np.array(["c", "a"]))["image_bytes"].tolist() == [b"3", b"1"]
    assert workspace.table("images", ["image_bytes"], of=np.array(["b"]))["image_bytes"].tolist() == [b"2"]
    with pytest.raises(WinnowError, match=r"images.parquet has no row for image 'd'"):
        workspace.table("images", of=np.array(["d"]))


def test_arrays_with_a_row_per_image_are_aligned_and_others_stay(workspace):
    content = {
        "image_id": np.array(["a", "b"]),
        "pred_probs": np.array([[0.1, 0.9], [0.8, 0.2]], np.float32),
        "fold": np.array([0, 1]),
        "l2": np.array(0.1),
    }
    workspace.write("pred_probs", content)
    read = workspace.arrays("pred_probs", of=np.array(["b", "a"]))
    assert read["fold"].tolist() == [1, 0] and read["pred_probs"][0, 0] == np.float32(0.8)
    assert read["l2"] == 0.1


def test_parts_of_a_path_are_filled_in(workspace):
    assert workspace.path("packed_set", part="baseline").name == "baseline_set.parquet"
    assert workspace.scratch("train", "baseline").relative_to(workspace.root).as_posix() == (
        ".winnow/scratch/train/baseline"
    )


def test_metrics_are_written_as_they_are(workspace):
    """`dvc metrics` shows nested figures with dotted names, and readers find them nested again."""
    metrics = {"images": 3, "per_class": {"cat": 2}}
    workspace.write("metrics", metrics, stage="curate")
    assert workspace.json("metrics", stage="curate") == metrics


def test_text_of_a_csv_stays_text_and_numbers_are_numbers(workspace):
    table = pd.DataFrame({"arm": ["baseline"] * 2, "split": "test", "class": ["NA", "1"], "recall": [np.nan, 0.5]})
    workspace.write("per_class", table.assign(images=[0, 2]))
    read = workspace.table("per_class")
    assert read["class"].tolist() == ["NA", "1"]
    assert np.isnan(read["recall"][0]) and read["recall"][1] == 0.5 and read["images"].tolist() == [0, 2]


def test_a_file_that_is_missing_or_broken_is_one_sentence(workspace):
    with pytest.raises(WinnowError, match=r"manifest\.parquet is missing; run 'dvc repro'"):
        workspace.table("manifest")
    with pytest.raises(WinnowError, match=r"per_class\.csv is missing"):
        workspace.table("per_class")
    workspace.path("per_class").parent.mkdir()
    workspace.path("per_class").write_text('arm,split\n"a\n')
    with pytest.raises(WinnowError, match=r"per_class\.csv cannot be read as CSV"):
        workspace.table("per_class")


def test_a_frame_that_does_not_fit_is_not_written(workspace):
    with pytest.raises(WinnowError, match="would lack the column 'image_bytes'"):
        workspace.write("images", pd.DataFrame({"image_id": ["a"]}))
    assert not workspace.path("images").exists()


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_output_of_a_pipeline_is_in_the_table_and_every_file_of_the_table_is_an_output(root, pipeline):
    """Both ways: no file passes between stages without a schema. Any pipeline may write what the main one does."""
    written = set()
    folder = root / "pipelines" / pipeline if pipeline else root
    for definition in yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].values():
        items = definition.get("foreach", [""])
        definition = definition.get("do", definition)
        for kind in ("outs", "metrics", "plots"):
            for out in definition.get(kind, []):
                path = out if isinstance(out, str) else next(iter(out))
                written |= {path.replace("${item}", item) for item in items}
    written = {path for path in written if not path.startswith("data/raw/")}  # the sample's own archives
    patterns = {name: re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(file.path)) for name, file in FILES.items()}
    for path in written:
        assert [name for name in {**PIPELINES[""], **PIPELINES[pipeline]} if re.fullmatch(patterns[name], path)], path
    for name in PIPELINES[pipeline]:
        pattern = patterns[name]
        assert name in ("review", "verdicts") or any(re.fullmatch(pattern, path) for path in written), name


def test_a_column_is_read_in_the_order_asked_for(workspace):
    workspace.write("images", pd.DataFrame({"image_id": ["a", "b", "c"], "image_bytes": [b"1", b"2", b"3"]}))
    assert workspace.column("images", "image_bytes")[:].tolist() == [b"1", b"2", b"3"]
    column = workspace.column("images", "image_bytes", of=np.array(["c", "a"]))
    assert column[np.array([1, 0])].tolist() == [b"1", b"3"]
    with pytest.raises(WinnowError, match=r"images.parquet has no row for image 'd'"):
        workspace.column("images", "image_bytes", of=np.array(["d"]))


def test_pieces_of_a_table_are_checked_one_by_one_and_against_one_another(workspace):
    pieces = [pd.DataFrame({"image_id": [key], "image_bytes": [b"1"]}) for key in "ab"]
    path = workspace.write_stream("images", pieces)
    assert workspace.table("images")["image_id"].tolist() == ["a", "b"]
    before = path.read_bytes()
    with pytest.raises(WinnowError, match="not sorted by 'image_id', or holds one twice"):
        workspace.write_stream("images", pieces[::-1])
    with pytest.raises(WinnowError, match="would lack the column 'image_bytes'"):
        workspace.write_stream("images", [pieces[0], pieces[1].drop(columns="image_bytes")])
    assert path.read_bytes() == before


def test_some_arrays_of_a_file_are_read_alone(workspace):
    content = {
        "image_id": np.array(["a", "b"]),
        "features": np.eye(2, dtype=np.float32),
        "encoder": np.array("{}"),
    }
    workspace.write("features", content)
    assert {name: str(array) for name, array in workspace.arrays("features", ["encoder"]).items()} == {"encoder": "{}"}
    found = workspace.arrays("features", ["features"], of=np.array(["b"]))
    assert found["features"].tolist() == [[0, 1]] and set(found) == {"image_id", "features"}


def test_files_that_differ_in_one_brace_are_written_together(workspace):
    table = pd.DataFrame({"actual": ["cat"], "predicted": ["dog"]})
    workspace.write_each("confusion", "arm", {"baseline": table, "submission": table.iloc[:0]})
    assert [len(workspace.table("confusion", arm=arm)) for arm in ("baseline", "submission")] == [1, 0]
