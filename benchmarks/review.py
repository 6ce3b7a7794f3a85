"""Time the review app: opening, views, searches, what-if, walls, frames and memory, in a headless Chromium.

    python benchmarks/review.py --name synthetic-50000 --images 50000
    python benchmarks/review.py --name ds801 --workspace /path/to/a/workspace

Without `--workspace` the dataset is made up (`tests/support/workspaces.py`). Writes
`benchmarks/results/review-<name>.json`.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "src"))

FRAMES = 60
SIZES = ((1280, 800), (1920, 1080))
QUALITIES = [0.05 * step for step in range(1, 19)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="names the result file")
    parser.add_argument("--workspace", help="where the pipeline has run")
    parser.add_argument("--images", type=int, default=50_000, help="size of the made-up dataset")
    parser.add_argument("--remark", default="", help="what a reader of the result should know")
    parser.add_argument("--out", default=str(ROOT / "benchmarks/results"), help="folder of the result file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="winnow-") as scratch:
        workspace = Path(arguments.workspace or made_up(Path(scratch) / "workspace", arguments.images))
        result = {"benchmark": "review", "name": arguments.name, **machine(), "remark": arguments.remark}
        result |= measured(workspace)
    out = Path(arguments.out) / f"review-{arguments.name}.json"
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    print(f"wrote {out}")


def made_up(folder: Path, images: int) -> Path:
    from workspaces import write_workspace

    return write_workspace(folder, images=images)


def measured(workspace: Path) -> dict:
    from browser import chromium, opened, serving, wait

    start = time.perf_counter()
    with serving(workspace) as address:
        result = {"server_answers_s": round(time.perf_counter() - start, 2)}
        with chromium(width=1920, height=1080) as driver:
            opened(driver, address)  # a first time without the clock: the browser compiles its shaders
            start = time.perf_counter()
            opened(driver, address)
            result["open_s"] = round(time.perf_counter() - start, 2)
            result["images"] = driver.execute_script("return winnowReview.data.count")
            result["renderer"] = driver.execute_script(RENDERER)
            canvas = driver.execute_script("const c = winnowReview.map().canvas; return [c.width, c.height]")
            result["canvas"] = canvas
            for flat in (False, True):
                driver.execute_script("winnowReview.map().setFlat(arguments[0])", flat)
                driver.execute_script("return winnowReview.measure(5)")
                frames = driver.execute_script("return winnowReview.measure(arguments[0])", FRAMES)
                result["frame_ms_2d" if flat else "frame_ms_3d"] = spread(frames)
            driver.set_script_timeout(120)
            driver.execute_script("winnowReview.map().setFlat(false)")
            frames = driver.execute_async_script("winnowReview.turning(arguments[0]).then(arguments[1])", 4 * FRAMES)
            result["turning_ms"] = spread(frames[FRAMES:])  # after a quarter turn it has found its pace
            result["turning_share"] = driver.execute_script("return winnowReview.map().cloud.share")
            result["filter_ms"] = spread(timed(driver, "winnowReview.map().apply()"))
            result["pick_ms"] = spread(timed(driver, "winnowReview.map().cloud.pick(400, 400)"))
            result["wall"] = wall(driver, address)
            driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
            heap = driver.execute_cdp_cmd("Runtime.getHeapUsage", {})
            result["page_heap_mb"] = round((heap["usedSize"] + heap.get("backingStorageSize", 0)) / 2**20, 1)
            result["page_memory_mb"] = renderer_memory(driver)
            driver.get("about:blank")
        with chromium(graphics=False, width=1920, height=1080) as driver:
            result["views_s"] = views(driver, address)
            result["similar"] = similar(driver, address)
            opened(driver, address, "whatif")
            wait(driver, "return document.getElementById('changed')")
            before = sum(psutil.Process(address.process.pid).cpu_times()[:2])
            result["whatif_ms"] = spread(driver.execute_async_script(WHAT_IF, QUALITIES))
            spent = sum(psutil.Process(address.process.pid).cpu_times()[:2]) - before
            result["whatif_server_cpu_ms"] = round(1000 * spent / len(QUALITIES), 1)
            result["whatif_page_ms"] = spread(driver.execute_async_script(MOVED, QUALITIES))
            driver.get("about:blank")
        result["gallery"] = {f"{width} x {height}": scrolling(address, width, height) for width, height in SIZES}
    return result


def views(driver, address: str) -> dict[str, float]:
    """From the key to the view with its content, a first and a second time where the server keeps what it made."""
    from browser import opened, press, wait

    seconds = {}
    opened(driver, address, "whatif")  # a view that holds no pictures
    for name, (key, there) in VIEWS.items():
        for time_ in ("first", "again"):
            start = time.perf_counter()
            press(driver, key)
            wait(driver, f"return location.hash.startsWith('#/{name}') && {there}", 120)
            seconds[f"{name}, {time_}"] = round(time.perf_counter() - start, 2)
            press(driver, "w")
            wait(driver, "return document.getElementById('changed')")
    return seconds


def similar(driver, address: str) -> dict[str, Any]:
    """A search for images like one, as the server answers, and with the gallery drawn anew."""
    from browser import opened, press, wait

    driver.set_script_timeout(120)
    answers = driver.execute_async_script(SIMILAR, 20)
    drawn = []
    for _ in range(5):
        opened(driver, address, "gallery")
        wait(driver, PICTURES)  # or the search would wait for them
        press(driver, "\ue014")  # on to the second image
        driver.execute_script(DRAWN)
        press(driver, "s")
        drawn.append(wait(driver, "return globalThis.drawn"))
    return {"answer_ms": spread(answers), "gallery_ms": spread(drawn)}


def renderer_memory(driver) -> float:
    """What the page's process holds for itself alone, in MB, pictures and the cloud's buffers with it."""
    family = psutil.Process(driver.service.process.pid).children(recursive=True)
    renderers = [it for it in family if "--type=renderer" in it.cmdline()]
    return round(max(it.memory_full_info().uss for it in renderers) / 2**20, 1)


def scrolling(address: str, width: int, height: int) -> dict[str, Any]:
    """Frames while the gallery scrolls, in a browser that draws without WebGL, and what they cost."""
    from browser import chromium, cpu_seconds, opened, wait

    with chromium(graphics=False, width=width, height=height) as driver:
        driver.execute_cdp_cmd("Performance.setTimeDomain", {"timeDomain": "threadTicks"})  # CPU, not wall
        driver.execute_cdp_cmd("Performance.enable", {})
        opened(driver, address, "gallery")
        wait(driver, PICTURES)
        page, browser = page_seconds(driver), cpu_seconds(driver)
        frames = driver.execute_async_script(SCROLL, 2 * FRAMES)
        cost = {"page_ms": page_seconds(driver) - page, "browser_ms": cpu_seconds(driver) - browser}
        driver.get("about:blank")
    cpu = {name: round(1000 * seconds / len(frames), 1) for name, seconds in cost.items()}
    return {"frame_ms": spread(frames), "cpu_per_frame": cpu}


def page_seconds(driver) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(it["value"] for it in metrics if it["name"] == "TaskDuration")


def wall(driver, address: str) -> dict[str, int | float]:
    """A wall of 200 with three exceptions, by clicks and Enter; the verdicts are taken back."""
    from browser import opened, press, wait

    opened(driver, address, "proposals")
    wait(driver, "return document.querySelectorAll('.tile').length > 3")
    count = driver.execute_script("return Number(document.querySelector('.tile').ariaSetSize)")
    verdicts = "Object.keys(winnowReview.state.decisions).length"
    before = driver.execute_script(f"return {verdicts}")
    actions = 0
    for place in (1, 5, 9):
        driver.execute_script(f"document.querySelector('[data-place=\"{place}\"]').click()")
        actions += 1
    while "seen" in driver.execute_script("return document.getElementById('accept').textContent"):
        press(driver, "\ue007")
        actions += 1
    start = time.perf_counter()
    press(driver, "\ue007")
    wait(driver, f"return {verdicts} > {before}")
    seconds = time.perf_counter() - start
    press(driver, "u")
    wait(driver, f"return {verdicts} === {before}")
    return {"pictures": count, "exceptions": 3, "actions": actions + 1, "saved_s": round(seconds, 2)}


# By view: its key, and what is there when it is.
VIEWS = {
    "proposals": ("b", "document.querySelector('.tile')"),
    "groups": ("o", "document.querySelector('.grid .cell')"),
    "duplicates": ("e", "document.querySelector('.member')"),
    "statistics": ("t", "document.querySelector('.statistics table')"),
    "matrices": ("f", "document.querySelector('.heat button')"),
    "queue": ("q", "document.querySelector('.told .reason')"),
    "apply": ("y", "document.getElementById('start')"),
}
PICTURES = """
const pictures = [...document.querySelectorAll(".grid img")];
return pictures.length && pictures.every((it) => it.complete);
"""
SIMILAR = """
const [count, done] = arguments;
(async () => {
  const times = [];
  for (let i = 0; i < count; i++) {
    const body = JSON.stringify({ rows: [Math.floor((i * winnowReview.data.count) / count)] });
    const headers = { "Content-Type": "application/json", "X-Winnow": "1" };
    const start = performance.now();
    await (await fetch("api/similar", { method: "POST", headers, body })).arrayBuffer();
    times.push(performance.now() - start);
  }
  done(times.slice(1));
})();
"""
# From the key to the frame after the sorted gallery is in the page.
DRAWN = """
globalThis.drawn = 0;
addEventListener("keydown", () => {
  const start = performance.now();
  const look = () => {
    if (document.getElementById("search")) globalThis.drawn = performance.now() - start;
    else requestAnimationFrame(look);
  };
  look();
}, { once: true, capture: true });
"""
SCROLL = """
const [count, done] = arguments;
const box = document.querySelector(".scroll");
const times = [];
let last = performance.now();
function step(now) {
  times.push(now - last);
  last = now;
  box.scrollTop += 60;
  if (times.length > count) done(times.slice(1));
  else requestAnimationFrame(step);
}
requestAnimationFrame(step);
"""
RENDERER = """
const gl = winnowReview.map().cloud.gl;
const more = gl.getExtension("WEBGL_debug_renderer_info");
return gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
"""
WHAT_IF = """
const [qualities, done] = arguments;
(async () => {
  const { thresholds } = await (await fetch("api/thresholds")).json();
  const times = [];
  for (const quality of qualities) {
    const body = JSON.stringify({ thresholds: { ...thresholds, label_quality_threshold: quality } });
    const headers = { "Content-Type": "application/json", "X-Winnow": "1" };
    const start = performance.now();
    await (await fetch("api/whatif", { method: "POST", headers, body })).json();
    times.push(performance.now() - start);
  }
  done(times);
})();
"""

# From a move of the slider to the frame that shows what it would change.
MOVED = """
const [qualities, done] = arguments;
(async () => {
  const slider = document.getElementById("threshold-label_quality_threshold");
  const drawn = () => new Promise((resolve) => new MutationObserver((_, watch) => {
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(resolve));
  }).observe(document.querySelector(".figures"), { childList: true }));
  const times = [];
  for (const quality of qualities) {
    slider.value = quality;
    const start = performance.now();
    const seen = drawn();
    slider.dispatchEvent(new Event("input"));
    await seen;
    times.push(performance.now() - start);
  }
  done(times);
})();
"""


def timed(driver, script: str) -> list[float]:
    return driver.execute_script(
        f"const times = []; for (let i = 0; i < 30; i++) {{ const start = performance.now(); {script}; "
        "times.push(performance.now() - start); } return times;"
    )


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "largest": round(ordered[-1], 1),
        "count": len(ordered),
    }


if __name__ == "__main__":
    main()
