"""Elements of a page, of whatever it reports. What comes from outside (names, reasons) goes through `escaped`."""

import base64
import html
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np

from winnow.report.formatting import clean

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""The browser itself refuses to load anything from elsewhere."""


def asset(name: str) -> str:
    """The text of a style sheet or script of the report."""
    return files("winnow.report").joinpath("assets", name).read_text(encoding="utf-8")


def escaped(value: object) -> str:
    """As text of a page, within quotes as well."""
    return html.escape(clean(value))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[int] = ()) -> str:
    """A table; the columns of `numbers` are set to the right."""

    def cells(tag: str, values: Sequence[object]) -> str:
        return "".join(
            f'<{tag} class="num">{escaped(value)}</{tag}>' if place in numbers else f"<{tag}>{escaped(value)}</{tag}>"
            for place, value in enumerate(values)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead><tbody>{body}</tbody></table></div>'


def tile(value: str, words: str) -> str:
    """A large number with words under it."""
    return f'<div class="tile"><b>{escaped(value)}</b><span>{escaped(words)}</span></div>'


def figure(svg: str, *, label: str, caption: str, narrow: bool = False) -> str:
    """A drawn figure; `label` is what a screen reader says of it."""
    kind = 'class="narrow" ' if narrow else ""
    drawn = svg.replace("<svg", f'<svg {kind}role="img" aria-label="{escaped(label)}"', 1)
    return f"<figure>{drawn}<figcaption>{escaped(caption)}</figcaption></figure>"


def picture(content: bytes, *, label: str, kind: str = "jpeg") -> str:
    """An image inside the page."""
    data = base64.b64encode(content).decode("ascii")
    return f'<img src="data:image/{kind};base64,{data}" alt="{escaped(label)}" loading="lazy">'


def packed(values: np.ndarray, kind: str) -> str:
    """Numbers as base64 of a numpy type; floats are rounded."""
    values = np.rint(values) if values.dtype.kind == "f" else values
    return base64.b64encode(values.astype(kind).tobytes()).decode("ascii")


def script_json(content: Any) -> str:
    """JSON in which no tag, comment or line end of a page can hide."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
