"""The linter's findings as a table for people."""

from collections.abc import Collection, Sequence
from pathlib import Path, PurePath

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow.submission.folders import read_folders
from winnow.submission.lint import Finding

_VERDICTS = {True: "[green]passed[/]", False: "[bold red]BROKEN[/]", None: "[yellow]not checked[/]"}


def seen_line(directory: str | Path, seen: Collection[str]) -> str:
    """How many images of the validation set are among those `seen` by a person, in words."""
    validation = read_folders(directory).validation
    names = [PurePath(name).stem for name in validation.files] if validation else []
    count = sum(name in seen for name in names)
    return f"{count:,} of {len(names):,} validation images were seen by a person."


def print_findings(findings: Sequence[Finding]) -> None:
    """Print `findings_table`."""
    Console().print(findings_table(findings))


def findings_table(findings: Sequence[Finding]) -> Table:
    """Rule, verdict and detail of every finding, with the examples below the detail."""
    table = Table("rule", "verdict", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.add_column("detail", overflow="fold")
    for finding in findings:
        lines = [escape(finding.detail), *(f"[dim]- {escape(example)}[/]" for example in finding.examples)]
        table.add_row(finding.rule, _VERDICTS[finding.ok], "\n".join(lines))
    return table
