"""Params as YAML with comments, and as a JSON schema."""

import pytest
import yaml
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from winnow.experiments.plan import overrides
from winnow.params.configs import compose
from winnow.params.keys import Group, tree
from winnow.params.render import commented, json_schema
from winnow.params.section import Section
from winnow.review.params_file import digest, save_thresholds
from winnow.tables import records


class Inner(Section):
    """Numbers. More of them."""

    share: float = Field(ge=0, le=1, description="A `share`. Higher is more.")
    names: list[str] = Field(description="Names.")
    nothing: int | None = Field(ge=1, description="Nothing; null.")


class Outer(Section):
    """All."""

    first: Inner
    second: Inner


def inner(**values):
    return {"share": 0.5, "names": ["a", "b"], "nothing": None} | values


def comments(text):
    """Each key's line without its value."""
    return [(line.partition(":")[0], line.partition(" # ")[2]) for line in text.splitlines() if " # " in line]


def test_every_key_has_its_comment_in_the_order_of_the_model():
    content = {"second": inner(names=[]), "first": inner(share=1e-05)}
    assert commented(content, Outer) == (
        "first: # Numbers\n"
        "  share: 1.0e-05 # A share (float in [0, 1])\n"
        "  names: # Names\n"
        "  - a\n"
        "  - b\n"
        "  nothing: null # Nothing; null (int >= 1 or null)\n"
        "\n"
        "second: # Numbers\n"
        "  share: 0.5 # A share (float in [0, 1])\n"
        "  names: [] # Names\n"
        "  nothing: null # Nothing; null (int >= 1 or null)\n"
    )


@given(
    st.lists(st.text()),
    st.floats(allow_nan=False),
    st.one_of(st.none(), st.integers()),
)
def test_it_reads_back_as_it_was(names, share, nothing):
    content = {"first": inner(names=names, share=share, nothing=nothing), "second": inner()}
    assert yaml.safe_load(commented(content, Outer)) == content


@pytest.mark.parametrize("name", ["yes", "no", "7", "1e-5", "null", "", "a: b", "# a", " a ", "- a", "a\nb", "x " * 99])
def test_names_that_yaml_would_read_otherwise_are_quoted(name):
    content = {"first": inner(names=[name]), "second": inner()}
    assert yaml.safe_load(commented(content, Outer)) == content


def test_a_mapping_is_laid_out_below_its_key(root):
    variants = {"trained-64": {"input_size": 64, "weight_candidates": [0.3]}}
    content = compose("base", {"embed.variants": variants}, start=root)
    text = commented(content)
    assert (
        "  variants: # Encoders that differ from one above in a few keys, for two of one kind side by side\n"
        "    trained-64:\n"
        "      input_size: 64\n"
        "      weight_candidates:\n"
        "      - 0.3\n"
        "\n" in text
    )
    assert yaml.safe_load(text) == content


def test_no_line_is_longer_than_the_page(root):
    assert max(map(len, commented(compose("base", start=root)).splitlines())) <= 120


@pytest.mark.parametrize(
    "key", ["data.class_names", "data.split", "embed.flip", "crossval.seeds", "curate.ood_threshold", "train.seeds"]
)
def test_dvc_changes_a_value_and_keeps_every_comment(root, tmp_path, key):
    """As `dvc exp run -S` does it, with DVC's own code."""
    content = compose("base", start=root)
    old = records(content)[key]
    new = [*old, *old[:1]] if isinstance(old, list) else not old if isinstance(old, bool) else 7
    text, path = commented(content), tmp_path / "params.yaml"
    path.write_text(text)
    arguments = [argument for argument in overrides({key: new}) if argument != "-S"]
    apply_overrides(path, to_path_overrides(arguments)["params.yaml"])
    assert comments(path.read_text()) == comments(text)
    assert records(yaml.safe_load(path.read_text())) == records(content) | {key: new}


def test_the_review_app_changes_a_threshold_and_keeps_every_comment(root, tmp_path):
    text, path = commented(compose("base", start=root)), tmp_path / "params.yaml"
    path.write_text(text)
    save_thresholds(path, {"ood_threshold": 0.25}, expected=digest(path))
    assert path.read_text() == text.replace("ood_threshold: 0.5 #", "ood_threshold: 0.25 #")


def test_the_schema_describes_every_key():
    schema = json_schema()

    def walk(group, entry):
        for member in group.members:
            part = entry["properties"][member.name.rpartition(".")[2]]
            if isinstance(member, Group):
                part = schema["$defs"][part["$ref"].removeprefix("#/$defs/")]
                walk(member, part)
            assert part["description"] == member.description

    walk(tree(), schema)


def test_the_schema_wants_all_keys_of_a_file_that_extends_no_other():
    schema = json_schema(Outer)
    assert "required" not in schema and "required" not in schema["$defs"]["Inner"]
    assert schema["if"] == {"not": {"required": ["extends"]}}
    assert schema["then"] == {
        "required": ["first", "second"],
        "properties": {name: {"required": ["share", "names", "nothing"]} for name in ("first", "second")},
    }
    assert schema["properties"]["extends"]["type"] == "string"
    assert schema["$defs"]["Inner"]["additionalProperties"] is False
    assert schema["$defs"]["Inner"]["properties"]["share"] == {
        "description": "A `share`. Higher is more.",
        "maximum": 1,
        "minimum": 0,
        "type": "number",
    }
