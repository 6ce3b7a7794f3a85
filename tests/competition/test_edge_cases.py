"""Edge cases are not taken for errors, at the pipeline's own parameters.

In planted features they lie many times as far from the nearest of their class as is usual, so that distance alone
would take all of them. In the built-in sample they are thin digits, and networks make the features.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from winnow.competition import rounds
from winnow.competition.pool import read_pool, shrunk
from winnow.competition.rounds import VALUES, Rules, clean_round, decide_round, score_round
from winnow.competition.sample import make_sample
from winnow.detect.labels.neighbour_rule import outside_its_class, with_another_label
from winnow.detect.valuation.options import options_of
from winnow.detect.valuation.values import value_images
from winnow.encoders.fitted.networks import TrainedSettings
from winnow.params.competition import CompetitionParams

CPU = torch.device("cpu")
FILE = Path(__file__).resolve().parents[2] / "pipelines/competition/params.yaml"
PARAMS = CompetitionParams.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def planted(*, classes: int = 5, plain: int = 40, edges: int = 4, wrong: int = 4, dims: int = 32):
    """(N, D) unit vectors in a tight cluster for each class, and edge cases at 45 degrees from it, each in a direction
    of its own; the labels that were given, and `kind` of each image: `plain`, `edge` or `wrong`."""
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(classes), plain + edges + wrong)
    kind = np.tile(np.repeat(["plain", "edge", "wrong"], [plain, edges, wrong]), classes)
    away = rng.normal(size=(len(label), dims))
    away[:, :classes] = 0
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    features = np.eye(classes, dims)[label] + np.where(kind == "edge", 1.0, 0.15)[:, None] * away
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    given = np.where(kind == "wrong", (label + rng.integers(1, classes, len(label))) % classes, label)
    return features.astype(np.float32), given, kind


@pytest.mark.parametrize("another_cluster", [False, True])
def test_what_is_far_out_in_the_cluster_of_its_class_stays(another_cluster, monkeypatch):
    features, given, kind = planted()
    encoded = SimpleNamespace(features=features)
    monkeypatch.setattr(rounds, "fit_out_of_fold", lambda *arguments, **options: encoded)
    options = PARAMS.cleaning.model_dump() | {"neighbour_drop_cluster": another_cluster}
    rules = Rules(**{name: options[name] for name in Rules.__dataclass_fields__})
    scores = score_round(
        np.random.default_rng(0).integers(256, size=(len(given), 32, 32, 3), dtype=np.uint8),  # no copies
        given,
        given,
        np.full(len(given), np.nan),
        num_classes=5,
        encoder=TrainedSettings(**options["encoder"]),
        rules=rules,
        device=CPU,
    )
    distance = scores["neighbour_distance"].groupby(kind)
    assert distance.min()["edge"] > 2 * rules.neighbour_drop_distance  # distance alone would drop every one
    changed = decide_round(scores, given, given, np.zeros(len(given), dtype=bool), rules)["final_label"] != given
    assert not changed[kind == "edge"].any() and changed[kind == "wrong"].all()


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> pd.DataFrame:
    """A first round, with `kind`: `wrong`, `scribble`, and of right labels `edge`, drawn thin, or `plain`."""
    names = PARAMS.competition.class_names
    sample = make_sample(**PARAMS.competition_sample.model_dump())
    archive = tmp_path_factory.mktemp("pool") / "pool.zip"
    archive.write_bytes(sample.pool)
    pool = read_pool(archive, class_names=names)
    reference, images = pool[pool["split"] == "label_book"], pool[pool["split"] != "label_book"]
    values = value_images(
        images["image_id"].to_numpy(),
        shrunk(images["image_bytes"].tolist()),
        images["label"].to_numpy(),
        shrunk(reference["image_bytes"].tolist()),
        reference["label"].to_numpy(),
        num_classes=len(names),
        **options_of(PARAMS.valuation),
        device=CPU,
    )
    images = images.merge(values[["image_id", *VALUES]], on="image_id", validate="1:1")
    decided, _ = clean_round(images, None, num_classes=len(names), options=PARAMS.cleaning.model_dump(), device=CPU)
    decided = decided.merge(sample.truth, on="image_id", validate="1:1")
    wrong = (decided["true_label"] >= 0) & (decided["true_label"] != decided["label"])
    right = np.where(decided["thin"] == 1, "edge", "plain")
    return decided.assign(kind=np.where(decided["true_label"] < 0, "scribble", np.where(wrong, "wrong", right)))


@pytest.mark.slow
def test_the_planted_edge_cases_are_far_out_but_among_their_class(judged):
    distance = judged.groupby("kind")["neighbour_distance"].median()
    assert distance["edge"] > 1.5 * distance["plain"] and distance["wrong"] > 1.5 * distance["edge"]
    own = (judged["neighbour_label"] == judged["label"]).groupby(judged["kind"]).mean()
    assert own["edge"] > 0.6 and own["wrong"] < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("another_cluster", [False, True])
def test_every_detector_flags_far_fewer_edge_cases_than_wrong_labels(judged, another_cluster):
    given, cleaning = judged["label"].to_numpy(), PARAMS.cleaning
    distance = cleaning.neighbour_drop_distance
    flagged = {
        "label quality": judged["label_quality_score"] < cleaning.label_quality_threshold,
        "relabelled by neighbours": with_another_label(judged, given, share=cleaning.neighbour_relabel),
        "dropped by neighbours": outside_its_class(judged, given, distance=distance, another_cluster=another_cluster),
        "changed by the round": (judged["final_label"] != judged["label"]) | judged["drift"],
    }
    for detector, found in flagged.items():
        share = pd.Series(found, index=judged.index).groupby(judged["kind"]).mean()
        assert share["wrong"] > 0.1, detector
        assert share["edge"] < share["wrong"] / 4, detector


@pytest.mark.slow
def test_an_edge_case_that_its_neighbours_agree_with_is_hardly_ever_an_issue(judged):
    """Of right labels: as far out as most wrong ones, but with the label that most neighbours have."""
    among = (judged["kind"] == "edge") & (judged["neighbour_label"] == judged["label"])
    far = among & (judged["neighbour_distance"] > 1.5)
    assert far.sum() > 15
    issue = judged["label_quality_score"] < PARAMS.cleaning.label_quality_threshold
    assert issue[far].mean() < 0.1 and issue[judged["kind"] == "wrong"].mean() > 0.8
