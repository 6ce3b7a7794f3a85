"""Is anything lost, stuck or different after kills? SIGKILL at random moments, then the same command again.

    python benchmarks/survival.py
    python benchmarks/survival.py --stages 1 --pipelines 1 --sweeps 1 --apps 1

Four kinds of chains. `stages`: `dvc repro` from nothing, killed in every stage; `pipelines`: the same in one of
pipelines/*, on a small sample; `sweeps`: `winnow sweep`, killed with and without the runs that it started; `apps`:
`winnow review`, killed while it starts and while verdicts come in.
Moments are drawn from a seed; a fifth of those of `stages` are aimed at the moment in which DVC writes dvc.lock or its
rwlock. A command that fails after a kill is started once more after `winnow reuse`. At its end every chain is compared,
byte for byte, with a run that nobody disturbed. The pipeline is the real one, on the 255 small pictures of
`tests/support/tiny_project.py`.

Chains that are in the result file, `benchmarks/results/survival.json`, are done: the campaign goes on where it was
ended, and a larger one adds to a smaller. Each says of which revision it is.
"""

import argparse
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
for folder in ("tests/support", "tools", "src"):
    sys.path.insert(0, str(ROOT / folder))

from kills import (  # noqa: E402
    REPRO,
    STARTING,
    Command,
    Draw,
    Kill,
    Reviewer,
    Stuck,
    contents,
    experiments,
    finish_repro,
    finish_sweep,
    kill_app,
    kill_repro,
    kill_sweep,
    moments,
    seconds_of_stages,
)
from small_pipelines import CHANGES, add_pipeline  # noqa: E402
from tiny_project import clone, copy_built, git  # noqa: E402
from winnow import tables  # noqa: E402

SEED = 20
SWEEP = "grid: {evaluate.batch_size: [64, 96]}\n"  # the cheapest stages that end in a whole experiment
SWEEP_KILLS = 5
APP_KILLS, IMAGES, VERDICTS = 12, 60, 200
WORDS = (sys.executable, "-m", "winnow.cli", "sweep", ".winnow/sweep.yaml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", type=int, default=2, help="chains of dvc repro, about 20 kills each")
    parser.add_argument(
        "--pipelines", type=int, default=3, help="chains of a pipeline of pipelines/, 6 to 11 kills each"
    )
    parser.add_argument("--sweeps", type=int, default=4, help=f"chains of winnow sweep, {SWEEP_KILLS} kills each")
    parser.add_argument("--apps", type=int, default=7, help=f"chains of winnow review, {APP_KILLS} kills each")
    parser.add_argument("--work", default=str(ROOT / ".winnow/survival"), help="folder for runs")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results/survival.json"), help="the result file")
    arguments = parser.parse_args()
    work, out = Path(arguments.work), Path(arguments.out)
    about = machine()  # now: the result file, once written, differs from the commit
    result: dict[str, Any] = tables.read_json(out) if out.exists() else {"chains": []}
    for kind, chain in CHAINS.items():
        done = {one["number"] for one in result["chains"] if one["kind"] == kind}
        for number in sorted(set(range(getattr(arguments, kind))) - done):
            chains = [*result["chains"], made(work, kind, number, chain) | {"revision": about["revision"]}]
            chains.sort(key=lambda one: (list(CHAINS).index(one["kind"]), one["number"]))
            result = {
                "benchmark": "survival",
                **about,
                "seed": SEED,
                "totals": totals(chains),
                "by_stage": by_stage(chains),
                "chains": chains,
            }
            tables.write_json(out, result)
    print(table(result["totals"]))


Chain = Callable[[Path, int, list[Kill]], list[str]]


