"""Groups of the map, as the review app shows them."""

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from winnow.errors import WinnowError
from winnow.review.groups import SMALLEST, apart, map_groups, members
from winnow.review.server import create_app
from winnow.review.session import Session
from workspaces import write_workspace


def lumps(*sizes, seed=0):
    """Places in tight lumps far from one another, of which the last images are alone; features turn from lump to lump,
    and within one from its first member on."""
    rng = np.random.default_rng(seed)
    centres = 20.0 * np.arange(3 * len(sizes)).reshape(-1, 3)
    places = [centre + 0.05 * rng.normal(size=(size, 3)) for centre, size in zip(centres, sizes, strict=True)]
    angles = [lump + 0.001 * np.arange(size) for lump, size in enumerate(sizes)]
    alone = rng.uniform(500, 5000, (7, 3))
    turned = np.concatenate([*angles, np.zeros(7)])
    return np.concatenate([*places, alone]), np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32)


def test_what_lies_close_together_is_a_group_and_what_lies_alone_is_in_none():
    places, features = lumps(30, 45, 25)
    groups = map_groups(places, features, size="medium")
    assert [sorted(rows.tolist()) for rows in groups] == [
        list(range(30, 75)),
        list(range(30)),
        list(range(75, 100)),
    ]


def test_the_most_typical_member_comes_first_and_the_oddest_last():
    places, features = lumps(41, 30)
    features[7] = -features[20]  # nothing like its neighbours on the map
    rows, _ = map_groups(places, features, size="medium")
    assert rows[-1] == 7
    mean = features[rows].mean(axis=0)
    cosine = features[rows] @ mean
    assert (np.diff(cosine) <= 0).all() and rows[0] in range(15, 26), "the middle of the lump is typical"


def test_a_group_that_is_too_small_for_the_size_asked_for_is_none():
    places, features = lumps(30, 45, 25)
    assert len(map_groups(places, features, size="small")) >= 3
    assert map_groups(places, features, size="large") == []
    assert map_groups(places[: SMALLEST["small"] - 1], features[:7], size="small") == []


def test_a_group_that_is_unlike_all_others_is_the_farthest_however_dense_it_is():
    towards = np.array([[1, 0, 0], [0.9, 0.44, 0], [0.8, 0.6, 0], [0, 0, 1]])
    spread = np.repeat([0.1, 0.1, 0.1, 0.001], 20)[:, None]
    features = np.repeat(towards, 20, axis=0) + spread * np.random.default_rng(0).normal(size=(80, 3))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    number = np.append(np.repeat([7, 2, 9, 4], 20), -1)
    features = np.append(features, features[:1], axis=0).astype(np.float32)
    groups = members(number, features)
    assert [number[rows[0]] for rows in groups] == [7, 2, 9, 4] and sum(map(len, groups)) == 80
    distance = apart(groups, features)
    assert distance[60:80].min() > distance[:60].max() and np.isnan(distance[80])
    assert np.isnan(apart([], features)).all() and (apart([np.arange(81)], features) == 2).all()


def test_many_places_are_clustered_aside_as_they_would_be_here(monkeypatch):
    places, features = lumps(30, 45, 25)
    here = map_groups(places, features, size="medium")
    monkeypatch.setattr("winnow.review.groups._MOST_HERE", 10)
    aside = map_groups(places, features, size="medium")
    assert [rows.tolist() for rows in aside] == [rows.tolist() for rows in here]
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(WinnowError, match="could not be made"):
        map_groups(places, features, size="medium")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return write_workspace(tmp_path_factory.mktemp("groups-of-the-map") / "animals", images=400)


def test_groups_are_served_and_none_without_a_map(folder):
    client = TestClient(
        create_app(Session(folder, reviewer="ada"), host="127.0.0.1", port=8642, token=None),
        base_url="http://127.0.0.1:8642",
    )
    groups = client.get("/api/groups?size=small").json()["groups"]
    rows = [row for group in groups for row in group]
    assert groups and len(set(rows)) == len(rows) and set(rows) <= set(range(400))
    assert min(map(len, groups)) >= SMALLEST["small"]
    refused = client.get("/api/groups?size=999")
    assert refused.status_code == 422 and "size" in refused.json()["error"]
    (folder / "data/interim/map.parquet").unlink()
    ledger = pd.read_parquet(folder / "data/processed/ledger.parquet")
    ledger.iloc[::-1].to_parquet(folder / "data/processed/ledger.parquet")  # another run
    assert client.get("/api/groups").json() == {"groups": None}
