"""What a workspace begins with: the repository's pipeline, in the form for an installed package."""

import tomllib

import pytest
import yaml

from winnow.files import ARMS
from winnow.scan.shipped import FILES, for_installed_package, installed_versions, shipped_files, shipped_folder


@pytest.fixture(scope="module")
def files():
    return shipped_files(shipped_folder())


def stage_deps(text):
    return {
        name: definition.get("do", definition)["deps"]
        for name, definition in yaml.safe_load(text)["stages"].items()
        if "deps" in definition.get("do", definition)
    }


def test_the_wheel_holds_what_a_workspace_is_made_of(root):
    pyproject = tomllib.loads((root / "pyproject.toml").read_text())
    shipped = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert shipped == {name: f"winnow/shipped/{name}" for name in FILES}


def test_stages_depend_on_the_release_in_place_of_modules_and_on_all_else_as_before(root, files):
    own, workspace = stage_deps((root / "dvc.yaml").read_text()), stage_deps(files["dvc.yaml"].decode())
    assert own.keys() - workspace.keys() == {"make_sample"}
    for name, deps in workspace.items():
        assert deps.count("versions/winnow.txt") == 1, name
        kept = [path for path in own[name] if not path.startswith("src/")]
        assert [path for path in deps if path != "versions/winnow.txt"] == kept, name


def test_stages_run_the_installed_package(files):
    text = files["dvc.yaml"].decode()
    assert "src" not in text
    assert yaml.safe_load(text)["vars"][1] == {"python": "python3 -m winnow.launch"}
    scripts = {path for deps in stage_deps(text).values() for path in deps if path.startswith("stages/")}
    assert scripts <= files.keys() and "stages/make_sample.py" not in files


def test_every_file_that_a_stage_needs_is_shipped_or_made(files):
    definitions = [
        definition.get("do", definition) for definition in yaml.safe_load(files["dvc.yaml"])["stages"].values()
    ]
    made = {
        path.replace("${item}", arm)
        for definition in definitions
        for kind in ("outs", "metrics", "plots")
        for out in definition.get(kind, [])
        for path in (out if isinstance(out, dict) else [out])
        for arm in ARMS
    }
    for definition in definitions:
        for path in definition["deps"]:
            there = path in made or path in files or any(name.startswith(f"{path}/") for name in files)
            assert there or "${" in path, path


def test_only_one_stage_is_cut_out():
    text = "stages:\n  first:\n    cmd: a\n\n  make_sample:\n    cmd: b\n    deps:\n      - x\n\n  last:\n    cmd: c\n"
    assert for_installed_package(text) == "stages:\n  first:\n    cmd: a\n\n  last:\n    cmd: c\n"


def test_versions_are_those_installed():
    found = installed_versions(["numpy", "no-such-package"])
    import numpy

    assert found["versions/numpy.txt"] == f"numpy=={numpy.__version__}\n"
    assert found["versions/no-such-package.txt"] == "no-such-package, not installed\n"
    assert found["versions/winnow.txt"].startswith("winnow==")
