"""Places on the map: clusters stay together, the same seed gives the same bytes, few images are no problem."""

import numpy as np
import pytest

from winnow.learn.projection import map_images, project

SETTINGS = {"neighbours": 10, "min_distance": 0.1, "seed": 0}


def clusters(count=40, seed=0):
    rng = np.random.default_rng(seed)
    features = np.concatenate([centre + 0.15 * rng.normal(size=(count, 24)) for centre in np.eye(24)[:3]])
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), np.repeat([0, 1, 2], count)


@pytest.mark.parametrize("method", [pytest.param("umap", marks=pytest.mark.slow), "pca"])
def test_clusters_stay_together(method):
    features, label = clusters()
    three, two, used = project(features, method=method, **SETTINGS)
    assert used == method and three.shape == (120, 3) and two.shape == (120, 2)
    for places in (three, two):
        assert places.dtype == np.float32 and np.isfinite(places).all()
        distance = np.linalg.norm(places[:, None] - places[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        assert (label[distance.argmin(axis=1)] == label).mean() > 0.95
        assert 0.9 < np.quantile(np.linalg.norm(places - np.median(places, axis=0), axis=1), 0.99) < 1.1


@pytest.mark.slow
def test_the_seed_decides():
    features, _ = clusters()
    first, again, other = (project(features, method="umap", **(SETTINGS | {"seed": seed}))[0] for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize("count", [1, 2, 5, 29])
def test_few_images_are_laid_out_by_principal_components(count):
    features = clusters()[0][:count]
    three, two, used = project(features, method="umap", **SETTINGS)
    assert used == "pca" and three.shape == (count, 3) and two.shape == (count, 2) and np.isfinite(three).all()


@pytest.mark.slow
def test_alike_images_and_narrow_features():
    same = np.repeat(clusters()[0][:1], 50, axis=0)
    assert np.isfinite(project(same, method="umap", **SETTINGS)[0]).all()
    narrow = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    assert project(narrow, method="pca", **SETTINGS)[0].shape == (40, 3)


def test_the_map_has_a_row_per_image_in_the_order_of_ids():
    features, _ = clusters(count=2)
    ids = np.array(["f", "e", "d", "c", "b", "a"])
    frame = map_images(ids, features, method="pca", **SETTINGS)
    assert frame.columns.tolist() == ["image_id", "method", "x3", "y3", "z3", "x2", "y2"]
    assert frame["image_id"].tolist() == list("abcdef") and (frame["method"] == "pca").all()
    three, two, _ = project(features, method="pca", **SETTINGS)
    assert (frame[["x3", "y3", "z3"]].to_numpy() == three[::-1]).all() and (frame["y2"] == two[::-1, 1]).all()
