"""A detector and a rule that this module alone registers: they show up wherever detectors and rules do."""

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from report_inputs import make_inputs
from winnow import tables
from winnow.cli import app
from winnow.curation.decide import decide
from winnow.curation.decisions import join_scores
from winnow.curation.review import no_review
from winnow.curation.rules import RULES
from winnow.curation.rules.rule import Cut, Rule, Target, Threshold
from winnow.curation.validation import apply_confirmations, assign_splits
from winnow.detect.outliers import DETECTORS
from winnow.detect.outliers.ood import score_ood
from winnow.detect.signals import Detector, Evidence, Score
from winnow.evaluation.scorecard import scorecard
from winnow.evaluation.truth import read_truth
from winnow.params import load_params
from winnow.report.content import gather
from winnow.report.page import render_page
from winnow.report.slides import make_slides
from winnow.review.export import write_export
from winnow.review.server import create_app
from winnow.review.session import Session
from winnow.workspace import Workspace
from workspaces import write_workspace

# --- all there is of them ---

BEAM = Score(name="beam", meaning="the features' first number", low=-1, high=1)
DETECTOR = Detector(BEAM, lambda features: features[:, 0], needs=("features",))

RULE = Rule(
    name="glare",
    meaning="the beam is too strong",
    thresholds=(Threshold("beam_threshold", "Beam", value=0.3, low=-1, high=1, meaning="dropped from it on"),),
    cuts=(Cut(BEAM, "beam_threshold"),),
    target=Target("is_ood"),
)

# --- where they show up ---

