"""Agreeing with the pipeline, in a real headless Chromium."""

import csv
import time

import numpy as np
import pandas as pd
import pytest

from browser import axe_violations, errors, opened, press, programs, serving, wait
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


def groups_of(driver):
    return driver.execute_async_script("fetch('api/proposals').then((it) => it.json()).then(arguments[0])")["groups"]


def words(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0]).textContent", selector)


def test_a_wall_is_accepted_but_for_its_exceptions_and_one_undo_takes_it_back(driver, address, folder):
    opened(driver, address, "proposals")
    wait(driver, "return document.querySelectorAll('.tile').length > 3")
    ledger, group = ledger_of(folder), groups_of(driver)[0]
    names = [sorted(ledger.index)[row] for row in group["rows"]]
    assert words(driver, ".proposals h1") == f"{CLASSES[group['given']]} → {CLASSES[group['new']]}"
    driver.execute_script("document.querySelectorAll('.tile')[1].click()")
    press(driver, "\ue014", "d", "\ue014", str((group["new"] + 5) % 10))  # right, drop; right, another class
    assert driver.execute_script("return document.querySelectorAll('.tile.wrong').length") == 3
    assert axe_violations(driver) == []

    opened(driver, address, f"proposals?group={group['key']}")  # a reload loses no mark
    wait(driver, "return document.querySelectorAll('.tile.wrong').length === 3")
    while "seen" in words(driver, "#accept"):
        press(driver, "\ue007")
    assert rows(folder) == [], "turning the page decides nothing"
    press(driver, "\ue007")
    written = {row["image_id"]: (row["action"], row["label"]) for row in wait_for_rows(folder, len(names))}
    other = CLASSES[(group["new"] + 5) % 10]
    assert [written[name] for name in names[1:4]] == [("keep", ""), ("drop", ""), ("relabel", other)]
    others = {written[name] for place, name in enumerate(names) if place not in (1, 2, 3)}
    assert others == {("relabel", CLASSES[group["new"]])}
    wait(driver, f"return document.querySelector('[data-key={group['key']}] .count').textContent === 'done'")
    judged = groups_of(driver)[0]
    assert (judged["judged"], judged["agreed"]) == (len(names), len(names) - 3)
    assert judged["low"] == judged["high"] == pytest.approx(1 - 3 / len(names))
    press(driver, "u")
    wait_for_rows(folder, 0)
    wait(driver, f"return location.hash.includes('{group['key']}') && document.querySelectorAll('.tile').length > 3")


def test_drops_have_walls_too_and_a_wrong_one_stays(driver, address, folder):
    opened(driver, address, "proposals?group=drop-ood")
    wait(driver, "return document.querySelectorAll('.tile').length > 3")
    ledger = ledger_of(folder)
    dropped = ledger[(ledger["action"] == "drop") & (ledger["rule"] == "ood")].sort_values("ood_score")
    first = driver.execute_script("return document.querySelector('.tile').getAttribute('aria-label').split(', ').pop()")
    assert first == dropped.index[-1], "the most certain comes first"
    press(driver, " ")
    for _ in range(20):
        if rows(folder):
            break
        press(driver, "a")
        time.sleep(0.1)
    written = {row["image_id"]: row["action"] for row in wait_for_rows(folder, len(dropped))}
    assert written == dict.fromkeys(dropped.index, "drop") | {first: "keep"}


def test_a_phone_shows_the_wall_and_a_click_accepts(browser, address, folder):
    driver = browser.tab(width=390, height=844)
    opened(driver, address, "proposals")
    wait(driver, "return document.querySelectorAll('.tile').length > 3")
    box = driver.execute_script(
        "const b = document.querySelector('.tile').getBoundingClientRect(); return [b.width, b.right]"
    )
    assert box[0] >= 80 and box[1] <= 390
    assert driver.execute_script("return document.body.scrollWidth") <= 390
    assert axe_violations(driver) == []
    driver.get("about:blank")


