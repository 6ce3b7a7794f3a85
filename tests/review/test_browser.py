"""The browser tests' own footing: a Chromium that hangs or dies neither stops nor colours the suite."""

import os
import subprocess
import sys
import time

import psutil
import pytest

import browser as module
from browser import Browser, BrowserLost, opened

TWICE = """
import pathlib
import pytest
from browser import BrowserLost

@pytest.mark.browser
@pytest.mark.parametrize("losses", [0, 1, 2])
def test_it(losses, request):
    trace = pathlib.Path(__file__).with_name(f"runs-{losses}")
    runs = len(trace.read_text()) if trace.exists() else 0
    trace.write_text("x" * (runs + 1))
    if runs < losses:
        raise BrowserLost("gone")

@pytest.mark.browser
def test_a_fault_of_the_app_is_not_tried_again():
    trace = pathlib.Path(__file__).with_name("fault")
    assert trace.exists()
    trace.touch()
"""


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    """A driver that starts a child, answers nothing and does not end by itself."""
    script = tmp_path / "chromedriver"
    script.write_text('#!/bin/sh\nsleep 600 &\necho $! > "$(dirname "$0")/child"\nwait\n')
    script.chmod(0o755)
    monkeypatch.setattr(module, "_START_S", (1, 1))
    monkeypatch.setattr(module, "_no_start", "")
    monkeypatch.setattr(module, "programs", lambda: {"browser": "/bin/true", "driver": str(script)})
    return tmp_path


def test_a_browser_that_cannot_be_started_skips_and_leaves_nothing_behind(hanging):
    pytest.importorskip("selenium")
    start = time.monotonic()
    with pytest.raises(pytest.skip.Exception, match="2 attempts to start it here failed"):
        Browser().tab()
    assert time.monotonic() - start < 60
    child = int((hanging / "child").read_text())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
    (hanging / "child").unlink()
    with pytest.raises(pytest.skip.Exception):
        Browser().tab()
    assert not (hanging / "child").exists(), "once is enough to know"


@pytest.mark.browser
def test_a_browser_that_dies_is_replaced(browser):
    driver = browser.tab()
    for process in psutil.Process(driver.service.process.pid).children():
        process.kill()
    with pytest.raises(BrowserLost):
        opened(driver, "about:blank")
    again = browser.tab(width=900, height=700)
    assert again is not driver
    assert again.execute_script("return [innerWidth, innerHeight]") == [900, 700]


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_lost_browser_is_tried_once_more_and_no_fault_is(tmp_path, root, options):
    (tmp_path / "test_it.py").write_text(TWICE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    folders = (root / "tests", root / "tests/support", root / "src")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert [(tmp_path / f"runs-{losses}").read_text() for losses in range(3)] == ["x", "xx", "xx"]
    assert "FAILED test_it.py::test_it[2]" in done.stdout
