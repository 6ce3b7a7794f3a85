"""What the model says of each key: its description, what it may hold, and its limits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from winnow.params.model import Params
from winnow.params.section import Section


@dataclass(frozen=True)
class Key:
    """A key of params.yaml.

    Attributes:
        name: with its sections, `curate.ood_threshold`.
        description: Markdown; the first sentence stands alone in comments.
        values: what it may hold, for example `float in [0, 1]`.
        low: smallest number, or None.
        high: largest number, or None.
    """

    name: str
    description: str
    values: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Group:
    """A section of params.yaml; `members` are in the order of the file, `name` is empty for the whole."""

    name: str
    description: str
    members: tuple["Key | Group", ...]

    def walk(self) -> Iterator["Key | Group"]:
        """The members, each followed by its own."""
        for member in self.members:
            yield member
            if isinstance(member, Group):
                yield from member.walk()


@cache
def tree(model: type[Section] = Params) -> Group:
    """All keys of a model, section by section."""
    schema = model.model_json_schema()
    return _group("", schema, schema.get("$defs", {}))


@cache
def keys(model: type[Section] = Params) -> Mapping[str, Key]:
    """All keys of a model by name."""
    return {member.name: member for member in tree(model).walk() if isinstance(member, Key)}


def describe(key: str) -> str:
    """The description of a key such as `curate.ood_threshold`, as plain text; raises KeyError if there is none."""
    return plain(keys()[key].description)


def limits(key: str) -> tuple[float | None, float | None]:
    """Smallest and largest number that a key may hold, None where there is no limit; raises KeyError as `describe`."""
    found = keys()[key]
    return found.low, found.high


def plain(description: str) -> str:
    """A description without the marks of Markdown."""
    return description.replace("`", "")


def first_sentence(description: str) -> str:
    """What stands alone in a comment: plain text without the full stop at its end."""
    return plain(" ".join(description.split())).partition(". ")[0].removesuffix(".")


def closest(name: str, model: type[Section] = Params) -> str | None:
    """The key or section that a misspelt name most resembles: one of its own section, else of any; or None."""
    section, _, last = name.rpartition(".")
    siblings = {
        member.name.rpartition(".")[2]: member.name
        for member in tree(model).walk()
        if member.name.rpartition(".")[0] == section
    }
    if near := get_close_matches(last, siblings, n=1):
        return siblings[near[0]]
    return next(iter(get_close_matches(name, keys(model), n=1, cutoff=0.7)), None)


def _group(name: str, schema: Mapping[str, Any], sections: Mapping[str, Any]) -> Group:
    members: list[Key | Group] = []
    for child, entry in schema["properties"].items():
        path = f"{name}.{child}" if name else child
        inner = next((part["$ref"] for part in entry.get("anyOf", [entry]) if "$ref" in part), None)
        if inner:
            members.append(_group(path, sections[inner.rpartition("/")[2]], sections))
        else:
            members.append(_key(path, entry))
    return Group(name, schema.get("description", ""), tuple(members))


def _key(name: str, entry: Mapping[str, Any]) -> Key:
    parts: list[Mapping[str, Any]] = entry.get("anyOf", [entry])
    number = next((part for part in parts if part.get("type") in ("integer", "number")), {})
    return Key(
        name,
        entry.get("description", ""),
        _values(entry),
        number.get("minimum", number.get("exclusiveMinimum")),
        number.get("maximum", number.get("exclusiveMaximum")),
    )


def _values(entry: Mapping[str, Any]) -> str:
    if "anyOf" in entry:
        *ones, last = entry["anyOf"]
        if last.get("items") in (ones[0], {"anyOf": ones}):
            return f"{' or '.join(part.get('description') or _values(part) for part in ones)}, or a list"
        return " or ".join(_values(part) for part in entry["anyOf"])
    if "const" in entry:
        return str(entry["const"])
    if "enum" in entry:
        *others, last = entry["enum"]
        return f"{', '.join(others)} or {last}"
    match entry["type"]:
        case "array" if "maxItems" in entry:
            return f"list of {entry['maxItems']} {_values(entry['items'])}"
        case "array":
            return f"list of {_values(entry['items'])}"
        case "integer" | "number" as kind:
            return f"{'int' if kind == 'integer' else 'float'}{_range(entry)}"
        case kind:
            return {"string": "str", "boolean": "bool", "null": "null", "object": "mapping"}[kind]


def _range(entry: Mapping[str, Any]) -> str:
    low, above = entry.get("minimum"), entry.get("exclusiveMinimum")
    high, below = entry.get("maximum"), entry.get("exclusiveMaximum")
    step = f", a multiple of {entry['multipleOf']}" if "multipleOf" in entry else ""
    if (low, above) == (None, None) and (high, below) == (None, None):
        return step
    if (high, below) == (None, None):
        return f" > {above:g}{step}" if low is None else f" >= {low:g}{step}"
    start = f"({above:g}" if low is None else f"[{low:g}"
    end = f"{below:g})" if high is None else f"{high:g}]"
    return f" in {start}, {end}{step}"
