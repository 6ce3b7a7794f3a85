"""Frames of the filter report's cloud with many points, in a headless Chromium: turning, and moving a slider.

    make filter
    python benchmarks/filter_cloud.py

The page is pipelines/filter's own, its points made up. Writes `benchmarks/results/filter-cloud.json`.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

from browser import chromium  # noqa: E402
from winnow.report import elements  # noqa: E402

SECONDS = 5
# In every frame the slider is one notch further, or the cloud a little turned; times between frames, in milliseconds.
RUN = """
const [what, seconds, done] = arguments;
const slider = document.getElementById("slide-alike"), times = [];
const start = performance.now();
let last = start, step = 0;
function frame(now) {
  times.push(now - last); last = now;
  if (now - start > 1000 * seconds) return done(times.slice(2));
  if (what === "slider") {
    slider.value = (step++ * 500) % Number(slider.max);
    slider.dispatchEvent(new Event("input"));
  } else winnowCloud.spin();
  requestAnimationFrame(frame);
}
requestAnimationFrame(frame);
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", default=ROOT / "pipelines/filter/report/index.html", type=Path)
    parser.add_argument("--points", default=50_000, type=int)
    parser.add_argument("--out", default=ROOT / "benchmarks/results/filter-cloud.json", type=Path)
    arguments = parser.parse_args()
    page = with_points(arguments.page.read_text(encoding="utf-8"), arguments.points)
    result = {"benchmark": "filter-cloud", **machine(), "points": arguments.points}
    with tempfile.TemporaryDirectory(prefix="winnow-") as scratch, chromium(width=1280, height=800) as driver:
        file = Path(scratch) / "page.html"
        file.write_text(page, encoding="utf-8")
        driver.get(file.as_uri())
        driver.set_script_timeout(60)
        result["canvas"] = driver.execute_script(
            "const c = document.querySelector('#cloud canvas'); return [c.width, c.height]"
        )
        for what in ("turning", "slider"):
            times = driver.execute_async_script(RUN, what, SECONDS)
            result[what] = {
                "frames_per_second": round(1000 * len(times) / sum(times), 1),
                "frame_ms_median": round(statistics.median(times), 1),
                "frame_ms_p95": round(float(np.quantile(times, 0.95)), 1),
            }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def with_points(page: str, points: int) -> str:
    """The page with so many made-up images: 40 clouds, half of the images redundant, a tenth outliers in turn."""
    rng = np.random.default_rng(0)
    centres = rng.uniform(-0.8, 0.8, (40, 3))
    space = centres[rng.integers(len(centres), size=points)] + rng.normal(0, 0.06, (points, 3))
    order = rng.permutation(points)
    turns = np.zeros(points, dtype=np.int64)
    turns[order[-points // 10 :]] = np.arange(1, points // 10 + 1)
    keeper = np.arange(points)
    keeper[order[: points // 2]] = order[points // 2 : points // 2 + points // 2]
    data = {
        "places": elements.packed(space.clip(-1, 1) * 32767, "<i2"),
        "odd": elements.packed(turns, "<i4"),
        "order": elements.packed(order[: points // 2], "<i4"),
        "keeper": elements.packed(keeper, "<i4"),
        "ids": [f"image-{number:06d}.jpg" for number in range(points)],
        "hint": "",
    }
    start, end = '<script type="application/json" id="cloud-data">', "</script>"
    changed, count = re.subn(
        f"{start}.*?{end}", lambda _: start + elements.script_json(data) + end, page, count=1, flags=re.DOTALL
    )
    assert count == 1, "the page has no cloud"
    for slider, most in (("alike", points // 2), ("odd", points // 10)):
        changed = re.sub(f'(id="slide-{slider}" min="0" max=)"\\d+"', f'\\1"{most}"', changed)
    return changed


if __name__ == "__main__":
    main()
