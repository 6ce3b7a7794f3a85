"""Agreeing with the pipeline, in a real headless Chromium."""

import csv
import time

import pandas as pd
import pytest

from browser import errors, opened, press, programs, serving, wait
from workspaces import CLASSES, write_workspace

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    programs()
    return write_workspace(tmp_path_factory.mktemp("review") / "animals", images=600)


@pytest.fixture
def address(folder):
    with serving(folder) as address:
        yield address


@pytest.fixture
def driver(browser, address):
    driver = browser.tab()
    yield driver
    driver.get("about:blank")
    assert errors(driver) == []


def rows(folder):
    path = folder / "data/review/decisions.csv"
    return list(csv.DictReader(path.open(newline=""))) if path.exists() else []


def wait_for_rows(folder, count):
    deadline = time.monotonic() + 15
    while len(rows(folder)) != count:
        assert time.monotonic() < deadline, f"{len(rows(folder))} rows, not {count}"
        time.sleep(0.03)
    return rows(folder)


def ledger_of(folder):
    return pd.read_parquet(folder / "data/processed/ledger.parquet").set_index("image_id")


def proposed(row):
    """What a verdict that agrees with the ledger's row says."""
    label = CLASSES[row["final_label"]] if row["action"] == "relabel" else ""
    return row["action"], label


def test_one_key_agrees_in_the_queue_and_control_z_takes_it_back(driver, address, folder):
    opened(driver, address, "queue")
    assert driver.execute_script("return document.activeElement.id") == "agree", "the first choice has the focus"
    ids = []
    for key in ("a", "\ue007", "a", "\ue007"):  # Enter
        image_id = driver.execute_script("return document.getElementById('picture').dataset.id")
        ids.append(image_id)
        press(driver, key)
        wait(driver, f"return document.getElementById('picture').dataset.id !== '{image_id}'")
    ledger = ledger_of(folder)
    written = {row["image_id"]: (row["action"], row["label"]) for row in wait_for_rows(folder, 4)}
    assert written == {image_id: proposed(ledger.loc[image_id]) for image_id in ids}
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).key_down("\ue009").send_keys("z").key_up("\ue009").perform()  # Control
    assert {row["image_id"] for row in wait_for_rows(folder, 3)} == set(ids[:3])


def test_cards_say_from_what_to_what_and_the_gallery_agrees(driver, address, folder):
    ledger = ledger_of(folder)
    moved = ledger[ledger["action"] == "relabel"].iloc[0]
    words = f"{CLASSES[moved['label']]} → {CLASSES[moved['final_label']]}"
    opened(driver, address, "map")
    place = sorted(ledger.index).index(moved.name)
    driver.execute_script("winnowReview.map().pin(arguments[0])", place)
    wait(driver, "return document.querySelector('.card .agree')")
    chosen = [place, *(sorted(ledger.index).index(name) for name in ledger.index[ledger["action"] == "drop"][:2])]
    driver.execute_script("winnowReview.state.selection = arguments[0]; location.hash = '#/gallery'", chosen)
    wait(driver, "return document.querySelectorAll('.grid .cell').length === 3")
    captions = driver.execute_script("return [...document.querySelectorAll('.cell .cap')].map((it) => it.textContent)")
    assert captions[0] == words
    driver.execute_script("document.getElementById('mark').click()")
    press(driver, "a")
    written = {row["image_id"]: (row["action"], row["label"]) for row in wait_for_rows(folder, 3)}
    assert written == {name: proposed(ledger.loc[name]) for name in written}
    press(driver, "u")
    wait_for_rows(folder, 0)
