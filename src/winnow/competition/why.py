"""What `winnow why` says of an image of the competition: what each round did with it, by which rule, and its scores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from winnow import schema
from winnow.competition.pool import packed_name
from winnow.competition.released import class_names
from winnow.competition.rounds import VALUES
from winnow.data.called import Names, find_called
from winnow.detect.labels.neighbour_rule import IN_CLUSTER
from winnow.files import FILES
from winnow.workspace import Workspace

_ROUNDS = ("1", "2")
_NO_SCORES = {"image_id", "label", "final_label", "rule", "flip", "drift", "nearest_reference"}
_LABELS = {"suggested_label", "neighbour_label"}


def print_competition_explanation(workspace: Workspace, asked: str, *, console: Console) -> None:
    """Print what became of an image, round by round, the reference image that it harms most, and every score.

    Args:
        workspace: where the pipeline `competition` has run.
        asked: the image's path in the archive, its file name, or its name in the submission.
        console: where to print.

    Raises:
        WinnowError: if there is no such image or several, or no round has run.
    """
    pool = workspace.table("pool", ["image_id", "split"]).set_index("image_id")["split"]
    image_id = find_image(pool.index.tolist(), asked)
    of = np.array([image_id], dtype=object)
    if pool[image_id] == "label_book":
        console.print(f"[bold]{escape(image_id)}[/]: in the label book")
        console.print("It is of the reference: no round judges it, and nothing is trained on it.", highlight=False)
        return
    names = class_names(workspace)
    done = [number for number in _ROUNDS if number == "1" or workspace.path("round", number=number).exists()]
    rounds = {number: workspace.table("round", of=of, number=number).iloc[0] for number in done}
    values = workspace.table("competition_values", of=of).iloc[0]
    last = rounds[done[-1]]
    console.print(f"[bold]{escape(image_id)}[/]: {escape(_verdict(last, None, names))}")
    before = None
    for number in _ROUNDS:
        words = round_in_words(rounds[number], before, names) if number in rounds else "not yet run"
        console.print(f"Round {number}: {escape(words)}.", highlight=False)
        before = int(rounds[number]["final_label"]) if number in rounds else None
    facts = {
        "given label": _name(last["label"], names),
        "final label": _name(last["final_label"], names),
        "split": pool[image_id],
        "harms most": values["nearest_reference"] or ("no image" if pd.notna(values["influence"]) else "not valued"),
    }
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for fact, value in facts.items():
        grid.add_row(fact, escape(str(value)))
    console.print()
    console.print(grid)
    console.print(_scores("round", {f"round {number}": row.drop(VALUES) for number, row in rounds.items()}, names))
    console.print(_scores("competition_values", {"value": values}, names))


def find_image(known: Sequence[str], asked: str) -> str:
    """The image that is meant by a path, a file name that no other image has, or a name in the submission.

    Args:
        known: paths in the archive.
        asked: what it is called.

    Raises:
        WinnowError: if there is none, or several have that file name; the message has these, or paths that look alike.
    """
    packed = [packed_name(image) for image in known]
    _, row = find_called(
        asked,
        [Names(known, others=(packed, [f"{name}.png" for name in packed]))],
        known=known,
        missing=f"the archive holds no image {asked!r}",
        like="images are named like",
        where=" in the archive",
    )
    return known[row]


def round_in_words(row: pd.Series, before: int | None, names: Sequence[str]) -> str:
    """What a round did with an image, by which rule, and on what grounds.

    Args:
        row: of the round's table.
        before: the label as the last round left it, -1 for dropped; None before the first.
        names: of the K classes.
    """
    rule = str(row["rule"])
    return f"{_verdict(row, before, names)}{f' by {rule}' if rule else ''}: {_grounds(row, before, names)}"


def _verdict(row: pd.Series, before: int | None, names: Sequence[str]) -> str:
    label, final = row["label"], row["final_label"]
    if final < 0:
        return "dropped"
    if final != label:
        return f"relabelled to {_name(final, names)}"
    if before is None or before == label:
        return "kept as given"
    return "brought back as given" if before < 0 else "given its own label back"


def _grounds(row: pd.Series, before: int | None, names: Sequence[str]) -> str:
    near = f"{row['neighbour_agreement']:.0%} of its neighbours have the label {_name(row['neighbour_label'], names)}"
    third = ", but a third label is not taken" if row["flip"] else ""
    match row["rule"]:
        case "label_issue":
            low = f"its label quality of {row['label_quality_score']:.2g} is below the threshold"
            return f"{low}; {_suggestion(row, before, names)}{third}"
        case "neighbour_relabel":
            return f"{near}{third}"
        case "neighbour_drop":
            far = f"{row['neighbour_distance']:.2g} times as far from the nearest image of its label as is usual"
            cluster = ", so that it lies in their cluster" if row["neighbour_agreement"] >= IN_CLUSTER else ""
            return f"it is {far}, and {near}{cluster}"
        case "valuation":
            return f"it harms {row['points_harmed']} images of the label book"
        case "class_floor":
            return "its class would have too few images without it"
        case _ if row["drift"]:
            return "it is of the tenth that no round touches; any other would have been changed"
        case _:
            return "no rule speaks against its label"


def _suggestion(row: pd.Series, before: int | None, names: Sequence[str]) -> str:
    suggested, label = row["suggested_label"], row["label"]
    if suggested == label:
        return "no other label is likelier"
    likelier = f"{_name(suggested, names)} is likelier, with a confidence of {row['suggested_confidence']:.2g}"
    if row["final_label"] >= 0:
        return likelier
    if before is not None and before < 0:
        return f"{likelier}, but what a round dropped comes back under its given label alone"
    return f"{likelier}, which is too little to relabel it"


def _scores(file: str, columns: dict[str, pd.Series], names: Sequence[str]) -> Table:
    """Scores by name, a column for each row of a file's table, and what they mean; without those that nobody took."""
    table = Table("score", *columns, "meaning", box=box.SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    known = FILES[file].schema
    for name in next(iter(columns.values())).index:
        values = [row[name] for row in columns.values()]
        if name in _NO_SCORES or pd.isna(values).all():
            continue
        column = known.column(name) if isinstance(known, schema.Table) else None
        shown = [_name(value, names) if name in _LABELS else _shown(value) for value in values]
        table.add_row(name, *map(escape, shown), escape(column.meaning if column else ""))
    return table


def _name(label: int, names: Sequence[str]) -> str:
    if label < 0:
        return "none"
    return names[label] if label < len(names) else str(label)


def _shown(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.4g}"
