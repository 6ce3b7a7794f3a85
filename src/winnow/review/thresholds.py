"""The thresholds of all rules, as the app shows and checks them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError, create_model

from winnow.curation.rules import RULES, in_force, thresholds_of
from winnow.curation.rules.rule import Rule, Threshold
from winnow.errors import WinnowError
from winnow.params import Curate

_TYPES = {bool: "boolean", int: "integer", float: "number", list: "array", str: "string"}
_STEPS = 100  # of a slider between the ends of its range
_HIGH = 100.0  # where nothing says where a slider ends
_BARS = 50  # of a histogram


def described(curate: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> dict[str, dict[str, Any]]:
    """What each threshold is called, means and may be.

    Args:
        curate: the section of params.yaml.
        rules: whose thresholds.

    Returns:
        By name, JSON values: `words`, `meaning`, `type` (boolean, integer, number, string or array), `choices` (of a
        string), `minimum` and `maximum` (None where there is no limit), `span` (ends and step of a slider) and `saved`
        (whether it is a key of params.yaml; one that is not stands in its rule's record).
    """
    records = thresholds_of(rules)
    return {
        name: {
            "words": records[name].words,
            "meaning": records[name].described,
            "type": _TYPES[type(value)],
            "minimum": records[name].limits[0],
            "maximum": records[name].limits[1],
            "span": _span(records[name], whole=isinstance(value, int)),
            "saved": is_saved(name),
            **({"choices": get_args(Curate.model_fields[name].annotation)} if isinstance(value, str) else {}),
        }
        for name, value in in_force(curate, rules).items()
    }


def histograms(ledger: pd.DataFrame, curate: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> dict[str, Any]:
    """How the scores lie that thresholds cut, over each threshold's slider.

    Args:
        ledger: a row per image.
        curate: the section of params.yaml.
        rules: whose thresholds.

    Returns:
        By name of the threshold, JSON values: `title` of the score, `counts` (50 bars of equal width from one end of
        the slider to the other, of the images that the cut looks at and whose score lies there) and `lower_is_worse`.
    """
    records, values = thresholds_of(rules), in_force(curate, rules)
    found = {}
    for cut in (cut for rule in rules for cut in rule.cuts):
        if cut.threshold not in values or cut.score.name not in ledger:
            continue
        scores = ledger[cut.score.name].to_numpy(dtype=np.float64)
        scores = scores if cut.among is None else scores[cut.among(ledger)]
        low, high, _ = _span(records[cut.threshold], whole=isinstance(values[cut.threshold], int))
        counts, _ = np.histogram(scores[~np.isnan(scores)], bins=_BARS, range=(low, high))
        found[cut.threshold] = {
            "title": cut.score.title,
            "counts": counts.tolist(),
            "lower_is_worse": cut.score.lower_is_worse,
        }
    return found


def is_saved(name: str) -> bool:
    """Whether a threshold is a key of params.yaml."""
    return name in Curate.model_fields


def _span(threshold: Threshold, *, whole: bool) -> tuple[float, float, float]:
    least, most = threshold.limits
    low, high = threshold.span() if threshold.span else (0 if least is None else least, _HIGH if most is None else most)
    return low, high, 1 if whole else (high - low) / _STEPS


def checked(asked: Mapping[str, Any], rules: Sequence[Rule] = RULES) -> dict[str, Any]:
    """The value of every threshold, where those of rules from elsewhere may be left out.

    Raises:
        WinnowError: if a name is unknown, a key of params.yaml is missing, or a value is of another type or out of
            its range.
    """
    own: dict[str, Any] = {
        name: (Annotated[type(record.value), Field(ge=record.low, le=record.high)], record.value)
        for name, record in thresholds_of(rules).items()
        if not is_saved(name)
    }
    try:
        values: dict[str, Any] = create_model("Thresholds", __base__=Curate, **own).model_validate(asked).model_dump()
    except ValidationError as error:
        first = error.errors()[0]
        raise WinnowError(f"curate.{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}.") from None
    return values


def saved(asked: Mapping[str, Any], *, before: Mapping[str, Any]) -> dict[str, Any]:
    """Of the values of all thresholds those of params.yaml; raises WinnowError if another changes.

    Args:
        asked: as `checked` returns them.
        before: those in force.
    """
    for name, value in asked.items():
        if not is_saved(name) and value != before[name]:
            raise WinnowError(
                f"{name} is no key of params.yaml, its value stands in its rule; change it there. Nothing was saved."
            )
    return {name: value for name, value in asked.items() if is_saved(name)}