def test_a_picture_is_zoomed_beside_its_counterpart_by_key_wheel_and_double_click(driver, address, folder):
    opened(driver, address, "map")
    row = driver.execute_script("return winnowReview.data.arrays.counterpart.findIndex((other) => other >= 0)")
    driver.execute_script("winnowReview.map().pin(arguments[0])", row)
    wait(driver, "return document.querySelector('.pinned .pic')")
    press(driver, "z")
    wait(driver, "return [...document.querySelectorAll('.window .pic')].filter((it) => it.naturalWidth).length === 2")
    assert "typical class" in words(driver, ".typical")
    assert axe_violations(driver) == []
    scale = "return new DOMMatrix(getComputedStyle(document.querySelectorAll('.zoom .pic')[1]).transform).a"
    press(driver, "+")
    assert driver.execute_script(scale) == pytest.approx(1.3)
    wheel = "new WheelEvent('wheel', {deltaY: -60, bubbles: true, cancelable: true, clientX: 200, clientY: 200})"
    driver.execute_script(f"document.querySelector('.zoom .window').dispatchEvent({wheel})")
    assert driver.execute_script(scale) > 1.5
    press(driver, "z")
    wait(driver, "return !document.querySelector('dialog')")
    double = "new MouseEvent('dblclick', {bubbles: true})"
    driver.execute_script(f"document.querySelector('.pinned .pic').dispatchEvent({double})")
    wait(driver, "return document.querySelector('dialog.zoom[open]')")
    assert (
        driver.execute_script("return getComputedStyle(document.querySelector('.zoom .pic')).imageRendering") == "auto"
    )
    press(driver, "\ue00c")  # Escape
    wait(driver, "return !document.querySelector('dialog')")


def test_a_cell_of_the_matrix_opens_its_wall(driver, address, folder):
    opened(driver, address, "matrices")
    wait(driver, "return document.querySelector('.heat button')")
    assert axe_violations(driver) == []
    ledger = ledger_of(folder)
    label, suggested = ledger["label"], ledger["suggested_label"]
    cells = ledger[label != suggested].groupby(["label", "suggested_label"]).size()
    (given, other), count = cells.idxmax(), cells.max()
    name = f"given {CLASSES[given]}, suggested {CLASSES[other]}: {count}"
    driver.execute_script(f"document.querySelector('[aria-label=\"{name}\"]').click()")
    wait(driver, "return document.querySelectorAll('.tile').length > 3")
    assert words(driver, "#left") == f"{count} left of {count}"
    shown = driver.execute_script("return location.hash")
    assert shown == f"#/proposals?given={given}&suggested={other}"
    driver.refresh()
    wait(driver, f"return document.querySelector('#left')?.textContent === '{count} left of {count}'")
    driver.back()
    wait(driver, "return document.querySelector('.heat button')")
    driver.execute_script("document.getElementById('kind').value = 'true_label:label'")
    driver.execute_script("document.getElementById('kind').dispatchEvent(new Event('change'))")
    truth = pd.read_csv(folder / "data/raw/truth.csv").set_index("image_id")["true_label"]
    total = int((truth != label).sum())
    wait(driver, f"return document.querySelector('.matrices p').textContent.startsWith('{total} of 600')")


def test_the_gallery_is_endless_and_its_address_shows_the_same_again(driver, address, folder):
    opened(driver, address, "gallery")
    wait(driver, "return document.querySelector('.grid .cell')?.ariaSetSize === '600'")
    assert driver.execute_script("return document.querySelectorAll('.grid .cell').length") < 200
    press(driver, "\ue010")  # End
    assert driver.execute_script("return document.activeElement.dataset.place") == "599"
    choice = "const it = document.getElementById(arguments[0]); it.value = arguments[1];"
    script = f"{choice} it.dispatchEvent(new Event('change'))"
    driver.execute_script(script, "filter-label", "3")
    driver.execute_script(script, "filter-outcome", "1")
    ledger = ledger_of(folder)
    count = int(((ledger["label"] == 3) & (ledger["action"] == "relabel") & (ledger["split"] != "validation")).sum())
    wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{count}'")
    link = driver.execute_script("return location.href")
    driver.refresh()
    wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{count}'")
    driver.execute_script("winnowReview.state.selection = [5, 40, 599]; winnowReview.state.title = 'mine'")
    driver.get(f"{address}#/map")
    driver.get(f"{address}#/gallery")
    wait(driver, "return document.querySelectorAll('.grid .cell').length === 3")
    driver.refresh()
    wait(driver, "return document.querySelectorAll('.grid .cell').length === 3")
    driver.get("about:blank")
    driver.get(link)
    wait(driver, f"return document.querySelector('.grid .cell')?.ariaSetSize === '{count}'")
    click = "new MouseEvent('click', {bubbles: true, shiftKey: arguments[1]})"
    mark = f"document.querySelector(`[data-place='${{arguments[0]}}']`).dispatchEvent({click})"
    driver.execute_script(mark, 1, False)
    driver.execute_script(mark, count - 1, True)
    assert driver.execute_script("return document.querySelectorAll('[aria-selected=true]').length") == count - 1


