"""params.yaml: complete, and every mistake named in one sentence."""

import pytest
import yaml

from winnow.errors import WinnowError
from winnow.params import check_inputs, load_params, read_yaml


def written(tmp_path, root, change):
    content = yaml.safe_load((root / "params.yaml").read_text())
    change(content)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_repository_s_own_params_are_valid(root):
    load_params(root / "params.yaml")


def test_lists_stand_in_block_style(root):
    """`dvc exp run -S` writes lists in block style; any other style would show as a change that nobody made."""
    for file in [root / "params.yaml", *(root / "configs").glob("*.yaml")]:
        lines = [line.split("#")[0] for line in file.read_text().splitlines()]
        assert not [line for line in lines if "[" in line and not line.rstrip().endswith("[]")], file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda p: p["curate"].update(label_qualty=0.1),
            "curate.label_qualty is no parameter of winnow (did you mean curate.label_quality_threshold?)",
        ),
        (lambda p: p["curate"].update(zzz=0.1), "curate.zzz is no parameter of winnow; see docs/params.md."),
        (lambda p: p["curate"].pop("ood_threshold"), "curate.ood_threshold is missing"),
        (lambda p: p["curate"].update(label_quality_threshold=1.5), "curate.label_quality_threshold is 1.5"),
        (lambda p: p["train"]["fast"].update(epochs=2.5), "train.fast.epochs is 2.5: input should be a valid integer"),
        (lambda p: p["train"].update(seeds=[1, 1]), "seeds must differ"),
        (lambda p: p["train"].update(seeds=[0, -1]), "train.seeds.1 is -1"),
        (lambda p: p["sample"].update(seed=-1), "sample.seed is -1"),
        (lambda p: p["data"].update(class_names=["cat", "cat"]), "class_names must differ"),
        (lambda p: p["data"].update(image_size=8), "data.image_size is 8"),
        (lambda p: p["embed"]["timm"].update(pad_type="SAME"), "embed.timm.pad_type is 'SAME'"),
        (lambda p: p["embed"]["open_clip"].update(prompts=["a photo"]), "embed.open_clip.prompts.0 is 'a photo'"),
        (
            lambda p: p["augment"]["techniques"].update(dict.fromkeys(p["augment"]["techniques"], 0.0)),
            "augment: techniques all weigh 0",
        ),
        (
            lambda p: p["augment"]["techniques"].update(faster_autoaugment=1.0),
            "faster_autoaugment has a weight, but no policy is searched; set policy_search.enabled to true",
        ),
        (lambda p: p["submission"].update(team="../../etc"), "submission.team is '../../etc'"),
        (lambda p: p["augment"].update(budget=60_000), "augment.budget is 60000"),
        (lambda p: p["embed"].update(encoder="resnet"), "embed.encoder is 'resnet': name one of open_clip, timm, plai"),
        (lambda p: p["embed"].update(encoder=["timm"]), "encoder is ['timm']: a list names two encoders or more"),
        (lambda p: p["embed"].update(encoder=["timm", "timm"]), "names two encoders or more, each once"),
        (lambda p: p["embed"]["timm"].update(weight_candidates=[0.0]), "embed.timm.weight_candidates.0 is 0.0"),
        (lambda p: p["embed"].update(encoder="trained-64"), "names trained-64, which embed.variants lacks; put there"),
        (
            lambda p: p["embed"].update(variants={"trained-64": {"inputsize": 64}}),
            "embed.variants.trained-64.inputsize is no parameter of winnow (did you mean embed.trained.input_size?)",
        ),
        (
            lambda p: p["embed"].update(variants={"trained-64": {"contrastive": {"shift": 1.5}}}),
            "embed.variants.trained-64.contrastive.shift is 1.5",
        ),
        (lambda p: p["embed"].update(variants={"trained": {}}), "embed.variants: 'trained' is no name of a variant"),
        (lambda p: p["embed"].update(variants={"trained-64-b": {}}), "'trained-64-b' is no name of a variant; write"),
        (lambda p: p["embed"].update(variants={"resnet-64": {}}), "'resnet-64' is no name of a variant; write an enc"),
    ],
)
def test_each_mistake_is_named(tmp_path, root, change, words):
    with pytest.raises(WinnowError) as error:
        load_params(written(tmp_path, root, change))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_variant_has_the_options_of_its_kind_but_for_what_it_changes(tmp_path, root):
    def change(params):
        params["embed"]["encoder"] = ["trained", "trained-64", "finetuned-x"]
        different = {"input_size": 64, "contrastive": {"noise": 0.1}}
        params["embed"]["variants"] = {"trained-64": different, "finetuned-x": {}, "timm-unused": {}}

    embed = load_params(written(tmp_path, root, change)).embed
    chosen = embed.chosen()
    assert list(chosen) == ["trained", "trained-64", "finetuned-x", "timm"]  # where finetuned starts
    kind, variant = chosen["trained"].model_dump(), chosen["trained-64"].model_dump()
    assert variant == kind | {"input_size": 64, "contrastive": kind["contrastive"] | {"noise": 0.1}}


