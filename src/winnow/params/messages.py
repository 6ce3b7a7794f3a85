"""What is wrong with a params file, in one sentence, with how to fix it."""

import math
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from winnow.params.keys import closest
from winnow.params.model import Params
from winnow.params.section import Section


def sentence(where: str, error: ValidationError, model: type[Section] = Params) -> str:
    """The first three problems that pydantic found, by the keys of `model`; `where` begins the sentence."""
    found = error.errors()
    problems = [_problem(item, model) for item in found[:3]]
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{where}: {'; '.join(problems)}{more}; see docs/params.md."


def unknown_key(key: str, model: type[Section] = Params) -> str:
    """What is said of a key that the model does not have."""
    meant = closest(key, model)
    return f"{key} is no parameter of winnow" + (f" (did you mean {meant}?)" if meant else "")


def _problem(item: Mapping[str, Any], model: type[Section]) -> str:
    key = ".".join(str(part) for part in item["loc"])
    match item["type"]:
        case "extra_forbidden":
            return unknown_key(key, model)
        case "missing":
            return f"{key} is missing"
        case "value_error":  # of a section's keys together, said in words of our own
            words = str(item["ctx"]["error"])
            return f"{key}: {words}" if key else words
        case "string_type" if isinstance(item["input"], bool):
            return f"{key} is {item['input']}, for YAML reads yes, no, on and off as true and false; put it in quotes"
        case "string_type" if not isinstance(item["input"], list):
            return f"{key} is {_shown(item['input'])}, which YAML does not read as text; put it in quotes"
        case "int_type" | "float_type" as kind if (
            number := _number(item["input"], whole=kind == "int_type")
        ) is not None:
            return f"{key} is {_shown(item['input'])}, which YAML reads as text; write {_as_yaml(number)}"
        case _:
            return f"{key} is {_shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _number(value: Any, *, whole: bool) -> float | int | None:
    """The number that a text was meant to be, or None."""
    if not isinstance(value, str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if not whole:
        return number
    return int(number) if number.is_integer() else None


def _as_yaml(value: float | int) -> str:
    return yaml.safe_dump(value).split("\n")[0]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
