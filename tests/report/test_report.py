"""The report: its facts counted by hand, its page complete, closed to the network and the same every time."""

import dataclasses
import html
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from report_inputs import CLASSES, jpeg, make_inputs, make_ledger
from winnow.detect.labels import LABEL_QUALITY
from winnow.detect.outliers import OOD_SCORE
from winnow.errors import WinnowError
from winnow.report.content import count_repairs, count_rules, count_swaps, gather
from winnow.report.coordinates import place_images
from winnow.report.formatting import clean, listed, number, percent, points, shortened
from winnow.report.galleries import CAP, make_galleries, thumbnail
from winnow.report.histograms import histogram
from winnow.report.input_digests import hashed_files
from winnow.report.noise import noise_from_table
from winnow.report.page import STAMP, render_page
from winnow.report.provenance import last_timings, stamped
from winnow.report.tiles import COLUMNS, SIDE, make_tiles
from winnow.shift.waterfall import PARTS
from winnow.workspace import Workspace

HOSTILE = ['<img src=x onerror="alert(1)">', "$\\frac{1}{", "a&b' --></script><script>alert(2)</script>\x00"]
SECTIONS = [
    "results",
    "lagging",
    "limits",
    "arrived",
    "classes",
    "dropped",
    "relabelled",
    "kept",
    "noise",
    "scores",
    "map",
]
SECTIONS += ["sets", "detectors", "params", "provenance"]


@pytest.fixture(scope="module")
def inputs(request):
    return make_inputs(request.config.rootpath)


@pytest.fixture(scope="module")
def facts(inputs):
    return gather(inputs)


@pytest.fixture(scope="module")
def page(facts):
    return render_page(facts)


def words(page: str) -> str:
    """What a reader sees, without tags."""
    return html.unescape(
        re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<script.*?</script>|<[^>]+>", " ", page, flags=re.S))
    )


def test_numbers_are_written_one_way():
    assert [number(value) for value in (1234567, 3.0, 0.12345, float("nan"))] == ["1,234,567", "3", "0.1235", "-"]
    assert (percent(0.91428), points(-0.2), percent(float("nan"))) == ("91.43%", "-20.00", "-")
    assert (listed([]), listed(["a"]), listed(["a", "b"])) == ("none", "a", "a and b")
    assert listed(list("abcdef"), most=2) == "a, b and 4 more"
    assert clean("a\x00b\ud800") == "a\ufffdb\ufffd" and shortened("abcdef", 4) == "abc…"


def test_an_estimated_noise_matrix_is_read_and_checked():
    table = pd.DataFrame({"true": ["b", "a", "a"], "given": ["b", "a", "b"], "probability": [1.0, 0.6, 0.2]})
    found = noise_from_table(table, class_names=["a", "b", "c"])
    np.testing.assert_allclose(found.rates[:2], [[0.75, 0.25, 0], [0, 1, 0]])
    assert np.isnan(found.rates[2]).all()  # nothing is known of class c
    assert found.largest(["a", "b", "c"], 5) == [("a", "b", pytest.approx(0.25))]
    with pytest.raises(WinnowError, match="'b' and 'b', which are not both classes"):
        noise_from_table(table, class_names=["a"])
    with pytest.raises(WinnowError, match="twice"):
        noise_from_table(pd.concat([table, table]), class_names=["a", "b"])


def test_histograms_count_every_score_and_cut_on_the_right_side():
    found = histogram(LABEL_QUALITY, np.array([0.0, 0.29, 0.3, 1.0, np.nan]), threshold=0.3)
    assert found.counts.sum() == 4 and found.beyond == 2 and "below the threshold" in found.sentence
    found = histogram(OOD_SCORE, np.array([0.0, 0.01, 0.5, 1.0]), threshold=0.5)
    assert found.counts[0] == 2 and found.counts[25] == found.counts[-1] == 1 and found.beyond == 2
    assert found.table()["images"].sum() == 4 and len(found.table()) == len(found.edges) - 1


def test_counts_by_hand(facts):
    """Of 30 images in three classes, 15 are kept, 6 relabelled and 9 dropped."""
    assert facts.classes["given"].tolist() == [10, 10, 10]
    assert facts.classes[["kept", "relabelled", "dropped"]].sum().tolist() == [15, 6, 9]
    assert facts.classes["final"].sum() == 21 and facts.classes["validation"].sum() == 3
    assert facts.classes["copies"].sum() == 4 and facts.classes["training"].sum() == 22
    rules = count_rules(make_ledger()).set_index(["rule", "action"])["images"].to_dict()
    assert rules == {
        ("near_duplicate", "drop"): 3,
        ("ood", "drop"): 3,
        ("label_issue", "drop"): 3,
        ("label_issue", "relabel"): 6,
        ("keep", "keep"): 15,
    }
    swaps = count_swaps(make_ledger(), class_names=CLASSES)
    assert swaps["images"].sum() == 6 and set(swaps["given"] + swaps["new"]) == {"catdog", "dogowl", "owlcat"}
    assert count_repairs(make_ledger()).set_index("repair")["images"].to_dict() == {"grey": 3, "size": 3}


