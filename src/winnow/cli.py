"""The `winnow` command: what is looked up or checked by hand, outside the pipeline.

Modules that take long to import are imported inside the commands, so that `winnow --help` answers at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from winnow.errors import WinnowError

app = typer.Typer(
    help="Turn a noisy image dataset into a better one, and prove it. The pipeline itself runs with 'dvc repro'.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except WinnowError as error:
        print(f"winnow: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"winnow {version('winnow')}")
        except PackageNotFoundError:  # run from the source tree
            print("winnow, not installed")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def lint_submission(
    directory: Annotated[
        Path,
        typer.Argument(exists=True, file_okay=False, help="Holds <team>-training-set/ and <team>-validation-set/."),
    ],
    original: Annotated[Path, typer.Option(exists=True, help="The archive it was made from: a folder, zip or tar.")],
    budget: Annotated[int, typer.Option(min=1, help="Most training images.")] = 50_000,
    image_size: Annotated[int, typer.Option(min=16, max=1024, help="Side of every image in pixels.")] = 64,
    split: Annotated[str | None, typer.Option(help="Which split of an ImageFolder archive.")] = None,
    max_unpacked_gb: Annotated[float, typer.Option(min=0.001, help="Refuse archives that unpack to more.")] = 4.0,
) -> None:
    """Check a submission against the course's rules. Exit status 1 if a rule is broken."""
    with _one_sentence():
        from rich.console import Console

        from winnow.data.manifest import load_dataset
        from winnow.submission.lint import lint_submission
        from winnow.submission.report import findings_table

        dataset = load_dataset(
            original,
            class_names=[],
            split=split,
            image_size=image_size,
            max_unpacked_bytes=max_unpacked_gb * 2**30,
        )
        findings = lint_submission(
            directory, dataset, budget=budget, class_count=len(dataset.class_names), image_size=image_size
        )
        Console().print(findings_table(findings))
    unmet = [finding for finding in findings if not finding.ok]
    print(f"{len(findings) - len(unmet)} of {len(findings)} rules hold.")
    if unmet:
        raise typer.Exit(1)


@app.command()
def why(
    image_id: Annotated[str, typer.Argument(help="For example img_17.")],
    ledger: Annotated[Path, typer.Option(help="The ledger.")] = Path("data/processed/ledger.parquet"),
    classes: Annotated[Path, typer.Option(help="The class names.")] = Path("data/interim/classes.json"),
) -> None:
    """Tell what became of an image, why, and all its scores."""
    with _one_sentence():
        from rich.console import Console

        from winnow import tables
        from winnow.curation.story import find_row, print_story

        row = find_row(tables.read_parquet(ledger), image_id)
        print_story(row, class_names=tables.read_json(classes) if classes.is_file() else None, console=Console())


@app.command()
def check_params(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")] = Path("params.yaml"),
) -> None:
    """Check a params file: every key, its type and its range, and that the files it names are there."""
    with _one_sentence():
        from winnow.params import check_inputs, load_params
        from winnow.stage import pipeline_outs

        check_inputs(load_params(file), built=pipeline_outs())
    print(f"{file} is valid.")


if __name__ == "__main__":
    app()
