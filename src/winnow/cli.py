"""The `winnow` command: what is looked up or checked by hand, outside the pipeline.

Modules that take long to import are imported inside the commands, so that `winnow --help` answers at once.
"""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.errors import one_sentence as _one_sentence
from winnow.experiments import commands as experiments
from winnow.scan import commands as front

if TYPE_CHECKING:
    from winnow.submission.lint import Finding
    from winnow.workspace import Workspace

app = typer.Typer(
    help="Turn a noisy image dataset into a better one, and prove it. The pipeline itself runs with 'dvc repro'.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"winnow {version('winnow-images')}")
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


class _Rules(StrEnum):
    COURSE = "course"
    COMPETITION = "competition"


@app.command()
def lint_submission(
    directory: Annotated[
        Path,
        typer.Argument(
            exists=True,
            file_okay=False,
            help="Holds <team>-training-set/ and <team>-validation-set/, or train/ and val/.",
        ),
    ],
    original: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            help="The archive it was made from: a folder, zip or tar. The course's rules need it; of the competition's "
            "its label book must not be handed in.",
        ),
    ] = None,
    rules: Annotated[
        _Rules | None,
        typer.Option(help="Whose rules. [default: the competition's for train/ and val/, else the course's]"),
    ] = None,
    budget: Annotated[int, typer.Option(min=1, help="Most training images.")] = 50_000,
    image_size: Annotated[
        int | None,
        typer.Option(min=12, max=1024, help="Side of every image in pixels. [default: the workspace's, or 64]"),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which split of an ImageFolder archive.")] = None,
    max_unpacked_gb: Annotated[float, typer.Option(min=0.001, help="Refuse archives that unpack to more.")] = 4.0,
    workspace: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Where the pipeline made it: for the class names, where data.class_names reorders or leaves out an "
            "ImageFolder's folders, for the size that it read images at, and to say how many images a person has seen. "
            "By the competition's rules, for its class names and its label book.",
        ),
    ] = None,
) -> None:
    """Check a submission against the rules of the course or of the competition. Exit status 1 if a rule is broken.

    The competition's know neither budget, size nor split.
    """
    if rules is None:
        is_competition = any((directory / split).is_dir() for split in ("train", "val"))
        rules = _Rules.COMPETITION if is_competition else _Rules.COURSE
    if rules is _Rules.COMPETITION:
        with _one_sentence():
            broken = _told(_competition_findings(directory, original, workspace))
        raise typer.Exit(1 if broken else 0)
    if original is None:
        raise typer.BadParameter("the course's rules need the archive it was made from.", param_hint="'--original'")
    with _one_sentence():
        from winnow.curation.review import digests, seen_by_people
        from winnow.data.manifest import load_dataset
        from winnow.params import load_params
        from winnow.submission.lint import lint_submission
        from winnow.submission.report import seen_line
        from winnow.workspace import Workspace

        made_in = None if workspace is None else Workspace(workspace)
        data = None if made_in is None else load_params(made_in.root / "params.yaml").data
        keeps_size = data is not None and data.image_size is None
        size = image_size or (64 if data is None else data.image_size or data.train_size)
        dataset = load_dataset(
            original,
            class_names=[] if made_in is None else made_in.class_names,
            split=split,
            image_size=None if keeps_size else size,
            max_unpacked_bytes=max_unpacked_gb * 2**30,
        ).resized(size if keeps_size else None)
        findings = lint_submission(
            directory, dataset, budget=budget, class_count=len(dataset.class_names), image_size=size
        )
        broken = _told(findings)
        if made_in is not None:
            seen = seen_by_people(made_in.path("review"), images=digests(dataset.manifest))
            print(seen_line(directory, seen))
    if broken:
        raise typer.Exit(1)


def _told(findings: "list[Finding]") -> bool:
    """Print what became of every rule; whether one does not hold."""
    from winnow.submission.report import print_findings

    print_findings(findings)
    holding = sum(bool(finding.ok) for finding in findings)
    print(f"{holding} of {len(findings)} rules hold.")
    return holding < len(findings)


def _competition_findings(directory: Path, original: Path | None, workspace: Path | None) -> "list[Finding]":
    """By the class names and the label book of the workspace, of the archive if one is named, or the competition's."""
    from winnow.competition.pool import read_pool
    from winnow.competition.released import class_names, label_book
    from winnow.submission.competition import CLASS_NAMES, lint_competition
    from winnow.workspace import Workspace

    made_in = None if workspace is None else Workspace(workspace)
    names = CLASS_NAMES if made_in is None else class_names(made_in)
    reference: set[str] = set()
    if original is not None:
        reference = label_book(read_pool(original, class_names=names))
    elif made_in is not None:
        reference = label_book(made_in.table("pool", ["split", "image_bytes"]))
    return lint_competition(directory, class_names=names, reference=reference)


