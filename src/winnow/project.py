"""Workspaces of the pipelines beside the main one, for data of one's own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from winnow import tables
from winnow.dvc_files import repair
from winnow.errors import WinnowError
from winnow.params.load import check_content, read_yaml
from winnow.params.pipelines import without_sample
from winnow.params.render import commented
from winnow.params.settings import changed, parse_settings
from winnow.programs import own_python_first

REVIEW = "data/review"


class Project:
    """A workspace of one of the repository's pipelines, in a folder anywhere."""

    def __init__(self, out: Path, pipeline: str) -> None:
        """In the folder `out`, made where it is not there, of pipelines/<pipeline>.

        The repository is looked for here and above; failing that, it is the one that this module lies in.

        Raises:
            WinnowError: if there is no such pipeline, or the folder holds another one.
        """
        here = Path().resolve()
        self._pipeline, self._model = f"pipelines/{pipeline}", without_sample(pipeline)
        places = (here, *here.parents, Path(__file__).resolve().parents[2])
        root = next((folder for folder in places if (folder / self._pipeline).is_dir()), None)
        if root is None:
            raise WinnowError(f"there is no {self._pipeline} here or above; run from winnow's repository.")
        self._out, self._root = out, root
        if any((out / name).exists() for name in ("dvc.yaml", "params.yaml")) and not self._is_ours():
            raise WinnowError(f"{out} holds another pipeline; name another folder with --out.")

    def path(self, path: Path) -> str:
        """A path as the workspace's params.yaml names it."""
        return Path(os.path.relpath(path.resolve(), self._out.resolve())).as_posix()

    @property
    def none(self) -> str:
        """What params.yaml says of a file that there is none of."""
        return self.path(self._root / "data/none")

    @property
    def params(self) -> Mapping[str, dict[str, Any]]:
        """What the workspace's params.yaml holds, by section; what it lacks as the pipeline's own has it."""
        shipped, mine = self._root / self._pipeline / "params.yaml", self._out / "params.yaml"
        content = read_yaml(shipped, missing="is missing; restore it with git.")
        there = read_yaml(mine, missing="is missing") if mine.exists() else {}
        return {name: content[name] | there.get(name, {}) for name in self._model.model_fields}

    def write(
        self,
        values: Mapping[str, Mapping[str, Any]],
        settings: Sequence[str],
        *,
        options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    ) -> None:
        """Write dvc.yaml, params.yaml and, where there are none yet, empty files of verdicts.

        A params.yaml that is there keeps its values, but for `options` and `settings`.

        Args:
            values: by section, what a new workspace has in place of the pipeline's own values. Texts among them are
                paths, which are those of a workspace that is there, or `none`.
            settings: `key=value` each, what else differs.
            options: by section, what else differs.

        Raises:
            WinnowError: if a setting is wrong, or the workspace is for other paths; nothing is written then.
        """
        folder, model, before = self._root / self._pipeline, self._model, self.params
        is_new = not (self._out / "params.yaml").exists()
        if not is_new:
            self._require_paths(before, values)
            values = {}
        content = {name: before[name] | dict(values.get(name, {})) | dict(options.get(name, {})) for name in before}
        content = changed(content, parse_settings(settings), model=model)
        check_content(content, str(self._out / "params.yaml"), model)
        pipeline = read_yaml(folder / "dvc.yaml", missing="is missing; restore it with git.")
        tables.write_bytes(self._out / "dvc.yaml", yaml.safe_dump(self._moved(pipeline), sort_keys=False).encode())
        if is_new or content != before:
            tables.write_bytes(self._out / "params.yaml", commented(content, model).encode())
        for verdicts in (folder / REVIEW).glob("*.csv"):
            mine = self._out / REVIEW / verdicts.name
            if not mine.exists():  # with the header alone: what people said of the sample is not of these images
                tables.write_bytes(mine, verdicts.read_bytes().partition(b"\n")[0] + b"\n")

    def run(self) -> None:
        """`dvc repro` there, with what a kill left cut put right; outside a DVC repository, one without git is begun.

        Raises:
            WinnowError: if a stage fails; it has said why.
        """
        dvc = [sys.executable, "-m", "dvc"]
        inside = subprocess.run([*dvc, "root"], cwd=self._out, capture_output=True, check=False).returncode == 0
        if not inside:
            subprocess.run([*dvc, "init", "--no-scm", "-q"], cwd=self._out, check=True)
        for sentence in repair(self._out):
            print(f"winnow: {sentence}", file=sys.stderr, flush=True)
        environment = {**os.environ, "PATH": own_python_first()}
        if subprocess.run([*dvc, "repro"], cwd=self._out, env=environment, check=False).returncode:
            raise WinnowError(f"a stage failed; correct what it says and run 'dvc repro' in {self._out}.")

    def _is_ours(self) -> bool:
        """Whether the folder has a dvc.yaml of this class: each of its stages runs a script of the pipeline."""
        try:
            content = read_yaml(self._out / "dvc.yaml", missing="is missing")
        except WinnowError:
            return False
        stages = content.get("stages") if isinstance(content, dict) else None
        return isinstance(stages, dict) and all(f"/{self._pipeline}/stages/" in str(stage) for stage in stages.values())

    def _require_paths(self, there: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> None:
        for section, given in values.items():
            for key, path in given.items():
                before = there[section][key]
                if isinstance(path, str) and path not in (before, self.none):
                    what = f"without {section}.{key}" if before == self.none else f"for {before}, not for {path}"
                    raise WinnowError(f"{self._out} is a workspace {what}; name another folder with --out.")

    def _moved(self, pipeline: Mapping[str, Any]) -> dict[str, Any]:
        """The pipeline without the sample, its code reached from another folder."""
        up = self.path(self._root)
        text = yaml.safe_dump({name: stage for name, stage in pipeline["stages"].items() if name != "make_sample"})
        text = text.replace("../../", f"{up}/").replace(" stages/", f" {up}/{self._pipeline}/stages/")
        variables = yaml.safe_dump(pipeline["vars"], width=10**6).replace("../../src", f"'{up}/src'")
        stages = yaml.safe_load(text)
        return {
            "vars": yaml.safe_load(variables),
            "stages": {name: stages[name] for name in pipeline["stages"] if name in stages},
        }
