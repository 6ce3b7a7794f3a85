"""A headless Chromium and a running review app, for end-to-end tests.

A browser that cannot be started is an absence, like one that is not installed: the test is skipped and says so. One
that is lost on the way fails the test, which `conftest.py` then runs once more in a fresh browser; so whatever the app
does to it still fails. Nothing here waits without a limit.
"""

import os
import re
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
_PROGRAMS = {"browser": ("chromium", "chromium-browser", "google-chrome"), "driver": ("chromedriver",)}
# A watchdog that ends slow work is right for people and wrong on a machine where everything is slow.
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu-watchdog",
    "--disable-hang-monitor",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--password-store=basic",
)
_DRAWS, _DRAWS_NOT = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader"), ("--disable-gpu",)
_START_S = (30, 60, 90)  # an attempt each: a start that hangs goes on hanging, one on a busy machine needs its time
_PAGE_S = 60  # a page load, a script
_ANSWER_S = 90  # any answer of the driver; longer than what the driver itself gives up after
_QUIT_S = 15
_SERVER_S = 120
_GRAPHICS = "return Boolean(document.createElement('canvas').getContext('webgl2'))"
_no_start = ""  # why no browser could be started, once that is known


class BrowserLost(Exception):
    """The browser or its driver answers no more."""


def programs() -> dict[str, str]:
    """Paths of Chromium and its driver; skips the test, saying so, where one is missing."""
    if os.environ.get("WINNOW_NO_BROWSER"):
        pytest.skip("WINNOW_NO_BROWSER is set: the browser tests are left out")
    found = {what: next(filter(None, map(shutil.which, names)), None) for what, names in _PROGRAMS.items()}
    if not all(found.values()):
        pytest.skip("no Chromium with its driver here (Debian: apt-get install chromium chromium-driver)")
    if not find_spec("selenium"):
        pytest.skip("selenium is not installed")
    return found


class Browser:
    """One Chromium for many tests: started when first asked for, and anew after it was lost."""

    def __init__(self, *, graphics: bool = True) -> None:
        """Args: whether it draws WebGL, in software; pages without are drawn many times faster without."""
        self._driver, self._graphics = None, graphics

    def tab(self, *, width: int = 1280, height: int = 800, dark: bool = False, downloads: Path | None = None):
        """The driver, on a fresh tab of this size and with nothing left of the tabs before.

        Skips the test where no Chromium can be started on this machine.
        """
        if self._driver is None or self._driver.lost:
            self.close()
            self._driver = _start(programs(), graphics=self._graphics)
        driver = self._driver
        old = driver.window_handles
        driver.switch_to.new_window("tab")
        new = driver.current_window_handle
        for handle in old:
            driver.switch_to.window(handle)
            driver.close()
        driver.switch_to.window(new)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        for command in ("clearBrowserCache", "clearBrowserCookies"):
            driver.execute_cdp_cmd(f"Network.{command}", {})
        behaviour = {"behavior": "allow", "downloadPath": str(downloads)} if downloads else {"behavior": "deny"}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        errors(driver)
        return driver

    def close(self) -> None:
        if self._driver is not None:
            _end(self._driver)
        self._driver = None


@contextmanager
def chromium(*, graphics: bool = True, **options) -> Iterator:
    """A driver of a Chromium of its own, with or without WebGL; `options` as `Browser.tab` takes them."""
    browser = Browser(graphics=graphics)
    try:
        yield browser.tab(**options)
    finally:
        browser.close()


def _start(paths: dict[str, str], *, graphics: bool = True):
    """A driver whose Chromium draws; skips the test if it cannot be had, and all later ones at once."""
    global _no_start
    for limit in () if _no_start else _START_S:
        try:
            return _attempt(paths, limit, graphics)
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no browser
            reason = f"the last, of {limit} s: {_first_line(error)}"
    _no_start = _no_start or f"Chromium is installed, but {len(_START_S)} attempts to start it here failed; {reason}"
    pytest.skip(_no_start)


def _attempt(paths: dict[str, str], limit: float, graphics: bool):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = paths["browser"]
    for argument in (*_ARGUMENTS, *(_DRAWS if graphics else _DRAWS_NOT)):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.timeouts = {"pageLoad": 1000 * _PAGE_S, "script": 1000 * _PAGE_S}
    service = webdriver.ChromeService(paths["driver"])
    driver_class = _driver_class()
    try:
        with _limited(service, limit):
            driver = driver_class(options=options, service=service)
            driver.command_executor.client_config.timeout = _ANSWER_S
            if graphics and not driver.execute_script(_GRAPHICS):
                raise BrowserLost("it draws no WebGL 2, not even on an empty page")
    except BaseException:
        _kill(service)
        raise
    return driver


