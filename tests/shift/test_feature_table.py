"""Tables of features: four formats, one result; what is wrong with a cell is said in a sentence."""

import os

import numpy as np
import pandas as pd
import pytest

from winnow import tables
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
    path, note = written(frame, tmp_path / "set.csv"), tmp_path / "parts.json"
    whole = read_features(path, tmp_path / "whole.npy", **OPTIONS)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["set.csv", "whole.npy"]
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
        read_features(path, tmp_path / "parts.npy", **OPTIONS, note=note)
    first = list(blocks)
    monkeypatch.setattr(feature_table, "_parsed", lambda *arguments: blocks.append(arguments[0]) or parsed(*arguments))
    for _ in range(2):
        table = read_features(path, tmp_path / "parts.npy", **OPTIONS, note=note)
        assert blocks[3] not in first and len(blocks) == len(set(blocks)) > 4, "none is read twice"
        assert np.array_equal(table.features, whole.features) and (table.labels == whole.labels).all()
        assert (tmp_path / "parts.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.fixture
def killed_run(monkeypatch):
    """Reads a CSV as `read_features` does, with a note, and is killed after the second block."""

    def run(path, target, **options):
        write_json, notes = tables.write_json, []

        def killed(*arguments):
            notes.append(write_json(*arguments))
            if len(notes) == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(feature_table, "_BLOCK", 300)
        monkeypatch.setattr(feature_table, "NOTE_EVERY", 1)
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(tables, "write_json", killed)
            read_features(path, target, **options)

    return run


@pytest.mark.parametrize("change", [{"label_column": "other"}, {"leave_out": ["path", "label", "other", "f0"]}])
def test_a_run_after_a_kill_begins_anew_where_other_columns_are_read(tmp_path, frame, killed_run, change):
    """As many are read as before, and in the first case the same features."""
    frame["other"] = (frame["label"] + 1) % 4
    path = written(frame, tmp_path / "set.csv")
    options = {"label_column": "label", "leave_out": ["path", "label", "other", "f1"]}
    expected = read_features(path, tmp_path / "expected.npy", **(options | change))
    killed_run(path, tmp_path / "set.npy", **options, note=tmp_path / "set.json")
    found = read_features(path, tmp_path / "set.npy", **(options | change), note=tmp_path / "set.json")
    assert np.array_equal(found.features, expected.features) and (found.labels == expected.labels).all()


def test_the_note_of_another_file_is_not_gone_on_with(tmp_path, frame):
    """Of the same size and time, as a copy of a set with other labels may be."""
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    frame.to_csv(paths[0])
    frame.assign(label=(frame["label"] + 1) % 4).to_csv(paths[1])
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    first, second = (
        read_features(path, tmp_path / "out.npy", **OPTIONS, note=tmp_path / "out.json").labels for path in paths
    )
    assert ((first.astype(int) + 1) % 4).tolist() == second.astype(int).tolist()


@pytest.mark.parametrize("suffix", feature_table.SUFFIXES)
@pytest.mark.parametrize(("offset", "scale"), [(2000, 0.3), (0, 1e-9), (60000, 1)])
def test_a_column_that_float16_would_destroy_is_refused(tmp_path, frame, monkeypatch, suffix, offset, scale):
    """Read in several blocks of rows that are sorted by it, so that within most of them it does not vary."""
    monkeypatch.setattr(feature_table, "_BLOCK", 300)
    monkeypatch.setattr(feature_table, "_ROWS", 5)
    frame = frame.assign(f1=(offset + scale * frame["label"]).astype(np.float32)).sort_values("label")
    name, mean = "1" if suffix.startswith(".np") else "f1", offset + scale * frame["label"].mean()
    with pytest.raises(WinnowError, match=rf"set{suffix}: column '{name}' varies by only .* around {mean:.6g}, which"):
        read_features(written(frame, tmp_path / f"set{suffix}"), tmp_path / "out.npy", **OPTIONS)


def test_columns_that_float16_would_destroy_are_counted(tmp_path, frame):
    path = written(frame.assign(f0=frame["f0"] * 1e-9, f2=frame["f2"] + 5000), tmp_path / "set.csv")
    with pytest.raises(WinnowError, match=r"column 'f0' \(and 1 more\) varies"):
        read_features(path, tmp_path / "out.npy", **OPTIONS)


def test_a_column_that_float16_would_destroy_is_refused_after_a_kill_too(tmp_path, frame, killed_run):
    path = written(frame.assign(f1=2000 + 0.3 * frame["label"]), tmp_path / "set.csv")
    options = OPTIONS | {"note": tmp_path / "set.json"}
    killed_run(path, tmp_path / "out.npy", **options)
    for _ in range(2):
        with pytest.raises(WinnowError, match=r"column 'f1' varies by only 0.3[0-9]* around 2000.[45]"):
            read_features(path, tmp_path / "out.npy", **options)


@pytest.mark.parametrize(
    "f1",
    [
        np.full(40, 0.1),
        np.tile([0.1, 0.1 + 1e-8], 20),  # the next float32
        np.arange(2000, 2040),
        100 + np.linspace(0, 1, 40),
        np.repeat([1e-9, 1.0], [39, 1]),
    ],
    ids=["constant", "constant but for rounding", "years", "an offset of three hundred deviations", "rarely more"],
)
def test_a_column_that_float16_holds_is_kept(tmp_path, frame, monkeypatch, f1):
    monkeypatch.setattr(feature_table, "_BLOCK", 300)
    path = written(frame.assign(f1=f1.astype(np.float32)), tmp_path / "set.csv")
    found = read_features(path, tmp_path / "out.npy", **OPTIONS)
    assert np.array_equal(found.features[:, 1], f1.astype(np.float32).astype(np.float16))


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