def made(work: Path, kind: str, number: int, chain: Chain) -> dict[str, Any]:
    """Run a chain: its kills, what differs or was lost, and where it was stuck."""
    folder = work / f"{kind}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    kills: list[Kill] = []
    result: dict[str, Any] = {"kind": kind, "number": number, "stuck": "", "different": []}
    try:
        result["different"] = chain(work, number, kills)
        shutil.rmtree(folder, ignore_errors=True)  # what was stuck stays, to be looked at
    except Stuck as error:
        result["stuck"] = str(error)
    print(f"{kind} {number}: {sum(kill.killed for kill in kills)} kills, {len(result['different'])} differ", flush=True)
    return result | {"kills": [asdict(kill) for kill in kills]}


def undisturbed(work: Path) -> tuple[Path, dict[str, float]]:
    """A pipeline that ran without a kill, committed, and the seconds of its stages."""
    built, note = work / "undisturbed", work / "undisturbed.json"
    if not note.exists():
        shutil.rmtree(built, ignore_errors=True)
        clone(ROOT, built)
        seconds = seconds_of_stages(Command(built, REPRO, work / "undisturbed.log"))
        git(built, "add", "-A")
        git(built, "commit", "-q", "-m", "built")
        tables.write_json(note, seconds)
    seconds = tables.read_json(note)
    return built, seconds


def stage_chain(work: Path, number: int, kills: list[Kill]) -> list[str]:
    built, seconds = undisturbed(work)
    return killed_and_finished(clone(ROOT, work / f"stages-{number}"), built, moments((SEED, number), seconds), kills)


def pipeline_chain(work: Path, number: int, kills: list[Kill]) -> list[str]:
    name = pipeline_of(number)
    calm, note = work / f"undisturbed-{name}", work / f"undisturbed-{name}.json"
    if not note.exists():
        shutil.rmtree(calm, ignore_errors=True)
        folder = add_pipeline(ROOT, clone(ROOT, calm), name)
        tables.write_json(note, seconds_of_stages(Command(folder, REPRO, work / f"undisturbed-{name}.log")))
    draws = moments((SEED, 300 + number), tables.read_json(note))
    folder = add_pipeline(ROOT, clone(ROOT, work / f"pipelines-{number}"), name)
    return killed_and_finished(folder, calm / "pipelines" / name, draws, kills)


def pipeline_of(number: int) -> str:
    """Which pipeline the chain of a number kills."""
    return sorted(CHANGES)[number % len(CHANGES)]


def killed_and_finished(folder: Path, calm: Path, draws: Iterable[Draw], kills: list[Kill]) -> list[str]:
    """What differs from an undisturbed run after `dvc repro` was killed at each draw, and then ran to its end."""
    for draw in draws:
        kills.append(kill_repro(folder, draw))
        print(json.dumps(asdict(kills[-1])), flush=True)
    finish_repro(folder)
    return differing(contents(calm), contents(folder))


def sweep_chain(work: Path, number: int, kills: list[Kill]) -> list[str]:
    expected, seconds = undisturbed_sweep(work)
    workspace = prepared_sweep(work, f"sweeps-{number}")
    rng = np.random.default_rng([SEED, 100 + number])
    for index in range(SWEEP_KILLS):
        draw = Draw("sweep", round(float(rng.uniform(0, seconds)), 3))
        kills.append(kill_sweep(workspace, WORDS, draw, runs_too=bool(index % 2)))
        print(json.dumps(asdict(kills[-1])), flush=True)
    finish_sweep(workspace, WORDS)
    return differing(expected, experiments(workspace))


def undisturbed_sweep(work: Path) -> tuple[dict[str, str], float]:
    note = work / "undisturbed-sweep.json"
    if not note.exists():
        workspace = prepared_sweep(work, "undisturbed-sweep")
        seconds = finish_sweep(workspace, WORDS)
        found = experiments(workspace)
        if len(found) != 2:
            raise Stuck(f"the undisturbed sweep left {len(found)} experiments")
        tables.write_json(note, {"seconds": seconds, "experiments": found})
    content = tables.read_json(note)
    return content["experiments"], content["seconds"]


def prepared_sweep(work: Path, name: str) -> Path:
    shutil.rmtree(work / name, ignore_errors=True)
    workspace = copy_built(undisturbed(work)[0], work / name)
    (workspace / ".winnow/sweep.yaml").write_text(SWEEP, encoding="utf-8")
    return workspace


