"""How code reaches files: planted faults are found, and this tree has none."""

import ast
from pathlib import Path

import pytest

import file_access
from file_access import faults


def test_the_tree_has_none(root, monkeypatch):
    file_access.main()


@pytest.mark.parametrize(
    "line",
    [
        "open('a')",
        "open('a', 'r')",
        "path.open()",
        "path.open('r', 1)",
        "path.read_text()",
        "path.read_text(errors='replace')",
    ],
)
def test_text_without_an_encoding_is_found(line):
    assert ["without an encoding" in fault for fault in faults(f"def f(path):\n    {line}\n", "a.py")] == [True]


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('a', encoding='utf-8')",
        "path.write_text('a', 'utf-8')",
        "path.write_bytes(b'')",
        "path.open('wb')",
        "path.open(mode='ab')",
        "path.open('r+b')",
        "open('a', 'w', encoding='utf-8')",
    ],
)
def test_a_write_in_place_is_found_and_one_to_a_temporary_name_is_not(line):
    assert faults(f"def f(path):\n    {line}\n", "a.py") == [
        "a.py:2: f writes in place; write to the name that tables.replacing gives"
    ]
    within = f"def f(path):\n    with tables.replacing(a) as path, b:\n        if a:\n            {line}\n"
    assert faults(within.replace("open('a'", "open(path"), "a.py") == []
    after = f"def f(path):\n    with tables.replacing(a) as path:\n        pass\n    {line}\n"
    assert len(faults(after, "a.py")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "path.open('rb')",
        "path.read_text('utf-8')",
        "open('a', encoding='utf-8')",
        "Image.open(path)",
        "tables.write_bytes(path, b'')",
    ],
)
def test_what_is_sound_is_not_found(line):
    assert faults(f"def f(path):\n    {line}\n", "a.py") == []


def test_each_exception_is_of_a_function_that_is_there(root):
    for name, reason in file_access.WRITERS.items():
        file, _, function = name.partition(":")
        tree = ast.parse((root / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
        assert reason


def test_torch_reads_no_code_unless_a_user_asked_for_it(root):
    """`weights_only` is written out at every call; the one False stands behind `trust: true`."""
    given = []
    for file in Path(root / "src").rglob("*.py"):
        for call in (
            node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ):
            called = ast.unparse(call.func)
            if called in ("torch.load", "open_clip.create_model", "timm.models.load_checkpoint"):
                value = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}["weights_only"]
                given.append((file.name, called, value))
    assert sorted(given) == [
        ("checkpoint.py", "torch.load", "True"),
        ("loading.py", "torch.load", "False"),
        ("loading.py", "torch.load", "True"),
        ("open_clip.py", "open_clip.create_model", "True"),
        ("timm.py", "timm.models.load_checkpoint", "True"),
        ("words.py", "open_clip.create_model", "True"),
    ]
