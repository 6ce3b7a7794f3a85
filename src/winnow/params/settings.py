"""Single values: `key=value` as typed behind --set, and what they change."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import yaml

from winnow.errors import WinnowError
from winnow.params.keys import keys
from winnow.params.messages import unknown_key
from winnow.params.model import Params
from winnow.params.section import Section


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """`key=value` as typed behind --set, values read as YAML; raises WinnowError where there is no `=`."""
    result = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise WinnowError(f"--set takes key=value, for example --set train.course.epochs=2, not {setting!r}.")
        try:
            result[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise WinnowError(
                f"--set {setting!r} is not valid YAML behind the =; close its brackets and quotes."
            ) from None
    return result


def changed(params: Mapping[str, Any], changes: Mapping[str, Any], model: type[Section] = Params) -> dict[str, Any]:
    """`params` with `changes` (dotted key to value) applied; raises WinnowError for a key that is not there, with one
    of `model` that may be meant. What a mapping such as `embed.variants` lacks is put there."""
    result = deepcopy(dict(params))
    for key, value in changes.items():
        *parents, last = key.split(".")
        inside = any(
            key.startswith(f"{name}.") or (key == name and one.values == "mapping") for name, one in keys(model).items()
        )  # of a key that holds a mapping, or that key
        place: Any = result
        for part in parents:
            if isinstance(place, dict) and inside:
                place.setdefault(part, {})
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, dict) or not (inside or last in place):
            raise WinnowError(f"{unknown_key(key, model)}; see docs/params.md.")
        if isinstance(place.get(last), dict) and not inside:
            raise WinnowError(f"{key} is a section; name one of its keys, for example {key}.{next(iter(place[last]))}.")
        place[last] = value
    return result