def test_weights_of_a_variant_are_looked_for_by_the_key_that_names_them(tmp_path, root):
    def change(params):
        params["embed"]["encoder"] = ["timm", "timm-a", "timm-b"]
        params["embed"]["timm"]["checkpoint"] = "weights/one"
        params["embed"]["variants"] = {"timm-a": {"checkpoint": "weights/two"}, "timm-b": {"input_size": 64}}

    inputs = load_params(written(tmp_path, root, change)).embed.inputs()
    assert {key: path for key, (path, _) in inputs.items()} == {
        "timm.checkpoint": "weights/one",
        "variants.timm-a.checkpoint": "weights/two",
    }


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - zero", "  - yes", "class_names.0 is True, for YAML reads yes, no, on and off"),
        ("  - zero", "  - no", "as true and false; put it in quotes; see docs/params.md."),
        ("  - zero", "  - 7", "names.0 is 7, which YAML does not read as text; put it"),
        ("  - zero", "  - NO", "class_names.0 is False, for YAML reads yes, no, on and off"),
        ("  - zero", "  - ~", "class_names.0 is None, which YAML does not read as text; put it in quotes"),
        ("  - zero", "  - 010", "class_names.0 is 8, which YAML does not read as text; put it in quotes"),
        ("  - zero", "  - 12:30", "class_names.0 is 750, which YAML does not read as text; put it in quotes"),
        ("  - zero", "  - ''", "class_names holds an empty name; write the name of the class"),
        ("  - zero", "  - a: b", "class_names.0 is {'a': 'b'}, which YAML does not read"),
        ("  - zero", "  - 2020-01-01", "is datetime.date(2020, 1, 1), which YAML does"),
        ("  team: winnow", "  team: 12", "submission.team is 12, which YAML does not read as text; put it in quotes"),
        ("rate: 0.01", "rate: 1e-5", "learning_rate is '1e-5', which YAML reads as text; write 1.0e-05"),
        ("rate: 0.01", "rate: 1e5", "learning_rate is '1e5', which YAML reads as text; write 100000.0"),
        (
            "epochs: 20 # Passes over those",
            "epochs: '20' # Passes over those",
            "policy_search.epochs is '20', which YAML reads as text; write 20",
        ),
        ("images: 4000", "images: 4e3", "policy_search.images is '4e3', which YAML reads as text; write 4000"),
        ("rate: 0.01", "rate: 1E-3", "learning_rate is '1E-3', which YAML reads as text; write 0.001"),
        ("rate: 0.01", "rate: 0,01", "learning_rate is '0,01': input should be a valid number"),
        ("rate: 0.01", "rate: fast", "learning_rate is 'fast': input should be a valid number"),
        ("rate: 0.01", "rate: inf", "learning_rate is 'inf': input should be a valid number"),
    ],
)
def test_what_yaml_reads_otherwise_than_it_was_meant_is_explained(tmp_path, root, old, new, words):
    text = (root / "params.yaml").read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(WinnowError) as error:
        load_params(tmp_path / "params.yaml")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_the_first_three_mistakes_are_named_and_the_others_counted(tmp_path, root):
    with pytest.raises(WinnowError, match=r"b is no parameter .* d is no .*; and 1 more; see docs/params.md.$"):
        load_params(written(tmp_path, root, lambda params: params.update(dict.fromkeys("bcde", 1))))


def test_a_file_in_another_encoding_or_a_folder_is_named(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("# Größe".encode("latin-1"))
    with pytest.raises(WinnowError, match=r"latin.yaml is not UTF-8 text \(byte 4\); save it as UTF-8"):
        load_params(tmp_path / "latin.yaml")
    with pytest.raises(WinnowError, match=r"cannot be read"):
        load_params(tmp_path)


@pytest.mark.parametrize(
    ("encoder", "key", "remedy"),
    [("open_clip", "pretrained", "name a tag of open_clip"), ("timm", "checkpoint", "set it to null")],
)
@pytest.mark.parametrize("alone", [True, False])
def test_weights_that_are_not_there_are_named_before_the_run(tmp_path, root, encoder, key, remedy, alone):
    def change(params):
        params["data"] |= dict.fromkeys(("archive", "test_archive", "truth", "outside_photos"), "data/none")
        params["embed"]["encoder"] = encoder if alone else ["trained", encoder]
        params["embed"][encoder][key] = "weights/gone.safetensors"

    words = (
        rf"embed.{encoder}.{key} is weights/gone.safetensors, which does not exist; put the weights there, or {remedy}"
    )
    with pytest.raises(WinnowError, match=words):
        check_inputs(load_params(written(tmp_path, root, change)), built=set())


def test_an_integer_is_a_number(tmp_path, root):
    path = written(tmp_path, root, lambda p: p["curate"].update(ood_threshold=1))
    assert load_params(path).curate.ood_threshold == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [("data: [1, 2", "not valid YAML at line"), ("", "holds no sections"), ("- a", "holds no sections")],
)
def test_files_that_are_no_params(tmp_path, text, words):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(WinnowError, match=words):
        load_params(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(WinnowError, match="is missing; run from the repository's root"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "text", ["a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "a: &x {c: 1}\nb: {<<: *x, c: 2,\n\n\n  c: 3}\n"]
)
def test_a_key_that_is_there_twice_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(WinnowError, match=r"params\.yaml, line 5: c is there twice; remove one\.$"):
        load_params(tmp_path / "params.yaml")


def test_a_key_may_stand_beside_a_merge_that_has_it(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &x {c: 1}\nb: {<<: *x, c: 2}\n")
    assert read_yaml(tmp_path / "a.yaml", missing="") == {"a": {"c": 1}, "b": {"c": 2}}