@contextmanager
def _limited(service, seconds: float) -> Iterator[None]:
    """Kill the driver and its Chromium, and what is started after that, if the block takes longer.

    Selenium waits 120 s for the answer to its first request, whatever it is told; with the driver gone it gives up.
    """
    done = threading.Event()

    def watch() -> None:
        pause = seconds
        while not done.wait(pause):
            _kill(service)
            pause = 0.5

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _driver_class() -> type:
    """Selenium's Chrome, except that a browser that is gone shows as `BrowserLost`."""
    from selenium import webdriver
    from selenium.common.exceptions import InvalidSessionIdException, WebDriverException
    from urllib3.exceptions import HTTPError

    class Driver(webdriver.Chrome):
        lost = False

        def execute(self, driver_command, params=None):
            try:
                return super().execute(driver_command, params)
            except (HTTPError, OSError) as error:
                self._lose(driver_command, error)
            except WebDriverException as error:
                gone = ("disconnected", "not reachable", "tab crashed", "Timed out receiving message from renderer")
                if not isinstance(error, InvalidSessionIdException) and not any(it in str(error) for it in gone):
                    raise
                self._lose(driver_command, error)

        def _lose(self, command: str, error: Exception) -> None:
            self.lost = True
            _kill(self.service)
            raise BrowserLost(f"Chromium was lost at {command!r}: {_first_line(error)}") from error

    return Driver


def _end(driver) -> None:
    """Quit, and kill what does not."""
    if not driver.lost:
        with suppress(BrowserLost), _limited(driver.service, _QUIT_S):
            driver.quit()
    _kill(driver.service)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _kill(service) -> None:
    """End the driver and every process below it."""
    process = getattr(service, "process", None)
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        for member in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                member.kill()
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)


def cpu_seconds(driver) -> float:
    """What Chromium and its driver have cost so far, whatever else the machine does."""
    family = [psutil.Process(driver.service.process.pid)]
    family += family[0].children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in family)


class Address(str):
    """Where `process` answers."""

    process: subprocess.Popen


@contextmanager
def serving(folder: Path, *, port: int = 0) -> Iterator[Address]:
    """`winnow review` over a workspace, on a free port or this one; gives its address."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "winnow.cli", "review", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert select.select([process.stdout], [], [], _SERVER_S)[0], f"the server said nothing in {_SERVER_S} s"
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"the server printed {line!r}"
        address = Address(found[0])
        address.process = process
        yield address
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
            raise


def opened(driver, address: str, view: str = "map") -> None:
    """Open a view and wait until the dataset is there."""
    driver.get("about:blank")
    driver.get(f"{address}#/{view}")
    wait(driver, "return document.documentElement.dataset.ready")


def wait(driver, script: str, seconds: float = 30):
    """The first true answer of a script."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, seconds, poll_frequency=0.05).until(lambda it: it.execute_script(script), script)


def press(driver, *keys: str) -> None:
    """Press keys where the focus is."""
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(driver).send_keys(key).perform()


def errors(driver) -> list[str]:
    """Errors in the console since it was last asked."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def axe_violations(driver) -> list[str]:
    """What axe-core finds against WCAG 2.1 A and AA, in words."""
    spec = find_spec("axe_selenium_python")
    if not spec:
        pytest.skip("axe-selenium-python, which carries axe-core, is not installed")
    script = Path(spec.origin).parent / "node_modules/axe-core/axe.min.js"
    # Through the driver, not as a script of the page: the page's own policy lets no other scripts in.
    driver.execute_script(script.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]
    result = driver.execute_async_script(
        "const done = arguments[1]; axe.run(document, {runOnly: arguments[0]}).then(done, (e) => done(String(e)));",
        tags,
    )
    assert isinstance(result, dict), result
    assert len(result["passes"]) > 10, "axe looked at nothing"
    return [
        f"{found['id']} ({found['help']}): {node['target']} {node.get('failureSummary', '')[:200]}"
        for found in result["violations"]
        for node in found["nodes"][:3]
    ]
