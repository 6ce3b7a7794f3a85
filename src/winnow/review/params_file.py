"""Changing thresholds in params.yaml and nothing else: every other character stays."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from winnow.errors import WinnowError
from winnow.params import Curate
from winnow.params.load import check_content
from winnow.review.verdicts import replace_durably


class Changed(Exception):
    """params.yaml was changed by someone else since it was read."""


def digest(path: Path) -> str:
    """What the file holds, in short; raises WinnowError if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}); put it back, then try again.") from None


def save_thresholds(path: Path, thresholds: Mapping[str, Any], *, expected: str) -> str:
    """Write values of `curate` in the place of the old ones.

    Args:
        path: params.yaml.
        thresholds: all or some keys of `curate` with their values; checked like any params file.
        expected: digest of the file as the caller knows it.

    Returns:
        The digest of what was written.

    Raises:
        Changed: if the file is not the one expected.
        WinnowError: if a key or value is not allowed, or the file cannot be read or written; nothing is written then.
    """
    if digest(path) != expected:
        raise Changed
    text = path.read_bytes().decode("utf-8")
    old = yaml.safe_load(text)["curate"]
    try:
        Curate.model_validate({**old, **thresholds})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise WinnowError(f"curate.{key}: {first['msg'].lower()}; nothing was saved.") from None
    places = {}
    document = yaml.compose(text)
    assert document is not None  # it has the section curate
    for section, content in document.value:
        if section.value == "curate":
            places = {key.value: (node.start_mark.index, node.end_mark.index) for key, node in content.value}
    changed = {key: value for key, value in thresholds.items() if value != old[key]}
    for key in sorted(changed, key=lambda key: places[key], reverse=True):  # from the end, so that places stay right
        start, end = places[key]
        text = text[:start] + yaml.safe_dump(changed[key]).split("\n")[0] + text[end:]
    content = yaml.safe_load(text)
    if content["curate"] != {**old, **thresholds}:
        raise WinnowError(f"{path} is laid out in a way that winnow cannot change; edit it by hand.")
    try:
        check_content(content, path.name)  # whether it fits the other sections
    except WinnowError as error:
        raise WinnowError(f"{str(error).removesuffix('.')}; nothing was saved.") from None
    replace_durably(path, text)
    return digest(path)
