"""Groups, tags, saved views, a second reviewer and a kill in the middle of a wall, in a real headless Chromium."""

import csv
import json
import time
from collections import Counter
from urllib.parse import urlsplit

import pandas as pd
import pytest

from browser import axe_violations, errors, opened, press, programs, serving, wait
from winnow.curation.review import digests, read_review
from workspaces import CLASSES, write_workspace

pytestmark = pytest.mark.browser
ENTER, RIGHT = "\ue007", "\ue014"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    programs()
    return write_workspace(tmp_path_factory.mktemp("groups") / "animals", images=600)


def rows(folder, name="decisions.csv"):
    path = folder / "data/review" / name
    return list(csv.DictReader(path.open(newline=""))) if path.exists() else []


def wait_for_rows(folder, count, name="decisions.csv"):
    deadline = time.monotonic() + 15
    while len(rows(folder, name)) != count:
        assert time.monotonic() < deadline, f"{len(rows(folder, name))} rows, not {count}"
        time.sleep(0.03)
    return rows(folder, name)


def words(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0])?.textContent", selector)


def test_a_group_is_decided_by_one_key_tagged_and_kept_as_a_view(browser, folder):
    driver = browser.tab()
    with serving(folder) as address:
        opened(driver, address, "map")
        press(driver, "o")
        wait(driver, "return document.querySelector('.notice h1, .groups .count')")
        opened(driver, address, "groups?size=small")
        wait(driver, "return document.querySelectorAll('.grid .cell').length >= 8")
        assert axe_violations(driver) == []
        groups = json.loads(driver.execute_async_script(FETCH, "api/groups?size=small"))["groups"]
        first = driver.execute_script(
            "return winnowReview.data.row.get(document.querySelector('.cell img').dataset.id)"
        )
        group = next(it for it in groups if it[0] == first)
        press(driver, RIGHT, " ", "d")  # the second one is left out
        ids = [f"img_{row:06d}" for row in group]
        written = wait_for_rows(folder, len(group) - 1)
        assert {row["image_id"] for row in written} == set(ids) - {ids[1]}
        assert {(row["action"], row["reason"]) for row in written} == {
            ("drop", f"one of {len(group)} alike images, judged as a group")
        }
        wait(driver, f"return document.querySelector('.cell img').dataset.id !== '{ids[0]}'")
        press(driver, "u")
        wait_for_rows(folder, 0)
        wait(driver, f"return document.querySelector('.cell img').dataset.id === '{ids[0]}'")

        press(driver, "l", *"odd one", ENTER)
        assert {row["tags"] for row in wait_for_rows(folder, len(group), "tags.csv")} == {"odd one"}
        wait(driver, f"return Object.keys(winnowReview.state.tags).length === {len(group)}")
        press(driver, "g")
        wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{len(group)}'")
        press(driver, "l")
        wait(driver, "return document.querySelector('.chips button')")
        assert axe_violations(driver) == []
        driver.execute_script("document.querySelector('.chips button').click()")
        wait_for_rows(folder, len(group) - 1, "tags.csv")
        wait(driver, f"return Object.keys(winnowReview.state.tags).length === {len(group) - 1}")
        press(driver, "\ue00c")  # Escape
        driver.execute_script("document.getElementById('all').click()")
        choose = "const it = document.getElementById(arguments[0]); it.value = arguments[1];"
        driver.execute_script(f"{choose} it.dispatchEvent(new Event('change'))", "filter-tag", "tag:odd one")
        wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{len(group) - 1}'")
        driver.execute_script("document.getElementById('save-view').click()")
        press(driver, *"mine", ENTER)
        wait(driver, "return document.getElementById('forget-view')")
        assert json.loads((folder / "data/views.json").read_text()) == {"mine": "gallery?tag=tag%3Aodd+one"}
        opened(driver, address, "gallery")
        wait(driver, "return document.getElementById('views')")
        driver.execute_script(f"{choose} it.dispatchEvent(new Event('change'))", "views", "mine")
        wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{len(group) - 1}'")
        driver.get("about:blank")
    assert errors(driver) == []


def test_a_kill_in_the_middle_of_a_wall_loses_nothing_and_a_second_reviewer_is_compared(browser, folder):
    driver = browser.tab()
    with serving(folder) as address:
        opened(driver, address, "proposals")
        wait(driver, "return document.querySelectorAll('.tile').length > 3")
        while "seen" in words(driver, "#accept"):
            press(driver, ENTER)
        press(driver, ENTER)
        wait(driver, "return Object.keys(winnowReview.state.decisions).length")
        saved = rows(folder)
        on_the_wall = "document.querySelector('.tile img')?.dataset.id"
        wait(driver, f"return {on_the_wall} && !({on_the_wall} in winnowReview.state.decisions)")
        for place in (1, 3):
            driver.execute_script(f"document.querySelector('[data-place=\"{place}\"]').click()")
        marked = driver.execute_script("return [...document.querySelectorAll('.wrong img')].map((it) => it.dataset.id)")
        assert len(marked) == 2
        address.process.kill()
        address.process.wait()
        with serving(folder, port=urlsplit(address).port) as again:
            assert again == address
            opened(driver, address, driver.current_url.partition("#/")[2])
            wait(driver, "return document.querySelectorAll('.tile').length > 3")
            still = driver.execute_script(
                "return [...document.querySelectorAll('.wrong img')].map((it) => it.dataset.id)"
            )
            assert sorted(still) == sorted(marked) and rows(folder) == saved
            press(driver, "u")  # the wall of before the kill, as one
            wait_for_rows(folder, 0)
            second_reviewer(driver, address, folder)
            driver.get("about:blank")
    driver.get_log("browser")  # requests while the server was dead