def test_galleries_show_at_most_the_cap_and_say_of_how_many():
    ledger = make_ledger(1000)
    images = pd.DataFrame({"image_id": ledger["image_id"], "image_bytes": [jpeg((9, 9, 9))] * 1000})
    limits = {"label_quality_threshold": 0.3, "ood_threshold": 3.0}
    found = {g.key: g for g in make_galleries(ledger, images, class_names=CLASSES, thresholds=limits)}
    assert set(found) == {
        *("dropped-near-duplicate", "dropped-ood", "dropped-label-issue"),
        *("relabelled", "kept", "nearly-dropped", "validation"),
    }
    assert len(found["kept"].cards) == CAP and found["kept"].total == 400  # kept, less those that validate
    action = ledger.set_index("image_id")["action"]
    for key, wanted in (("dropped-ood", "drop"), ("relabelled", "relabel"), ("kept", "keep")):
        assert {action[card.image_id] for card in found[key].cards} == {wanted}
    card = found["dropped-near-duplicate"].cards[0]
    assert card.counterpart == "img_000" and card.counterpart_picture and card.final == ""
    again = make_galleries(ledger, images, class_names=CLASSES, thresholds=limits)
    assert [g.cards for g in again] == [g.cards for g in found.values()]


def test_the_nearly_dropped_come_closest_first():
    ledger = make_ledger(100)
    kept = np.flatnonzero((ledger["action"] == "keep") & (ledger["split"] == "train"))
    ledger.loc[kept[7], "label_quality_score"] = 0.301
    ledger.loc[kept[11], "ood_score"] = 2.99
    images = pd.DataFrame({"image_id": ledger["image_id"], "image_bytes": [jpeg((9, 9, 9))] * 100})
    found = make_galleries(
        ledger, images, class_names=CLASSES, thresholds={"label_quality_threshold": 0.3, "ood_threshold": 3.0}
    )
    cards = next(gallery for gallery in found if gallery.key == "nearly-dropped").cards
    assert {card.image_id for card in cards[:3]} >= {ledger["image_id"][kept[7]], ledger["image_id"][kept[11]]}


def test_small_pictures_stay_as_they_are_and_large_ones_shrink():
    small = jpeg((200, 30, 30))
    assert thumbnail(small) is small
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 400, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG")
    shrunk = thumbnail(buffer.getvalue())
    assert len(shrunk) < 16_000 and Image.open(io.BytesIO(shrunk)).size == (85, 128)


def test_places_come_from_the_map(inputs):
    ids = inputs.ledger["image_id"].to_numpy()
    columns = {name: np.arange(30.0)[::-1] * (i + 1) for i, name in enumerate(("x2", "y2", "x3", "y3", "z3"))}
    image_map = pd.DataFrame({"image_id": ids[::-1], "method": "umap", **columns})
    found = place_images(ids, image_map)
    assert found.method == "UMAP of the features"
    np.testing.assert_array_equal(found.flat[:, 0], np.arange(30.0))
    assert np.linalg.norm(found.space, axis=1).max() == pytest.approx(1)
    assert "principal components" in place_images(ids, image_map.assign(method="pca")).method
    with pytest.raises(WinnowError, match="the map has no row for image 'img_000'"):
        place_images(ids, image_map.iloc[:-1])


def test_every_section_says_something(page):
    parts = re.split(r'<section id="(\w+)">', page)[1:]
    assert parts[::2] == SECTIONS
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        assert len(words(content)) > 60, f"section {name} is empty"
    assert set(re.findall(r'href="#(\w+)"', page.split("<main>")[0])) == set(SECTIONS)


def test_the_title_names_dataset_and_team_results_come_first_and_galleries_are_closed(page):
    assert "<title>sample · winnow report</title>" in page
    told = words(page)
    assert "team winnow" in told and "What became of sample" in told
    assert page.index('<section id="results">') < page.index("<details")
    assert "<details open" not in page and page.count('<details id="gallery-') >= 5


