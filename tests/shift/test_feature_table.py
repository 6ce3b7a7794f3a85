"""Tables of features: four formats, one result; what is wrong with a cell is said in a sentence."""

import numpy as np
import pandas as pd
import pytest

from winnow.errors import WinnowError
from winnow.shift import feature_table
from winnow.shift.feature_table import is_feature_table, read_features

OPTIONS = {"label_column": "label", "leave_out": ["path"]}


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(40, 3)).astype(np.float32), columns=["f0", "f1", "f2"])
    frame.insert(0, "path", [f"a/{row}.jpg" for row in range(40)])
    frame["label"] = rng.integers(0, 4, 40)
    return frame


def written(frame, path):
    match path.suffix:
        case ".csv":
            frame.to_csv(path)  # with an index that has no name
        case ".parquet":
            frame.to_parquet(path)
        case ".npz":
            np.savez(path, features=frame[["f0", "f1", "f2"]].to_numpy(), label=frame["label"].to_numpy())
        case ".npy":
            np.save(path, frame[["f0", "f1", "f2"]].to_numpy())
            np.save(path.with_suffix(".labels.npy"), frame["label"].to_numpy())
    return path


@pytest.mark.parametrize("suffix", feature_table.SUFFIXES)
def test_every_format_gives_the_same_rows(tmp_path, frame, suffix):
    table = read_features(written(frame, tmp_path / f"set{suffix}"), tmp_path / "out/set.npy", **OPTIONS)
    assert table.features.dtype == np.float16 and isinstance(table.features, np.memmap)
    assert np.array_equal(table.features, frame[["f0", "f1", "f2"]].to_numpy().astype(np.float16))
    assert table.labels.tolist() == frame["label"].astype(str).tolist()


def test_a_csv_in_blocks_is_the_csv_whole_and_goes_on_after_a_kill(tmp_path, frame, monkeypatch):
    path = written(frame, tmp_path / "set.csv")
    whole = read_features(path, tmp_path / "whole.npy", **OPTIONS)
    monkeypatch.setattr(feature_table, "_BLOCK", 300)
    monkeypatch.setattr(feature_table, "NOTE_EVERY", 1)
    parsed = feature_table._parsed
    blocks = []

    def killed(*arguments):
        if len(blocks) == 3:
            raise KeyboardInterrupt
        blocks.append(arguments[0])
        return parsed(*arguments)

    monkeypatch.setattr(feature_table, "_parsed", killed)
    with pytest.raises(KeyboardInterrupt):
        read_features(path, tmp_path / "parts.npy", **OPTIONS)
    first = list(blocks)
    monkeypatch.setattr(feature_table, "_parsed", lambda *arguments: blocks.append(arguments[0]) or parsed(*arguments))
    table = read_features(path, tmp_path / "parts.npy", **OPTIONS)
    assert blocks[3] not in first and len(blocks) > 4
    assert np.array_equal(table.features, whole.features) and (table.labels == whole.labels).all()
    assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert not (tmp_path / "parts.part.json").exists()


def test_a_line_break_within_quotes_parts_no_row(tmp_path, frame, monkeypatch):
    frame["path"] = "two\nlines"
    monkeypatch.setattr(feature_table, "_BLOCK", 100)
    table = read_features(written(frame, tmp_path / "set.csv"), tmp_path / "out.npy", **OPTIONS)
    assert len(table.labels) == 40


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.rename(columns={"label": "class"}), "has no column 'label' for the labels"),
        (lambda f: f.assign(f1=["x", *f["f1"][1:]]), "name the column in sets.leave_out"),
        (lambda f: f.assign(f1=[np.nan, *f["f1"][1:]]), r"row 1, column 'f1' holds no number"),
        (lambda f: f.assign(f2=f["f2"] + 1e6), r"column 'f2' holds more than float16 holds"),
        (lambda f: f.assign(label=[None, *f["label"][1:]]), "a row has no label"),
        (lambda f: f[["path", "label"]], "has no column of features beside 'label'"),
        (lambda f: f[:0], "holds no rows"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, frame, suffix, change, words):
    changed = change(frame)
    if suffix == ".parquet" and "leave_out" in words:
        words = "the column 'f1' holds .*not numbers; name it in sets.leave_out"
        changed["f1"] = changed["f1"].astype(str)
    with pytest.raises(WinnowError, match=words) as error:
        read_features(written(changed, tmp_path / f"set{suffix}"), tmp_path / "out.npy", **OPTIONS)
    assert "\n" not in str(error.value)


def test_missing_files_and_labels_are_named(tmp_path):
    with pytest.raises(WinnowError, match=r"gone.csv does not exist"):
        read_features(tmp_path / "gone.csv", tmp_path / "out.npy", **OPTIONS)
    np.save(tmp_path / "set.npy", np.ones((3, 2)))
    with pytest.raises(WinnowError, match=r"needs its labels in .*set.labels.npy"):
        read_features(tmp_path / "set.npy", tmp_path / "out.npy", **OPTIONS)
    np.savez(tmp_path / "set.npz", features=np.ones((3, 2)), label=np.ones(2))
    with pytest.raises(WinnowError, match="3 rows of features and 2 labels"):
        read_features(tmp_path / "set.npz", tmp_path / "out.npy", **OPTIONS)


@pytest.mark.parametrize(
    ("columns", "features"),
    [
        (["path", "label", "f0"], True),
        (["", "image_path", "label", "0", "1"], True),
        (["path", "label"], False),
        (["file", "label"], False),
        (["file", "cat", "dog"], False),
        (["f0", "f1", "class"], True),  # and the column of labels is asked for
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_that_lists_images_is_none_of_features(tmp_path, columns, features, suffix):
    path = tmp_path / f"set{suffix}"
    frame = pd.DataFrame([["1"] * len(columns)], columns=columns)
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    assert is_feature_table(path, **OPTIONS) == features
    assert not is_feature_table(tmp_path / "set.zip", **OPTIONS)


def test_a_quote_left_open_ends_in_a_sentence_not_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_table, "_BLOCK", 64)
    monkeypatch.setattr(feature_table, "_LONGEST_ROW", 1000)
    (tmp_path / "a.csv").write_text('label,x\n"a,1\n' + "b,2\n" * 1000)
    with pytest.raises(WinnowError, match="is longer than 0 MB, as one is whose quote is left open"):
        read_features(tmp_path / "a.csv", tmp_path / "a.npy", label_column="label", leave_out=[])
