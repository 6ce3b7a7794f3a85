"""Groups of proposals, what verdicts say of them, and how many wrong labels are left."""

import shutil

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from winnow.curation.decide import decide
from winnow.curation.review import no_review
from winnow.params import load_params
from winnow.review.precision import precision
from winnow.review.proposals import agreements, grouped, proposed, wrong_labels
from winnow.review.server import create_app
from winnow.review.session import Session
from winnow.workspace import Workspace
from workspaces import CLASSES, write_workspace

NAN = np.nan


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("review") / "animals", images=400)


@pytest.fixture(scope="module")
def ledger(pristine):
    return Workspace(pristine).table("ledger").sort_values("image_id", ignore_index=True)


@pytest.fixture(scope="module")
def thresholds(pristine):
    return load_params(pristine / "params.yaml").curate.model_dump()


def verdicts(*rows):
    return pd.DataFrame(rows, columns=["image_id", "action", "label", "reviewer", "reason"])


def test_nothing_judged_is_as_wide_as_the_prior_of_four_parts():
    found = precision(np.full(40, NAN))
    assert (found.judged, found.agreed, found.mean, found.enough) == (0, 0, 0.5, False)
    # Four independent Beta-binomial counts of 10 with a = b = 1/2: variance 10 * 1/4 * 11 / 2 each.
    size = 0.25 / (4 * 10 * 0.25 * 11 / 2 / 40**2) - 1
    assert (found.low, found.high) == pytest.approx(stats.beta.interval(0.95, size / 2, size / 2))


def test_all_judged_is_known():
    found = precision(np.array([1.0, 1, 0, 1]))
    assert (found.mean, found.low, found.high, found.enough) == (0.75, 0.75, 0.75, True)


def test_the_most_certain_alone_are_never_enough():
    most_certain, spread = np.full(400, NAN), np.full(400, NAN)
    most_certain[:100] = 1
    spread[::4] = 1
    assert not precision(most_certain).enough
    assert precision(spread).enough and precision(spread).low > 0.95


@given(st.lists(st.sampled_from([0.0, 1.0, NAN]), min_size=1, max_size=60))
def test_the_interval_holds_the_mean_and_what_is_known(values):
    found = precision(np.array(values))
    assert 0 <= found.low <= found.mean <= found.high <= 1
    known, right = sum(not np.isnan(value) for value in values), sum(value == 1 for value in values)
    assert right / len(values) <= found.mean + 1e-9 and found.mean <= (len(values) - known + right) / len(values) + 1e-9


def test_an_interval_holds_the_true_share_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        right = (rng.random(200) < np.linspace(0.99, 0.7, 200)).astype(float)
        seen = np.where(rng.random(200) < 0.3, right, NAN)
        found = precision(seen)
        hits += found.low <= right.mean() <= found.high
    assert hits / 400 > 0.9


def test_groups_hold_every_change_once_and_the_most_certain_first(ledger, thresholds):
    proposals = proposed(ledger, class_names=CLASSES, thresholds=thresholds)
    groups = grouped(ledger, proposals, no_review(), titles={})
    rows = [row for group in groups for row in group["rows"]]
    assert sorted(rows) == np.flatnonzero(ledger["action"] != "keep").tolist()
    for group in groups:
        chosen = ledger.iloc[group["rows"]]
        if group["action"] == "relabel":
            assert set(chosen["label"]) == {group["given"]} and set(chosen["final_label"]) == {group["new"]}
            assert chosen["suggested_confidence"].is_monotonic_decreasing
        else:
            assert set(chosen["action"]) == {"drop"} and group["key"] == f"drop-{chosen['rule'].iloc[0]}"
    by_rule = {group["key"]: group["rows"] for group in groups}
    assert ledger["ood_score"].iloc[by_rule["drop-ood"]].is_monotonic_decreasing
    assert ledger["label_quality_score"].iloc[by_rule["drop-label_issue"]].is_monotonic_increasing


def test_a_replayed_verdict_leaves_its_proposal_in_its_group(ledger, thresholds):
    before = proposed(ledger, class_names=CLASSES, thresholds=thresholds)
    changed = ledger.loc[ledger["action"] == "relabel", "image_id"].tolist()[:3]
    review = verdicts(*[(name, "keep", -1, "ada", "") for name in changed])
    options = {"class_names": CLASSES, "thresholds": thresholds}
    replayed = decide(ledger, review=review, **options).assign(split=ledger["split"])
    after = proposed(replayed, **options)
    rows = ledger["image_id"].isin(changed).to_numpy()
    assert after[rows].equals(before[rows])


def test_verdicts_are_counted_as_agreeing_only_with_the_label_proposed(ledger, thresholds):
    proposals = proposed(ledger, class_names=CLASSES, thresholds=thresholds)
    rows = np.flatnonzero(proposals["action"] == "relabel")[:3]
    names, label = ledger["image_id"].to_numpy()[rows], int(proposals["final_label"].iloc[rows[0]])
    found = verdicts(
        (names[0], "relabel", label, "ada", ""),
        (names[1], "relabel", (int(proposals["final_label"].iloc[rows[1]]) + 1) % 10, "ada", ""),
        (names[2], "keep", -1, "ada", ""),
    )
    agrees = agreements(proposals, found, ledger["image_id"].to_numpy())
    assert agrees[rows].tolist() == [1, 0, 0] and np.isnan(agrees).sum() == len(ledger) - 3


def test_each_verdict_takes_its_doubt_from_the_wrong_labels_left(ledger, thresholds):
    proposals = proposed(ledger, class_names=CLASSES, thresholds=thresholds)
    nobody = wrong_labels(ledger, proposals, no_review())
    assert nobody["left"] == nobody["proposed"] < nobody["given"]
    row = int(np.flatnonzero(proposals["action"] == "relabel")[0])
    image = ledger.iloc[row]
    for action, label in (("relabel", int(image["final_label"])), ("drop", -1)):
        left = wrong_labels(ledger, proposals, verdicts((image["image_id"], action, label, "ada", "")))["left"]
        assert left == pytest.approx(nobody["left"] - (1 - image["suggested_confidence"]))


def test_the_server_tells_groups_and_follows_verdicts(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "animals")
    client = TestClient(
        create_app(Session(tmp_path / "animals", reviewer="ada"), host="127.0.0.1", port=8642, token=None),
        base_url="http://127.0.0.1:8642",
    )
    before = client.get("/api/proposals").json()
    group = before["groups"][0]
    names = Workspace(pristine).table("ledger")["image_id"].sort_values().to_numpy()[group["rows"]]
    verdict = {"action": "relabel", "label": group["new"], "reviewer": "ada", "reason": ""}
    changes = [{"image_id": name, "expected": None, "verdict": verdict} for name in names]
    saved = client.post("/api/decisions", json={"changes": changes}, headers={"X-Winnow": "1"})
    assert saved.status_code == 200
    after = client.get("/api/proposals").json()
    assert after["groups"][0]["done"] == after["groups"][0]["rows"] == group["rows"]
    assert (after["groups"][0]["low"], after["groups"][0]["enough"]) == (1, True)
    assert after["wrong_labels"]["left"] < before["wrong_labels"]["left"]
    refused = client.get("/api/proposals", headers={"Host": "evil.example"})
    assert refused.status_code == 421 and "groups" not in refused.text