NAMES = ["cat", "dog", "owl"]
FLAGS = ["flagged_ood", "flagged_label_issue", "flagged_duplicate"]
DECIDED = ["rule", "action", "decided_by", "counterpart", "final_label", "threshold", "reason"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace whose images are scored and decided on with both registered."""
    folder = write_workspace(tmp_path_factory.mktemp("plugins") / "animals", images=300, class_names=NAMES)
    workspace = Workspace(folder)
    before = workspace.table("ledger")
    image_id, labels = before["image_id"].to_numpy(), before["label"].to_numpy()
    DETECTORS.append(DETECTOR)
    RULES.append(RULE)
    try:
        evidence = Evidence(
            features=workspace.arrays("features", of=image_id)["features"],
            labels=labels,
            class_probs=(0.8 * np.eye(3)[labels] + 0.2 / 3).astype(np.float32),
            noise_rates=np.eye(3),
        )
        found = score_ood(evidence, fold=np.arange(300) // 2 % 4, l2=0.1, options={"neighbours": 20, "trim": 0.2})
        workspace.write("ood_scores", tables.by_image(image_id, found.frame))
        others = before.drop(
            columns=[*FLAGS, *DECIDED, *found.frame.columns, "split", "leaks_validation", "confirmed_by"],
            errors="ignore",
        ).assign(
            same_bytes=False,
            sources=np.int64(2),
            neighbour_label=labels,
            neighbour_agreement=1.0,
            neighbour_distance=1.0,
        )
        decisions = decide(
            join_scores(others, workspace.table("ood_scores")),
            class_names=NAMES,
            thresholds=load_params(folder / "params.yaml").curate.model_dump(),
            review=no_review(),
        )
        workspace.write("decisions", decisions)
        confirmations = no_review().assign(verdict="")
        decisions, *_ = apply_confirmations(workspace.table("decisions"), confirmations, class_names=NAMES)
        chosen = np.flatnonzero(decisions["rule"].eq("keep"))[:9]
        workspace.write("ledger", assign_splits(decisions, chosen, {}, class_names=NAMES))
        yield workspace
    finally:
        DETECTORS.remove(DETECTOR)
        RULES.remove(RULE)


def test_the_ledger_has_the_score_the_flag_and_the_decision(workspace):
    ledger = workspace.table("ledger")
    beam = workspace.arrays("features", of=ledger["image_id"].to_numpy())["features"][:, 0]
    assert ledger["beam"].to_numpy() == pytest.approx(beam)
    assert (ledger["flagged_glare"] == (ledger["beam"] >= 0.3)).all() and ledger["flagged_glare"].any()
    glare = ledger[ledger["rule"] == "glare"]
    assert (glare["action"] == "drop").all() and (glare["threshold"] == 0.3).all() and len(glare)
    first = glare.iloc[0]
    assert first["reason"] == f"the beam is too strong: beam {first['beam']:.2f}, the threshold is 0.3"


def test_why_says_what_they_mean(workspace):
    ledger = workspace.table("ledger")
    image_id = ledger.loc[ledger["rule"] == "glare", "image_id"].iloc[0]
    told = CliRunner().invoke(app, ["why", image_id, "--workspace", str(workspace.root)], env={"COLUMNS": "160"}).output
    assert "the beam is too strong" in told and "the rule glare" in told
    assert "threshold 0.3; the features' first number; -1 to 1, higher is worse" in told
    assert "flagged_glare" in told


@pytest.fixture
def client(workspace):
    session = Session(workspace.root, reviewer="ada")
    return TestClient(create_app(session, host="127.0.0.1", port=8642, token=None), base_url="http://127.0.0.1:8642")


def post(client, path, body):
    return client.post(path, json=body, headers={"X-Winnow": "1"})


def test_the_app_lists_and_colours_them(client):
    info = client.get("/api/dataset").json()
    assert info["scores"]["beam"] == "the features' first number; -1 to 1, higher is worse"
    outcome = next(outcome for outcome in info["outcomes"] if outcome["key"] == "glare")
    assert outcome["words"] == "dropped: glare" and outcome["light"] and outcome["dark"]
    assert {"score": "beam", "title": "beam", "worst_first": "beam, the worst first", "lower_is_worse": False} in info[
        "cuts"
    ]


def test_what_if_moves_the_threshold_within_its_range(client):
    setup = client.get("/api/thresholds").json()
    assert setup["thresholds"]["beam_threshold"] == 0.3 and setup["rules"]["glare"] == "glare"
    assert setup["described"]["beam_threshold"] == {
        "words": "Beam",
        "meaning": "dropped from it on",
        "type": "number",
        "minimum": -1,
        "maximum": 1,
        "span": [-1, 1, 0.02],
        "saved": False,
    }
    assert setup["described"]["ood_detectors"]["span"] == [1, len(DETECTORS), 1]
    answer = post(client, "/api/whatif", {"thresholds": setup["thresholds"] | {"beam_threshold": 0.9}}).json()
    assert answer["before"]["rules"]["glare"] > answer["after"]["rules"].get("glare", 0)
    assert answer["changed"] > 0 and answer["command"] == "dvc exp run"
    assert 0 <= answer["before"]["truth"]["glare"]["recall"] <= 1
    for value, words in ((2, "less than or equal to 1"), ("much", "valid number")):
        refused = post(client, "/api/whatif", {"thresholds": setup["thresholds"] | {"beam_threshold": value}})
        assert refused.status_code == 422 and words in refused.json()["error"]


def test_a_threshold_that_params_yaml_lacks_is_not_saved_there(client, workspace):
    setup = client.get("/api/thresholds").json()
    before = (workspace.root / "params.yaml").read_text()
    body = {"thresholds": setup["thresholds"], "params_digest": setup["params_digest"]}
    assert post(client, "/api/params", body).status_code == 200
    refused = post(client, "/api/params", body | {"thresholds": setup["thresholds"] | {"beam_threshold": 0.4}})
    assert refused.status_code == 422 and "its value stands in its rule" in refused.json()["error"]
    assert (workspace.root / "params.yaml").read_text() == before


def test_the_read_only_copy_has_them(workspace, tmp_path):
    write_export(workspace.root, tmp_path / "copy")
    content = (tmp_path / "copy/data.js").read_text()
    assert '"dropped: glare"' in content and '"the features\' first number; -1 to 1, higher is worse"' in content


def test_the_scorecard_judges_them(workspace):
    truth = read_truth(workspace.root / "data/raw/truth.csv", class_names=NAMES)
    card = scorecard(workspace.table("ledger"), truth)
    ledger, is_ood = workspace.table("ledger"), truth["is_ood"].to_numpy(dtype=bool)
    assert card["glare.true_positives"] == (ledger["flagged_glare"].to_numpy() & is_ood).sum()
    assert {"glare.recall", "glare.auroc", "detectors.beam.auroc"} <= card.keys()
    assert card["detectors.beam.auroc"] == card["glare.auroc"]


def test_the_report_shows_them(workspace, root):
    truth = read_truth(workspace.root / "data/raw/truth.csv", class_names=NAMES)
    inputs = make_inputs(root)
    ledger = workspace.table("ledger")
    named = {"image_id": ledger["image_id"].iloc[: len(inputs.submission_set)].to_numpy()}
    facts = gather(
        replace(
            inputs,
            ledger=ledger,
            images=workspace.table("images"),
            image_map=workspace.table("map"),
            submission_set=inputs.submission_set.assign(**named),
            metrics=inputs.metrics | {"scorecard": scorecard(ledger, truth)},
        )
    )
    page = render_page(facts)
    assert 'id="gallery-dropped-glare"' in page and "<td>glare</td>" in page
    assert "<td>beam</td><td>the features&#x27; first number; -1 to 1, higher is worse</td>" in page
    assert page.count("<td>beam</td>") == 2  # among the scores, and among the detectors against the truth
    beam = next(found for found in facts.histograms if found.score is BEAM)
    assert beam.counts.sum() == len(ledger) and beam.beyond == ledger["flagged_glare"].sum()
    assert len(make_slides(facts)) > 10_000
