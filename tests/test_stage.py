"""What stage scripts share: declared params only, one-sentence errors, honest dvc.yaml."""

import ast
import errno
import json
import re
import subprocess

import pytest
import yaml

from winnow import stage
from winnow.errors import WinnowError
from winnow.files import FILES
from winnow.params import Params, load_params
from winnow.params.pipelines import PIPELINES


def declared(root, tmp_path, params):
    path = tmp_path / "dvc.yaml"
    path.write_text(yaml.safe_dump({"stages": {"curate": {"params": params}}}))
    return stage.declared_params("curate", load_params(root / "params.yaml"), path)


def test_declared_sections_and_leaves_can_be_read(root, tmp_path):
    params = declared(root, tmp_path, ["curate", "data.image_size"])
    assert params.curate.class_floor == 20
    assert params.data.image_size == 64


@pytest.mark.parametrize("read", [lambda p: p.train, lambda p: p.data.archive, lambda p: p.data.image])
def test_undeclared_keys_cannot_be_read(root, tmp_path, read):
    with pytest.raises((WinnowError, AttributeError)):
        read(declared(root, tmp_path, ["curate", "data.image_size"]))


def test_a_declared_name_does_not_open_its_namesakes(root, tmp_path):
    """`data.image` must not open `data.image_size`."""
    with pytest.raises(WinnowError, match=r"stage curate reads data\.image_size"):
        _ = declared(root, tmp_path, ["data.image", "data.split"]).data.image_size


def test_run_prints_one_sentence_and_exits_with_1(root, monkeypatch, capsys):
    monkeypatch.chdir(root)

    def main(params):
        raise WinnowError("the archive is missing.")

    with pytest.raises(SystemExit) as end:
        stage.run("curate", main)
    assert end.value.code == 1
    printed = capsys.readouterr().err
    assert "winnow: curate: the archive is missing." in printed and "Traceback" not in printed


def test_run_records_seconds_and_memory(root, tmp_path, monkeypatch, capsys):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((root / name).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["curate.py"])
    stage.run("curate", lambda params: "fine")
    record = json.loads(stage.TIMINGS.read_text())
    assert record["stage"] == "curate" and record["seconds"] >= 0 and record["peak_mb"] > 1
    assert "curate: fine" in capsys.readouterr().out


def test_a_log_line_that_cannot_be_written_fails_no_stage(root, tmp_path, monkeypatch, capsys):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((root / name).read_text())
    (tmp_path / ".winnow").write_text("a file where the folder belongs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["curate.py"])
    stage.run("curate", lambda params: "fine")
    printed = capsys.readouterr()
    assert "curate: fine" in printed.out and "timings.jsonl could not be written" in printed.err


def test_a_full_disk_is_one_sentence(root, tmp_path, monkeypatch, capsys):
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((root / name).read_text())
    monkeypatch.chdir(tmp_path)

    def full(params):
        raise OSError(errno.ENOSPC, "No space left on device", "data/interim/features.npz")

    with pytest.raises(SystemExit) as ended:
        stage.run("curate", full)
    sentence = (
        "winnow: curate: data/interim/features.npz: the disk is full; free some space, then run the same command again."
    )
    assert ended.value.code == 1 and capsys.readouterr().err.strip() == sentence


def test_a_pipeline_may_name_a_stage_otherwise_than_its_script(root, tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  again:\n    foreach: [a]\n    do:\n      params:\n        - ood.trim\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["score_ood.py"])
    monkeypatch.setenv("DVC_STAGE", "again@a")
    stage.run("score_ood", lambda params: f"trim is {params.ood.trim}")
    assert "again: trim is 0.2" in capsys.readouterr().out
    monkeypatch.delenv("DVC_STAGE")
    with pytest.raises(SystemExit):
        stage.run("score_ood", lambda params: "")
    assert "dvc.yaml has no stage 'score_ood'; run the script by 'dvc repro'." in capsys.readouterr().err


def folders(root):
    """The root, and every folder in pipelines/ with a pipeline of its own."""
    return [root, *(path.parent for path in sorted(root.glob("pipelines/*/dvc.yaml")))]


def own_scripts(root):
    return [script for folder in folders(root) for script in sorted((folder / "stages").glob("*.py"))]


def stages_and_scripts(folder):
    """Name, definition and script of every stage of a pipeline; each may run scripts of the root's too."""
    for name, definition in yaml.safe_load((folder / "dvc.yaml").read_text())["stages"].items():
        definition = definition.get("do", definition)
        path = re.search(r"(\.\./)*stages/\w+\.py", definition["cmd"])[0]
        yield name, definition, (folder / path).resolve()


def test_every_stage_has_its_script_and_every_script_its_stage(root):
    for folder in folders(root):
        run = [script for _, _, script in stages_and_scripts(folder)]
        assert all(script.is_file() for script in run)
        assert {script for script in run if script.is_relative_to(folder / "stages")} == {
            *(folder / "stages").glob("*.py")
        }
    assert all(name == script.stem for name, _, script in stages_and_scripts(root))


def test_stages_declare_the_params_they_read(root):
    """Both ways: what a script reads is declared, and what is declared is read."""
    for name, definition, script in [found for folder in folders(root) for found in stages_and_scripts(folder)]:
        tree = ast.parse(script.read_text())
        read = set()
        for node in ast.walk(tree):
            parts = []
            while isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            if parts and isinstance(node, ast.Name) and node.id == "params":
                read.add(".".join(reversed(parts)))
        for key in definition.get("params", []):
            used = "sections" in read or any(item == key or item.startswith(f"{key}.") for item in read)
            assert used, f"stage {name} declares {key} but its script never reads it"


def test_every_pipeline_needs_the_sections_that_its_model_describes_and_no_others(root):
    assert stage.declared_sections(root / "dvc.yaml") == set(Params.model_fields)
    assert set(PIPELINES) == {folder.name for folder in folders(root)[1:]}
    for name, model in PIPELINES.items():
        assert stage.declared_sections(root / "pipelines" / name / "dvc.yaml") == set(model.model_fields), name


MOST_LINES = 40


def test_a_script_reads_calls_the_library_and_writes(root):
    """A function beside `main`, or more lines, is work of the library's that no test of it would reach."""
    for script in own_scripts(root):
        text = script.read_text(encoding="utf-8")
        functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert functions == ["main"], script
        assert len(text.splitlines()) <= MOST_LINES, script


def test_no_script_names_a_file_that_the_table_holds(root):
    """Paths of files between stages stand in `winnow.files` alone."""
    first = tuple({file.path.partition("/")[0] + "/" for file in FILES.values() if "/" in file.path})
    for script in own_scripts(root):
        strings = (node.value for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Constant))
        named = [text for text in strings if isinstance(text, str) and text.startswith(first)]
        assert named in ([], ["data/raw"]), f"{script}: {named}"


