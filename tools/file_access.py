"""Files are opened with an encoding and written whole or not at all: what ruff's rules do not see.

    python tools/file_access.py

Looks at every call in src/, stages/ and pipelines/ that opens, reads or writes a file. Text needs `encoding`. A write
goes to the temporary name that `tables.replacing` or `replacing_folder` gives, unless its function is in `WRITERS` with
the reason. Prints what is neither; the exit status is 1 where there is any. (`except Exception` is ruff's BLE001.)
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "stages", "pipelines")
# Functions that write by themselves, and why a kill or a full disk leaves no half file behind.
WRITERS = {
    "src/winnow/data/writers/filtered.py:write_filtered": "into the folder of replacing_folder",
    "src/winnow/data/writers/course.py:write": "into the folder that its caller replaces whole",
    "src/winnow/data/writers/imagefolder.py:write": "into the folder that its caller replaces whole",
    "src/winnow/experiments/worktrees.py:only_one": "an empty file to lock",
    "src/winnow/experiments/worktrees.py:start": "the log of a process that runs",
    "src/winnow/export/originals.py:put": "into the unfinished folder of an export",
    "src/winnow/export/parquet.py:write": "into the unfinished folder of an export",
    "src/winnow/params/init.py:write_params": "to a temporary name of its own, for `tables` takes long to import",
    "src/winnow/review/verdicts.py:locked": "an empty file to lock",
    "src/winnow/review/verdicts.py:replace_durably": "what `replacing` does, and on the disk before the answer",
    "src/winnow/shift/feature_table.py:__init__": "a file of memory, marked when it is whole",
    "src/winnow/tables.py:new_array_map": "a file of memory, marked when it is whole",
    "src/winnow/stage.py:run": "a line of the log of timings",
}
_READS, _WRITES = {"read_text"}, {"write_text", "write_bytes"}
_ENCODING_AT = {"read_text": 0, "write_text": 1, "open": 2}  # among positional arguments of the method


def faults(source: str, name: str) -> list[str]:
    """A line for each call of a module that opens text without an encoding or writes in place.

    Args:
        source: the module.
        name: its path from the root.
    """
    found = []
    for call, function, temporaries in _calls(ast.parse(source), "", frozenset()):
        kind, mode, place = _access(call)
        if not kind:
            continue
        where = f"{name}:{call.lineno}"
        text = "b" not in mode and kind != "write_bytes"
        positional = len(call.args) > place
        if text and not positional and not any(keyword.arg == "encoding" for keyword in call.keywords):
            found.append(f"{where}: {kind} of text without an encoding")
        names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
        writes = kind in _WRITES or (kind == "open" and set(mode) & set("wax+"))
        if writes and not names & temporaries and f"{name}:{function}" not in WRITERS:
            found.append(f"{where}: {function} writes in place; write to the name that tables.replacing gives")
    return found


def _calls(node: ast.AST, function: str, temporaries: frozenset[str]) -> Iterator[tuple[ast.Call, str, frozenset[str]]]:
    """Every call with the function that it is in, and the temporary names of the `with` statements around it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    if isinstance(node, ast.With):
        for item in node.items:
            yield from _calls(item.context_expr, function, temporaries)
            if isinstance(item.optional_vars, ast.Name) and _replaces(item.context_expr):
                temporaries |= {item.optional_vars.id}
        for statement in node.body:
            yield from _calls(statement, function, temporaries)
        return
    if isinstance(node, ast.Call):
        yield node, function, temporaries
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, function, temporaries)


def _replaces(expression: ast.expr) -> bool:
    called = expression.func if isinstance(expression, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in ("replacing", "replacing_folder")


def _access(call: ast.Call) -> tuple[str, str, int]:
    """How a call reaches a file ("" if it does not), its mode, and where its encoding stands among the arguments."""
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        return "open", _mode(call, 1), 3
    if not isinstance(call.func, ast.Attribute):
        return "", "", 0
    kind, owner = call.func.attr, call.func.value
    if isinstance(owner, ast.Name) and owner.id in ("tables", "Image", "os", "tarfile", "zipfile", "webbrowser"):
        return "", "", 0
    if kind in _READS | _WRITES:
        return kind, "", _ENCODING_AT.get(kind, 0)
    opens = kind == "open" and not (isinstance(owner, ast.Attribute) and owner.attr == "_file")  # of an archive
    return ("open", _mode(call, 0), _ENCODING_AT["open"]) if opens else ("", "", 0)


def _mode(call: ast.Call, place: int) -> str:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), None)
    if given is None and len(call.args) > place:
        given = call.args[place]
    return str(given.value) if isinstance(given, ast.Constant) else "r"


def main() -> None:
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    lines = []
    for file in files:
        lines += faults(file.read_text(encoding="utf-8"), file.relative_to(ROOT).as_posix())
    if lines:
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