@app.command()
def why(
    image_id: Annotated[str, typer.Argument(help="Its id or its file, for example img_17 or cat/photo.jpg.")],
    workspace: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where the pipeline has run.")] = Path(),
) -> None:
    """Show what became of an image, why, and all its scores.

    Run it in pipelines/filter or pipelines/competition for its images, which are named by their paths in the dataset.
    """
    with _one_sentence():
        from rich.console import Console

        from winnow.curation.explain import find_row, print_explanation, print_rejected
        from winnow.workspace import Workspace

        made_in = Workspace(workspace)
        is_filter = made_in.path("filter_ledger").exists()
        if not is_filter and _is_competition(made_in):
            from winnow.competition.why import print_competition_explanation

            print_competition_explanation(made_in, image_id, console=Console())
            return
        ledger, others = ("filter_ledger", "problems") if is_filter else ("ledger", "rejected")
        rejected = made_in.table(others) if made_in.path(others).exists() else None
        row = find_row(made_in.table(ledger), image_id, rejected)
        if "detail" in row:
            print_rejected(row, console=Console())
        elif is_filter:
            from winnow.filtering.why import print_filter_explanation

            print_filter_explanation(row, console=Console())
        else:
            print_explanation(row, class_names=made_in.class_names, console=Console())


def _is_competition(made_in: "Workspace") -> bool:
    from winnow.params.load import pipeline_of

    params = made_in.root / "params.yaml"
    return not made_in.path("ledger").exists() and params.is_file() and pipeline_of(params) == "competition"


@app.command()
def layers(
    model: Annotated[
        str, typer.Argument(help="timm:<name>, torchvision:<name>, torch:<module>:<factory>, script:<file>")
    ],
    weights: Annotated[str | None, typer.Option(help="A file, or 'untrained'.")] = "untrained",
    argument: Annotated[list[str] | None, typer.Option(help="name=value, of the model; may be given often.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Run a script, or read a pickled model.")] = False,
) -> None:
    """List the layers of a network and what they put out for one image: values for `network.layer`."""
    with _one_sentence():
        from rich.console import Console

        from winnow.extraction.layers import layers_table
        from winnow.extraction.loading import keywords, load_model

        loaded = load_model(model, weights=weights, arguments=keywords(argument or []), trust=trust)
        Console().print(layers_table(loaded))


@app.command()
def review(
    directory: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Where params.yaml and data/ are.")
    ] = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free one.")] = 8642,
    host: Annotated[
        str, typer.Option(help="Address to bind. Others than this machine's own ask for a token.")
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open", help="Open the address in the browser.")] = False,
    columns: Annotated[
        Path | None, typer.Option(help="CSV of image_id and columns of your own, to filter, sort and colour by.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write a read-only copy of map and galleries to this folder instead.")
    ] = None,
) -> None:
    """See what became of every image, correct it, try thresholds, and confirm the validation set, in the browser."""
    with _one_sentence():
        if export is not None:
            from winnow.review.export import write_export

            print(write_export(directory, export))
            return
        from winnow.review.server import serve

        serve(directory, host=host, port=port, open_browser=open_browser, columns=columns)


@app.command()
def export(
    to: Annotated[Path, typer.Option(help="A new folder.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="imagefolder, csv, parquet; of a dataset that came so coco, yolo, voc or flat. imagefolder if not "
            "given, or as it came if it has no labels.",
        ),
    ] = None,
    dropped: Annotated[bool, typer.Option("--dropped", help="Write dropped files too, to dropped/<rule>/.")] = False,
    link: Annotated[
        bool, typer.Option("--link", help="Link files instead of copying them; to change one changes the original.")
    ] = False,
    workspace: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where the pipeline has run.")] = Path(),
) -> None:
    """Write the cleaned dataset: your original files, names and sizes, with corrected labels and a list of changes."""
    with _one_sentence():
        from winnow.export.export import export_workspace

        print(export_workspace(workspace, to, form=form, dropped=dropped, link=link).summary)


@app.command()
def init(
    config: Annotated[
        str,
        typer.Argument(help="A name in configs/, such as ds801, or a YAML file; or a folder, zip or tar of images."),
    ],
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, differs from the config: augment.budget=20000.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite changes that no commit has.")] = False,
    to: front.To = None,
    split: front.Split = None,
) -> None:
    """Write params.yaml from a config: composed with what it extends, checked, with what each key means.

    Of images it makes a workspace instead, as 'winnow scan' does, and runs nothing.
    """
    with _one_sentence():
        from winnow.errors import WinnowError
        from winnow.params.configs import is_config, known_configs
        from winnow.params.init import write_params

        is_named = is_config(config, Path())
        if not is_named and Path(config).exists():
            from rich.console import Console

            front.prepare(Path(config), to, settings or [], split, Console())
            print("'winnow scan' runs what finds faults, 'dvc repro' in the workspace all of it.")
            return
        known = known_configs(Path())
        if not is_named and (not known or "/" in config or Path(config).suffix):  # else perhaps a config, misspelt
            names = f", or a config of configs/: {', '.join(known)}" if known else ""
            raise WinnowError(
                f"there is nothing at {config}; name a folder, zip, tar or table of images, a YAML file{names}."
            )
        write_params(config, settings or [], path=Path("params.yaml"), force=force)
    print("wrote params.yaml; 'winnow check-params' looks for the files that it names, 'dvc repro' runs it.")


