"""Two test sets in a headless Chromium: from the worst classes to the queue of suspected labels, by keyboard."""

import csv

import pytest

from browser import axe_violations, errors, opened, press, programs, serving, wait
from shift_workspace import ROWS, explain_again, write_shift_workspace

pytestmark = pytest.mark.browser
ENTER = "\ue007"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    programs()
    return write_shift_workspace(tmp_path_factory.mktemp("two") / "sets")


def judged(folder):
    with (folder / "data/review/decisions.csv").open(encoding="utf-8", newline="") as file:
        return {row["image_id"]: row["action"] for row in csv.DictReader(file)}


def test_suspected_labels_are_judged_by_keyboard_taken_back_and_shown_after_the_replay(browser, folder):
    driver = browser.tab()
    with serving(folder) as address:
        opened(driver, address, "nonsense")
        wait(driver, "return document.querySelector('.sets .class .strip img')")
        assert driver.execute_script("return document.querySelectorAll('.sides').length") == 4
        assert axe_violations(driver) == []
        press(driver, "m")
        shown = "return document.querySelector('.status')?.textContent"
        wait(driver, f"{shown}.startsWith('{2 * ROWS} of')")
        assert axe_violations(driver) == []
        driver.execute_script("document.querySelector('[aria-label=\"only A\"]').click()")
        wait(driver, f"{shown}.startsWith('{ROWS} of')")

        press(driver, "c")
        wait(driver, "return document.activeElement.id === 'judge-b'")
        press(driver, ENTER)
        current = "return document.getElementById('picture')?.dataset.id"
        given = []
        for number, (key, action) in enumerate((("a", "relabel"), ("k", "keep"), ("d", "drop")), 1):
            given.append((wait(driver, current), action))
            press(driver, key)
            wait(driver, f"return document.getElementById('progress').textContent.includes(' {number} of ')")
        assert all(image_id.startswith("b:") for image_id, _ in given) and judged(folder) == dict(given)
        assert axe_violations(driver) == []
        press(driver, "u")
        wait(driver, f"{current} === '{given[2][0]}'")
        assert judged(folder) == dict(given[:2])
        assert "2 not applied" in driver.execute_script("return document.getElementById('count').textContent")

        assert explain_again(folder) == ()
        opened(driver, address, "sets")
        wait(driver, "return document.querySelector('.lead')")
        words = driver.execute_script("return document.querySelector('.lead').textContent")
        assert "People judged 2 labels of B: 1 wrong, 1 right." in words
        assert driver.execute_script("return document.getElementById('count').textContent") == "2 verdicts"
        driver.get("about:blank")
    assert errors(driver) == []
