"""The commands over runs: `winnow compare`, `best`, `runs`, `sweep` and `ablation`.

Modules that take long to import are imported inside the commands, so that `winnow --help` answers at once.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from winnow.errors import one_sentence


class Split(StrEnum):
    test = "test"
    test_unseen = "test_unseen"
    validation = "validation"


Jobs = Annotated[
    int | None, typer.Option(min=1, max=64, help="Runs at a time; by default one per GPU, or one without a GPU.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="key=value, changes every run: train.course.epochs=2.")]
Limit = Annotated[float, typer.Option(min=0.01, help="Minutes after which a run is ended and counts as failed.")]


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="workspace, experiments, branches, tags, commits; RUN:ARM for another arm. First: reference."
        ),
    ],
    arm: Annotated[str, typer.Option(help="The arm of runs that name none.")] = "submission",
    arms: Annotated[str | None, typer.Option(help="Two arms of each run, for example baseline,submission.")] = None,
    split: Annotated[
        str, typer.Option(help="Which images: validation, test, a test set of data.test_sets, or <set>_unseen.")
    ] = "test",
    error_rate: Annotated[
        float, typer.Option(min=0.0001, max=0.5, help="How often equal runs may be told apart.")
    ] = 0.05,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file as well.")] = None,
) -> None:
    """Tell whether a run is better than another, worse, or whether one cannot tell."""
    with one_sentence():
        from rich.console import Console

        from winnow import tables
        from winnow.compare.comparison import compare as compare_runs
        from winnow.experiments import comparison_report
        from winnow.experiments.arms import candidates, several_seeds
        from winnow.experiments.repository import Repository

        repository = Repository(Path())
        chosen = candidates(repository, runs, arm=arm, arms=arms, split=split)
        found = compare_runs(
            chosen[0].rows,
            [item.rows for item in chosen[1:]],
            names=[item.name for item in chosen],
            like=several_seeds(repository, chosen, split=split),
            error_rate=error_rate,
        )
        if json:
            tables.write_json(json, comparison_report.as_json(found, split=split))
        if markdown:
            print(comparison_report.as_markdown(found, split=split), end="")
        else:
            Console().print(comparison_report.as_rich(found, split=split))


def best(
    by: Annotated[
        str, typer.Option(help="A validation figure of metrics/evaluation.json.")
    ] = "submission.validation.balanced_accuracy",
    apply: Annotated[bool, typer.Option("--apply", help="Take the best run over into the workspace.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Experiments of all commits, not of this one only.")] = False,
    top: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
) -> None:
    """List the runs, best first, by a figure of the validation set; the test set is shown, never used to choose."""
    with one_sentence():
        from rich.console import Console

        from winnow.experiments.best import best_table, check_choice, ranked, validation_note
        from winnow.experiments.repository import Repository
        from winnow.experiments.select import apply_run, read_runs, validation_images

        check_choice(by)
        repository = Repository(Path())
        workspace, *others = runs = read_runs(repository, every=every)
        for run in runs:
            if run.fault:
                print(f"left out: {run.name}, no whole run: {run.fault}.")
        recorded = any(run.equals(workspace) for run in others)
        rows = ranked(others if recorded else runs, by)
        Console().print(best_table(rows, by, top=top, workspace=workspace))
        arm = by.split(".")[0]
        if note := validation_note(validation_images(repository, [run for run, _ in rows], arm)):
            print(note)
        elsewhere = 0 if every else len(repository.experiments()) + 2 - len(runs)
        if elsewhere:
            print(f"{elsewhere} experiments hang off other commits; --all lists them too.")
        winner = rows[0][0]
        if apply and winner.equals(workspace):
            print("the workspace is the best run; there is nothing to apply.")
        elif apply:
            apply_run(repository, winner, overwrite=recorded)
            print(f"{winner.name} is now the workspace; commit it to keep it.")


def runs(
    every: Annotated[bool, typer.Option("--all", help="Experiments of all commits, not of this one only.")] = False,
) -> None:
    """List all runs in one table: what each changed, its accuracy, and how many images it keeps."""
    with one_sentence():
        from rich.console import Console

        from winnow.experiments.overview import overview
        from winnow.experiments.repository import Repository
        from winnow.experiments.select import read_runs

        repository = Repository(Path())
        Console().print(overview(repository, read_runs(repository, every=every)))


def reuse() -> None:
    """Let DVC take up what this machine computed where dvc.lock names another machine's results; then 'dvc repro'."""
    with one_sentence():
        from winnow.experiments.repository import require_git
        from winnow.experiments.results import dvc_repository, forget_missing

        require_git(Path().resolve())
        with dvc_repository(Path()) as repo:
            forgotten = forget_missing(repo, Path())
        if forgotten:
            print(
                f"dvc.lock named results that this machine does not have, of {', '.join(forgotten)}; they are taken "
                "out, so that DVC uses what was computed here before, and computes the rest."
            )