def test_the_map_shows_a_picture_of_each_image_or_of_every_nth():
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250)]
    found = make_tiles([jpeg(colour, side=90) for colour in colours])
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    sheet = np.asarray(Image.open(io.BytesIO(found.sheet))).astype(int)
    assert sheet.shape == (SIDE, COLUMNS * SIDE, 3)
    for place, colour in enumerate(colours):
        assert np.abs(sheet[SIDE // 2, place * SIDE + SIDE // 2] - colour).max() < 12
    assert make_tiles([jpeg((1, 2, 3))] * 5, most=2).rows.tolist() == [0, 3]
    assert make_tiles([]).sheet == b""


def test_nothing_is_loaded_from_elsewhere(page):
    assert "http:" not in page and "https:" not in page and "@import" not in page
    sources = re.findall(r'\b(?:src|href|srcset|data)="([^"]*)"', page)
    assert len(sources) > 50
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert "default-src 'none'" in page


def test_ids_are_unique(page):
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) > 30 and sorted(ids) == sorted(set(ids))


def test_the_page_tells_the_numbers_of_the_metrics(page, inputs):
    told = words(page)
    metrics = inputs.metrics
    for arm in ("baseline", "submission"):
        for split in ("test", "validation"):
            assert percent(metrics["evaluation"][arm][split]["balanced_accuracy"]) in told
        for share in metrics["evaluation"][arm]["test"]["per_class"].values():
            assert percent(share) in told
    manifest = "30 were accepted, of them 3 converted in format or size and 0 after a repair, and 1 rejected"
    assert manifest in told and "dark 2" in told and "imgs/torn.jpg" in told
    assert "62.50% right before, 87.50% after" in told
    assert "label errors 8 5 2 0.800 0.615 0.696 -" in told
    assert "7 near duplicates of them left the training set" in told
    assert "16 rules kept and 0 broken" in told
    assert "curate.label_quality_threshold 0.5" in told and "train.course.momentum 0.9" in told
    assert "0123abc" in told and "made-up" in told
    assert "for a reason, number 7" in told


def test_the_headline_has_its_interval(facts):
    assert facts.results.headline.startswith(
        "Balanced accuracy on the test set rises from 40.00% to 75.00%: +35.00 points"
    )
    assert re.search(r"\(95% interval \+\d\d\.\d\d to \+\d\d\.\d\d\)\.$", facts.results.headline)


def test_limits_are_said(facts, root):
    said = " ".join(facts.limits)
    assert "Of 13 wrong labels 5 were missed, and 2 images were taken for one wrongly." in said
    assert "2 test images nearly repeat a training image" in said
    assert "One network per arm" in said and "Nobody has looked through the validation set" in said
    bare = " ".join(gather(make_inputs(root, test=False, truth=False)).limits)
    assert "There is no test set" in bare and "There is no truth file" in bare


def test_external_photos_are_counted_as_what_they_are(root):
    """The ledger holds none of them: the counts are those of the stage that chose the validation set."""
    inputs = make_inputs(root)
    chosen = {"images": 303, "from_outside": 300, "seen_by_people": 300, "per_class": dict.fromkeys(CLASSES, 101)}
    inputs = dataclasses.replace(
        inputs, metrics=inputs.metrics | {"validation_set": inputs.metrics["validation_set"] | chosen}
    )
    told = words(render_page(gather(inputs)))
    assert "303 images, 101 to 101 per class: 300 external photos, confirmed by people, and 3 chosen among" in told
    assert "303 images to validate on" in told and "fewer than the" not in told


def test_the_confusion_is_summed_over_seeds(root):
    inputs = make_inputs(root)
    told = inputs.predictions["submission"]
    inputs.predictions["submission"] = told.assign(**{"seed-1": told["label"], "seed-2": told["label"]})
    confusion = gather(inputs).results.confusion["submission"]
    assert confusion.sum() == 180 and np.trace(confusion) == 45 + 60 + 60


def test_a_class_without_test_images_has_no_recall(inputs, tmp_path):
    """`evaluate` leaves the cell empty; a class called NA keeps its name."""
    table = inputs.per_class.replace({"class": {"owl": "NA"}})
    table.loc[table["class"] == "cat", "recall"] = np.nan
    workspace = Workspace(tmp_path)
    workspace.write("per_class", table)
    again = workspace.table("per_class")
    assert again["recall"].dtype == np.float64 and again["recall"].isna().sum() == 6
    assert set(again["class"]) == {"cat", "dog", "NA"}
    render_page(gather(dataclasses.replace(inputs, per_class=again.replace({"class": {"NA": "owl"}}))))


def test_a_test_set_of_leaks_alone(root):
    inputs = make_inputs(root)
    evaluation = inputs.metrics["evaluation"] | {"test_leaks": 60}
    for arm in ("baseline", "submission"):
        evaluation[arm] = {split: row for split, row in evaluation[arm].items() if split != "test_unseen"}
    found = gather(dataclasses.replace(inputs, metrics=inputs.metrics | {"evaluation": evaluation}))
    assert any("60 test images nearly repeat a training image; none is left" in said for said in found.limits)


def test_named_test_sets_have_a_row_and_every_two_are_told_apart(root):
    inputs = make_inputs(root)
    evaluation = dict(inputs.metrics["evaluation"])
    for arm in ("baseline", "submission"):
        evaluation[arm] = evaluation[arm] | dict.fromkeys(("a&b", "a&b_unseen"), evaluation[arm]["test"])
    parts = {name: {"value": 0.01, "low": 0.0, "high": 0.02, "sure": True} for name in PARTS}
    pair = {"a": "test", "b": "a&b", "verdict": "It <fell>.", "parts": parts}
    evaluation["pairs"] = {"test_to_a&b": pair | {"accuracy": {"a": {"value": 0.9}, "b": {"value": 0.83}}}}
    page = render_page(gather(dataclasses.replace(inputs, metrics=inputs.metrics | {"evaluation": evaluation})))
    told = words(page)
    assert "Why test sets differ: A is test, B is a&b It <fell>." in told and "<fell>" not in page
    assert "test set a&b without near duplicates of training images" in told
    assert "From the accuracy on test to that on a&amp;b" in page


def test_a_truth_that_judges_little(root):
    """Nothing flagged means no precision, and no image left in training means no accuracy there."""
    inputs = make_inputs(root)
    card = {"images_in_truth": 4, "label_errors.label_accuracy_before": 0.5}
    told = words(render_page(gather(dataclasses.replace(inputs, metrics=inputs.metrics | {"scorecard": card}))))
    assert "The truth file knows 4 images. Nothing that it could judge was flagged." in told
    assert "There is no truth file" not in told


def test_without_test_set_and_truth(root):
    facts = gather(make_inputs(root, test=False, truth=False))
    told = words(render_page(facts))
    assert "Balanced accuracy on the validation set rises" in told and "test set " not in told.split("Limits")[1][:20]
    assert "no truth file and the self-check is off" in told and "Against the truth" not in told


def test_the_self_check_stands_in_for_the_truth(root):
    inputs = make_inputs(root, truth=False)
    figures = {"enabled": True, "label.planted": 31, "label.found": 30, "label.false_alarms": 4, "label.recall": 0.968}
    inputs = dataclasses.replace(inputs, metrics=inputs.metrics | {"self_check": figures})
    assert "flipped labels 31 30 4 - 0.968 -" in words(render_page(gather(inputs)))


def test_what_comes_from_outside_is_escaped(root):
    inputs = make_inputs(root, class_names=HOSTILE)
    ledger = inputs.ledger.assign(reason=HOSTILE[2])
    rejected = inputs.rejected.assign(file_name=HOSTILE[0], reason=HOSTILE[2])
    page = render_page(gather(dataclasses.replace(inputs, ledger=ledger, rejected=rejected)))
    assert html.escape(HOSTILE[0]) in page and "\x00" not in page
    assert "<img src=x" not in page and "alert(2)</script>" not in page
    assert page.count("<script") == page.count("</script>") == 2
    data = json.loads(re.search(r'id="map-data">(.*?)</script>', page, re.S)[1])
    assert data["classes"] == [clean(name) for name in HOSTILE] and data["ids"][0] == "img_000"


def test_the_same_facts_give_the_same_page_whatever_the_order_of_rows(page, inputs):
    order = np.random.default_rng(1).permutation(30)
    shuffled = dataclasses.replace(
        inputs,
        ledger=inputs.ledger.iloc[order],
        images=inputs.images.iloc[order[::-1]],
        image_map=inputs.image_map.iloc[order],
    )
    assert render_page(gather(shuffled)) == page


def test_hashes_are_those_of_the_files(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    found = hashed_files([tmp_path / "a.json"])
    assert found[["bytes", "md5"]].to_numpy().tolist() == [[2, "99914b932bd37a50b983c5e7c90ae93b"]]


def test_the_stamp_goes_into_a_copy_once(page, tmp_path):
    log = tmp_path / "timings.jsonl"
    lines = [("train baseline", 9.0), ("curate", 1.0), ("curate", 2.5), ("gone", 1.0)]
    log.write_text(
        "".join(json.dumps({"stage": s, "seconds": t, "peak_mb": 1200}) + "\n" for s, t in lines) + '{"stage": '
    )
    timings = last_timings(log, ["curate", "train"])
    assert timings == [("curate", 2.5, 1200.0), ("train baseline", 9.0, 1200.0)]
    copy = stamped(page, [("machine", "<b>")], timings)
    assert "machine &lt;b&gt;" in re.sub(r"</?t[^>]*>", " ", copy).replace("  ", " ") and "1,200" in copy
    assert STAMP in page and STAMP not in copy
    with pytest.raises(WinnowError, match="stamped already"):
        stamped(copy, [], [])
    assert last_timings(tmp_path / "none", ["curate"]) == []
