"""The order of removal holds the groups' shares, and a cut is a prefix of it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clouds import unit_vectors
from winnow.filtering.agreement import block_agreement
from winnow.filtering.blocks import block_keepers
from winnow.filtering.cover import Copies
from winnow.filtering.coverage import coverage, distance_to_kept, smallest_share
from winnow.filtering.cut import cut
from winnow.filtering.groups import cluster_groups, group_labels, predicted_groups, signature_groups
from winnow.filtering.order import removal_order
from winnow.filtering.outliers import density_tree, outlier_order
from winnow.filtering.redundancy import score_redundancy


def scores(points, *, groups=None, balance=None, floor=0.95, **options):
    groups = np.zeros(len(points), dtype=int) if groups is None else groups
    balance = groups if balance is None else balance
    return score_redundancy(points, method="ward", groups=groups, balance=balance, floor=floor, **options)


def cut_at(points, found, *, groups=None, **options):
    groups = np.zeros(len(points), dtype=int) if groups is None else groups
    chosen = {"outliers": 0.0, "similar": 0.0, "within": 0.0, "keep": None, "most_of_a_group": 0.3} | options
    return cut(
        points,
        copies=points,
        outlier_order=outlier_order(density_tree(points)),
        removal_rank=found.removal_rank,
        keeper=found.keeper,
        copy_groups=groups,
        pixels=np.ones(len(points), dtype=int),
        groups=groups,
        **chosen,
    )


def test_copies_go_first_the_nearest_before_all_and_the_rest_as_if_they_were_not_there():
    points = unit_vectors(60, 8, seed=3)
    of, distance = np.full(60, -1), np.full(60, np.nan)
    of[[5, 40, 12]], distance[[5, 40, 12]] = [7, 7, 30], [0.2, 0.1, 0.3]
    found = scores(points, floor=0, copies=Copies(of, distance))
    assert np.argsort(found.removal_rank)[1:4].tolist() == [40, 5, 12]  # the first is the one that never goes
    assert found.keeper[[5, 40, 12]].tolist() == [7, 7, 30] and (found.height[of >= 0] < 0).all()
    assert (found.tile[[5, 40, 12]] == found.tile[[7, 7, 30]]).all() and len(set(found.tile)) == 50
    rest = np.flatnonzero(of < 0)
    alone = scores(points[rest], floor=0)
    assert (found.keeper[rest] == rest[alone.keeper]).all() and (found.height[rest] == alone.height).all()
    assert (np.maximum(found.removal_rank[rest] - 3, 0) == alone.removal_rank).all()
    for keep in (0.97, 0.5, 0.02):  # whoever goes, its chain of keepers ends at one that stays
        chosen = cut_at(points, found, keep=keep)
        assert chosen.kept.sum() == round(keep * 60) and chosen.kept[chosen.keeper[~chosen.kept]].all()


def test_a_group_of_copies_alone_goes_for_others_and_a_floor_holds_copies_back():
    """Group 1 is all copies of group 0; ranks are of all that may go, each once."""
    points = unit_vectors(40, 8, seed=4)
    group = np.repeat([0, 1], 20)
    of = np.where(group == 1, np.arange(40) - 20, -1)
    copies = Copies(of, np.where(group == 1, 0.1, np.nan))
    for floor in (0.0, 0.95):
        found = scores(points, groups=group, floor=floor, copies=copies)
        assert sorted(found.removal_rank) == list(range(40)) and (found.keeper[group == 1] == np.arange(20)).all()
        half = cut_at(points, found, groups=group, keep=0.5)
        assert half.kept.sum() == 20 and half.kept[half.keeper[~half.kept]].all()
        left = int(half.kept[group == 1].sum())
        assert left == 0 if floor == 0 else left >= 9


def test_without_a_floor_the_height_alone_decides():
    assert removal_order(np.array([3.0, 1, np.inf, 2]), np.array([0, 1, 0, 1]), floor=0).tolist() == [1, 3, 0]


def test_a_group_that_would_fall_under_its_share_waits():
    height = np.array([1.0, 2, 3, np.inf, 10, 11, 12, np.inf])
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert removal_order(height, group, floor=0).tolist() == [0, 1, 2, 4, 5, 6]
    assert removal_order(height, group, floor=1).tolist() == [0, 4, 1, 5, 2, 6]


@settings(max_examples=25, deadline=None)
@given(st.integers(60, 200), st.integers(1, 4), st.integers(0, 10_000))
def test_no_group_falls_under_its_share_while_whole_images_allow(count, groups, seed):
    rng = np.random.default_rng(seed)
    group = rng.integers(groups, size=count)
    height = rng.random(count)
    order = removal_order(height, group, floor=0.95)
    assert sorted(order.tolist()) == list(range(count))
    for gone in range(0, count - 10 * groups, 7):
        left = np.bincount(np.delete(group, order[:gone]), minlength=groups)
        share = np.bincount(group, minlength=groups) / count
        assert (left >= np.floor(0.95 * share * (count - gone))).all()


def test_each_cut_is_part_of_the_next_and_the_counts_add_up():
    points = unit_vectors(300, 8)
    group = cluster_groups(points, clusters=4, seed=0)
    found = scores(points, groups=group)
    assert sorted(found.removal_rank[found.removal_rank > 0].tolist()) == list(range(1, 297))
    before = np.zeros(300, dtype=bool)
    for share in (0.0, 0.1, 0.3, 0.5, 0.8, 0.9):
        result = cut_at(points, found, groups=group, similar=share)
        gone = ~result.kept
        assert gone.sum() == round(300 * share) and not (before & ~gone).any()
        assert result.kept[result.keeper[gone]].all() and (group[result.keeper[gone]] == group[gone]).all()
        before = gone


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.one_of(st.none(), st.floats(0.01, 1)), st.floats(0, 1))
def test_any_shares_give_verdicts_whose_counts_add_up(outliers, similar, keep, most):
    points = unit_vectors(60, 4)
    result = cut_at(points, scores(points), outliers=outliers, similar=similar, keep=keep, most_of_a_group=most)
    counts = {name: int((result.verdict == name).sum()) for name in ("kept", "outlier", "redundant")}
    assert sum(counts.values()) == 60
    assert counts["outlier"] == min(round(outliers * 60), int(most * 60))
    redundant = result.verdict == "redundant"
    assert (result.keeper[redundant] >= 0).all() and result.kept[result.keeper[redundant]].all()
    assert np.isfinite(result.distance[redundant]).all() and np.isnan(result.distance[~redundant]).all()


def test_keep_counts_all_images():
    points = unit_vectors(100, 4)
    assert cut_at(points, scores(points), outliers=0.1, keep=0.5).kept.sum() == 50


def test_no_image_goes_farther_than_within():
    points = unit_vectors(200, 4)
    result = cut_at(points, scores(points), similar=None, within=0.3)
    assert 0 < (~result.kept).sum() < 200 and np.nanmax(result.distance) <= 0.3 + 1e-6


def test_copies_go_at_any_distance_and_one_of_them_stays():
    points = unit_vectors(50, 8)
    points[40:] = points[3]
    result = cut_at(points, scores(points), similar=None, within=1e-6)
    assert (~result.kept).sum() == 10 and set(np.flatnonzero(~result.kept)) < {3, *range(40, 50)}


def test_a_person_comes_first():
    points = unit_vectors(50, 8)
    keep, drop = np.zeros(50, dtype=bool), np.zeros(50, dtype=bool)
    free = cut_at(points, scores(points), outliers=0.1, similar=0.3)
    keep[np.flatnonzero(free.verdict == "outlier")[0]] = keep[np.flatnonzero(free.verdict == "redundant")[0]] = True
    drop[np.flatnonzero(free.kept)[:3]] = True
    result = cut_at(points, scores(points), outliers=0.1, similar=0.3, keep_anyway=keep, drop_anyway=drop)
    assert result.kept[keep].all() and (result.verdict[drop] == "person").all()
    assert (result.verdict == "outlier").sum() == 5 and (result.verdict == "redundant").sum() == 15


def test_a_rare_class_does_not_go_as_outliers():
    rng = np.random.default_rng(0)
    usual = rng.normal(size=(200, 16)) * 0.05 + np.eye(16)[0]
    rare = rng.normal(size=(10, 16)) * 0.2 + np.eye(16)[1]
    points = np.vstack([usual, rare]).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    group = np.r_[np.zeros(200, dtype=int), np.ones(10, dtype=int)]
    result = cut_at(points, scores(points), groups=group, outliers=0.05, most_of_a_group=0.3)
    assert (result.verdict[200:] == "outlier").sum() == 3 and result.spared == 7


def test_outliers_that_no_group_can_spare_are_counted_and_a_share_is_not_rounded_away():
    points = unit_vectors(200, 8)
    pairs = np.repeat(np.arange(100), 2)
    result = cut_at(points, scores(points), groups=pairs, outliers=0.1, most_of_a_group=0.3)
    assert not (result.verdict == "outlier").any() and result.spared == 200  # of a pair .3 is none
    half = np.repeat([0, 1], 100)
    result = cut_at(points, scores(points), groups=half, outliers=1.0, most_of_a_group=0.29)
    assert (result.verdict == "outlier").sum() == 2 * 29 and result.spared == 200 - 2 * 29


def test_half_of_a_set_of_copies_goes_and_covers_better_than_chance():
    rng = np.random.default_rng(0)
    points = unit_vectors(200, 16)
    copies = points + 0.02 * rng.normal(size=points.shape)
    both = np.vstack([points, copies]).astype(np.float32)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    result = cut_at(both, scores(both, floor=0), similar=0.5)
    kept = np.flatnonzero(result.kept)
    assert len(set(kept % 200)) == 200
    figures = coverage(both, result.kept, np.zeros(400), seed=0)
    assert figures["filtered"]["distance_mean"] < 0.1 * figures["random"]["distance_mean"]


def test_distances_and_shares_are_worked_by_hand():
    points = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
    kept = np.array([True, False, True, False])
    np.testing.assert_allclose(distance_to_kept(points, kept), [1 - 0.8, 1 - 0.0], atol=1e-6)
    # shares 3/4 and 1/4 become 1/2 and 1/2
    assert smallest_share(np.array([0, 0, 1, 0]), kept) == (1 / 2) / (3 / 4)


def test_blocks_agree_with_the_whole_tree_on_copies_across_their_borders():
    points = unit_vectors(600, 8)
    points = np.vstack([points, points[:200]])
    in_blocks = block_keepers(points, linkage="ward", seed=0, block=100)
    assert (in_blocks.height[np.isfinite(in_blocks.height)] < 1e-6).sum() == 200
    found = scores(points, most_exact=100)
    for share in (0.2, 0.5, 0.8):
        result = cut_at(points, found, similar=share)
        assert (~result.kept).sum() == round(800 * share)
    again = scores(points, most_exact=100)
    np.testing.assert_array_equal(found.removal_rank, again.removal_rank)


@pytest.mark.parametrize("linkage", ["ward", "average"])
def test_blocks_agree_with_the_exact_tree_where_groups_lie_apart_and_less_where_borders_cut_them(linkage):
    """Pairs that lie within .01, of which one goes by either order; and points that nothing parts."""
    rng = np.random.default_rng(0)
    pairs = np.repeat(unit_vectors(200, 16), 2, axis=0) + rng.normal(scale=0.001, size=(400, 16))
    pairs = (pairs / np.linalg.norm(pairs, axis=1, keepdims=True)).astype(np.float32)
    apart = block_agreement(pairs, linkage=linkage, seed=0, block=100, sample=400)
    assert apart.blocks == 4 and apart.images == apart.sampled == 400
    assert apart.kept_by_both > 0.95 and apart.by_chance == 0.5
    even = rng.normal(size=(1200, 16))
    even = (even / np.linalg.norm(even, axis=1, keepdims=True)).astype(np.float32)
    cut_up = block_agreement(even, linkage=linkage, seed=0, block=20, sample=600)
    assert 0.5 < cut_up.kept_by_both < 0.95 and (cut_up.images, cut_up.blocks, cut_up.sampled) == (1200, 60, 600)
    assert cut_up == block_agreement(even, linkage=linkage, seed=0, block=20, sample=600)
    assert "1,200 images are ranked in 60 blocks: of 600 of them" in cut_up.sentence


def test_predicted_groups_mend_wrong_labels_and_serve_the_unlabelled():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 60)
    features = (np.eye(3)[truth] + 0.1 * rng.normal(size=(180, 3))).astype(np.float32)
    labels = truth.copy()
    labels[:6] = 1
    labels[170:] = -1
    predicted = predicted_groups(features, labels, num_classes=3, folds=5, seed=0)
    assert (predicted == truth).mean() > 0.97


def test_an_image_without_a_label_is_of_no_class():
    def known(labels, classes=""):
        return group_labels(pd.DataFrame({"label": labels, "boxes": int(bool(classes)), "classes": classes}))

    assert known(["dog", "", "cat", "dog"]).tolist() == [1, -1, 0, 1]
    assert known(["dog", "cat"]).tolist() == [1, 0]
    assert known(["", ""]) is None and known(["", ""], "cell").tolist() == [0, 0]


def test_sets_of_classes_of_few_images_share_a_group():
    groups = signature_groups(["a", "a", "a,b", "b", "a"], at_least=2)
    assert groups[0] == groups[1] == groups[4] and groups[2] == groups[3] != groups[0]
