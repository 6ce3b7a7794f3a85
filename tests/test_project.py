"""Workspaces of the pipelines beside the main one: what is there already is kept, or not touched at all."""

import pytest
import yaml

from winnow.errors import WinnowError
from winnow.filtering.project import make_project as make_filter
from winnow.shift.project import make_project as make_shift


@pytest.fixture
def pets(tmp_path):
    (tmp_path / "pets").mkdir()
    return tmp_path / "pets"


def edit(folder, old, new):
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new, 1))


def params(folder):
    return yaml.safe_load((folder / "params.yaml").read_text())


@pytest.mark.parametrize("pipeline", ["dvc.yaml", "pipelines/filter/dvc.yaml", "pipelines/shift/dvc.yaml"])
def test_a_folder_of_another_pipeline_is_refused_and_not_touched(root, tmp_path, pets, pipeline):
    out = tmp_path / "other"
    out.mkdir()
    files = {"dvc.yaml": (root / pipeline).read_text(), "params.yaml": "mine: 1\n"}
    for name, text in files.items():
        (out / name).write_text(text)
    for make in (lambda: make_filter(out, pets, []), lambda: make_shift(out, {"a": pets, "b": pets}, [])):
        with pytest.raises(WinnowError, match="other holds another pipeline; name another folder with --out"):
            make()
    assert {path.name: path.read_text() for path in out.iterdir()} == files


@pytest.mark.parametrize("name", ["dvc.yaml", "params.yaml"])
def test_half_a_pipeline_of_someone_elses_is_refused_too(tmp_path, pets, name):
    (tmp_path / name).write_text("stages: {a: {cmd: echo}}\n")
    with pytest.raises(WinnowError, match="holds another pipeline"):
        make_filter(tmp_path, pets, [])


def test_the_workspace_of_one_pipeline_is_refused_by_another(tmp_path, pets):
    make_filter(tmp_path / "w", pets, [])
    with pytest.raises(WinnowError, match="holds another pipeline"):
        make_shift(tmp_path / "w", {"a": pets, "b": pets}, [])


def test_a_second_run_changes_what_its_options_name_and_keeps_the_rest(tmp_path, pets):
    out = tmp_path / "w"
    make_filter(out, pets, ["cut.outliers=0.25"], keep=0.5)
    edit(out, "clusters: 10 ", "clusters: 7 ")
    before = params(out)
    edit(out, "clusters: 7 ", "clusters: 7 # mine, ")
    text = (out / "params.yaml").read_text()
    make_filter(out, pets, [])
    assert (out / "params.yaml").read_text() == text
    make_filter(out, pets, ["reduce.seed=3"], keep=0.8)
    assert params(out) == before | {"cut": before["cut"] | {"keep": 0.8}, "reduce": before["reduce"] | {"seed": 3}}
    assert (before["cut"]["keep"], before["cut"]["outliers"], before["redundancy"]["clusters"]) == (0.5, 0.25, 7)


def test_the_same_model_named_again_keeps_what_was_edited_of_it_and_another_begins_anew(tmp_path, pets):
    out = tmp_path / "w"
    make_filter(out, pets, [], model="timm:resnet18", layer="layer3")
    edit(out, "input_size: null", "input_size: 96")
    make_filter(out, pets, [], model="timm:resnet18")
    assert [params(out)["network"][key] for key in ("layer", "input_size")] == ["layer3", 96]
    make_filter(out, pets, [], model="timm:resnet18", layer="auto")
    assert [params(out)["network"][key] for key in ("layer", "input_size")] == ["auto", 96]
    make_filter(out, pets, [], model="timm:resnet34")
    assert [params(out)["network"][key] for key in ("layer", "input_size")] == ["auto", None]


def test_what_a_workspace_of_before_lacks_or_has_wrong_can_be_given(tmp_path, pets):
    out = tmp_path / "w"
    make_filter(out, pets, [])
    content = params(out)
    del content["cut"]["most_of_a_group"]
    content["network"]["model"] = "foo"
    (out / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(WinnowError, match="the model 'foo' is of no known kind"):
        make_filter(out, pets, [])
    make_filter(out, pets, [], model="timm:resnet18")
    assert params(out)["cut"]["most_of_a_group"] == 0.3


def test_a_workspace_for_other_images_is_refused(tmp_path, pets):
    out = tmp_path / "w"
    make_filter(out, pets, [])
    text = (out / "params.yaml").read_text()
    with pytest.raises(WinnowError, match=r"w is a workspace for ../pets, not for ../others; name another folder"):
        make_filter(out, tmp_path / "others", [])
    assert (out / "params.yaml").read_text() == text


def test_shift_keeps_edits_too_and_refuses_another_set(tmp_path, pets):
    out, sets = tmp_path / "w", {"train": pets, "a": pets, "b": pets}
    make_shift(out, sets, [])
    edit(out, "image_size: 64", "image_size: 32")
    make_shift(out, {"a": pets, "b": pets}, ["explain.bootstraps=40"])
    written = params(out)
    assert (written["sets"]["image_size"], written["sets"]["train"]) == (32, "../pets")
    assert written["explain"]["bootstraps"] == 40
    with pytest.raises(WinnowError, match=r"is a workspace for ../pets, not for ../others"):
        make_shift(out, sets | {"b": tmp_path / "others"}, [])


def test_a_set_that_a_workspace_was_made_without_is_named(tmp_path, pets):
    make_shift(tmp_path / "w", {"a": pets, "b": pets}, [])
    with pytest.raises(WinnowError, match=r"w is a workspace without sets\.train; name another folder"):
        make_shift(tmp_path / "w", {"train": pets, "a": pets, "b": pets}, [])


def test_a_wrong_setting_writes_nothing(tmp_path, pets):
    with pytest.raises(WinnowError, match=r"cut\.keep is 3"):
        make_filter(tmp_path / "w", pets, ["cut.keep=3"])
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("option", [{"layer": "layer3"}, {"weights": "w.safetensors"}])
def test_a_layer_or_weights_without_a_model_are_refused(tmp_path, pets, option):
    with pytest.raises(WinnowError, match=r"^--weights and --layer need --model\.$"):
        make_filter(tmp_path / "w", pets, [], **option)
