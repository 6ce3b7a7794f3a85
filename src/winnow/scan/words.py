"""What `winnow scan` prints, as tables and lines for a terminal."""

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from winnow.scan.findings import Kind
from winnow.scan.reading import Reading

_CLASSES = 30
_FILE, _WHY = 28, 32  # characters that are shown


def reading_headline(reading: Reading, source: str) -> str:
    """The layout and the sizes, in a line."""
    low, high = (f"{int(size(reading.widths))}x{int(size(reading.heights))}" for size in (min, max))
    return f"{source}: {reading.form}; {low if low == high else f'{low} to {high}'} pixels"


def reading_table(reading: Reading) -> Table:
    """Images per class, and what is not among them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("class" if reading.classes else "what", overflow="fold")
    table.add_column("images" if reading.classes else "count", justify="right")
    if reading.classes:
        table.add_column("share", justify="right")
    classes = list(reading.classes.items())
    for name, count in classes[:_CLASSES]:
        table.add_row(escape(name), f"{count:,}", f"{count / reading.images:.0%}")
    if rest := classes[_CLASSES:]:
        others = sum(count for _, count in rest)
        table.add_row(f"{len(rest)} more classes", f"{others:,}", f"{others / reading.images:.0%}")
    table.add_section()
    table.add_row("all" if reading.classes else "images", f"{reading.images:,}")
    for name, count in list(reading.boxes.items())[:_CLASSES]:
        table.add_row(f"boxes: {escape(name)}", f"{count:,}")
    for reason, count in reading.unusable.items():
        table.add_row(f"not usable: {reason}", f"{count:,}")
    for reason, count in reading.left_out.items():
        table.add_row(f"files left out: {reason}", f"{count:,}")
    return table


def found_tables(kinds: list[Kind]) -> Iterator[RenderableType]:
    """A table per kind with its worst images, and a line of the kinds of which there are none."""
    for kind in kinds:
        if not kind.count:
            continue
        shown = len(kind.worst)
        head = f"[bold]{kind.headline}[/]" + (f", the worst {shown}" if shown < kind.count else "")
        yield f"{head}: {escape(kind.meaning)}"
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("file", no_wrap=True)
        labelled = (kind.worst["given_label"] != "").any()
        for column in (*(["label"] if labelled else []), *(["becomes"] if kind.decides else []), "why"):
            table.add_column(column, overflow="fold")
        for row in kind.worst.itertuples():
            label = [row.given_label] if labelled else []
            becomes = [{"relabel": row.suggested_label, "drop": "dropped", "keep": "kept"}[str(row.action)]]
            values = (*label, *(becomes if kind.decides else []), _shortened(str(row.why), _WHY))
            table.add_row(escape(_shortened(str(row.file_name), _FILE)), *(escape(str(value)) for value in values))
        yield table
    if none := [kind.title for kind in kinds if not kind.count]:
        yield f"None found: {', '.join(none)}."


def _shortened(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[: half - 1]}…{text[-half:]}"


def next_steps(folder: Path, *, labelled: bool) -> str:
    """Commands to go on with, a line each; without labels nothing can be trained for a proof."""
    steps = [
        ("winnow review", "see it in the browser, correct it, try thresholds"),
        ("winnow why FILE", "all that is known of one image"),
    ]
    if labelled:
        steps += [
            ("winnow export --to cleaned", "your files with corrected labels"),
            ("dvc repro", "the proof: train on both, and compare"),
        ]
    else:
        steps.append(("winnow export --to cleaned", "your files without those dropped"))
    return f"Next, in the workspace (cd {folder}):\n" + "\n".join(f"  {command:<28}{words}" for command, words in steps)