def app_chain(work: Path, number: int, kills: list[Kill]) -> list[str]:
    reviewer = app_workspace(work / f"apps-{number}")
    rng = np.random.default_rng([SEED, 200 + number])
    lost: list[str] = []
    for index in range(APP_KILLS):
        during = STARTING if index % 4 == 3 else "verdicts"
        draw = Draw(during, round(float(rng.uniform(0, 4 if during == STARTING else 0.6)), 3))
        kill, gone = kill_app(reviewer, draw, most=VERDICTS)
        kills.append(kill)
        lost += gone
        print(json.dumps(asdict(kill)), reviewer.sent, flush=True)
    app = reviewer.start()
    lost += reviewer.lost(app)
    reviewer.decide(app, most=VERDICTS)
    app.kill()
    calm = app_workspace(work / f"apps-{number}/undisturbed")
    app = calm.start()
    calm.decide(app, most=VERDICTS)
    app.kill()
    files = [(one.workspace / "data/review/decisions.csv").read_bytes() for one in (reviewer, calm)]
    return [f"lost: {image}" for image in lost] + (["decisions.csv"] if files[0] != files[1] else [])


def app_workspace(folder: Path) -> Reviewer:
    from workspaces import write_workspace

    write_workspace(folder, images=IMAGES)
    return Reviewer(folder, [f"img_{i:06d}" for i in range(IMAGES)])


CHAINS: dict[str, Chain] = {
    "apps": app_chain,
    "sweeps": sweep_chain,
    "pipelines": pipeline_chain,
    "stages": stage_chain,
}


def differing(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


WORDS_OF = {
    "stages": "`dvc repro`, in every stage",
    "pipelines": "`dvc repro` in pipelines/*, in every stage",
    "sweeps": "`winnow sweep`",
    "apps": "`winnow review`",
}


def totals(chains: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Of each kind of chain: kills, of these aimed, starts that needed `winnow reuse`, and what went wrong."""
    found: dict[str, dict[str, int]] = {}
    for kind in WORDS_OF:
        own = [chain for chain in chains if chain["kind"] == kind]
        killed = [kill for chain in own for kill in chain["kills"] if kill["killed"]]
        found[kind] = {
            "chains": len(own),
            "kills": len(killed),
            "aimed": sum(bool(kill["draw"]["aim"]) for kill in killed),
            "repaired": sum(bool(kill["repaired"]) for chain in own for kill in chain["kills"]),
            "stuck": sum(bool(chain["stuck"]) for chain in own),
            "different": sum(not one.startswith("lost") for chain in own for one in chain["different"]),
            "verdicts_lost": sum(one.startswith("lost") for chain in own for one in chain["different"]),
        }
    found["all"] = {key: sum(kind[key] for kind in found.values()) for key in found["stages"]}
    return found


def table(found: dict[str, dict[str, int]]) -> str:
    """The totals in Markdown, as in docs/reliability.md."""
    columns = list(found["all"])
    lines = [
        "| killed |" + "".join(f" {name.replace('_', ' ')} |" for name in columns),
        "|---|" + "---|" * len(columns),
    ]
    lines += [
        f"| {WORDS_OF.get(kind, kind)} |" + "".join(f" {row[name]} |" for name in columns)
        for kind, row in found.items()
    ]
    return "\n".join(lines)


def by_stage(chains: list[dict[str, Any]]) -> dict[str, int]:
    """How many kills each stage had, `<pipeline>:<stage>` of those beside the main one."""
    before = {"stages": lambda number: "", "pipelines": lambda number: f"{pipeline_of(number)}:"}
    return dict(
        Counter(
            before[chain["kind"]](chain["number"]) + kill["draw"]["during"]
            for chain in chains
            if chain["kind"] in before
            for kill in chain["kills"]
            if kill["killed"]
        )
    )


if __name__ == "__main__":
    main()
