"""Look at every view of the review app: `python tools/look.py WORKSPACE OUT`.

Takes a picture of each view at three sizes, light and dark, into OUT, beside a contact sheet per size and colours, and
runs axe-core (WCAG 2.1 A and AA) over each. Ends with an error if axe finds something, the page is wider than the
window, or the console shows an error. Needs Chromium with its driver, as the browser tests do.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "src"))

SIZES = ((1280, 800), (1920, 1080), (390, 844))
# By view: what is there when it has its content.
VIEWS = {
    "sets": "document.querySelector('.class .strip, .class .near')",
    "map": "document.querySelector('.status')?.textContent",
    "gallery": "document.querySelector('.grid .cell') && document.querySelector('.card .reason')",
    "proposals": "document.querySelector('.tile')",
    "groups": "document.querySelector('.grid .cell')",
    "duplicates": "document.querySelector('.member, .notice')",
    "queue": "document.querySelector('.told .reason')",
    "matrices": "document.querySelector('.heat button')",
    "statistics": "document.querySelector('.statistics table')",
    "second": "document.querySelector('.notice, .pair')",
    "whatif": "document.getElementById('changed')",
    "validation": "document.querySelector('.classes ul')",
    "apply": "document.getElementById('start')",
}
SETTLED_MS = 600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path, help="where the pipeline has run")
    parser.add_argument("out", type=Path, help="folder of the pictures")
    parser.add_argument("--views", nargs="*", default=[], help="all that the workspace has, if not given")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    faults = look(options.workspace, options.out, options.views)
    print("\n".join(faults) or "nothing found")
    sys.exit(bool(faults))


def look(workspace: Path, out: Path, views: list[str]) -> list[str]:
    """Take the pictures; returns what is wrong, a line each."""
    from browser import Browser, axe_violations, errors, opened, press, serving, wait  # type: ignore[import-not-found]

    faults = []
    browser = Browser()
    with serving(workspace) as address:
        for width, height in SIZES:
            for dark in (False, True):
                colours = "dark" if dark else "light"
                driver = browser.tab(width=width, height=height, dark=dark)
                pictures = []
                opened(driver, address)
                for view in views or driver.execute_script("return winnowReview.data.info.views"):
                    opened(driver, address, view)
                    wait(driver, f"return {VIEWS[view]}")
                    if view == "map":
                        driver.execute_script("document.querySelector('.cloud').focus()")
                        press(driver, "n")
                    driver.execute_async_script("setTimeout(arguments[1], arguments[0])", SETTLED_MS)
                    pictures.append(out / f"{view}-{width}-{colours}.png")
                    driver.save_screenshot(str(pictures[-1]))
                    found = [*axe_violations(driver), *errors(driver)]
                    if driver.execute_script("return document.documentElement.scrollWidth > innerWidth"):
                        found.append("the page is wider than the window")
                    faults += [f"{view} {width} x {height}, {colours}: {it}" for it in found]
                contact_sheet(pictures, out / f"all-{width}-{colours}.png")
                driver.get("about:blank")
    browser.close()
    return faults


def contact_sheet(pictures: list[Path], out: Path, *, columns: int = 4, width: int = 480) -> None:
    """All pictures in one, of equal width."""
    images = [Image.open(path).convert("RGB") for path in pictures]
    height = max(round(width * image.height / image.width) for image in images)
    sheet = Image.new("RGB", (columns * width, -(-len(images) // columns) * height))
    for i, image in enumerate(images):
        sheet.paste(image.resize((width, height)), (i % columns * width, i // columns * height))
    sheet.save(out)


if __name__ == "__main__":
    main()
