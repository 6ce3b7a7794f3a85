"""Classes that lag: a planted one and its look-alike, counted by hand; and where none does."""

import dataclasses
import html
import io
import re

import numpy as np
import pandas as pd
import pytest
from pptx import Presentation

from report_inputs import jpeg, make_inputs, misjudged_of
from winnow.compare.proportion import share_interval
from winnow.errors import WinnowError
from winnow.report import lagging
from winnow.report.advice import advise
from winnow.report.content import gather
from winnow.report.inputs import Inputs
from winnow.report.page import render_page
from winnow.report.slides import make_slides

CAT, DOG, OWL = range(3)
NAMES = ["cat", "dog", "owl"]
CURATE = {
    "label_quality_threshold": 0.5,
    "relabel_confidence": 0.6,
    "relabel_sources": 1,
    "max_wrong_labels": 0.5,
    "ood_threshold": 0.5,
    "ood_detectors": 1,
    "doubtful_share": 0.1,
}
COLUMNS = ["label", "suggested_label", "label_quality_score", "suggested_confidence", "action", "final_label"]


def with_answers(inputs: Inputs, wrong: list[dict[int, int]]) -> Inputs:
    """A test set of 20 images a class. A network each, which takes so many of each class for the next one."""
    labels = np.arange(60) % 3
    place = np.arange(60) // 3
    names = np.array(inputs.class_names, dtype=object)
    predicted = [
        np.where(place < np.array([own.get(k, 0) for k in range(3)])[labels], (labels + 1) % 3, labels) for own in wrong
    ]
    splits = sorted(set(inputs.predictions["submission"]["split"]))
    table = pd.concat(
        pd.DataFrame(
            {"split": split, "image_id": [f"{split}_{i}" for i in range(60)], "leaks": 0, "label": names[labels]}
        )
        for split in splits
    )
    for seed, own in enumerate(predicted):
        table[f"seed-{seed}"] = np.tile(names[own], len(splits))
    recall = [np.mean([(own == labels)[labels == k].mean() for own in predicted]) for k in range(3)]
    per_class = inputs.per_class.copy()
    for k, name in enumerate(inputs.class_names):
        per_class.loc[(per_class["arm"] == "submission") & (per_class["class"] == name), "recall"] = recall[k]
    return dataclasses.replace(
        inputs,
        per_class=per_class,
        predictions=inputs.predictions | {"submission": table},
        misjudged=misjudged_of(
            names[labels], *[names[own] for own in predicted], splits=splits, class_names=inputs.class_names
        ),
    )


def make_pair(rows: list[tuple], **columns) -> pd.DataFrame:
    """A ledger with these rows of COLUMNS, all decided by rules; what is not dropped is trained on."""
    ledger = pd.DataFrame(rows, columns=COLUMNS)
    ledger.insert(0, "image_id", [f"img_{i:03d}" for i in range(len(ledger))])
    ledger["rule"] = np.where(ledger["action"] == "keep", "keep", "label_issue")
    split = np.where(ledger["action"] == "drop", "none", "train")
    return ledger.assign(**{"decided_by": "rule", "split": split} | columns)


