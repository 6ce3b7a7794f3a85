"""A copy of the report that also says where and when it was made: what differs between machines and runs."""

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from winnow.errors import WinnowError
from winnow.report.elements import table
from winnow.report.formatting import number
from winnow.report.page import STAMP

_PACKAGES = ("dvc", "torch", "numpy", "scikit-learn", "timm", "open-clip-torch")


def stamped(page: str, facts: list[tuple[str, str]], timings: list[tuple[str, float, float]]) -> str:
    """The page with one more section at its beginning.

    Args:
        page: content of report/index.html.
        facts: what and its value.
        timings: stage, seconds, peak memory in MB.

    Raises:
        WinnowError: if the page has no place for it, or has it already.
    """
    if page.count(STAMP) != 1:
        raise WinnowError("the report is none of winnow's, or is stamped already; run 'dvc repro report' and use that.")
    rows = [(stage, f"{seconds:.1f}", number(round(peak))) for stage, seconds, peak in timings]
    took = f"<h3>Stages</h3>{table(['stage', 'seconds', 'peak memory, MB'], rows, numbers=[1, 2])}" if rows else ""
    return page.replace(
        STAMP, f'<section id="stamp"><h2>This run</h2>{table(["fact", "value"], facts)}{took}</section>'
    )


def run_facts(root: Path) -> list[tuple[str, str]]:
    """The git revision, the machine and the versions; what is not known is left out."""
    facts = [
        ("git revision", _git(root, "describe", "--always", "--dirty", "--abbrev=12")),
        ("committed", _git(root, "show", "-s", "--format=%cI")),
        ("machine", _cpu()),
        ("cores", str(os.cpu_count())),
        ("graphics card", _gpu()),
        ("system", platform.platform()),
        ("python", platform.python_version()),
        *((package, _version(package)) for package in _PACKAGES),
    ]
    return [(what, value) for what, value in facts if value]


def last_timings(path: Path, stages: list[str]) -> list[tuple[str, float, float]]:
    """Of each stage's last run here: stage, seconds, peak memory in MB; stages that did not run here are left out.

    Args:
        path: of the lines that `stage.run` writes; it may be missing.
        stages: in the order wanted; a stage that runs once per item counts under its name and item.
    """
    last: dict[str, tuple[str, float, float]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        try:
            entry = json.loads(line)
            last[entry["stage"]] = (entry["stage"], float(entry["seconds"]), float(entry["peak_mb"]))
        except (ValueError, KeyError, TypeError):  # half a line of a run that was killed
            continue
    order = {stage: place for place, stage in enumerate(stages)}
    known = [row for name, row in last.items() if name.split()[0] in order]
    return sorted(known, key=lambda row: (order[row[0].split()[0]], row[0]))


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
