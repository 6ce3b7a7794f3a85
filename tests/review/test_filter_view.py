"""A workspace of `filter` in the review app: what it shows, what it writes, and what it refuses."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from filter_workspace import cut_again, write_filter_workspace
from review_client import OWN, arrays, client_of, judge
from winnow.cli import app
from winnow.errors import WinnowError
from winnow.review.server import open_session
from winnow.workspace import Workspace


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_filter_workspace(tmp_path_factory.mktemp("filter") / "digits")


@pytest.fixture
def client(folder):
    return client_of(folder)


def by_verdict(folder, verdict):
    ledger = Workspace(folder).table("filter_ledger")
    return ledger.loc[ledger["is_filtered"] & (ledger["verdict"] == verdict), "image_id"].tolist()


def test_the_cloud_says_what_stays_what_goes_and_for_which_one(client, folder):
    info, points = client.get("/api/dataset").json(), arrays(client.get("/api/points").content)
    ledger = Workspace(folder).table("filter_ledger").sort_values("image_id", ignore_index=True)
    ids = points["ids"].tobytes().decode().split("\n")
    assert info["views"] == ["map", "gallery", "groups", "queue"] and ids == ledger["image_id"].tolist()
    assert not info["relabels"] and info["own"]["words"]["split"] == ["test", "train"]
    keys = [outcome["key"] for outcome in info["outcomes"]]
    expected = ledger["verdict"].where(ledger["is_filtered"], "untouched").tolist()
    assert [keys[code] for code in points["outcome"]] == expected and len(points["places3"]) == 3 * len(ledger)
    keeper = [ids[row] if row >= 0 else "" for row in points["counterpart"]]
    assert keeper == ledger["keeper"].tolist()
    own = ledger["is_filtered"].to_numpy()
    assert [ids[row] for row in points["stays_for"][own]] == ledger["stays_for_it"][own].tolist()
    assert info["cut"] == {
        "images": 300,
        "redundant": {"gone": expected.count("redundant"), "most": int((ledger["removal_rank"] > 0).sum())},
        "outlier": {"gone": 3, "most": 150},
    }
    far = points["rank:far"]
    assert (~np.isnan(far)).sum() == expected.count("redundant") and np.nanmax(far) == pytest.approx(
        ledger["distance"].max()
    )


def test_pictures_come_from_the_dataset_by_their_paths(client, folder):
    image_id = by_verdict(folder, "redundant")[0]
    assert "/" in image_id
    told = client.get(f"/api/image/{image_id.replace('/', '%2F')}").json()
    assert told["explanation"]["reason"].endswith("which is kept") and len(told["neighbours"]) == 12
    for way in ("image", "original"):
        with Image.open(io.BytesIO(client.get(f"/{way}/{image_id.replace('/', '%2F')}").content)) as picture:
            assert picture.size[0] > 20
    for way in ("image", "original", "api/image"):
        assert client.get(f"/{way}/..%2Fparams.yaml").status_code == 404


def test_verdicts_are_written_and_replayed_by_the_cut(client, folder):
    gone, stays = by_verdict(folder, "redundant")[0], by_verdict(folder, "kept")[0]
    assert judge(client, gone, "keep").status_code == judge(client, stays, "drop").status_code == 200
    rows = pd.read_csv(folder / "data/review/decisions.csv")
    assert rows["action"].tolist() == ["keep", "drop"] and rows["bytes_sha256"].str.len().tolist() == [64, 64]
    assert cut_again(folder) == ()
    assert gone in by_verdict(folder, "kept") and by_verdict(folder, "person") == [stays]
    points = arrays(client.get("/api/points").content)
    ids = points["ids"].tobytes().decode().split("\n")
    assert (
        points["by_person"][[ids.index(gone), ids.index(stays)]].tolist() == [1, 1] and points["by_person"].sum() == 2
    )
    assert client.get("/api/verdicts").json()["problem"] == ""


def judge_group(client, ids, action, expected=None):
    verdict = action and {"action": action, "reviewer": "ada", "reason": "judged as a group"}
    changes = [{"image_id": image_id, "expected": expected, "verdict": verdict} for image_id in ids]
    return client.post("/api/decisions", json={"changes": changes}, headers=OWN)


def test_groups_are_those_of_the_report_and_a_verdict_on_one_is_replayed_by_the_cut(client, folder):
    groups = client.get("/api/groups").json()["groups"]
    points = arrays(client.get("/api/points").content)
    ids = points["ids"].tobytes().decode().split("\n")
    ledger = Workspace(folder).table("filter_ledger").set_index("image_id")
    own = ledger[ledger["is_filtered"]]
    assert 40 <= len(groups) <= 100 and not client.get("/api/dataset").json().get("sized_groups")
    expected = {frozenset(part.index) for _, part in own.groupby("tile")}
    assert {frozenset(ids[row] for row in rows) for rows in groups} == expected
    known = ~np.isnan(points["apart"])
    assert [ids[row] for row in np.flatnonzero(known)] == sorted(own.index) and points["apart"][known].min() > 0
    largest, second = ([ids[row] for row in rows] for rows in groups[:2])
    left_out, *dropped = largest
    assert judge_group(client, dropped, "drop").status_code == judge_group(client, second, "keep").status_code == 200
    assert len(pd.read_csv(folder / "data/review/decisions.csv")) == len(dropped) + len(second)
    assert cut_again(folder) == ()
    assert sorted(by_verdict(folder, "person")) == sorted(dropped) and set(second) <= set(by_verdict(folder, "kept"))
    assert left_out not in by_verdict(folder, "person")
    assert client.get("/api/groups").json()["groups"] == groups, "verdicts change no group"
    held = client.get("/api/verdicts").json()["decisions"]
    seen = {name: held[dropped[0]][name] for name in ("action", "label", "reviewer", "reason")}
    assert judge_group(client, dropped + second, None, expected=seen).status_code == 409, "of which some were kept"
    assert judge_group(client, dropped, None, expected=seen).status_code == 200
    assert cut_again(folder) == () and by_verdict(folder, "person") == []


def test_why_knows_an_image_by_its_path_and_by_its_file_name(folder):
    image_id = by_verdict(folder, "redundant")[0]
    for name in (image_id, image_id.rpartition("/")[2]):
        told = CliRunner().invoke(app, ["why", name, "--workspace", str(folder)], env={"COLUMNS": "160"})
        assert told.exit_code == 0 and told.output.startswith(f"{image_id}: removed as redundant")
    unknown = CliRunner().invoke(app, ["why", "train/7/0.png", "--workspace", str(folder)])
    assert unknown.exit_code == 1 and "problems.csv lists those not accepted" in " ".join(unknown.output.split())


def test_what_filter_cannot_do_and_strangers_are_refused(client, folder):
    ledger = Workspace(folder).table("filter_ledger")
    untouched = ledger.loc[~ledger["is_filtered"], "image_id"].iloc[0]
    for answer, words in (
        (judge(client, by_verdict(folder, "kept")[0], "relabel", 1), "gives no labels"),
        (judge(client, untouched, "drop"), "a split that is not filtered"),
        (judge(client, "nowhere.png", "drop"), "no image 'nowhere.png'"),
    ):
        assert answer.status_code == 422 and words in answer.json()["error"]
    for path in ("/api/proposals", "/api/thresholds", "/api/apply", "/api/sets"):
        assert client.get(path).status_code == 404
    body = {"changes": [{"image_id": untouched, "expected": None, "verdict": None}]}
    assert client.post("/api/decisions", json=body).status_code == 403
    assert client.get("/api/points", headers={"host": "evil.example:8642"}).status_code == 421
    assert client_of(folder, token="secret").get("/api/points").status_code == 401
    assert not (folder / "data/review/decisions.csv").exists()


def test_a_dataset_that_has_gone_leaves_its_figures(client, folder):
    (folder / "data/sample/digits.zip").unlink()
    assert client.get(f"/image/{by_verdict(folder, 'kept')[0]}").status_code == 404
    assert client.get("/api/dataset").json()["cut"]["images"] == 300
    (folder / "data/processed/filter_ledger.parquet").unlink()
    with pytest.raises(WinnowError, match=r"filter_ledger.parquet is missing; run 'dvc repro' first"):
        open_session(folder, reviewer="ada")


@pytest.mark.browser
def test_sliders_recolour_the_cloud_and_a_key_decides(browser, folder):
    from browser import axe_violations, opened, press, serving, wait

    driver = browser.tab()
    with serving(folder) as address:
        opened(driver, address, "map")
        slide = """
            const [name, value] = arguments, input = document.getElementById(`cut-${name}`);
            input.value = value;
            input.dispatchEvent(new Event("input"));
            const told = document.getElementById("cut-told").textContent;
            return [told, document.getElementById("cut-command").textContent];
        """
        before = driver.execute_script("return document.getElementById('cut-told').textContent")
        told, command = driver.execute_script(slide, "redundant", 30)
        assert told == "267 kept, 30 redundant, 3 outliers"
        assert command == "dvc exp run -S cut.similar=0.1000 -S cut.outliers=0.0100"
        told, _ = driver.execute_script(slide, "outlier", 150)
        assert told == "120 kept, 30 redundant, 150 outliers"
        lines = driver.execute_script("""
            const { outcome, counterpart } = winnowReview.data.arrays;
            const went = [...counterpart.keys()].filter((row) => counterpart[row] >= 0);
            return went.map((row) => [outcome[row], outcome[counterpart[row]]]);
        """)
        assert len(lines) == 30 and all(line == [1, 0] for line in lines), "each redundant image has a kept one"
        assert axe_violations(driver) == []
        press(driver, "q")
        counts = driver.execute_script(
            "return [...winnowReview.data.arrays.outcome].filter((code) => code === 1).length"
        )
        assert counts == len(by_verdict(folder, "redundant")), "other views show what the pipeline did"
        wait(driver, "return document.querySelector('.told .reason')")
        press(driver, "k")
        wait(driver, "return document.getElementById('progress')?.textContent.includes('1 of')")
        assert pd.read_csv(folder / "data/review/decisions.csv")["action"].tolist() == ["keep"]
        press(driver, "m")
        driver.execute_script("document.getElementById('cut-reset').click()")
        assert driver.execute_script("return document.getElementById('cut-told').textContent") == before


@pytest.mark.browser
def test_a_whole_group_goes_by_one_key_and_comes_back_by_another(browser, folder):
    from browser import axe_violations, errors, opened, press, serving, wait

    driver = browser.tab()
    decided = "return Object.keys(winnowReview.state.decisions).length"
    with serving(folder) as address:
        opened(driver, address, "map")
        press(driver, "o")
        wait(driver, "return document.querySelectorAll('.groups .count').length >= 40")
        assert axe_violations(driver) == []
        choose = """
            const order = document.getElementById("group-order");
            order.value = "largest";
            order.dispatchEvent(new Event("change"));
            return [...order.options].map((it) => it.value);
        """
        assert driver.execute_script(choose) == ["apart", "largest", "gone"]
        assert not driver.execute_script("return document.querySelector('#group-size, [aria-label=\"Relabel to\"]')")
        ledger = Workspace(folder).table("filter_ledger")
        tile = ledger[ledger["is_filtered"]].set_index("image_id")["tile"]
        first, second = driver.execute_script(
            "return [...document.querySelectorAll('.cell img')].slice(0, 2).map((it) => it.dataset.id)"
        )
        group = set(tile.index[tile == tile[first]])
        stays = (ledger.set_index("image_id")["verdict"][list(group)] == "kept").mean()
        told = driver.execute_script("return document.getElementById('composition').textContent")
        assert f"; {100 * stays:.0f} % stay." in told and len(group) == tile.value_counts().max()
        press(driver, "\ue014", " ", "1", "d")  # the second one is left out; there is no label to give
        wait(driver, f"{decided} === {len(group) - 1}")
        rows = pd.read_csv(folder / "data/review/decisions.csv")
        assert set(rows["image_id"]) == group - {second} and set(rows["action"]) == {"drop"}
        assert cut_again(folder) == () and set(by_verdict(folder, "person")) == group - {second}
        press(driver, "u")
        wait(driver, f"{decided} === 0")
        assert cut_again(folder) == () and by_verdict(folder, "person") == []
        driver.get("about:blank")
    assert errors(driver) == []