@app.command()
def check_params(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")] = Path("params.yaml"),
) -> None:
    """Check a params file: every key, its type and its range, and what it names: files, layouts, classes, models.

    In the folder of a pipeline of pipelines/, the sections that its dvc.yaml names.
    """
    with _one_sentence():
        from winnow.evaluation.inputs import check_models, read_inputs
        from winnow.params import Params, check_inputs, load_params, load_sections
        from winnow.stage import declared_sections, pipeline_outs

        params = load_sections(declared_sections(), file) if Path("dvc.yaml").exists() else load_params(file)
        check_inputs(params, built=pipeline_outs())
        if isinstance(params, Params):
            check_models(params)
            for sentence in read_inputs(params):
                print(sentence)
    print(f"{file} is valid.")


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="Where to write it.")] = Path("report-of-this-run.html"),
    workspace: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Where the pipeline has run.")] = Path(),
) -> None:
    """Write a copy of the report that also names the git revision, the machine and the time of every stage."""
    with _one_sentence():
        from winnow import tables
        from winnow.errors import WinnowError
        from winnow.report.provenance import last_timings, run_facts, stamped
        from winnow.stage import TIMINGS, stage_definitions
        from winnow.workspace import Workspace

        source, dvc_file = Workspace(workspace).path("report") / "index.html", workspace / "dvc.yaml"
        if not source.is_file():
            raise WinnowError(f"{source} is missing; run 'dvc repro report' to build it.")
        if out.resolve().parent == source.resolve().parent:
            raise WinnowError(f"{out} lies in {source.parent}/, which belongs to DVC; choose another place with --out.")
        stages = list(stage_definitions(dvc_file)) if dvc_file.is_file() else []
        timings = last_timings(workspace / TIMINGS, stages)
        page = stamped(source.read_text(encoding="utf-8"), run_facts(workspace), timings)
        tables.write_bytes(out, page.encode())
    print(f"wrote {out}; it opens in any browser, without a network.")


@app.command()
def outcome() -> None:
    """Say what the last run came to, and what to do next; 'make repro' ends with it."""
    with _one_sentence():
        from winnow.errors import WinnowError
        from winnow.experiments.repository import Repository
        from winnow.report.outcome import next_steps, outcome
        from winnow.workspace import Workspace

        print(outcome(Workspace()))
        try:
            uncommitted = bool(Repository(Path()).uncommitted(["dvc.lock", "metrics"]))
        except WinnowError:  # no commit yet
            uncommitted = True
        print(next_steps(uncommitted=uncommitted))


@app.command()
def shift(
    a: Annotated[Path, typer.Option(exists=True, help="The test set to compare with: images or a table of features.")],
    b: Annotated[Path, typer.Option(exists=True, help="The test set to explain.")],
    train: Annotated[
        Path | None, typer.Option(exists=True, help="What a classifier learns from; not needed with predictions.")
    ] = None,
    predictions_a: Annotated[
        Path | None,
        typer.Option(exists=True, help="Your model's on A: the label and a column of probabilities a class."),
    ] = None,
    predictions_b: Annotated[Path | None, typer.Option(exists=True, help="Your model's on B.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="The workspace to make.")] = Path("shift"),
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value: sets.image_features=encoder, classifier.hidden=[].")
    ] = None,
) -> None:
    """Why did accuracy drop from test set A to test set B? Make a workspace of pipelines/shift for them and run it."""
    with _one_sentence():
        from winnow.shift.project import make_project

        paths = {"train": train, "a": a, "b": b, "predictions_a": predictions_a, "predictions_b": predictions_b}
        make_project(out, {name: path for name, path in paths.items() if path}, settings or []).run()
    print(f"the answer is in {out}/report/index.html and {out}/metrics/summary.json")


@app.command(name="filter")
def filter_images(
    path: Annotated[Path, typer.Argument(exists=True, help="A folder, zip or tar of images, of any layout.")],
    keep: Annotated[
        float | None, typer.Option(help="Share of the images that stays; without it, what is no copy in their eyes.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The network that describes them: timm:resnet18, script:mine.py ...")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Its layer, else auto; 'winnow layers MODEL' lists them.")] = None,
    weights: Annotated[Path | None, typer.Option(exists=True, help="A file of its weights.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="The workspace to make.")] = Path("filter"),
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value: cut.outliers=0, network.trust=true.")
    ] = None,
) -> None:
    """Fewer images: leave out what a network sees twice, or nowhere else. Runs pipelines/filter on your images."""
    with _one_sentence():
        from winnow.filtering.project import make_project

        make_project(out, path, settings or [], keep=keep, model=model, layer=layer, weights=weights).run()
    if model is None:
        print("a bank of fixed filters described the images; a trained network sees more: --model timm:resnet18")
    print(f"the dataset is {out}/data/processed/filtered, what went and why is in {out}/report/index.html")


for command in (
    front.scan,
    experiments.compare,
    experiments.best,
    experiments.runs,
    experiments.sweep,
    experiments.ablation,
    experiments.reuse,
):
    app.command()(command)


if __name__ == "__main__":
    app()
