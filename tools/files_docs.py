"""Write docs/files.md from the table of files in `winnow.files`; `--check` only compares."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from winnow.files import PIPELINES, File
from winnow.schema import INFINITY, Array, Arrays, Column, Table

PAGE = "docs/files.md"
SHARED = 4
"""So many columns of a file that was explained before are named together, and not explained again."""
INTRODUCTION = """\
# Files between stages

What passes from one stage to another, and into git. `winnow.files` is the table; stages read and write by it through
`winnow.workspace`, which refuses a column or an array that is missing, unknown, of another type or out of its range.
This page is made from it: after a change, run `make docs`.

Where rows are images they are sorted by `image_id`, a unique string (`img_<key>`), and so are the arrays of an .npz.
There are N images, D features and K classes; labels are integers in [0, K). `<word>` in a name stands for any text,
`{word}` in a path for the part that it names. The same content is the same bytes.
"""


def markdown(pipelines: Mapping[str, Mapping[str, File]] = PIPELINES) -> str:
    """docs/files.md: an overview of each pipeline, then file by file its columns or arrays."""
    explained: dict[Column, str] = {}
    overviews, sections = [], []
    for pipeline, named in pipelines.items():
        folder = f"pipelines/{pipeline}/" if pipeline else ""
        files = {name: replace(file, path=folder + file.path) for name, file in named.items()}
        overviews += ["", f"## Files of `{folder}`"] if folder else []
        overviews += ["", "| file | name in code | holds |", "|---|---|---|"]
        overviews += [f"| {_linked(file)} | `{name}` | {file.rows} |" for name, file in files.items()]
        sections += [_section(file, explained) for file in files.values() if file.schema is not None or file.note]
    return INTRODUCTION + "\n".join(overviews) + "\n" + "".join(sections)


def _linked(file: File) -> str:
    if file.schema is None and not file.note:
        return f"`{file.path}`"
    return f"[`{file.path}`](#{''.join(sign for sign in file.path.lower() if sign.isalnum() or sign in '-_')})"


def _section(file: File, explained: dict[Column, str]) -> str:
    rows = f"A row each: {file.rows}." if isinstance(file.schema, Table) else f"{file.rows[0].upper()}{file.rows[1:]}."
    lines = ["", f"## `{file.path}`", f"{rows} {file.note}".rstrip()]
    if isinstance(file.schema, Table):
        lines += _columns(file.schema.columns, file.path, explained)
    elif isinstance(file.schema, Arrays):
        lines += ["", "| array | type and shape | range | meaning |", "|---|---|---|---|"]
        lines += [_array(array) for array in file.schema.arrays]
    return "\n".join(lines) + "\n"


def _columns(columns: Sequence[Column], path: str, explained: dict[Column, str]) -> list[str]:
    """The table of the columns, and before it those that another file's section explains."""
    there: dict[str, list[Column]] = {}
    for column in columns:
        if column.name != "image_id" and explained.setdefault(column, path) != path:
            there.setdefault(explained[column], []).append(column)
    there = {where: shared for where, shared in there.items() if len(shared) >= SHARED}
    lines = [f"- From `{where}`: {', '.join(f'`{one.name}`' for one in shared)}." for where, shared in there.items()]
    known = {column for shared in there.values() for column in shared}
    rows = [
        f"| `{column.name}` | {column.dtype} | {_range(column)} | {_meaning(column)} |"
        for column in columns
        if column not in known
    ]
    return [*([""] if lines else []), *lines, "", "| column | type | range | meaning |", "|---|---|---|---|", *rows]


def _array(array: Array) -> str:
    shape = f" ({', '.join(array.shape)}{',' * (len(array.shape) == 1)})" if array.shape else ""
    return f"| `{array.name}` | {array.dtype}{shape} | {_range(array)} | {_meaning(array)} |"


def _meaning(item: Column | Array) -> str:
    meaning = item.meaning.replace("|", "\\|")
    return f"{meaning}; optional" if item.optional else meaning


def _range(item: Column | Array) -> str:
    low, high = f"{item.low:g}", f"{item.high:.4g}"  # probabilities may pass 1 by rounding
    if item.high < INFINITY:
        return f"{low} to {high}" if item.low > -INFINITY else f"≤ {high}"
    return f"≥ {low}" if item.low > -INFINITY else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is stale")
    check = parser.parse_args().check
    path = Path(__file__).resolve().parents[1] / PAGE
    content = markdown()
    stale = not path.exists() or path.read_text(encoding="utf-8") != content
    if stale and check:
        sys.exit(f"The table of files and {PAGE} differ; run 'make docs'.")
    if stale:
        path.write_text(content, encoding="utf-8")
    print(f"wrote {PAGE}" if stale else f"{PAGE} is as the table of files says.")


if __name__ == "__main__":
    main()
