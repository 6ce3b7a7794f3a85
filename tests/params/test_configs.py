"""Configs: each holds what differs from the one that it extends, and comes to a whole params file."""

import pytest
import yaml

from winnow.errors import WinnowError
from winnow.params import load_params
from winnow.params.configs import compose, load_config
from winnow.tables import records


@pytest.fixture
def configs(root, tmp_path, monkeypatch):
    """A folder configs/ with the repository's base, to add to, in the working directory."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/base.yaml").write_text((root / "configs/base.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "configs"


def overlays(root):
    return [file for file in sorted((root / "configs").glob("*.yaml")) if file.stem != "base"]


def test_every_config_composes_and_the_base_is_whole(root):
    assert {"imagefolder", "ds801", "ds801-mobilenetv2"} <= {file.stem for file in overlays(root)}
    assert compose("base", start=root) == yaml.safe_load((root / "configs/base.yaml").read_text())
    for file in overlays(root):
        assert records(compose(file)).keys() == records(compose("base", start=root)).keys(), file


def test_overlays_hold_what_differs_and_nothing_else(root):
    for file in overlays(root):
        content = yaml.safe_load(file.read_text())
        extended = records(compose(content.pop("extends"), start=root))
        own = records(content)
        assert len(own) <= 35, file
        assert not [key for key, value in own.items() if extended[key] == value], file


def test_configs_name_the_schema_for_editors(root):
    for file in [root / "configs/base.yaml", *overlays(root)]:
        assert file.read_text().startswith("# yaml-language-server: $schema=params.schema.json\n"), file


def test_an_overlay_changes_single_keys_and_whole_lists(configs):
    (configs / "mine.yaml").write_text("extends: base\ncurate: {class_floor: 7}\ncrossval: {seeds: [3]}\n")
    before, after = records(compose("base")), records(compose("mine"))
    assert {key: value for key, value in after.items() if before[key] != value} == {
        "curate.class_floor": 7,
        "crossval.seeds": [3],
    }
    assert load_config("mine").curate.class_floor == 7


def test_the_nearest_overlay_wins_and_settings_win_over_all(configs):
    (configs / "mine.yaml").write_text("extends: base\ncurate: {class_floor: 7, relabel_sources: 1}\n")
    (configs / "yours.yaml").write_text("extends: mine\ncurate: {class_floor: 8}\n")
    curate = compose("yours", {"curate.ood_detectors": 3})["curate"]
    assert [curate[key] for key in ("class_floor", "relabel_sources", "ood_detectors")] == [8, 1, 3]
    assert compose("yours")["curate"]["ood_detectors"] == 2


def test_a_path_is_a_config_too_and_extends_by_name_or_by_path(configs, tmp_path):
    below = tmp_path / "pipelines/gap"
    below.mkdir(parents=True)
    (below / "mine.yaml").write_text("extends: base\ncurate: {class_floor: 7}\n")
    (below / "yours.yaml").write_text("extends: mine.yaml\ncurate: {ood_detectors: 3}\n")
    assert compose("pipelines/gap/yours.yaml")["curate"] == compose("yours.yaml", start=below)["curate"]
    assert compose("base", start=below) == compose("base")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("extends: bas\n", r"no config 'bas' in configs/ \(did you mean base\?\); name one of base, mine, or a file"),
        ("extends: there.yaml\n", "configs/there.yaml does not exist; name a config in configs/"),
        (
            "extends: [base]\n",
            r"configs/mine.yaml: extends is \['base'\]; name one config, for example",
        ),
        ("extends: mine\n", "^configs/mine.yaml extends configs/mine.yaml, a circle; take 'extends' out"),
        ("", "configs/mine.yaml holds no keys; give it sections, or 'extends: base' and what differs"),
        (
            "extends: base\ncurate:\n  ood_treshold: 0.4\n",
            "mine.yaml: curate.ood_treshold is no .* mean curate.ood_",
        ),
        ("extends: base\ncurate: 5\n", "configs/mine.yaml: curate is 5: input should be a valid dictionary"),
        ("extends: base\ncurate:\n  class_floor: {a: 1}\n", "configs/mine.yaml: curate.class_floor is {'a': 1}"),
        ("extends: base\ncurate:\n  class_floor: -1\n", "configs/mine.yaml: curate.class_floor is -1"),
        ("curate:\n  class_floor: 1\n", "configs/mine.yaml: data is missing"),
    ],
)
def test_what_is_wrong_with_a_config_is_one_sentence_that_names_the_file(configs, text, words):
    (configs / "mine.yaml").write_text(text)
    with pytest.raises(WinnowError, match=words) as error:
        compose("mine")
    assert "\n" not in str(error.value)


def test_a_circle_over_several_files_is_named(configs):
    (configs / "a.yaml").write_text("extends: b\n")
    (configs / "b.yaml").write_text("extends: a\n")
    with pytest.raises(WinnowError, match=r"^configs/a.yaml extends configs/b.yaml extends configs/a.yaml, a circle"):
        compose("a")


def test_a_mistake_in_what_is_extended_names_that_file(configs):
    (configs / "a.yaml").write_text("extends: base\ncurate: {class_floor: -1}\n")
    (configs / "b.yaml").write_text("extends: a\ncurate: {class_floor: 3}\n")
    with pytest.raises(WinnowError, match=r"^configs/a.yaml: curate.class_floor is -1"):
        compose("b")


def test_a_faulty_setting_names_the_option_and_no_file(configs):
    with pytest.raises(WinnowError, match=r"^--set: train.course.learning_rate is '1e-5', which YAML reads as text"):
        compose("base", {"train.course.learning_rate": "1e-5"})


def test_without_configs_it_says_where_to_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WinnowError, match=r"there is no folder configs/ here or above; run from the repository's root"):
        compose("base")


def test_params_that_extend_a_config_are_refused_for_dvc_would_not_follow(configs):
    (configs.parent / "params.yaml").write_text("extends: base\n")
    with pytest.raises(WinnowError, match=r"params.yaml extends base, but .*'winnow init params.yaml' writes a whole"):
        load_params("params.yaml")
