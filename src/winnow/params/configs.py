"""Configs: params files that hold only what differs from the one that they extend, composed into whole ones.

DVC reads params.yaml as it stands and composes nothing, so configs are composed once, when `winnow init` writes it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from winnow.errors import WinnowError
from winnow.params.load import EXTENDS, check_content, read_yaml
from winnow.params.merging import merged
from winnow.params.model import Params
from winnow.params.settings import changed

FOLDER = "configs"


def compose(
    config: str | Path, settings: Mapping[str, Any] = MappingProxyType({}), *, start: Path = Path()
) -> dict[str, Any]:
    """The content of a whole params file.

    Args:
        config: a name in configs/, or the path of a YAML file. It is whole, or `extends` another, likewise named, and
            holds what differs: its values take the place of the other's, lists as a whole.
        settings: dotted key to value, what differs from the config.
        start: where `config` is looked up: the folder that paths are relative to, and at or above which configs/ is.

    Raises:
        WinnowError: if a config is missing or extends itself, or a key or value is not what it should be; the message
            names the file, or `--set`.
    """
    path = find_config(str(config), start)
    content = _composed(path, ())
    if settings:
        content = changed(content, settings)
        check_content(content, "--set")
    return content


def load_config(config: str | Path, *, start: Path = Path()) -> Params:
    """What a config comes to; arguments and errors are those of `compose`."""
    return check_content(compose(config, start=start), str(config))


def find_config(config: str, start: Path) -> Path:
    """The file of a config; raises WinnowError if a name is not in configs/ at or above `start`."""
    if config.endswith((".yaml", ".yml")):
        return start / config
    if found := find_in_configs(f"{config}.yaml", start):
        return found
    known = known_configs(start)
    if not known:
        raise WinnowError(
            f"there is no folder {FOLDER}/ here or above; run from the repository's root, or name a file."
        )
    meant = get_close_matches(config, known, n=1)
    raise WinnowError(
        f"there is no config {config!r} in {FOLDER}/{f' (did you mean {meant[0]}?)' if meant else ''}; name one of "
        f"{', '.join(known)}, or a file that ends in .yaml."
    )


def known_configs(start: Path) -> list[str]:
    """The names in every configs/ at or above `start`, sorted."""
    return sorted({file.stem for folder in _folders(start) for file in folder.glob("*.yaml")})


def is_config(config: str, start: Path) -> bool:
    """Whether that names a config: a YAML file, or one in a configs/ at or above `start`."""
    return config.endswith((".yaml", ".yml")) or find_in_configs(f"{config}.yaml", start) is not None


def find_in_configs(name: str, start: Path) -> Path | None:
    """A file in the nearest configs/ at or above `start` that has it, relative to the working directory if inside."""
    path = next((folder / name for folder in _folders(start) if (folder / name).is_file()), None)
    return path.relative_to(Path.cwd()) if path and path.is_relative_to(Path.cwd()) else path


def _folders(start: Path) -> list[Path]:
    return [folder / FOLDER for folder in (start.resolve(), *start.resolve().parents)]


def _composed(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in [other.resolve() for other in extending]:
        circle = " extends ".join(map(str, (*extending, path)))
        raise WinnowError(f"{circle}, a circle; take '{EXTENDS}' out of one of them.")
    content = read_yaml(path, missing=f"does not exist; name a config in {FOLDER}/ or a params file.")
    if not isinstance(content, dict):
        raise WinnowError(f"{path} holds no keys; give it sections, or '{EXTENDS}: base' and what differs.")
    parent = content.pop(EXTENDS, None)
    whole: dict[str, Any] = content
    if parent is not None:
        if not isinstance(parent, str):
            raise WinnowError(f"{path}: {EXTENDS} is {parent!r}; name one config, for example '{EXTENDS}: base'.")
        whole = merged(_composed(find_config(parent, path.parent), (*extending, path)), content)
    check_content(whole, str(path))
    return whole
