"""Parquet a row group at a time."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from winnow import tables
from winnow.errors import WinnowError
from winnow.row_groups import Joined, StoredColumn, write_parquet_parts


def frame_of(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    image_bytes = [rng.bytes(rng.integers(50, 300)) for _ in range(count)]
    return pd.DataFrame(
        {
            "name": pd.Series([f"img_{i:06d}" for i in range(count)], dtype="str"),
            "label": np.arange(count) % 7,
            "image_bytes": pd.Series(image_bytes, dtype=object),
        }
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Three row groups."""
    frame, path = frame_of(9000), tmp_path_factory.mktemp("stored") / "images.parquet"
    tables.write_parquet(frame, path)
    return frame["image_bytes"].to_numpy(), path


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 9000])
@pytest.mark.parametrize("step", [777, 4096, 5000])
def test_parts_make_the_same_bytes_as_the_whole(tmp_path, count, step):
    frame = frame_of(count)
    tables.write_parquet(frame, tmp_path / "whole.parquet")
    parts = (frame.iloc[start : start + step] for start in range(0, max(count, 1), step))
    write_parquet_parts(parts, tmp_path / "parts.parquet")
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_an_empty_part_among_others_changes_nothing(tmp_path):
    frame = frame_of(3)
    tables.write_parquet(frame, tmp_path / "whole.parquet")
    write_parquet_parts([frame.iloc[:0], frame.iloc[:2], frame.iloc[:0], frame.iloc[2:]], tmp_path / "parts.parquet")
    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_failure_midway_leaves_the_former_file(tmp_path):
    path = tmp_path / "set.parquet"
    tables.write_parquet(frame_of(2), path)
    before = path.read_bytes()

    def parts():
        yield frame_of(5000)
        raise WinnowError("no more.")

    with pytest.raises(WinnowError, match="no more"):
        write_parquet_parts(parts(), path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["set.parquet"]
    with pytest.raises(ValueError, match="no parts"):
        write_parquet_parts([], path)


def test_a_stored_column_reads_like_an_array(stored):
    values, path = stored
    column = StoredColumn(path, "image_bytes")
    assert len(column) == 9000
    for rows in (slice(4000, 4200), np.array([8999, 0, 4096, 0]), np.array([], dtype=int), slice(0, 0)):
        assert column[rows].tolist() == values[rows].tolist()


def test_a_stored_column_has_the_rows_asked_for_in_their_order(stored):
    values, path = stored
    rows = np.random.default_rng(1).permutation(9000)[:50]
    column = StoredColumn(path, "image_bytes", rows=rows)
    assert len(column) == 50 and column[:].tolist() == values[rows].tolist()


def test_rows_in_order_cost_one_reading_of_each_row_group(stored, monkeypatch):
    _, path = stored
    column, read = StoredColumn(path, "image_bytes"), []
    whole = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda *args, **more: read.append(args[1]) or whole(*args, **more)
    )
    for start in range(0, 9000, 100):
        assert len(column[start : start + 100]) == min(100, 9000 - start)
    assert read == [0, 1, 2]


def test_a_file_that_is_missing_or_broken_is_one_sentence(tmp_path):
    with pytest.raises(WinnowError, match=r"images\.parquet is missing"):
        StoredColumn(tmp_path / "images.parquet", "image_bytes")
    (tmp_path / "images.parquet").write_text("no Parquet")
    with pytest.raises(WinnowError, match="cannot be read as Parquet"):
        StoredColumn(tmp_path / "images.parquet", "image_bytes")


def test_joined_parts_read_like_one_array(stored):
    values, path = stored
    joined = Joined(values[:0], values[:5], StoredColumn(path, "image_bytes", rows=np.array([8000, 7])))
    whole = np.concatenate([values[:5], values[[8000, 7]]])
    assert len(joined) == 7 and joined.shape == (7,)
    for rows in (slice(None), slice(3, 6), np.array([6, 0, 6]), np.array([1]), np.array([], dtype=int)):
        assert joined[rows].tolist() == whole[rows].tolist()
    pixels = np.arange(24, dtype=np.uint8).reshape(6, 4)
    assert np.array_equal(Joined(pixels[:2], pixels[2:])[np.array([5, 1, 2])], pixels[[5, 1, 2]])
    assert Joined(pixels[:2], pixels[2:]).shape == (6, 4)


def test_some_rows_of_a_stored_column_stay_in_the_file(stored):
    values, path = stored
    some = StoredColumn(path, "image_bytes").take(np.array([4100, 3]))
    assert len(some) == 2 and some[np.array([1, 0])].tolist() == values[[3, 4100]].tolist()