def words(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def section(facts) -> str:
    return re.search(r'<section id="lagging">(.*?)</section>', render_page(facts), re.S)[1]


@pytest.fixture(scope="module")
def lagged(request):
    """Of three networks one takes 10 of 20 cats for dogs, the others 12; of owls each one takes 1 for a cat."""
    found = with_answers(
        make_inputs(request.config.rootpath), [{CAT: 10, OWL: 1}, {CAT: 12, OWL: 1}, {CAT: 12, OWL: 1}]
    )
    return gather(found)


def test_the_planted_class_is_named_with_its_look_alike(lagged):
    found = lagged.lagging
    assert (found.judged, found.count) == (3, 1) and found.level == pytest.approx(1 - 0.05 / 3)
    assert found.mean == pytest.approx((26 / 60 + 1 + 0.95) / 3)
    (cat,) = found.classes
    assert (cat.label, cat.taken_for, cat.images, cat.mistaken, cat.answers) == (CAT, DOG, 20, 34, 60)
    assert cat.accuracy == pytest.approx(26 / 60) and cat.baseline == pytest.approx(0.4)
    assert (cat.low, cat.high) == share_interval(26 / 60, 20, level=found.level) and cat.high < found.mean


def test_an_interval_that_reaches_the_mean_names_nobody(root):
    """Of 15 of 20 the 98.33% interval ends at 0.906, below the mean of (0.75, 1, 1); that of 17 reaches it."""
    for wrong, count in ((5, 1), (3, 0)):
        found = gather(with_answers(make_inputs(root), [{CAT: wrong}])).lagging
        high = share_interval(1 - wrong / 20, 20, level=found.level)[1]
        assert found.count == count == int(high < found.mean), (wrong, high)
    facts = gather(with_answers(make_inputs(root), [{CAT: 3}]))
    assert "<table" not in section(facts)
    assert "No class lags by more than chance" in words(section(facts))
    titles = [slide.shapes.title.text for slide in Presentation(io.BytesIO(make_slides(facts))).slides]
    assert not any("lag" in title for title in titles)


def test_wilsons_interval_by_hand():
    """8 of 10: (0.8 + 1.92 / 10 -+ 1.96 sqrt(0.016 + 0.0096)) / (1 + 3.84 / 10)."""
    assert share_interval(0.8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert share_interval(0.8, 10, level=0.99)[0] < 0.4902 and share_interval(1.0, 3)[1] == 1
    with pytest.raises(ValueError, match="not less than 1"):
        share_interval(0.5, 0)


def test_equal_classes_are_rarely_named():
    """Of 300 datasets of 28 classes that are equally hard, at most one in ten names any; at 95% each, every second."""
    rng = np.random.default_rng(0)
    right = rng.binomial(50, 0.75, (300, 28))
    ends = {
        level: np.array([share_interval(k / 50, 50, level=level)[1] for k in range(51)])
        for level in (0.95, 1 - 0.05 / 28)
    }
    named = {
        level: (high[right] < right.mean(axis=1, keepdims=True) / 50).any(axis=1).mean() for level, high in ends.items()
    }
    assert named[1 - 0.05 / 28] < 0.1 < 0.4 < named[0.95]


def test_the_pair_is_counted_both_ways(lagged):
    """By hand, of `make_ledger`: image i came as i % 3. With i % 10 in (5, 6) it became the next class: of cats 6 and
    15, of dogs none went to cats. Training images of the pair are those that turn 1 does not validate."""
    table = lagged.lagging.classes[0].pair
    assert table["class"].tolist() == ["cat", "dog"]
    assert table["relabelled"].tolist() == [2, 0] and table["suggested"].tolist() == [0, 0]
    assert table["noise"].tolist() == pytest.approx([0.15, 0.15])
    for column in ("originals", "copies"):
        assert table[column].tolist() == lagged.classes[column].head(2).tolist()


def test_kept_images_with_the_other_suggestion_are_counted_and_come_first(root):
    inputs = with_answers(make_inputs(root), [{CAT: 12}])
    ledger = inputs.ledger.copy()
    kept = ledger[(ledger["action"] == "keep") & (ledger["split"] == "train") & (ledger["label"] == CAT)].index
    ledger.loc[kept[:2], "suggested_label"] = DOG
    ledger.loc[kept[-1], "label_quality_score"] = 0.55
    dogs = ledger[(ledger["action"] == "keep") & (ledger["split"] == "train") & (ledger["label"] == DOG)].index
    ledger.loc[dogs[0], "suggested_label"] = CAT
    (cat,) = gather(dataclasses.replace(inputs, ledger=ledger)).lagging.classes
    assert cat.pair["suggested"].tolist() == [2, 1]
    gallery = next(gallery for gallery in cat.galleries if gallery.key == "lagging-0-kept")
    assert gallery.total == len(kept) == len(gallery.cards)
    assert gallery.cards[0].image_id == ledger["image_id"][kept[-1]]
    reasons = {card.image_id: card.reason for card in gallery.cards}
    assert gallery.cards[0].reason == "quality 0.55, suggested: the same"
    assert reasons[ledger["image_id"][kept[0]]] == "quality 0.80, suggested: dog"


def test_pictures_show_what_most_networks_get_wrong(lagged):
    galleries = {gallery.key: gallery for gallery in lagged.lagging.classes[0].galleries}
    wrong = galleries["lagging-0-wrong"]
    assert (len(wrong.cards), wrong.total) == (8, 12)
    assert all(card.given == "cat" and card.picture == jpeg((5, 5, 5)) for card in wrong.cards)
    assert wrong.cards[0].reason == "taken for dog (3 of 3)"
    swapped = galleries["lagging-0-relabelled"]
    assert {(card.given, card.final) for card in swapped.cards} == {("cat", "dog")} and swapped.total == 2


def test_networks_that_differ_are_told_apart(root):
    """Two of three are wrong on test_30, the eleventh cat, in two ways; of eleven wrong ones it is the last."""
    inputs = with_answers(make_inputs(root), [{CAT: 10}, {CAT: 11}, {CAT: 11}])
    table = inputs.predictions["submission"]
    table.loc[(table["image_id"] == "test_30"), "seed-2"] = "owl"
    only = inputs.misjudged[inputs.misjudged["image_id"] == "test_0"]
    inputs = dataclasses.replace(inputs, misjudged=only.assign(image_id="test_30", wrong=2))
    (gallery, *_) = gather(inputs).lagging.classes[0].galleries
    assert gallery.total == 11
    assert gallery.cards[0].reason == "taken for cat (1 of 3), dog (1 of 3) and owl (1 of 3)"


def test_the_section_says_it_and_stays_closed(lagged):
    content = section(lagged)
    told = words(content)
    assert "1 of 3 classes lags by more than chance" in told and "over images, not over seeds" in told
    assert "cat 20 40.00% 43.33% " in told and "dog 34 of 60" in told
    assert "came as it, relabelled to the other 2 0" in told
    assert content.count("<details") == 1 and "<details open" not in content
    assert content.count("<img") == sum(len(gallery.cards) for gallery in lagged.lagging.classes[0].galleries)
    assert lagged.lagging.classes[0].advice in told
    ids = re.findall(r'\bid="([^"]*)"', render_page(lagged))
    assert len(ids) == len(set(ids))


def test_a_slide_names_it(lagged):
    slides = Presentation(io.BytesIO(make_slides(lagged))).slides
    slide = next(it for it in slides if it.shapes.title.text == "cat lags: 43.33% right, most often taken for dog")
    table = next(shape.table for shape in slide.shapes if shape.has_table)
    assert [cell.text for cell in table.rows[1].cells][:4] == ["cat", "20", "40.00%", "43.33%"]
    assert "by more than chance" in slide.notes_slide.notes_text_frame.text


def test_without_a_test_set_the_validation_set_says_it(root):
    inputs = with_answers(make_inputs(root, test=False, truth=False), [{CAT: 12}])
    facts = gather(inputs)
    (cat,) = facts.lagging.classes
    assert cat.galleries[0].cards[0].image_id.startswith("validation_")
    assert "the mean of the classes on the validation set" in words(section(facts))
    assert "cat that most networks get wrong, validation set" in words(section(facts))


def test_one_class_with_images_lags_behind_nobody(root):
    inputs = make_inputs(root)
    table = inputs.per_class.copy()
    table.loc[table["class"] != "cat", "recall"] = np.nan
    facts = gather(dataclasses.replace(inputs, per_class=table))
    assert facts.lagging.judged == 1 and not facts.lagging.classes
    assert "One class has images in the test set" in words(section(facts))


def test_no_labels_no_class(root):
    inputs = make_inputs(root)
    facts = gather(dataclasses.replace(inputs, per_class=inputs.per_class.assign(recall=np.nan)))
    assert facts.lagging.judged == 0 and "No class has images in the test set" in words(section(facts))


def test_of_many_the_least_right_are_shown(root, monkeypatch):
    monkeypatch.setattr(lagging, "MOST", 1)
    facts = gather(with_answers(make_inputs(root), [{CAT: 17, DOG: 18}]))
    assert (facts.lagging.count, [each.label for each in facts.lagging.classes]) == (2, [DOG])
    assert "2 of 3 classes lag by" in words(section(facts)) and "The 1 of 2 that are right least often" in section(
        facts
    )
    titles = [slide.shapes.title.text for slide in Presentation(io.BytesIO(make_slides(facts))).slides]
    assert "2 classes lag, dog most: 10.00% right, most often taken for owl" in titles


def test_hostile_names_stay_text(root):
    names = ["<b>cat</b>\x00", "a&b", "</details>"]
    content = section(gather(with_answers(make_inputs(root, class_names=names), [{CAT: 12}])))
    assert "<b>cat" not in content and "&lt;b&gt;cat" in content and content.count("</details>") == 1


# Advice. Two classes of ten training images each, all as likely as `sure`, and what is planted.
def plain(sure: float, count: int = 10) -> list[tuple]:
    return [(k, k, sure, sure, "keep", k) for k in (CAT, DOG) for _ in range(count)]


def advice(rows: list[tuple], *, originals=(10, 10, 10), curate=None, **columns) -> str:
    return advise(
        make_pair(rows, **columns),
        (CAT, DOG),
        class_names=NAMES,
        classes=pd.DataFrame({"originals": originals}),
        curate=CURATE | (curate or {}),
    )


def test_disputed_images_are_to_be_looked_at():
    """Five cats of quality 0.4 for which dog is suggested: 3.0 of the 3.2 wrong labels expected."""
    said = advice(plain(0.99) + [(CAT, DOG, 0.4, 0.6, "keep", CAT)] * 5)
    assert said.startswith(
        "Of 3.2 wrong labels expected among the training images of cat and dog, 3.0 are among the 5 "
    )
    assert said.endswith("winnow review, Matrices (key F): given cat, suggested dog.")
    both = advice([*plain(0.99), (CAT, DOG, 0.4, 0.6, "keep", CAT), (DOG, CAT, 0.3, 0.7, "keep", DOG)])
    assert both.endswith("given cat, suggested dog and given dog, suggested cat.")


def test_unsure_relabels_raise_the_confidence():
    """Of four relabels two are surer than the median, 0.69 (between 0.65 and 0.73)."""
    swaps = [(CAT, DOG, 0.1, sure, "relabel", DOG) for sure in (0.61, 0.65, 0.73, 0.9)]
    said = advice(plain(1.0) + swaps)
    assert "1.1 are among the 4 training images relabelled between the two" in said
    assert "curate.relabel_confidence of 0.69 (now 0.6) drops the 2 least sure of them" in said
    even = advice(plain(1.0) + [(CAT, DOG, 0.1, 0.7, "relabel", DOG)] * 4)
    assert "relabel_confidence" not in even and "Proposals (key B)" in even


def test_labels_in_doubt_everywhere_raise_the_doubtful_share():
    """20 images of quality 0.8: 4 wrong, a fifth of those that the share of 0.1 left: 0.1 + 0.9 * 0.2 = 0.28."""
    said = advice(plain(0.8))
    assert "4.0 are among the 20 training images" in said and "curate.doubtful_share of 0.28 (now 0.1)" in said
    assert "curate.doubtful_share of 0.2 (now 0)" in advice(plain(0.8), curate={"doubtful_share": 0.0})


def test_where_labels_are_right_it_says_so():
    said = advice(plain(0.99))
    assert said.startswith("Labels hardly explain it") and "data.image_size" in said


def test_a_scarce_class_needs_images_more_than_thresholds():
    """4 originals, the median class 10; of ten labels of quality 0.8 two are expected to be wrong."""
    scarce = {"originals": (4, 10, 12)}
    start = "cat has 4 originals to train on, the median class 10: more images"
    said = advice(plain(0.99), **scarce)
    assert said.startswith(start) and "wrong labels" not in said
    said = advice(plain(0.8), **scarce)
    assert said.startswith(start) and "2.0 wrong labels are expected among its own" in said
    assert said.endswith("Gallery, final label cat, sorted by label quality.")
    assert "doubtful_share" in advice(plain(0.8), originals=(5, 10, 12))
    assert "look at them" in advice(plain(0.99) + [(CAT, DOG, 0.4, 0.6, "keep", CAT)] * 5, **scarce)


def test_what_people_decided_is_no_longer_in_doubt():
    rows = plain(0.99) + [(CAT, DOG, 0.4, 0.6, "keep", CAT)] * 5
    ledger = make_pair(rows)
    assert advice(rows, decided_by=np.where(ledger["suggested_label"] != ledger["label"], "ada", "rule")).startswith(
        "Labels hardly explain it"
    )


def test_withheld_label_issues_say_what_to_do_first():
    assert advice(plain(0.3)).startswith("Label issues are withheld: 70%")


def test_a_split_without_predictions_is_a_sentence(root):
    inputs = with_answers(make_inputs(root), [{CAT: 12}])
    lacking = inputs.predictions["submission"]
    lacking = lacking[lacking["split"] != "test"]
    with pytest.raises(WinnowError, match="no predictions on the test set"):
        gather(dataclasses.replace(inputs, predictions=inputs.predictions | {"submission": lacking}))
