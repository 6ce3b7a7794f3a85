"""`winnow init`: a config, written as the params.yaml that DVC reads."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from winnow.errors import WinnowError
from winnow.params.configs import compose, find_in_configs
from winnow.params.render import commented
from winnow.params.settings import parse_settings

SCHEMA = "params.schema.json"


def params_text(config: str, settings: Sequence[str], *, folder: Path = Path()) -> str:
    """A config as a whole params file with comments.

    Args:
        config: as in `winnow.params.configs.compose`.
        settings: what differs from it, each `key=value` with the value in YAML.
        folder: where the file is to be, and where `config` is looked up.

    Raises:
        WinnowError: as `compose` and `parse_settings` do.
    """
    content = compose(config, parse_settings(settings), start=folder)
    command = shlex.join(["winnow", "init", config, *(part for item in settings for part in ("--set", item))])
    schema = find_in_configs(SCHEMA, folder)
    lines = [
        *([f"yaml-language-server: $schema={os.path.relpath(schema, folder)}"] if schema else []),
        f"Written by '{command}'. Change a value and run 'dvc repro', or try one and leave the file alone:",
        "  dvc exp run -S curate.label_quality_threshold=0.3",
        "Every key is described in docs/params.md; configs/ has values for other data, and the reasons for them.",
    ]
    return "".join(f"# {line}\n" for line in lines) + commented(content)


def write_params(config: str, settings: Sequence[str], *, path: Path, force: bool) -> None:
    """Write a config to `path`.

    Raises:
        WinnowError: as `params_text`, and if the file there differs from the last commit and `force` is not given.
    """
    text = params_text(config, settings, folder=path.parent)
    if not force and path.exists() and path.read_text(encoding="utf-8") != text and not _is_committed(path):
        raise WinnowError(f"{path} has changes that no commit has; commit them first, or drop them with --force.")
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _is_committed(path: Path) -> bool:
    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        done = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
    except OSError:  # no git
        return False
    return done.returncode == 0 and done.stdout == path.read_bytes()
