"""Params as files for people and editors: YAML with a comment on every key, and a JSON schema."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic.json_schema import GenerateJsonSchema

from winnow.params.keys import Group, Key, first_sentence, tree
from winnow.params.load import EXTENDS
from winnow.params.model import Params
from winnow.params.section import Section


class _WithoutTitles(GenerateJsonSchema):
    """A title would repeat the key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def commented(content: Mapping[str, Any], model: type[Section] = Params) -> str:
    """YAML in the order of the model, with what each key means at the end of its line.

    `dvc exp run -S` writes a params file anew. A comment on a line of its own would be lost with the list before it;
    lists are laid out as `-S` does, so that it changes nothing there.

    Args:
        content: a whole params file, checked.
        model: what describes it.
    """
    sections = ("\n".join(_lines(member, content)) for member in tree(model).members)
    return "\n\n".join(sections) + "\n"


def json_schema(model: type[Section] = Params) -> dict[str, Any]:
    """For editors: what each key means and may hold. A file that extends no other must have all keys."""
    schema = model.model_json_schema(schema_generator=_WithoutTitles)
    sections = schema.get("$defs", {})
    whole = _required(schema, sections)
    for entry in (schema, *sections.values()):
        entry.pop("required", None)
    schema["properties"][EXTENDS] = {"type": "string", "description": "The config that this one differs from."}
    return {**schema, "if": {"not": {"required": [EXTENDS]}}, "then": whole}


def _lines(member: Key | Group, content: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    name = member.name.rpartition(".")[2]
    value = content[name]
    comment = f"# {first_sentence(member.description)}"
    if isinstance(member, Group):
        yield f"{indent}{name}: {comment}"
        for inner in member.members:
            yield from _lines(inner, value, f"{indent}  ")
    else:
        if not member.values.startswith(("str", "bool", "list", "mapping")):
            comment += f" ({member.values})"
        if isinstance(value, list) and value:
            yield f"{indent}{name}: {comment}"
            yield from (f"{indent}- {_scalar(item)}" for item in value)
        elif isinstance(value, dict) and value:
            yield f"{indent}{name}: {comment}"
            block = yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=float("inf"))
            yield from (f"{indent}  {line}" for line in block.splitlines())
        else:
            yield f"{indent}{name}: {_scalar(value)} {comment}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and not value.isprintable():  # a line break and its like, escaped
        return yaml.safe_dump(value, default_style='"', width=float("inf")).strip()
    return yaml.safe_dump(value, allow_unicode=True, width=float("inf")).split("\n")[0]


def _required(entry: Mapping[str, Any], sections: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        name: _required(sections[part["$ref"].rpartition("/")[2]], sections)
        for name, part in entry["properties"].items()
        if "$ref" in part
    }
    return {"required": entry["required"]} | ({"properties": inner} if inner else {})