def sweep(
    file: Annotated[Path, typer.Argument(help="For example configs/sweeps/thresholds.yaml.")],
    settings: Set = None,
    jobs: Jobs = None,
    time_limit: Limit = 1440,
    dry: Annotated[bool, typer.Option("--dry", help="List the runs, make none.")] = False,
) -> None:
    """Make the runs of a sweep as DVC experiments. Run again after a kill: what is done is not made again."""
    with one_sentence():
        from winnow.experiments.plan import read_sweep, sweep_runs
        from winnow.experiments.repository import Repository
        from winnow.experiments.submit import checked_params, make_runs
        from winnow.params.settings import parse_settings

        runs = sweep_runs(read_sweep(file), parse_settings(settings or []))
        if dry:
            checked_params(runs, Repository(Path()))
            for run in runs:
                print(run.name, " ".join(f"{key}={value}" for key, value in run.changes.items()))
            return
        if all(make_runs(runs, jobs=jobs, time_limit=60 * time_limit)):
            print("'winnow best' ranks them by the validation set; 'winnow compare A B' tells whether two differ.")
        else:
            raise typer.Exit(1)


def ablation(
    file: Annotated[Path, typer.Argument(help="For example configs/ablations/sample.yaml.")],
    settings: Set = None,
    jobs: Jobs = None,
    time_limit: Limit = 1440,
    split: Annotated[Split, typer.Option(help="Which images the table is of.")] = Split.test,
    only: Annotated[list[str] | None, typer.Option("--row", help="Only this row; give it again for more.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table and figure; ablations/<name> if not given.")
    ] = None,
) -> None:
    """Make every row of a study as a DVC experiment, then its table (Markdown, JSON) and waterfall (SVG, PNG)."""
    with one_sentence():
        from rich.console import Console

        from winnow import tables
        from winnow.compare.align_predictions import in_split
        from winnow.experiments.ablation import study_markdown, study_rich, study_rows
        from winnow.experiments.plan import ablation_runs, only_rows, read_ablation
        from winnow.experiments.repository import Repository
        from winnow.experiments.runs import read_predictions, read_whole_run
        from winnow.experiments.submit import make_runs
        from winnow.experiments.waterfall import write_waterfall
        from winnow.params.settings import parse_settings

        study = read_ablation(file)
        study = only_rows(study, only) if only else study
        runs = ablation_runs(study, file.stem, parse_settings(settings or []))
        done = make_runs(runs, jobs=jobs, time_limit=60 * time_limit, split=split.value)
        repository = Repository(Path())
        predictions = {}
        for row, run, made in zip(study.rows, runs, done, strict=True):
            if made:
                found = read_predictions(repository, read_whole_run(repository, run.name), "submission")
                predictions[row.name] = in_split(found, split.value, run.name)
        rows = study_rows(study, predictions)
        folder = out or Path("ablations", file.stem)
        if rows:
            Console().print(study_rich(rows))
            tables.write_json(folder / "table.json", {"title": study.title, "split": split.value, "rows": rows})
            with tables.replacing(folder / "table.md") as temporary:
                temporary.write_text(study_markdown(rows), encoding="utf-8")
            paths = [folder / "waterfall.svg", folder / "waterfall.png"]
            write_waterfall(rows, paths, title=study.title, split=split.value)
            print(f"wrote {folder}/table.md, table.json, waterfall.svg and waterfall.png")
        if not all(done):
            raise typer.Exit(1)
