"""What `winnow why` says of an image of the pipeline `filter`."""

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow import schema
from winnow.files import FILES

_WORDS = {"kept": "kept", "redundant": "removed as redundant", "outlier": "removed as an outlier", "person": "removed"}
_FIRST = ("image_id", "verdict", "reason", "keeper")


def print_filter_explanation(row: pd.Series, *, console: Console) -> None:
    """Print a row of the filter's ledger: the verdict in words, then every score and what it means.

    Args:
        row: of the ledger.
        console: where to print.
    """
    console.print(f"[bold]{escape(str(row['image_id']))}[/]: {_WORDS.get(str(row['verdict']), str(row['verdict']))}")
    console.print(escape(str(row["reason"]).removesuffix(".") + "."), highlight=False)
    if row["keeper"]:
        console.print(f"kept for it: {escape(str(row['keeper']))}", highlight=False)
    table = Table("", "value", "meaning", box=box.SIMPLE_HEAD)
    known = FILES["filter_ledger"].schema
    for name, value in row.items():
        column = known.column(str(name)) if isinstance(known, schema.Table) else None
        if name not in _FIRST and str(value) not in ("", "nan"):
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            table.add_row(str(name), escape(shown), escape(column.meaning if column else ""))
    console.print(table)
