"""The params of pipelines beside the main one."""

import shutil

import pytest
import yaml

from stub_project import winnow
from winnow.errors import WinnowError
from winnow.params import Params, load_params, load_sections
from winnow.params.pipelines import PIPELINES


def test_no_two_pipelines_give_one_name_to_different_sections():
    of_name = {}
    for model in (Params, *PIPELINES.values()):
        for name, field in model.model_fields.items():
            assert of_name.setdefault(name, field.annotation) is field.annotation, name


def test_sections_of_a_pipeline_are_not_asked_of_the_main_one(root):
    params = load_sections(set(Params.model_fields), root / "params.yaml")
    assert isinstance(params, Params) and "shift_sample" not in Params.model_fields


def test_mistakes_are_named_by_the_keys_of_the_pipeline(root, tmp_path):
    path = tmp_path / "params.yaml"
    content = yaml.safe_load((root / "pipelines/shift/params.yaml").read_text())
    content["shift_sample"]["row"] = content["shift_sample"].pop("rows")
    path.write_text(yaml.safe_dump(content))
    words = r"shift_sample\.rows is missing; shift_sample\.row is no .* \(did you mean shift_sample\.rows\?\)"
    with pytest.raises(WinnowError, match=words):
        load_sections({"shift_sample"}, path)
    with pytest.raises(WinnowError, match=words):
        load_sections({"shift_sample", "evaluate"}, path)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_params_are_checked_in_the_folder_of_a_pipeline(root, tmp_path, pipeline):
    for file in ("dvc.yaml", "params.yaml"):
        shutil.copy(root / "pipelines" / pipeline / file, tmp_path)
    assert "params.yaml is valid." in winnow(tmp_path, "check-params")
    (tmp_path / "params.yaml").write_text("{}")
    assert "is missing" in winnow(tmp_path, "check-params", fails=True)


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_main_pipelines_commands_say_whose_params_they_were_given(root, pipeline):
    words = f"is of the pipeline {pipeline}, and this reads the main one's; docs/{pipeline}.md says"
    assert (root / f"docs/{pipeline}.md").exists()
    with pytest.raises(WinnowError, match=words):
        load_params(root / f"pipelines/{pipeline}/params.yaml")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"input_size": 500}, r"pays.*input_size is 500, and a detector's is a multiple of 16"),
        (
            {"learner": "network"},
            r"pays.*input_size is 512, and learner is network; only a detector has one, set it to null",
        ),
        (
            {"learner": "probe"},
            r"pays.*input_size is 512, and learner is probe; only a detector has one, set it to null",
        ),
        ({"learner": "neighbours"}, r"pays\.learner"),
        ({"most_images": 20}, r"pays\.most_images"),
    ],
)
def test_what_learns_in_a_comparison_is_checked(root, tmp_path, changes, words):
    content = yaml.safe_load((root / "pipelines/filter/params.yaml").read_text())
    path = tmp_path / "params.yaml"
    content["pays"] |= {"learner": "detector", "input_size": 512}
    path.write_text(yaml.safe_dump(content))
    assert load_sections({"pays"}, path).pays.input_size == 512
    content["pays"] |= changes
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(WinnowError, match=words):
        load_sections({"pays"}, path)


def test_weights_are_an_input_of_a_detector_alone(root):
    pays = load_sections({"pays"}, root / "pipelines/filter/params.yaml").pays
    with_weights = pays.model_copy(update={"weights": "here.pth"})
    assert dict(with_weights.inputs()) == {}
    assert with_weights.model_copy(update={"learner": "detector"}).inputs()["weights"][0] == "here.pth"