def test_no_test_loads_a_script(root):
    """What is worth a test is a function of the library."""
    loaders = ("spec_from_file_" + "location", "run_" + "path")
    tests = [path for path in (root / "tests").rglob("*.py") if any(word in path.read_text() for word in loaders)]
    assert [path.name for path in tests] == []


def test_every_out_is_ignored_by_git_and_every_metric_is_not(root):
    for folder in folders(root):
        for name, definition, _ in stages_and_scripts(folder):
            outs = [out.split("${")[0] for out in definition.get("outs", []) if isinstance(out, str)]
            paths = [f"{(folder / out).relative_to(root)}{'' if '.' in out else '/'}" for out in outs]
            shown = subprocess.run(["git", "check-ignore", *paths], cwd=root, capture_output=True, text=True)
            assert not paths or shown.stdout.split() == paths, name
            for kind in ("outs", "metrics", "plots"):
                for item in definition.get(kind, []):
                    if kind == "outs" and isinstance(item, str):
                        continue
                    (path, options), *_ = item.items()
                    assert options["cache"] is False and path.startswith("metrics/"), f"{name}: {path}"


def test_dvc_lists_one_file_of_figures(root):
    """`dvc metrics show` puts all that is called `metrics` anywhere in the repository into one table."""
    called = [
        path
        for folder in folders(root)
        for _, definition, _ in stages_and_scripts(folder)
        for item in definition.get("metrics", [])
        for path in item
    ]
    assert called == ["metrics/summary.json"]


def test_make_clean_leaves_what_people_put_there(root, tmp_path):
    """Archives in data/raw and the reviews are nobody's output: they could not be had again."""
    mine = ["data/raw/train.zip", "data/review/decisions.csv", "weights/clip.safetensors", "params.yaml"]
    built = ["data/raw/sample.zip", "data/interim/features.npz", "models/baseline/seed-0.safetensors"]
    mine += ["pipelines/shift/dvc.yaml", "pipelines/shift/data/raw/a.zip", "pipelines/shift/metrics/summary.json"]
    built += ["pipelines/shift/data/sample/a.zip", "pipelines/shift/report/index.html"]
    for name in [*mine, *built]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    subprocess.run(["make", "-f", str(root / "Makefile"), "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert all((tmp_path / name).exists() for name in mine)
    assert not any((tmp_path / name).exists() for name in built)


def test_sections_are_those_declared_whole(root, tmp_path):
    found = declared(root, tmp_path, ["curate", "data.image_size", "ood"]).sections()
    assert list(found) == ["curate", "ood"] and found["curate"]["class_floor"] == 20


def test_warnings_go_to_standard_error(capsys):
    stage.warn(["the names look exchanged.", "and more."])
    assert capsys.readouterr() == ("", "warning: the names look exchanged.\nwarning: and more.\n")


def test_warnings_go_to_standard_output_where_somebody_reads_the_run(capsys, monkeypatch):
    monkeypatch.setenv(stage.WARNINGS_ON_STDOUT, "1")
    stage.warn(["few images."])
    assert capsys.readouterr() == ("warning: few images.\n", "")


def test_data_that_a_stage_declares_is_told_from_its_code(tmp_path):
    data = ["data/interim/classes.json", "metrics/curate.json", "../shared/truth.csv"]
    code = ["stages/report.py", "src/winnow/report", "versions/numpy.txt", "../../src/winnow/metrics.py"]
    path = tmp_path / "dvc.yaml"
    path.write_text(yaml.safe_dump({"stages": {"report": {"deps": [*code, *data]}}}))
    assert stage.declared_data("report", path) == data


@pytest.mark.parametrize("content", [b"", b"stages:\n", b"stages: [1]\n", b"stages:\n  a: 5\n", b"\xff", b"["])
def test_a_dvc_yaml_that_is_none_is_named_in_a_sentence(tmp_path, content):
    (tmp_path / "dvc.yaml").write_bytes(content)
    with pytest.raises(WinnowError, match=r"dvc\.yaml (defines no stages|is not)"):
        stage.stage_definitions(tmp_path / "dvc.yaml")
