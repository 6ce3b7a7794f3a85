"""A read-only copy of map and galleries in one folder, which opens from disk without a server."""

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from winnow.data.metadata import without_metadata
from winnow.data.replacing import replacing_folder
from winnow.errors import WinnowError
from winnow.learn.neighbours import nearest_neighbours
from winnow.progress import progress
from winnow.review.dataset import Dataset, load_dataset
from winnow.review.shown import pack_points
from winnow.workspace import Workspace

STATIC = Path(__file__).parent / "static"
_NEIGHBOURS = 8
_BLOCK = 2000
_MARK = "winnow-review-export"
_IMPORT = re.compile(r'^import \{([^}]+)\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function|const|class) (\w+))", re.MULTILINE)


def write_export(root: str | Path, folder: str | Path) -> str:
    """Write the copy. Its pictures are without EXIF and the like, which say where they were taken, and with what.

    Args:
        root: the workspace.
        folder: where to; replaced if it holds an earlier copy.

    Returns:
        A line that says what was written.

    Raises:
        WinnowError: if the pipeline has not run, or `folder` holds anything else than an earlier copy.
    """
    dataset, folder = load_dataset(Workspace(Path(root))), Path(folder).resolve()
    if folder.exists() and not (folder / _MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise WinnowError(f"{folder} is there and no copy that winnow wrote; name another folder, or empty it.")
    try:
        with replacing_folder(folder) as unfinished:
            (unfinished / "imgs").mkdir()
            with progress("export", len(dataset.ledger)) as report:
                for row, image_id in enumerate(dataset.image_id):
                    content = without_metadata(dataset.image_bytes(image_id) or b"")
                    (unfinished / f"imgs/{row}.jpg").write_bytes(content)
                    report(1)
            (unfinished / "data.js").write_text(f"globalThis.WINNOW_EXPORT = {_script(_content(dataset))};\n", "utf-8")
            (unfinished / "app.js").write_text(bundle(STATIC / "js", "app"), "utf-8")
            for name in ("style.css", "icon.svg"):
                shutil.copyfile(STATIC / name, unfinished / name)
            (unfinished / "index.html").write_text(_page(), "utf-8")
            (unfinished / _MARK).write_text("written by 'winnow review --export'\n", "utf-8")
    except OSError as error:
        raise WinnowError(f"{folder} cannot be written ({error.strerror}); name another folder.") from None
    return f"{len(dataset.ledger):,} images in {folder}; open {folder / 'index.html'}"


def _content(dataset: Dataset) -> dict[str, Any]:
    return {
        "info": {
            **dataset.described(),
            "version": "export",
            "reviewer": "",
        },
        "points": base64.b64encode(pack_points(dataset)).decode("ascii"),
        "reasons": dataset.ledger["reason"].tolist(),
        "decided_by": dataset.ledger["decided_by"].tolist(),
        "neighbours": _neighbours(dataset.features()),
    }


def _neighbours(features: np.ndarray) -> list[list[tuple[int, float]]]:
    parts = []
    with progress("neighbours", len(features)) as report:
        for start in range(0, len(features), _BLOCK):
            queries = features[start : start + _BLOCK]
            similarity, found = nearest_neighbours(features, k=_NEIGHBOURS + 1, queries=queries)
            for row, (near, cosine) in enumerate(zip(found.tolist(), similarity.tolist(), strict=True), start):
                pairs = [(other, round(value, 3)) for other, value in zip(near, cosine, strict=True) if other != row]
                parts.append(pairs[:_NEIGHBOURS])
            report(len(queries))
    return parts


def _script(content: dict[str, Any]) -> str:
    """JSON that stays data inside a script, whatever its strings hold."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _page() -> str:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    modules = '<script type="module" src="static/js/app.js"></script>'
    assert modules in page, "the page loads its script in another way than the export expects"
    scripts = '<script src="data.js"></script>\n<script src="app.js" defer></script>'
    return page.replace(modules, scripts).replace('"static/', '"')


def bundle(folder: Path, entry: str) -> str:
    """All modules that `entry` needs as one classic script: browsers load no modules from disk.

    Each module becomes a function that returns what it exports. Imports must be one-line and by name, exports part of
    a declaration; the modules are ours, and a test opens the result in a browser.
    """
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        for _, other in _IMPORT.findall((folder / f"{name}.js").read_text(encoding="utf-8")):
            visit(other)
        ordered.append(name)

    visit(entry)
    parts = []
    for name in ordered:
        text = (folder / f"{name}.js").read_text(encoding="utf-8")
        exported = [found[1] for found in _EXPORT.findall(text)]
        text = _IMPORT.sub(lambda match: f"const {{{match[1].replace(' as ', ': ')}}} = m_{match[2]};\n", text)
        text = _EXPORT.sub(r"\1", text)
        parts.append(f"const m_{name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();\n")
    return "(() => {\n'use strict';\n" + "\n".join(parts) + "})();\n"
