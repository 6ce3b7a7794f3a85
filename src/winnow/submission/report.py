"""The linter's findings as a table for people."""

from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from winnow.submission.lint import Finding

_VERDICTS = {True: "[green]passed[/]", False: "[bold red]BROKEN[/]", None: "[yellow]not checked[/]"}


def findings_table(findings: Sequence[Finding]) -> Table:
    """Rule, verdict and detail of every finding, with the examples below the detail."""
    table = Table("rule", "verdict", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.add_column("detail", overflow="fold")
    for finding in findings:
        lines = [escape(finding.detail), *(f"[dim]- {escape(example)}[/]" for example in finding.examples)]
        table.add_row(finding.rule, _VERDICTS[finding.ok], "\n".join(lines))
    return table
