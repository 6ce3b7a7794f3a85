"""A workspace for somebody's images: a DVC project of the repository's shape, with git and DVC set up."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from winnow import tables
from winnow.data.replacing import replacing_folder
from winnow.errors import WinnowError
from winnow.params.configs import compose
from winnow.params.init import params_text
from winnow.programs import run_git
from winnow.scan.reading import Reading, look_at, settings_of
from winnow.scan.shipped import installed_versions, shipped_files, shipped_folder

CONFIG = "scan"
_README = """# {name}: a winnow workspace

winnow keeps here what it finds in `{archive}`, and changes nothing there. It is a DVC project:

```console
winnow review        # see what was found, correct it, try thresholds, in the browser
winnow export --to cleaned --format imagefolder   # the cleaned dataset, of your original files
dvc repro            # the proof: train on the data as it came and as it was cleaned, and compare
```

`params.yaml` has every setting with its meaning, `data/review/` what people decided, `metrics/` the figures, and after
`dvc repro` `report/index.html` has all of it with pictures.
"""


def begin(
    source: Path, folder: Path, given: Mapping[str, Any], *, split: str | None = None
) -> tuple[Reading, dict[str, Any]]:
    """Look at images as a workspace of them would, and say what its params begin with.

    Args:
        source: the images.
        folder: the workspace.
        given: dotted key to value, what differs from `configs/scan.yaml`.
        split: the one to read, where there are several and `given` names none.

    Raises:
        WinnowError: if the images cannot be read, or a setting is wrong or does not fit them.
    """
    if "data.archive" in given:
        raise WinnowError(f"the images are {source}; leave the setting data.archive out, or name other images.")
    archive, data = archive_path(source, folder), compose(CONFIG, given, start=shipped_folder())["data"]
    reading = look_at(
        source,
        split=data["split"] or split,
        layout=data["layout"],
        class_names=data["class_names"],
        max_unpacked_bytes=data["max_unpacked_gb"] * 2**30,
    )
    return reading, settings_of(reading, archive=archive, split=split)


def default_workspace(source: Path) -> Path:
    """`<name>-winnow` beside the data."""
    source = source.resolve()
    name = source.name if source.is_dir() else source.name.partition(".")[0]
    return source.parent / f"{name}-winnow"


def is_workspace(folder: Path) -> bool:
    """Whether a pipeline is set up there."""
    return all((folder / name).is_file() for name in ("dvc.yaml", "params.yaml")) and (folder / ".dvc").is_dir()


def archive_path(source: Path, folder: Path) -> str:
    """How the params of a workspace name the data: relative where they lie side by side, so that they move together.

    Raises:
        WinnowError: if the workspace lies in the data, which would then change with every stage.
    """
    source, folder = source.resolve(), folder.resolve()
    if source.is_dir() and source in folder.parents:
        raise WinnowError(f"the workspace {folder} would lie in the images; name a folder outside {source}.")
    if source == folder or folder in source.parents:
        return source.relative_to(folder).as_posix()
    if source.parent == folder.parent:
        return Path(os.path.relpath(source, folder)).as_posix()
    return source.as_posix()


def create_workspace(folder: Path, *, settings: dict[str, Any], more: Sequence[str], archive: str) -> None:
    """Write the pipeline and its params into a new folder and commit them.

    Args:
        folder: new or empty.
        settings: dotted key to value, what differs from `configs/scan.yaml`.
        more: what differs from that again, each `key=value` with the value in YAML.
        archive: the data, for people.

    Raises:
        WinnowError: if the folder holds something, a key or value is not what it should be, or git is not there.
            Nothing is left then: the folder is there once it is whole.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WinnowError(f"{folder} is there already and no workspace of winnow's; name another with --to.")
    is_here = folder.resolve() == Path().resolve()  # and cannot be replaced
    with nullcontext(folder) if is_here else replacing_folder(folder) as unfinished:
        for name, content in shipped_files(shipped_folder()).items():
            tables.write_bytes(unfinished / name, content)
        given = [*(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()), *more]
        tables.write_bytes(unfinished / "params.yaml", params_text(CONFIG, given, folder=unfinished).encode())
        readme = _README.format(name=folder.resolve().name, archive=archive)
        tables.write_bytes(unfinished / "README.md", readme.encode())
        _git(unfinished, "init", "--quiet")
        commit(unfinished, f"Set up winnow for {archive}")


def refresh_versions(folder: Path) -> None:
    """Note the packages that are installed now: stages whose packages were upgraded run again."""
    packages = [file.stem for file in (folder / "versions").glob("*.txt") if file.stem != "winnow"]
    for name, content in installed_versions(packages).items():
        if (folder / name).read_text(encoding="utf-8") != content:
            tables.write_bytes(folder / name, content.encode())


def commit(folder: Path, message: str) -> None:
    """Commit all that is new; nothing where nothing is. Raises WinnowError with git's own words if it fails."""
    _git(folder, "add", "--all")
    if _git(folder, "status", "--porcelain"):
        who = [] if _git(folder, "config", "--get", "user.email", may_fail=True) else _SOMEBODY
        _git(folder, *who, "commit", "--quiet", "--no-verify", "--message", message)


_SOMEBODY = ["-c", "user.name=winnow", "-c", "user.email=winnow@localhost"]  # where git knows no name


def _git(folder: Path, *arguments: str, may_fail: bool = False) -> str:
    done = run_git(folder, *arguments)
    if done.returncode and not may_fail:
        reason = os.fsdecode(done.stderr).strip() or "no reason given"
        raise WinnowError(f"git {arguments[0]} failed in {folder}: {reason}")
    return os.fsdecode(done.stdout)
