"""Write what is generated from the params model; `--check` only compares.

docs/params.md, configs/params.schema.json for editors, and the comments of configs/base.yaml and of the params.yaml of
every pipeline in pipelines/. The main one is written by `winnow init base`.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from winnow.params.keys import Group, Key, tree
from winnow.params.load import check_content, load_sections
from winnow.params.model import Params
from winnow.params.pipelines import PIPELINES
from winnow.params.render import commented, json_schema
from winnow.params.section import Section

BASE = "configs/base.yaml"
INTRODUCTION = """\
# What params.yaml holds

Every key must be there; unknown keys, and numbers written as text, are refused (`winnow check-params` says so before a
long run does). `dvc.yaml` says which stage reads which key: changing one reruns those stages and what follows them,
nothing else.

## Where a value comes from
`configs/base.yaml` has every key, with its value for the built-in sample. The other files in `configs/` name the one
that they extend and hold only what differs. DVC reads `params.yaml` as it stands, so a config is composed once:

```console
$ winnow init ds801 --set augment.budget=20000 --set 'train.seeds=[0, 1, 2]'
```

writes all of `params.yaml`, checked, with what each key means as comments; changes that no commit has are not
overwritten without `--force`. From then on `params.yaml` is yours: edit it, or leave that to `dvc exp run -S`, `winnow
best --apply` and the review app, which keep the comments.

A config of your own is a YAML file with `extends: base` (or another name, or a path) and what differs; a list takes the
place of the other list as a whole. Editors with the YAML language server check and complete all of these files by
`configs/params.schema.json`.

## Adding a key
What a key means, its type and its range are written once, in the model under `src/winnow/params/`, and its value once,
in `configs/base.yaml`. Then `make docs` writes this page, the schema and the comments of `base.yaml`, and `winnow init
base` the sample's `params.yaml`. There are no defaults in the code: a key without a value is refused.
"""


def markdown(base: Mapping[str, Any], model: type[Section] = Params) -> str:
    """docs/params.md: section by section, each key with type and range, its value in `base`, and its meaning."""
    return INTRODUCTION + "".join(
        _section(member, base, "##") for member in tree(model).members if isinstance(member, Group)
    )


def _pipelines(root: Path) -> Iterator[tuple[str, type[Section], str]]:
    """Each pipeline of pipelines/: its params file, relative to `root`, what describes it, and the file's text."""
    for name, model in PIPELINES.items():
        path = f"pipelines/{name}/params.yaml"
        if (root / path).exists():
            yield path, model, (root / path).read_text(encoding="utf-8")


def _own_sections(path: str, model: type[Section], content: Mapping[str, Any]) -> str:
    """docs/params.md of a pipeline: the sections that the main one has not."""
    shared = [f"[`{name}`](#{name})" for name in model.model_fields if name in Params.model_fields]
    also = f" Beside these it holds {', '.join(shared)}, as above." if shared else ""
    own = [
        member for member in tree(model).members if isinstance(member, Group) and member.name not in Params.model_fields
    ]
    return f"\n## `{path}`\nThe pipeline's own sections.{also}\n" + "".join(
        _section(group, content, "###") for group in own
    )


def _section(group: Group, base: Mapping[str, Any], heading: str) -> str:
    lines = ["", f"{heading} `{group.name}`", group.description, ""]
    if keys := [member for member in group.members if isinstance(member, Key)]:
        lines += ["| key | type and range | base | meaning |", "|---|---|---|---|"]
        lines += [f"| `{key.name}` | {key.values} | `{_value(key.name, base)}` | {key.description} |" for key in keys]
    inner = (_section(member, base, f"{heading}#") for member in group.members if isinstance(member, Group))
    return "\n".join(lines) + "\n" + "".join(inner)


def _value(name: str, base: Mapping[str, Any]) -> str:
    value: Any = base
    for part in name.split("."):
        value = value[part]
    if isinstance(value, list):
        return f"[{', '.join(map(str, value[:3]))}{', …' if len(value) > 3 else ''}]"
    return yaml.safe_dump(value).split("\n")[0]


def _head(text: str) -> Iterator[str]:
    """The comment that a file begins with, line by line."""
    for line in text.splitlines(keepends=True):
        if not line.startswith("#"):
            return
        yield line


def generated_files(root: Path, model: type[Section] = Params) -> dict[str, str]:
    """Path relative to `root` and content of every file that this tool writes."""
    text = (root / BASE).read_text(encoding="utf-8")
    base = yaml.safe_load(text)
    pipelines = [(path, own, held, yaml.safe_load(held)) for path, own, held in _pipelines(root)]
    return {
        "docs/params.md": markdown(base, model)
        + "".join(_own_sections(path, own, content) for path, own, _, content in pipelines),
        "configs/params.schema.json": json.dumps(json_schema(model), indent=1, ensure_ascii=False) + "\n",
        BASE: "".join(_head(text)) + commented(base, model),
        **{path: "".join(_head(held)) + commented(content, own) for path, own, held, content in pipelines},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not as it should be")
    check = parser.parse_args().check
    root = Path(__file__).resolve().parents[1]
    check_content(yaml.safe_load((root / BASE).read_text(encoding="utf-8")), BASE)
    for path, own, _ in _pipelines(root):
        load_sections(own.model_fields, root / path)
    stale = {
        name: content
        for name, content in generated_files(root).items()
        if not (root / name).exists() or (root / name).read_text(encoding="utf-8") != content
    }
    if stale and check:
        sys.exit(f"The params model and {', '.join(stale)} differ; run 'make docs'.")
    for name, content in stale.items():
        (root / name).write_text(content, encoding="utf-8")
    print(f"wrote {', '.join(stale)}" if stale else "docs and comments are as the params model says.")


if __name__ == "__main__":
    main()