def test_duplicate_groups_are_decided_by_keys_and_each_is_one_undo(driver, address, folder):
    opened(driver, address, "map")
    press(driver, "e")
    wait(driver, "return document.querySelectorAll('.member').length > 1")
    assert axe_violations(driver) == []
    ledger = ledger_of(folder)

    def shown_ids():
        return driver.execute_script("return [...document.querySelectorAll('.member img')].map((it) => it.dataset.id)")

    def moved_from(image_id):
        wait(driver, f"return document.querySelector('.member img').dataset.id !== '{image_id}'")
        return shown_ids()

    first = shown_ids()
    press(driver, "a")
    written = {row["image_id"]: (row["action"], row["label"]) for row in wait_for_rows(folder, 2)}
    assert written == {image_id: proposed(ledger.loc[image_id]) for image_id in first}
    pair = moved_from(first[0])
    press(driver, "2")
    written = {row["image_id"]: row["action"] for row in wait_for_rows(folder, 4)}
    assert [written[image_id] for image_id in pair] == ["drop", "keep"]
    third = moved_from(pair[0])
    press(driver, "k")
    assert [row["action"] for row in wait_for_rows(folder, 6)][-2:] == ["keep", "keep"]
    moved_from(third[0])
    press(driver, "u")
    wait_for_rows(folder, 4)
    wait(driver, f"return document.querySelector('.member img').dataset.id === '{third[0]}'")
    press(driver, "u")
    wait_for_rows(folder, 2)
    second = pair[0]
    wait(driver, f"return document.querySelector('.member img').dataset.id === '{second}'")
    opened(driver, address, driver.current_url.partition("#/")[2])  # the address shows the same group again
    wait(driver, f"return document.querySelector('.member img')?.dataset.id === '{second}'")
    press(driver, "z")
    wait(driver, "return document.querySelector('dialog.zoom')")


def test_the_gallery_shows_the_most_similar_first_and_a_pasted_picture_s_like(driver, address, folder):
    opened(driver, address, "gallery")
    wait(driver, "return document.querySelector('.grid .cell')")
    press(driver, "\ue014", "s")  # on to the second image
    wait(driver, "return document.getElementById('search')")
    assert axe_violations(driver) == []
    features = np.load(folder / "data/interim/features.npz")["features"]
    order = np.argsort(-(features @ features[1]), kind="stable")
    shown = (
        "return [...document.querySelectorAll('.cell')].sort((a, b) => a.dataset.place - b.dataset.place).slice(0, 8)"
    )
    ids = driver.execute_script(f"{shown}.map((it) => it.querySelector('img').dataset.id)")
    assert ids == [f"img_{row:06d}" for row in order[:8]]
    script = "const it = document.getElementById('least'); it.value = 0.9; it.dispatchEvent(new Event('input'))"
    driver.execute_script(script)
    near = int((features @ features[1] >= 0.9).sum())
    shown_near = f"{near} {'image' if near == 1 else 'images'}"
    wait(driver, f"return document.querySelector('.gallery strong').textContent === '{shown_near}'")
    opened(driver, address, driver.current_url.partition("#/")[2])  # a reload shows the same
    wait(driver, f"return document.querySelector('.gallery strong').textContent === '{shown_near}'")
    driver.execute_script("""
        fetch('image/img_000005').then((it) => it.blob()).then((blob) => {
          const clip = new DataTransfer();
          clip.items.add(new File([blob], 'it.jpg', {type: 'image/jpeg'}));
          document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: clip}));
        })""")
    wait(driver, "return document.getElementById('search')?.textContent.startsWith('like your picture')")
    first = driver.execute_script(f"{shown}[0].querySelector('img').dataset.id")
    assert int(first.removeprefix("img_")) % 40 == 5, "pictures are of 40 kinds"


def test_a_bar_of_the_statistics_opens_its_images_by_keys(driver, address, folder):
    opened(driver, address, "map")
    press(driver, "t")
    wait(driver, "return document.querySelector('.statistics table')")
    assert axe_violations(driver) == []
    press(driver, "\ue015", "\ue007")  # down to the first bar, Enter
    count = int((ledger_of(folder)["label"] == 0).sum())
    wait(driver, f"return document.querySelector('.gallery strong')?.textContent === '{count} images'")
