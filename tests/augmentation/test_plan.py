"""The plan of copies: within the budget, even, varied, repeatable."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.augmentation.balance import effective_number_shares, share_out
from winnow.augmentation.edge_cases import difficulty_by, edge_case_weights, ranked_weights
from winnow.augmentation.plan import choose_originals, plan_copies
from winnow.augmentation.techniques import TECHNIQUES as ALL_TECHNIQUES
from winnow.errors import WinnowError
from winnow.submission.names import parse_name

TECHNIQUES = {"flip": 1.0, "crop": 1.0, "rotation": 2.0, "color": 0.5, "oversampling": 0.0, "mixup": 1.0}


def _originals(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.array([f"img_{row:05d}" for row in range(len(labels))], dtype=str), labels


def _plan(sizes: list[int], **options) -> pd.DataFrame:
    defaults = {"budget": 100, "balance": "equal", "max_copies_per_image": 6, "techniques": TECHNIQUES, "seed": 0}
    return plan_copies(*_originals(sizes), **(defaults | options))


def _totals(plan: pd.DataFrame, sizes: list[int]) -> list[int]:
    return (np.bincount(plan["label"], minlength=len(sizes)) + sizes).tolist()


@pytest.mark.parametrize(
    ("sizes", "budget", "most", "totals"),
    [
        ([10, 20, 30], 90, 6, [30, 30, 30]),
        ([10, 20, 30], 65, 6, [15, 20, 30]),  # the smallest class first
        ([10, 20, 30], 72, 6, [21, 21, 30]),
        ([10, 20, 30], 73, 6, [22, 21, 30]),  # what cannot be shared goes to the first class
        ([10, 20, 30], 120, 1, [20, 40, 60]),  # every image has its one copy
        ([2, 20, 30], 90, 2, [6, 42, 42]),  # a class that can have no more leaves the rest to others
        ([10, 20, 30], 60, 6, [10, 20, 30]),
        ([10, 20, 30], 99, 0, [10, 20, 30]),
        ([0, 20, 30], 60, 6, [0, 30, 30]),
    ],
)
def test_equal_balance_raises_the_smallest_classes_first(sizes, budget, most, totals) -> None:
    plan = _plan(sizes, budget=budget, max_copies_per_image=most, techniques={"crop": 1.0})
    assert _totals(plan, sizes) == totals


@pytest.mark.parametrize(
    ("sizes", "budget", "most", "totals"),
    [
        ([10, 20, 30], 120, 6, [20, 40, 60]),
        ([10, 20, 30], 66, 6, [11, 22, 33]),
        ([10, 20, 30], 500, 1, [20, 40, 60]),
        ([1, 1, 1], 4, 6, [2, 1, 1]),
    ],
)
def test_no_balance_keeps_the_proportions(sizes, budget, most, totals) -> None:
    plan = _plan(sizes, budget=budget, max_copies_per_image=most, balance="none", techniques={"crop": 1.0})
    assert _totals(plan, sizes) == totals


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any),
    extra=st.integers(0, 200),
    most=st.integers(0, 9),
    balance=st.sampled_from(["equal", "effective_number", "none"]),
    weights=st.dictionaries(st.sampled_from(sorted(TECHNIQUES)), st.floats(0, 5), max_size=6),
    seed=st.integers(0, 2**31),
)
def test_properties_that_every_plan_has(sizes, extra, most, balance, weights, seed) -> None:
    if not any(weights.values()):
        weights = {**weights, "crop": 1.0}
    image_id, labels = _originals(sizes)
    budget = len(image_id) + extra
    plan = plan_copies(
        image_id, labels, budget=budget, balance=balance, max_copies_per_image=most, techniques=weights, seed=seed
    )
    assert len(image_id) + len(plan) <= budget
    names = pd.concat([plan["name"], pd.Series(image_id)])
    assert names.is_unique
    assert plan["name"].is_monotonic_increasing
    per_image = plan["image_id"].value_counts().reindex(image_id, fill_value=0)
    assert per_image.max() <= most
    per_class = per_image.groupby(labels)
    assert (per_class.max() - per_class.min()).max() <= 1

    source_label = pd.Series(labels, index=image_id)
    assert (plan["label"].to_numpy() == source_label[plan["image_id"]].to_numpy()).all()
    assert all(weights[technique] > 0 for technique in set(plan["technique"]))
    mixed = plan[plan["technique"] == "mixup"]
    assert (mixed["partner"] != mixed["image_id"]).all()
    assert (source_label[mixed["partner"]].to_numpy() == mixed["label"].to_numpy()).all()
    assert (plan.loc[plan["technique"] != "mixup", "partner"] == "").all()

    used = plan.groupby(["image_id", "technique"]).size()
    assert (used[used.index.get_level_values("technique") == "flip"] == 1).all()
    for (image, technique), count in used.items():
        stems = {f"{image}_{technique}"} if count == 1 else {f"{image}_{technique}-{k + 1}" for k in range(count)}
        own = plan[(plan["image_id"] == image) & (plan["technique"] == technique)]
        assert set(own["name"]) == stems
    # No technique comes again before the image has had all that could still make a new picture.
    repeatable = used[used.index.get_level_values("technique") != "flip"]
    usable = [name for name, weight in weights.items() if weight > 0]
    sizes_of = pd.Series(labels).value_counts()
    for image, counts in repeatable.groupby("image_id"):
        open_to = [n for n in usable if n != "flip" and (n != "mixup" or sizes_of[source_label[image]] > 1)]
        counts = counts.droplevel("image_id").reindex(open_to, fill_value=0)
        assert counts.max() - counts.min() <= 1


@settings(max_examples=100, deadline=None)
@given(
    bounds=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6),
    extra=st.integers(0, 150),
)
def test_equal_shares_are_as_equal_as_can_be(bounds, extra) -> None:
    low = np.array([min(pair) for pair in bounds])
    high = np.array([max(pair) for pair in bounds])
    budget = int(low.sum()) + extra
    totals = share_out(low, high, np.ones(len(low)), budget)
    assert (low <= totals).all()
    assert (totals <= high).all()
    assert totals.sum() == min(budget, high.sum())
    for richer in np.flatnonzero(totals > low):
        for poorer in np.flatnonzero(totals < high):
            assert totals[richer] - totals[poorer] <= 1  # else one could be moved


@pytest.mark.parametrize(
    ("beta", "shares"),
    [
        (0.0, [0.1, 0.9]),  # every class has one effective image: the proportions of the classes
        (0.9, [10 / (1 - 0.9**10), 90 / (1 - 0.9**90)]),
        (1 - 1e-9, [0.5, 0.5]),  # every image counts whole: equal classes
    ],
)
def test_effective_numbers_lie_between_the_proportions_and_equality(beta, shares) -> None:
    expected = np.array(shares) / np.sum(shares)
    np.testing.assert_allclose(effective_number_shares(np.array([10, 90]), beta=beta), expected, rtol=1e-5)


def test_a_class_without_images_has_no_share() -> None:
    np.testing.assert_array_equal(effective_number_shares(np.array([0, 5]), beta=0.9), [0, 1])


@pytest.mark.parametrize(
    ("beta", "totals"),
    [(0.0, [20, 180]), (1 - 1e-9, [100, 100]), (0.99, [82, 118])],  # 0.99: 10 / 9.56 to 90 / 59.53
)
def test_effective_number_balance_by_hand(beta, totals) -> None:
    sizes = [10, 90]
    plan = _plan(sizes, budget=200, balance="effective_number", effective_number_beta=beta, max_copies_per_image=20)
    assert _totals(plan, sizes) == pytest.approx(totals, abs=1)
    assert sum(_totals(plan, sizes)) == 200


def test_shares_are_kept_where_the_bounds_allow() -> None:
    totals = share_out(np.array([0, 0, 5]), np.array([100, 8, 5]), np.array([2.0, 1.0, 1.0]), 35)
    assert totals.tolist() == [22, 8, 5]  # the second at its bound leaves the rest to the first
    assert share_out(np.array([3, 1]), np.array([9, 9]), np.array([0.0, 1.0]), 8).tolist() == [3, 5]


def test_heavier_images_have_more_copies_up_to_the_most() -> None:
    image_id, labels = _originals([4])
    options = {"balance": "equal", "techniques": {"crop": 1.0}, "seed": 0, "weights": np.array([1.0, 1, 2, 4])}
    counts = plan_copies(image_id, labels, budget=12, max_copies_per_image=6, **options)["image_id"].value_counts()
    assert counts[image_id].tolist() == [1, 1, 2, 4]
    counts = plan_copies(image_id, labels, budget=14, max_copies_per_image=3, **options)["image_id"].value_counts()
    assert counts[image_id].tolist() == [2, 2, 3, 3]  # what the heavy ones cannot take goes to the others


def test_weights_round_up_in_proportion() -> None:
    image_id, labels = _originals([3000])
    weights = np.where(np.arange(3000) < 1500, 1.0, 3.0)
    plan = plan_copies(
        image_id,
        labels,
        budget=3300,
        balance="equal",
        max_copies_per_image=5,
        techniques={"crop": 1.0},
        seed=1,
        weights=weights,
    )
    heavy = np.isin(plan["image_id"], image_id[1500:])
    assert len(plan) == 300
    assert heavy.mean() == pytest.approx(0.75, abs=0.06)


def test_hard_clean_images_weigh_more_and_doubtful_ones_do_not() -> None:
    pred_probs = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95]])
    labels = np.array([0, 0, 0, 0, 1, 1])
    quality = np.array([0.99, 0.95, 0.9, 0.6, 0.5, 0.3])
    options = {
        "class_probs": np.where(np.arange(2) == labels[:, None], quality[:, None], 1 - quality[:, None]),
        "labels": labels,
        "ood_score": np.array([0.0, 0.0, 0.1, 0.0, 0.9, 0.0]),
        "by_person": np.array([False, False, False, False, True, False]),
        "min_label_quality": 0.9,
        "max_ood_score": 0.1,
    }
    hard = difficulty_by("probe", pd.DataFrame(), pred_probs, labels)
    weights = edge_case_weights(hard, **options, strength=2.0)
    assert weights.tolist() == [1, 2, 3, 1, 1, 1]  # the hardest of all is not known to be clean
    assert edge_case_weights(hard, **options, strength=0.0).tolist() == [1] * 6
    odd = options | {"ood_score": np.array([0.0, 0.2, 0.1, 0.0, 0.0, 0.0])}
    assert edge_case_weights(hard, **odd, strength=2.0).tolist() == [1, 1, 3, 1, 1, 1]
    seen = options | {"by_person": np.array([False, False, False, True, False, True])}
    assert edge_case_weights(hard, **seen, strength=3.0).tolist() == [1, 2, 3, 4, 1, 1]


def test_by_neighbours_an_edge_case_is_far_out_among_its_given_class() -> None:
    near = pd.DataFrame(
        {
            "label": [0, 0, 0, 1],
            "neighbour_label": [0, 0, 1, 1],
            "neighbour_agreement": [1.0, 0.9, 1.0, 1.0],
            "neighbour_distance": [0.5, 3.0, 9.0, 2.0],
        }
    )
    final = np.array([0, 0, 0, 0])  # the last was relabelled, the third lies among others
    np.testing.assert_array_equal(difficulty_by("neighbours", near, np.ones((4, 2)), final), [0.5, 3.0, np.nan, np.nan])


def test_equally_hard_images_weigh_the_same() -> None:
    """A probability that rounds to 1 is the usual tie; the ranks of 0, 0, 0.2, 0.2 and 0.9 are 0, 0, 2, 2 and 4."""
    difficulty, labels = np.array([0.2, 0.0, 0.9, 0.0, 0.2]), np.zeros(5, dtype=int)
    assert ranked_weights(difficulty, labels, strength=2.0).tolist() == [2, 1, 3, 1, 2]
    assert ranked_weights(np.full(5, 0.3), labels, strength=2.0).tolist() == [1] * 5


def test_weights_share_out_single_copies() -> None:
    plan = _plan([4000], budget=8000, techniques={"crop": 3.0, "color": 1.0, "flip": 0.0})
    shares = plan["technique"].value_counts(normalize=True)
    assert shares["crop"] == pytest.approx(0.75, abs=0.03)
    assert shares["color"] == pytest.approx(0.25, abs=0.03)


def test_weights_favour_techniques_within_the_last_round() -> None:
    plan = _plan([1000], budget=3000, techniques={"crop": 3.0, "color": 1.0, "rotation": 1.0}, max_copies_per_image=2)
    counts = plan["technique"].value_counts()
    assert counts["crop"] == 1000  # twice 3/5 is more than once: every image has it
    assert counts["color"] == pytest.approx(500, abs=60)
    assert not plan.duplicated(["image_id", "technique"]).any()


def test_flip_alone_makes_one_copy_and_mixup_needs_company() -> None:
    assert len(_plan([5], techniques={"flip": 1.0})) == 5
    assert len(_plan([1, 3], techniques={"mixup": 1.0}, budget=20)) == 16
    assert "mixup" not in set(_plan([1], techniques={"mixup": 1.0, "crop": 0.1})["technique"])


def test_the_plan_is_deterministic_and_ignores_the_order_of_rows() -> None:
    image_id, labels = _originals([7, 12])
    options = {"budget": 60, "balance": "equal", "max_copies_per_image": 6, "techniques": TECHNIQUES}
    plan = plan_copies(image_id, labels, seed=3, **options)
    pd.testing.assert_frame_equal(plan, plan_copies(image_id[::-1], labels[::-1], seed=3, **options))
    assert not plan.equals(plan_copies(image_id, labels, seed=4, **options))


def test_the_plan_is_pinned() -> None:
    plan = _plan([2], budget=4, techniques={"crop": 1.0, "flip": 1.0})
    again = _plan([2], budget=4, techniques={"flip": 1.0, "crop": 1.0})
    pd.testing.assert_frame_equal(plan, again)  # the order of the settings says nothing
    assert (plan["seed"] >= 0).all()
    assert plan["seed"].is_unique


def test_originals_beyond_the_budget_are_refused() -> None:
    with pytest.raises(WinnowError, match="30 originals exceed the budget of 20"):
        _plan([10, 20], budget=20)


def test_no_technique_at_all_is_refused_unless_no_copies_are_wanted() -> None:
    with pytest.raises(WinnowError, match="weight 0"):
        _plan([10], techniques={"crop": 0.0})
    assert _plan([10], techniques={"crop": 0.0}, max_copies_per_image=0).empty
    assert list(_plan([10], techniques={}, max_copies_per_image=0).columns) == list(_plan([10]).columns)


def test_an_original_called_like_a_copy_is_refused() -> None:
    with pytest.raises(WinnowError, match="img_a_crop"):
        plan_copies(
            np.array(["img_a", "img_a_crop"]),
            np.array([0, 0]),
            budget=4,
            balance="equal",
            max_copies_per_image=1,
            techniques={"crop": 1.0},
            seed=0,
        )


def test_originals_within_the_budget_all_stay() -> None:
    assert choose_originals(*_originals([3, 4]), budget=7, seed=0).all()


def test_thinning_takes_from_the_largest_classes() -> None:
    image_id, labels = _originals([5, 50, 20])
    kept = choose_originals(image_id, labels, budget=40, seed=0)
    assert np.bincount(labels[kept]).tolist() == [5, 18, 17]
    assert (kept == choose_originals(image_id, labels, budget=40, seed=0)).all()
    assert (kept != choose_originals(image_id, labels, budget=40, seed=1)).any()


def test_a_budget_below_one_image_per_class_is_refused() -> None:
    with pytest.raises(WinnowError, match="one of each of 3 classes"):
        choose_originals(*_originals([5, 5, 5]), budget=2, seed=0)


def test_fifty_thousand_rows_are_planned_in_two_seconds() -> None:
    image_id, labels = _originals([1500, 5000, 3000, 4000, 2000])
    start = time.process_time()
    plan = plan_copies(
        image_id, labels, budget=50_000, balance="equal", max_copies_per_image=6, techniques=TECHNIQUES, seed=0
    )
    assert time.process_time() - start < 2
    assert len(plan) > 30_000


def test_the_linter_reads_source_and_technique_off_every_name() -> None:
    techniques = dict.fromkeys([*ALL_TECHNIQUES, "faster_autoaugment"], 1.0)
    image_id, labels = _originals([6, 6])
    plan = plan_copies(
        image_id, labels, budget=600, balance="equal", max_copies_per_image=30, techniques=techniques, seed=0
    )
    assert set(plan["technique"]) == set(techniques)
    for row in plan.itertuples():
        source, technique = parse_name(f"{row.name}.jpg", set(image_id))
        assert source == row.image_id
        assert technique.rstrip("0123456789").rstrip("-") == row.technique.replace("_", "-")


def test_no_copy_takes_the_name_of_an_image_that_left_the_set() -> None:
    image_id, labels = np.array(["img_a", "img_b"]), np.array([0, 0])
    options = {"budget": 4, "balance": "none", "max_copies_per_image": 1, "techniques": {"crop": 1.0}, "seed": 0}
    assert plan_copies(image_id, labels, **options)["name"].tolist() == ["img_a_crop", "img_b_crop"]
    with pytest.raises(WinnowError, match=r"img_b_crop.*augmented already"):
        plan_copies(image_id, labels, **options, taken=np.array(["img_a", "img_b", "img_b_crop"]))
