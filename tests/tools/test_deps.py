"""The code that stages depend on, as tools/deps.py writes it into dvc.yaml."""

import subprocess
import sys

import pytest

import deps

DVC_YAML = """\
stages:
  score:
    cmd: python stages/score.py
    deps:
      - data/interim/images.parquet
      - stages/score.py
      - src/winnow/gone.py
      - versions/gone.txt
    outs: # kept as it stands
      - data/interim/scores.parquet
  train:
    foreach:
      - one
    do:
      deps:
        - stages/train.py
"""
LOCK = "".join(f"{package}==1.0 \\\n    --hash=sha256:0\n" for package in deps.COMPUTING.values())


@pytest.fixture
def project(tmp_path):
    """A repository of two stages: `score` imports the whole of one room, and `train` one module of it."""
    files = {
        "dvc.yaml": DVC_YAML,
        "requirements.lock": LOCK,
        "stages/score.py": "from winnow import tables\nfrom winnow.room.first import a\n",
        "stages/train.py": "def main():\n    import winnow.room.second\n",
        "src/winnow/tables.py": "import pyarrow\n",
        "src/winnow/room/__init__.py": '"""A room."""\n',
        "src/winnow/room/first.py": "from winnow.room import second\nimport sklearn.metrics\n",
        "src/winnow/room/second.py": "import torch.nn\nimport yaml\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def test_a_stage_depends_on_what_it_imports_and_on_nothing_else(project):
    assert deps.code_deps(project, project / "stages/score.py") == [
        "src/winnow/room",  # all of its modules; tables is shared by all stages
        "versions/scikit-learn.txt",
        "versions/torch.txt",  # through `second`; yaml computes nothing
    ]
    assert deps.code_deps(project, project / "stages/train.py") == ["src/winnow/room/second.py", "versions/torch.txt"]


def test_dvc_yaml_keeps_every_line_that_is_not_generated(project):
    written = deps.generated_files(project)["dvc.yaml"]
    assert "gone" not in written
    kept = [line for line in written.split("\n") if "src/" not in line and "versions/" not in line]
    assert kept == [line for line in DVC_YAML.split("\n") if "gone" not in line]
    assert "        - stages/train.py\n        - src/winnow/room/second.py\n        - versions/torch.txt\n" in written


def test_a_pipeline_below_the_root_depends_on_the_same_code_by_the_way_up(project):
    (project / "pipelines/filter").mkdir(parents=True)
    (project / "pipelines/filter/dvc.yaml").write_text(
        "stages:\n  again:\n    deps:\n      - data/a.zip\n      - ../../stages/train.py\n"
        "      - ../../src/winnow/gone.py\n"
    )
    assert deps.generated_files(project)["pipelines/filter/dvc.yaml"] == (
        "stages:\n  again:\n    deps:\n      - data/a.zip\n      - ../../stages/train.py\n"
        "      - ../../src/winnow/room/second.py\n      - ../../versions/torch.txt\n"
    )


def test_a_pipeline_below_the_root_may_have_scripts_of_its_own(project):
    (project / "pipelines/filter/stages").mkdir(parents=True)
    (project / "pipelines/filter/stages/train.py").write_text("import winnow.room.first\n")
    (project / "pipelines/filter/dvc.yaml").write_text("stages:\n  train:\n    deps:\n      - stages/train.py\n")
    assert deps.generated_files(project)["pipelines/filter/dvc.yaml"] == (
        "stages:\n  train:\n    deps:\n      - stages/train.py\n"
        "      - ../../src/winnow/room\n      - ../../versions/scikit-learn.txt\n      - ../../versions/torch.txt\n"
    )


def test_a_module_that_shares_its_name_with_a_shared_one_counts(project):
    (project / "src/winnow/room/progress.py").write_text("")
    (project / "stages/train.py").write_text("from winnow.room import progress\n")
    assert deps.code_deps(project, project / "stages/train.py") == ["src/winnow/room/progress.py"]


def test_data_beside_a_module_belongs_to_it(project):
    (project / "src/winnow/room/assets").mkdir()
    (project / "src/winnow/room/assets/page.css").write_text("")
    assert "src/winnow/room/assets" in deps.code_deps(project, project / "stages/train.py")


def test_a_locked_version_that_changes_changes_its_file_alone(project):
    before = deps.generated_files(project)
    (project / "requirements.lock").write_text(LOCK.replace("\ntorch==1.0", "\ntorch==1.1"))
    after = deps.generated_files(project)
    assert [name for name in after if after[name] != before[name]] == ["versions/torch.txt"]
    assert after["versions/torch.txt"] == "torch==1.1\n"


def test_both_pins_of_a_package_that_depends_on_the_python_are_kept():
    text = LOCK.replace("numpy==1.0 \\", "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=x\nnumpy==2.0 \\")
    assert deps.locked_versions(text)["numpy"] == "numpy==1.0; python_full_version < '3.12'\nnumpy==2.0\n"


def test_a_package_without_a_pin_is_refused():
    with pytest.raises(SystemExit, match="does not pin torch"):
        deps.locked_versions(LOCK.replace("\ntorch==", "\nother=="))


def test_this_repository_is_as_its_imports_say(root):
    done = subprocess.run([sys.executable, root / "tools/deps.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_locked_package_that_computes_is_imported_somewhere(root):
    """A package that no stage uses would be a version that nothing depends on."""
    text = "".join(path.read_text() for path in (root / "dvc.yaml", *root.glob("pipelines/*/dvc.yaml")))
    assert [package for package in deps.COMPUTING.values() if f"versions/{package}.txt" not in text] == []
