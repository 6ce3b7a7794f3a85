"""Writing packed sets as folders of image files, in the course's form."""

import json

import numpy as np
import pandas as pd
import pytest

from winnow.data.packed import pack_originals
from winnow.data.writers import write_sets
from winnow.errors import WinnowError


def _packed(*keys: str) -> pd.DataFrame:
    content = np.array([key.encode() for key in keys], dtype=object)
    return pack_originals(np.array([f"img_{key}" for key in keys]), np.arange(len(keys)) % 2, content).frame()


def _tree(folder) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(folder, training="abc", validation="de") -> None:
    _write_sets(folder, _packed(*training), _packed(*validation))


def _write_sets(folder, training, validation) -> None:
    write_sets(folder, {"training": training, "validation": validation}, name="owls", class_names=["a", "b"])


def test_the_course_layout_is_written_bit_for_bit(tmp_path) -> None:
    _write(tmp_path / "deep" / "submission")
    tree = _tree(tmp_path / "deep" / "submission")
    labels = {name: json.loads(tree.pop(f"owls-{name}-set/data-labels.json")) for name in ("training", "validation")}
    assert labels["training"] == {"img_a": [1, 0], "img_b": [0, 1], "img_c": [1, 0]}
    assert labels["validation"] == {"img_d": [1, 0], "img_e": [0, 1]}
    assert tree == {
        **{f"owls-training-set/imgs/img_{key}.jpg": key.encode() for key in "abc"},
        **{f"owls-validation-set/imgs/img_{key}.jpg": key.encode() for key in "de"},
    }


def test_keys_are_sorted_and_the_bytes_repeatable(tmp_path) -> None:
    _write(tmp_path / "one", training="cab")
    _write(tmp_path / "two", training="cab")
    assert _tree(tmp_path / "one") == _tree(tmp_path / "two")
    keys = list(json.loads((tmp_path / "one/owls-training-set/data-labels.json").read_text()))
    assert keys == sorted(keys)


def test_a_former_submission_is_replaced_whole(tmp_path) -> None:
    folder = tmp_path / "submission"
    _write(folder, training="abc")
    _write(folder, training="xy")
    assert sorted(path.name for path in (folder / "owls-training-set/imgs").iterdir()) == ["img_x.jpg", "img_y.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["submission"]


def test_a_failure_leaves_the_former_submission_as_it_was(tmp_path) -> None:
    folder = tmp_path / "submission"
    _write(folder)
    before = _tree(folder)
    with pytest.raises(WinnowError, match="packed owls-validation-set"):
        _write_sets(folder, _packed("x"), _packed("y").assign(label=7))
    with pytest.raises(TypeError):
        _write_sets(folder, _packed("x"), _packed("y").assign(image_bytes=["no bytes"]))
    assert _tree(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["submission"]


def test_a_folder_with_other_things_in_it_is_never_cleared(tmp_path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(WinnowError, match=r"thesis\.tex"):
        _write(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    with pytest.raises(WinnowError, match="is a file"):
        _write(tmp_path / "thesis.tex")
