"""Reading params files, and every mistake in them in one sentence."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, overload

import yaml
from pydantic import ValidationError

from winnow.errors import WinnowError
from winnow.params.messages import sentence
from winnow.params.model import Params, known_sections, some_sections
from winnow.params.pipelines import PIPELINES
from winnow.params.section import Section

Model = TypeVar("Model", bound=Section)

EXTENDS = "extends"  # the key of a config that names the one it differs from


class _Twice(yaml.MarkedYAMLError):
    pass


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses what YAML forbids and PyYAML takes: a key that a mapping has twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _Twice(problem=key.value, problem_mark=key.start_mark)
                seen.add((key.tag, key.value))
        return node


def read_yaml(path: str | Path, *, missing: str) -> Any:
    """What the file holds.

    Args:
        path: the file.
        missing: what to say behind the path where there is no such file, with how to fix it.

    Raises:
        WinnowError: if the file is missing, cannot be read, is no UTF-8 text or no YAML, or has a key twice.
    """
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), _EachKeyOnce)
    except FileNotFoundError:
        raise WinnowError(f"{path} {missing}") from None
    except OSError as error:
        raise WinnowError(f"{path} cannot be read ({error.strerror}); name a YAML file.") from None
    except UnicodeDecodeError as error:
        raise WinnowError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    except _Twice as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise WinnowError(f"{path}, line {line}: {error.problem} is there twice; remove one.") from None
    except (yaml.YAMLError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        where = f" at line {place.line + 1}" if place else ""
        raise WinnowError(f"{path} is not valid YAML{where}; fix the indentation or quoting there.") from None


def load_params(path: str | Path = "params.yaml") -> Params:
    """Read and check all of params.yaml.

    Raises:
        WinnowError: if the file is missing, is not YAML, extends another, is of a pipeline in pipelines/, or a value is
            unknown, missing, of the wrong type or range; the message names the key and the value.
    """
    content = _read(path)
    if pipeline := _pipeline_of(content):
        raise WinnowError(
            f"{path} is of the pipeline {pipeline}, and this reads the main one's; docs/{pipeline}.md says what that "
            "pipeline writes and which commands read it."
        )
    return check_content(content, str(path))


def load_sections(sections: Collection[str], path: str | Path = "params.yaml") -> Section:
    """Read and check the params.yaml of a pipeline that needs some of the sections.

    Args:
        sections: the sections that the file must hold; others of winnow's may be left out.
        path: the file.

    Returns:
        A model of the sections, None where one is left out. Where they are all of a pipeline's, others are refused.

    Raises:
        WinnowError: as `load_params` does, and if one of `sections` is none of winnow's.
    """
    if unknown := sorted(set(sections) - set(known_sections())):
        raise WinnowError(f"{unknown[0]} is no section of winnow's params; take it out of the pipeline's dvc.yaml.")
    models: list[type[Section]] = [Params, *PIPELINES.values()]
    whole = (model for model in models if set(sections) == set(model.model_fields))
    return check_content(_read(path), str(path), next(whole, some_sections(frozenset(sections))))


def pipeline_of(path: str | Path = "params.yaml") -> str:
    """Which pipeline a params.yaml is of: its folder in pipelines/, "" for the main one and where none fits.

    Raises:
        WinnowError: if the file is missing or is not YAML.
    """
    return _pipeline_of(_read(path))


def _pipeline_of(content: dict[str, Any]) -> str:
    sections = set(content)
    needed = {name: set(model.model_fields) - {f"{name}_sample"} for name, model in PIPELINES.items()}
    fits = [name for name, needs in needed.items() if needs <= sections]
    return "" if set(Params.model_fields) <= sections or not fits else max(fits, key=lambda name: len(needed[name]))


def _read(path: str | Path) -> dict[str, Any]:
    content = read_yaml(
        path,
        missing="is missing; run from the repository's root or a workspace that 'winnow scan' made, or write it with "
        "'winnow init base'.",
    )
    if not isinstance(content, dict):
        raise WinnowError(f"{path} holds no sections; write it with 'winnow init base' or restore it with git.")
    if EXTENDS in content:
        raise WinnowError(
            f"{path} extends {content[EXTENDS]}, but DVC reads params as they stand; 'winnow init {path}' writes a "
            "whole params.yaml from it."
        )
    return content


@overload
def check_content(content: dict[str, Any], where: str) -> Params: ...
@overload
def check_content(content: dict[str, Any], where: str, model: type[Model]) -> Model: ...
def check_content(content: dict[str, Any], where: str, model: type[Section] = Params) -> Section:
    """Check what a params file of a model holds; `where` begins the error's message. Raises WinnowError as
    `load_params` does."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise WinnowError(sentence(where, error, model)) from None
