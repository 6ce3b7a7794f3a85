"""Single values: `key=value`, and what they change."""

import pytest
import yaml

from winnow.errors import WinnowError
from winnow.params.settings import changed, parse_settings


def test_changes_leave_the_params_alone(root):
    params = yaml.safe_load((root / "params.yaml").read_text())
    assert changed(params, {"curate.ood_threshold": 9.0})["curate"]["ood_threshold"] == 9.0
    assert params["curate"]["ood_threshold"] != 9.0


def test_settings_are_read_as_yaml():
    assert parse_settings(["train.course.epochs=2", "train.seeds=[0, 1]", "train.patience=null"]) == {
        "train.course.epochs": 2,
        "train.seeds": [0, 1],
        "train.patience": None,
    }
    with pytest.raises(WinnowError, match="--set takes key=value"):
        parse_settings(["train.course.epochs"])
    with pytest.raises(WinnowError, match="close its brackets"):
        parse_settings(["train.seeds=[0"])


def test_a_key_that_holds_a_mapping_is_set_as_a_whole(root):
    params = yaml.safe_load((root / "params.yaml").read_text())
    variants = {"trained-64": {"input_size": 64}}
    once = changed(params, {"embed.variants": variants})
    assert once["embed"]["variants"] == variants
    assert changed(once, {"embed.variants.trained-64.input_size": 48})["embed"]["variants"]["trained-64"] == {
        "input_size": 48
    }
    assert changed(once, {"embed.variants": {}})["embed"]["variants"] == {}
    added = changed(params, {"embed.variants.trained-64.input_size": 64, "embed.variants.trained-64.epochs": 2})
    assert added["embed"]["variants"] == {"trained-64": {"input_size": 64, "epochs": 2}}
    with pytest.raises(WinnowError, match="is no parameter of winnow"):
        changed(params, {"embed.batch_size.more": 1})
    with pytest.raises(WinnowError, match=r"embed\.trained is a section; name one of its keys"):
        changed(params, {"embed.trained": variants})
