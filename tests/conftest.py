"""What several tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from browser import Browser, BrowserLost

ROOT = Path(__file__).resolve().parents[1]

# One thread for each worker of pytest-xdist, and for the processes that its tests start. Before torch is imported.
for _library in ("OMP", "MKL", "OPENBLAS", "NUMBA"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")


@pytest.fixture
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A workspace to change: a copy of the module's `pristine` one."""
    shutil.copytree(pristine, tmp_path / "animals")
    return tmp_path / "animals"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker; it starts when a test asks it for a tab."""
    browser = Browser()
    yield browser
    browser.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest tests first, dealt out to the workers: one that is done early takes what is left at another's end."""
    tiers = ("pipeline", "slow", "browser")
    items.sort(key=lambda item: [item.get_closest_marker(tier) is None for tier in tiers])
    long = [item for item in items if any(item.get_closest_marker(tier) for tier in tiers)]
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    dealt, quick = [long[worker::workers] for worker in range(workers)], items[len(long) :]
    # pytest-xdist cuts the list into parts of one length, a part for each worker.
    total = len(items)
    items.clear()
    for worker, part in enumerate(dealt):
        room = total * (worker + 1) // workers - len(items) - len(part)
        items += part + quick[: max(room, 0)]
        quick = quick[max(room, 0) :]


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that lost its browser once more: Chromium hangs now and then on a busy machine. Twice is a failure."""
    if not item.get_closest_marker("browser"):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed and BrowserLost.__name__ in report.longreprtext for report in reports):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
