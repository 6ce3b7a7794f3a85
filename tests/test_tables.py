"""Files between stages: whole or absent, the same bytes, joined by image_id."""

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winnow import tables
from winnow.errors import WinnowError


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "a.json"
    tables.write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), tables.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_what_killed_writers_left_goes_with_the_next_write(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = os.getpid()
    for name in (f".a.json.{dead.pid}.tmp", f".a.json.{mine + 0}.tmp", f".b.json.{dead.pid}.tmp", ".a.json.x.tmp"):
        (tmp_path / name).touch()
    alive = tmp_path / f".a.json.{os.getppid()}.tmp"  # another process that is writing now
    alive.touch()
    tables.write_json(tmp_path / "a.json", {})
    left = {f".b.json.{dead.pid}.tmp", ".a.json.x.tmp", alive.name, "a.json"}
    assert {file.name for file in tmp_path.iterdir()} == left


def test_the_same_content_is_the_same_bytes(tmp_path):
    frame = pd.DataFrame({"image_id": ["a", "b"], "image_bytes": [b"\x00\x01", b"\x02"], "score": [0.5, np.nan]})
    for name in ("1", "2"):
        tables.write_parquet(frame.copy(), tmp_path / f"{name}.parquet")
        tables.write_arrays(tmp_path / f"{name}.npz", image_id=np.array(["a", "b"]), features=np.ones((2, 3)))
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    pd.testing.assert_frame_equal(tables.read_parquet(tmp_path / "1.parquet"), frame)
    assert tables.read_arrays(tmp_path / "1.npz")["image_id"].tolist() == ["a", "b"]


def test_json_takes_numpy_but_no_nan(tmp_path):
    tables.write_json(tmp_path / "a.json", {"a": np.float32(0.5), "b": np.int64(2), "c": np.arange(2)})
    assert tables.read_json(tmp_path / "a.json") == {"a": 0.5, "b": 2, "c": [0, 1]}
    with pytest.raises(ValueError, match="JSON"):
        tables.write_json(tmp_path / "b.json", {"a": float("nan")})
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("read", [tables.read_parquet, tables.read_arrays, tables.read_json])
def test_a_missing_file_says_how_to_build_it(tmp_path, read):
    with pytest.raises(WinnowError, match=r"is missing; run 'dvc repro' to build it\."):
        read(tmp_path / "absent")


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "a.parquet").write_text("no parquet, though long enough to look at")
    with pytest.raises(WinnowError, match="cannot be read as Parquet"):
        tables.read_parquet(tmp_path / "a.parquet")


@given(st.permutations([f"img_{i}" for i in range(8)]))
def test_align_undoes_any_order(order):
    ids, other = np.array([f"img_{i}" for i in range(5)]), np.array(order)
    assert other[tables.align(ids, other, "scores")].tolist() == ids.tolist()


def test_align_refuses_lost_and_repeated_ids():
    with pytest.raises(WinnowError, match="scores has no row for image 'b'"):
        tables.align(np.array(["a", "b"]), np.array(["a"]), "scores")
    with pytest.raises(WinnowError, match="'a' twice"):
        tables.align(np.array(["a"]), np.array(["a", "a"]), "scores")


def test_records_flattens():
    assert tables.records({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == {"a.b": 1, "a.c.d": 2, "e": 3}


def test_an_array_is_mapped_an_empty_one_read_and_a_missing_one_named(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(6).reshape(3, 2))
    np.save(tmp_path / "none.npy", np.empty((0, 0)))
    mapped = tables.map_array(tmp_path / "rows.npy")
    assert isinstance(mapped, np.memmap) and mapped[1].tolist() == [2, 3]
    assert tables.map_array(tmp_path / "none.npy").shape == (0, 0)
    with pytest.raises(WinnowError, match=r"rows2.npy is missing; run 'dvc repro'"):
        tables.map_array(tmp_path / "rows2.npy")


@pytest.mark.parametrize("cell", ["=1+1", "+a", "-a", "@SUM(A1)", "\tx", "'=a", "''-a", "'a", "a=1", "", "-1"])
def test_no_cell_is_a_formula_and_each_is_read_back_as_it_was(tmp_path, cell):
    frame = pd.DataFrame({"reason": [cell, "plain"], "score": [-1.5, 2.0]})
    tables.write_csv(frame, tmp_path / "table.csv", guarded=True)
    raw = pd.read_csv(tmp_path / "table.csv", dtype=str, keep_default_na=False)
    assert raw["reason"][0][:1] not in {"=", "+", "-", "@", "\t"} and raw["score"][0] == "-1.500000"
    read = tables.read_csv(tmp_path / "table.csv", text="reason".__eq__, guarded=True)
    assert read["reason"].tolist() == [cell, "plain"] and read["score"].tolist() == [-1.5, 2.0]


def test_what_killed_writers_left_never_stops_the_next(tmp_path):
    (tmp_path / ".a.json.99999999999999999999.tmp").touch()  # no process has that number
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".a.json.{dead.pid}.tmp"
    (left / "half").mkdir(parents=True)
    tables.write_json(tmp_path / "a.json", {})
    assert (tmp_path / "a.json").exists() and not left.exists()


@pytest.mark.parametrize("end", [0, 3, 100, -1])
@pytest.mark.parametrize("name", ["a.parquet", "a.npz", "a.npy", "a.json"])
def test_a_file_that_is_cut_is_named_in_a_sentence(tmp_path, name, end):
    path = tmp_path / name
    rows = np.arange(60.0).reshape(30, 2)
    if name == "a.npy":
        np.save(path, rows)
    else:
        write = {"a.parquet": lambda: tables.write_parquet(pd.DataFrame({"x": rows[:, 0]}), path)}
        write |= {"a.npz": lambda: tables.write_arrays(path, rows=rows)}
        write |= {"a.json": lambda: tables.write_json(path, {"rows": rows})}
        write[name]()
    content = path.read_bytes().rstrip()
    path.write_bytes(content[:end])
    read = {".parquet": tables.read_parquet, ".npz": tables.read_arrays, ".npy": tables.map_array}
    with pytest.raises(WinnowError, match=r"cannot be read as .*; delete it and run 'dvc repro'\.$"):
        read.get(path.suffix, tables.read_json)(path)


def test_a_damaged_parquet_and_objects_in_arrays_are_named(tmp_path):
    frame = pd.DataFrame({"x": [f"img_{row}" for row in range(3000)]})
    tables.write_parquet(frame, tmp_path / "a.parquet")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[200:2000] = bytes(1800)
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(WinnowError, match="cannot be read as Parquet"):
        tables.read_parquet(tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(WinnowError, match="objects, or no whole file"):
        tables.read_arrays(tmp_path / "a.npz")


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="this system takes no room in advance")
def test_room_for_a_new_map_is_taken_at_once(tmp_path, monkeypatch):
    mapped = tables.new_array_map(tmp_path / "a.npy", (2000, 8), np.float16)
    assert mapped.shape == (2000, 8) and (tmp_path / "a.npy").stat().st_blocks * 512 >= 2000 * 8 * 2

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"b\.npy"):
        tables.new_array_map(tmp_path / "b.npy", (2000, 8), np.float16)
    assert not (tmp_path / "b.npy").exists()
