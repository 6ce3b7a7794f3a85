"""Write the code that each stage of a dvc.yaml depends on, from the imports; `--check` only compares.

A stage depends on the modules of winnow that its script imports, directly or through others, and on the versions of
the packages that compute in them (`versions/<package>.txt`, taken from requirements.lock). What all stages share is
left out: it changes no result. A folder stands for its modules where a stage imports all of them.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterable
from pathlib import Path

SHARED = tuple(
    f"src/winnow/{name}"
    for name in (
        "__init__.py",
        "cores.py",
        "errors.py",
        "extras.py",
        "files/",
        "params/",
        "progress.py",
        "row_groups.py",
        "schema.py",
        "stage.py",
        "tables.py",
        "workspace.py",
    )
)
# Import name and distribution of the packages whose version may change a stage's result.
COMPUTING = {
    "albumentations": "albumentations",
    "cleanlab": "cleanlab",
    "cleanvision": "cleanvision",
    "cv2": "opencv-python-headless",
    "faiss": "faiss-cpu",
    "kornia": "kornia",
    "numpy": "numpy",
    "open_clip": "open-clip-torch",
    "PIL": "pillow",
    "scipy": "scipy",
    "simplejpeg": "simplejpeg",
    "sklearn": "scikit-learn",
    "timm": "timm",
    "torch": "torch",
    "torchvision": "torchvision",
    "umap": "umap-learn",
}
LOCK = "requirements.lock"
VERSIONS = "versions"


def imported_modules(root: Path, script: Path) -> tuple[set[str], set[str]]:
    """What a script imports, directly or through modules of winnow.

    Args:
        root: the repository's root.
        script: the Python file to begin with.

    Returns:
        Paths of winnow's modules relative to `root`, without `__init__.py`, and import names of all other packages.
    """
    modules: set[str] = set()
    packages: set[str] = set()
    waiting = [script]
    while waiting:
        for name in _imported_names(waiting.pop()):
            package = name.partition(".")[0]
            if package != "winnow":
                packages.add(package)
                continue
            path = root / "src" / (name.replace(".", "/") + ".py")
            relative = path.relative_to(root).as_posix()
            if path.exists() and relative not in modules:
                modules.add(relative)
                waiting.append(path)
            init = path.with_suffix("") / "__init__.py"
            if init.exists() and init.relative_to(root).as_posix() not in modules:
                modules.add(init.relative_to(root).as_posix())
                waiting.append(init)
    return {module for module in modules if not module.endswith("/__init__.py") or _has_code(root / module)}, packages


def _imported_names(path: Path) -> Iterable[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _has_code(path: Path) -> bool:
    """Whether a module holds more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def code_deps(root: Path, script: Path) -> list[str]:
    """The deps of one stage: its modules, folders in place of all of their modules, then versions; each part sorted."""
    modules, packages = imported_modules(root, script)
    modules = {module for module in modules if not module.startswith(SHARED)}
    for folder in sorted((root / "src/winnow").rglob("*"), key=lambda path: len(path.parts)):
        name = folder.relative_to(root).as_posix()
        inside = {path.relative_to(root).as_posix() for path in folder.rglob("*.py")} if folder.is_dir() else set()
        inside = {path for path in inside if not path.endswith("/__init__.py") or _has_code(root / path)}
        if inside and inside <= modules:
            modules = (modules - inside) | {name}
    data = {
        path.relative_to(root).as_posix()
        for module in modules
        for path in (root / module).parent.iterdir()
        if module.endswith(".py") and path.is_dir() and path.name != "__pycache__" and not any(path.rglob("*.py"))
    }
    versions = {f"{VERSIONS}/{COMPUTING[name]}.txt" for name in packages if name in COMPUTING}
    return [*sorted(modules | data), *sorted(versions)]


def locked_versions(lock: str) -> dict[str, str]:
    """`package==version` of each computing package, from requirements.lock; several pins where markers differ."""
    found: dict[str, str] = {}
    for package in COMPUTING.values():
        pins = re.findall(rf"^{re.escape(package)}(==[^\s;\\]+)\s*(;[^\\\n]*)?", lock, flags=re.MULTILINE)
        if not pins:
            raise SystemExit(
                f"{LOCK} does not pin {package}; run 'make lock', or take it out of {Path(__file__).name}."
            )
        found[package] = "".join(f"{package}{version}{marker.rstrip()}\n" for version, marker in pins)
    return found


def with_deps(dvc_yaml: str, root: Path, folder: Path) -> str:
    """The text of a dvc.yaml with each stage's code deps replaced; all other lines stay as they are.

    Args:
        dvc_yaml: the text. The code deps of a stage follow the line of its script, `stages/<name>.py`, the pipeline's
            own or, by the way up, the root's.
        root: the repository's root.
        folder: where the dvc.yaml is, the root or a folder below it; its paths are relative to it.
    """
    up = "../" * len(folder.relative_to(root).parts)
    result: list[str] = []
    for line in dvc_yaml.split("\n"):
        if re.match(rf"\s+- (\.\./)*(src|{VERSIONS})/", line):
            continue
        result.append(line)
        if script := re.match(r"(?P<start>\s+- )(?P<path>(\.\./)*stages/\w+\.py)$", line):
            deps = code_deps(root, (folder / script["path"]).resolve())
            result.extend(f"{script['start']}{up}{path}" for path in deps)
    return "\n".join(result)


def generated_files(root: Path) -> dict[str, str]:
    """Path relative to `root` and content of every file that this tool writes."""
    versions = locked_versions((root / LOCK).read_text(encoding="utf-8"))
    pipelines = [root / "dvc.yaml", *sorted(root.glob("pipelines/*/dvc.yaml"))]
    return {
        **{
            path.relative_to(root).as_posix(): with_deps(path.read_text(encoding="utf-8"), root, path.parent)
            for path in pipelines
        },
        **{f"{VERSIONS}/{package}.txt": content for package, content in versions.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not as it should be")
    check = parser.parse_args().check
    root = Path(__file__).resolve().parents[1]
    stale = []
    for name, content in generated_files(root).items():
        path = root / name
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
    if stale and check:
        sys.exit(f"The imports and {', '.join(stale)} differ; run 'make deps'.")
    print(f"wrote {', '.join(stale)}" if stale else "The pipelines and versions/ are as the imports and the lock say.")


if __name__ == "__main__":
    main()