# Walls of five verdicts and their tags, one write after the other, by the page's own functions.
WRITE = """
const [first, walls] = arguments;
import("./static/js/state.js").then(async ({ decideEach, tag }) => {
  const { data } = winnowReview;
  for (let i = first; i < first + walls; i++) {
    const ids = data.ids.slice(5 * i, 5 * (i + 1));
    if (!(await decideEach(ids.map((id, j) => [id, j % 2 ? "drop" : "keep", null]), `wall ${i}`))) break;
    if (!(await tag(ids, `wall ${i}`, true))) break;
  }
  globalThis.ended = true;
});
"""
# What the page shows as saved.
SHOWN = """
const { decisions, tags } = winnowReview.state;
return [Object.values(decisions).map((row) => [row.image_id, row.action]), Object.keys(tags)];
"""


def test_a_kill_in_the_middle_of_writes_loses_no_verdict_that_the_page_showed(browser, folder):
    driver = browser.tab()
    images = digests(pd.read_parquet(folder / "data/processed/ledger.parquet"))
    port = 0
    for round_, delay in enumerate((0, 0.01, 0.02, 0.05)):  # further and further into a write
        with serving(folder, port=port) as address:
            port = urlsplit(address).port
            opened(driver, address, "gallery")
            wait(driver, "return document.querySelector('.grid .cell')")
            before = len(rows(folder))
            driver.execute_script(WRITE, 30 * round_, 30)
            wait(driver, f"return Object.keys(winnowReview.state.decisions).length > {before}")
            time.sleep(delay)
            address.process.kill()
            address.process.wait()
            wait(driver, "return globalThis.ended")
            decisions, tags = driver.execute_script(SHOWN)
        held = {row["image_id"]: row["action"] for row in rows(folder)}
        assert before < len(held) < before + 150, "the kill came while walls were written"
        assert set(map(tuple, decisions)) <= set(held.items())
        assert set(tags) <= {row["image_id"] for row in rows(folder, "tags.csv")}
        review = read_review(folder / "data/review/decisions.csv", images=images, class_names=CLASSES)
        walls = Counter(review.rows["reason"])
        assert set(walls.values()) == {5}, "a wall is there as a whole or not at all"
        assert len(review.rows) == len(held) and not review.warnings
    with serving(folder, port=port) as address:
        opened(driver, address, "gallery")  # a reload shows what the files hold
        wait(driver, f"return Object.keys(winnowReview.state.decisions).length === {len(held)}")
        driver.get("about:blank")
    driver.get_log("browser")  # requests while the server was dead


def second_reviewer(driver, address, folder):
    ledger = pd.read_parquet(folder / "data/processed/ledger.parquet")
    header = "image_id,action,label,reviewer,reason\n"
    (folder / "data/review/decisions.csv").write_text(
        header + "img_000001,keep,,ada,\nimg_000002,drop,,ada,\nimg_000003,keep,,ada,\n"
    )
    theirs = f"img_000001,keep,,grace,\nimg_000002,keep,,grace,fine\nimg_000003,relabel,{CLASSES[9]},grace,\n"
    theirs += "".join(f"img_{row:06d},drop,,grace,\n" for row in range(10, 14))
    opened(driver, address, "map")
    press(driver, "i")
    wait(driver, "return document.getElementById('take-file')")
    assert axe_violations(driver) == []
    driver.execute_script(
        "const file = new File([arguments[0]], 'grace.csv', {type: 'text/csv'}); const clip = new DataTransfer();"
        "clip.items.add(file); const it = document.getElementById('second-file'); it.files = clip.files;"
        "it.dispatchEvent(new Event('change'))",
        header + theirs,
    )
    wait(driver, "return document.getElementById('agreement')")
    assert axe_violations(driver) == []
    assert words(driver, "#agreement tbody tr").startswith("all3133 %")
    differs = [2] + ([3] if ledger["label"][3] != 9 else [])
    assert words(driver, "#place") == f"1 of {len(differs)}"
    press(driver, "a")  # theirs, signed by them
    wait(driver, "return winnowReview.state.decisions.img_000002.reviewer === 'grace'")
    taken = next(row for row in rows(folder) if row["image_id"] == "img_000002")
    assert (taken["action"], taken["reviewer"], taken["reason"]) == ("keep", "grace", "fine")
    driver.execute_script("document.querySelector('[data-list=new]').click()")
    driver.execute_script("document.getElementById('take-all').click()")
    assert sum(row["reviewer"] == "grace" for row in wait_for_rows(folder, 7)) == 5
    wait(driver, "return document.querySelector('[data-list=new] .count').textContent === 'none'")
    press(driver, "u")
    wait_for_rows(folder, 3)


FETCH = "fetch(arguments[0]).then((it) => it.text()).then(arguments[1])"
