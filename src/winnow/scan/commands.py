"""The commands at the front door: `winnow scan` and what `winnow init` does with images.

Modules that take long to import are imported inside the commands, so that `winnow --help` answers at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.errors import one_sentence

if TYPE_CHECKING:
    from rich.console import Console

Source = Annotated[
    Path, typer.Argument(help="Your images: a folder, zip, tar, or a table (CSV, JSONL, Parquet) of files and labels.")
]
To = Annotated[Path | None, typer.Option(help="The workspace; <name>-winnow beside the images if not given.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value, differs from configs/scan.yaml.")]
Split = Annotated[str | None, typer.Option(help="Which split of the images to read, where there are several.")]


def scan(
    source: Source,
    to: To = None,
    settings: Set = None,
    split: Split = None,
    top: Annotated[int, typer.Option(min=0, help="How many images of each kind to list.")] = 10,
) -> None:
    """Find what is wrong with a dataset: wrong labels, outliers, copies, bad pictures. Your images stay as they are.

    Makes a workspace beside them, a DVC project, scores every image there and decides on it. Run again, it goes on.
    """
    with one_sentence():
        from rich.console import Console

        from winnow.errors import WinnowError
        from winnow.params import load_params
        from winnow.scan.create import commit
        from winnow.scan.findings import estimates, found_kinds
        from winnow.scan.run import run_pipeline
        from winnow.scan.telling import Telling
        from winnow.scan.words import found_tables, next_steps
        from winnow.workspace import Workspace

        console = Console()
        folder, notes = prepare(source, to, settings or [], split, console)
        telling = Telling(console, said=notes)
        try:
            seconds = run_pipeline(folder, say=telling.line)
        except WinnowError:
            telling.flush()
            raise
        commit(folder, "Scan")
        workspace = Workspace(folder)
        ledger, class_names = workspace.table("ledger"), workspace.class_names
        console.print()
        thresholds = load_params(folder / "params.yaml").curate.model_dump()
        faults = workspace.table("image_faults")
        kinds = found_kinds(ledger, faults, class_names=class_names, thresholds=thresholds, top=top)
        for part in found_tables(kinds):
            console.print(part, highlight=False)
        telling.flush(estimates(ledger, thresholds=thresholds).sentences)
        if rejected := len(workspace.table("rejected")):
            words = f"Images that could not be used: {rejected:,}; {folder}/data/interim/rejected.csv says why."
            console.print(words, highlight=False, markup=False)
        steps = next_steps(folder, labelled=bool(class_names))
        console.print(f"It took {seconds:.0f} s.\n\n{steps}", highlight=False, markup=False)


def prepare(
    source: Path, to: Path | None, settings: list[str], split: str | None, console: "Console"
) -> tuple[Path, list[str]]:
    """The workspace for some images: a new one, after a word on what was read, or the one that is there.

    Returns:
        Its folder, and the notes that were printed.

    Raises:
        WinnowError: if the images cannot be read, a setting is wrong, or the folder lies in the images, is of other
            images or none of winnow's.
    """
    from winnow.errors import WinnowError
    from winnow.params import load_params
    from winnow.params.settings import parse_settings
    from winnow.scan.create import (
        archive_path,
        begin,
        create_workspace,
        default_workspace,
        is_workspace,
        refresh_versions,
    )
    from winnow.scan.reading import notes_on_encoder
    from winnow.scan.words import reading_headline, reading_table

    if not source.exists():
        raise WinnowError(f"there is nothing at {source}; name a folder, zip, tar or table of images.")
    given = parse_settings(settings)
    folder = to or default_workspace(source)
    archive = archive_path(source, folder)
    if is_workspace(folder):
        try:
            there = load_params(folder / "params.yaml").data.archive
        except WinnowError as error:
            remedy = "If another version of winnow made this workspace, make a new one with --to and copy data/review/."
            raise WinnowError(f"{error} {remedy}") from None
        if there != archive:
            raise WinnowError(f"{folder} is a workspace for {there}, not for {source}; name another with --to.")
        if settings or split:
            raise WinnowError(f"{folder} is set up already; change {folder}/params.yaml, and scan again.")
        console.print(f"{folder} is there; what is up to date in it is not computed again.", highlight=False)
        refresh_versions(folder)
        return folder, []
    reading, values = begin(source, folder, given, split=split)
    console.print(reading_headline(reading, str(source)), highlight=False, markup=False)
    console.print(reading_table(reading))
    create_workspace(folder, settings=values, more=settings, archive=str(source))
    params = load_params(folder / "params.yaml")
    notes = [*reading.notes, *notes_on_encoder(reading, params.embed.encoder)]
    for note in notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    size = f"{params.data.image_size} pixels" if params.data.image_size else "their own size"
    console.print(f"workspace: {folder}; images are scored at {size}\n", highlight=False, markup=False)
    return folder, notes
