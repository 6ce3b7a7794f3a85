"""Take a picture of the review app on a workspace, for README: `python tools/screenshot.py WORKSPACE OUT.png`.

Needs Chromium with its driver, as the browser tests do.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from selenium import webdriver

_ARGUMENTS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_SETTLES = 12.0  # seconds for the map to be drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--view", default="map", help="map, gallery, queue, whatif or validation")
    parser.add_argument("--keys", default="nnnnnnnnnnn", help="typed on the map; n pins the next image")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720), help="of the window, in pixels")
    options = parser.parse_args()
    command = [sys.executable, "-u", "-m", "winnow.cli", "review", str(options.workspace), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
            take(f"{address}#{options.view}", options.out, size=tuple(options.size), keys=options.keys)
        finally:
            server.terminate()


def take(address: str, out: Path, *, size: tuple[int, int], keys: str) -> None:
    """Open a page, type, and write what is seen of it as PNG."""
    chosen = webdriver.ChromeOptions()
    chosen.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in _ARGUMENTS:
        chosen.add_argument(argument)
    driver = webdriver.Chrome(options=chosen, service=webdriver.ChromeService(shutil.which("chromedriver") or ""))
    try:
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(address)
        time.sleep(_SETTLES)
        for canvas in driver.find_elements("css selector", "canvas")[:1] if keys else []:
            driver.execute_script("arguments[0].focus()", canvas)
            driver.switch_to.active_element.send_keys(keys)
            time.sleep(_SETTLES / 4)
        driver.save_screenshot(str(out))
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
