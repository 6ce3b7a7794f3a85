"""A workspace of the pipeline `shift` for sets of one's own, made from the one in the repository."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from winnow import tables
from winnow.errors import WinnowError
from winnow.params.load import load_sections, read_yaml
from winnow.params.render import commented
from winnow.params.settings import changed, parse_settings
from winnow.params.shift import ShiftProject
from winnow.programs import own_python_first

PIPELINE = "pipelines/shift"
_IMAGE_SIZE = 64  # of one's own images, unless a setting says otherwise; the sample's are smaller


def make_project(out: Path, sets: Mapping[str, Path], settings: Sequence[str], *, start: Path = Path()) -> None:
    """Write dvc.yaml and params.yaml of a workspace.

    Args:
        out: its folder, made where it is not there.
        sets: by key of the section `sets`, the paths given; others are the sample's, or none.
        settings: `key=value` each, what else differs from pipelines/shift/params.yaml.
        start: where the repository is looked for, here or above.

    Raises:
        WinnowError: if there is no repository, the folder holds another pipeline, or a setting is wrong.
    """
    root = next(
        (folder for folder in (start.resolve(), *start.resolve().parents) if (folder / PIPELINE).is_dir()), None
    )
    if root is None:
        raise WinnowError(f"there is no {PIPELINE} here or above; run from winnow's repository.")
    if (out / "dvc.yaml").exists() and not (out / "params.yaml").exists():
        raise WinnowError(f"{out} holds another pipeline; name another folder with --out.")
    up = Path(os.path.relpath(root, out.resolve())).as_posix()
    content = read_yaml(root / PIPELINE / "params.yaml", missing="is missing; restore it with git.")
    content = {name: content[name] for name in ShiftProject.model_fields}
    none = f"{up}/data/none"
    given = {name: Path(os.path.relpath(path, out.resolve())).as_posix() for name, path in sets.items()}
    optional = ("train", "predictions_a", "predictions_b", "models_a", "models_b")
    content["sets"] |= {"image_size": _IMAGE_SIZE, **dict.fromkeys(optional, none), **given}
    content = changed(content, parse_settings(settings), model=ShiftProject)
    tables.write_bytes(out / "params.yaml", commented(content, ShiftProject).encode())
    load_sections(ShiftProject.model_fields, out / "params.yaml")
    pipeline = read_yaml(root / PIPELINE / "dvc.yaml", missing="is missing; restore it with git.")
    tables.write_bytes(out / "dvc.yaml", yaml.safe_dump(_moved(pipeline, up), sort_keys=False).encode())


def run_project(out: Path) -> None:
    """`dvc repro` there; outside a DVC repository, one without git is begun first.

    Raises:
        WinnowError: if a stage fails; it has said why.
    """
    dvc = [sys.executable, "-m", "dvc"]
    inside = subprocess.run([*dvc, "root"], cwd=out, capture_output=True, check=False).returncode == 0
    if not inside:
        subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=out, check=True)
    environment = {**os.environ, "PATH": own_python_first()}
    if subprocess.run([*dvc, "repro"], cwd=out, env=environment, check=False).returncode:
        raise WinnowError(f"a stage failed; correct what it says and run 'dvc repro' in {out}.")


def _moved(pipeline: Mapping[str, Any], up: str) -> dict[str, Any]:
    """The pipeline without the sample, its code reached from another folder."""
    text = yaml.safe_dump({name: stage for name, stage in pipeline["stages"].items() if name != "make_sample"})
    text = text.replace(" stages/", f" {up}/{PIPELINE}/stages/").replace("../../", f"{up}/")
    variables = yaml.safe_dump(pipeline["vars"], width=10**6).replace("../../src", f"'{up}/src'")
    stages = yaml.safe_load(text)
    return {
        "vars": yaml.safe_load(variables),
        "stages": {name: stages[name] for name in pipeline["stages"] if name in stages},
    }
