"""From a dataset to a ledger, a smaller dataset and a page: the library behind the stages of pipelines/filter."""

import html
import io
import zipfile
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rich.console import Console

from winnow.data.archive import open_archive
from winnow.data.layouts.registry import read_dataset
from winnow.data.writers.filtered import write_filtered
from winnow.errors import WinnowError
from winnow.files import FILES
from winnow.filtering.calibration import reduced
from winnow.filtering.copies import CopySpace
from winnow.filtering.decide import decide
from winnow.filtering.describe import describe
from winnow.filtering.items import dataset_figures, item_tables
from winnow.filtering.learners import network
from winnow.filtering.learners.network import trained
from winnow.filtering.outlier_scores import outlier_figures, outlier_scores
from winnow.filtering.pays import pays
from winnow.filtering.sample import make_sample
from winnow.filtering.scores import order_figures, redundancy_scores
from winnow.filtering.verdicts import read_verdicts
from winnow.filtering.why import print_filter_explanation
from winnow.report.filter_page import Facts, render
from winnow.tables import read_json

BANK = {
    "model": "torch:winnow.extraction.filter_bank:filter_bank",
    "weights": None,
    "arguments": [],
    "layer": "flat",
    "pool": "mean",
    "input_size": 48,
    "batch_size": 64,
    "trust": False,
}
CUT = {
    "outliers": 0.01,
    "similar": "auto",
    "keep": None,
    "most_of_a_group": 0.3,
    "copies_across_groups": True,
    "seed": 0,
}
REDUNDANCY = {"method": "ward", "groups": "cluster", "clusters": 5, "floor": 0.95, "seed": 0}
PAYS = {
    "learner": "probe",
    "shares": [0.5],
    "pools": 2,
    "most_images": 20_000,
    "l2": 0.01,
    "steps": 2,
    "input_size": None,
    "weights": None,
    "seed": 0,
}
NOBODY = pd.DataFrame({"image_id": [], "action": [], "reviewer": [], "reason": []}, dtype=str)


class Run:
    """The sample, read, described and scored once."""

    def __init__(self, folder):
        content, truth = make_sample(seed=0, images=300, copied=0.4, odd=3, leaked=5)
        self.path = folder / "digits.zip"
        self.path.write_bytes(content)
        self.truth = truth.set_index("file")
        with open_archive(self.path, max_unpacked_bytes=1e9) as archive:
            self.dataset = read_dataset(archive)
            self.items, self.boxes, self.problems = item_tables(archive, self.dataset, splits=[])
            options = {"changed_images": 100, "seed": 0, "scratch": folder / "scratch"}
            self.layer, self.changed = describe(archive, self.items, folder / "features.npy", **BANK, **options)
        self.features = np.load(folder / "features.npy", mmap_mode="r")
        ids = self.items["image_id"].to_numpy(dtype=str)
        filtered = self.items["is_filtered"].to_numpy()
        self.points = reduced(ids, self.features, filtered, self.changed, dimensions=64).arrays()
        points = self.points["points"]
        own = self.items[filtered].reset_index(drop=True)
        self.copies = {
            "copies": CopySpace.of_points(self.features, self.points).only(filtered),
            "within": float(self.points["copy_distance"]),
        }
        self.redundancy = redundancy_scores(own, points[filtered], **self.copies, **REDUNDANCY)
        self.outliers = outlier_scores(own["image_id"].to_numpy(), points[filtered], min_samples=5)
        self.scores = self.outliers.merge(self.redundancy, on="image_id")

    def pays(self, scratch=None, items=None, **options):
        return pays(
            self.items if items is None else items,
            self.features,
            self.points,
            self.boxes,
            partial(open_archive, self.path, max_unpacked_bytes=1e9),
            **(PAYS | options),
            scratch=scratch or self.path.parent / "compare",
        )

    def decided(self, decisions=NOBODY, **options):
        return decide(self.items, self.boxes, self.points, self.features, self.scores, decisions, **(CUT | options))


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("filter"))


def test_what_is_written_fits_the_table_of_files(sample):
    found = sample.decided()
    tables = {
        "items": sample.items,
        "boxes": sample.boxes,
        "problems": sample.problems,
        "outlier_scores": sample.outliers,
        "redundancy": sample.redundancy,
        "filter_ledger": found.ledger,
        "leaks": found.leaks,
        "filter_groups": found.groups,
    }
    for name, table in tables.items():
        FILES[name].schema.check(table, name)


@pytest.mark.parametrize("cut", [{"similar": "auto"}, {"keep": 0.7}])
def test_of_copies_the_one_with_the_most_pixels_stays(sample, cut):
    ledger = sample.decided(**cut).ledger.set_index("image_id")
    gone = ledger.loc[ledger["verdict"] == "redundant", "distance"].idxmin()
    kept = ledger.loc[gone, "keeper"]
    items = sample.items.set_index("image_id")
    items.loc[gone, ["width", "height"]] *= 3
    items = items.reset_index()
    own, filtered = items[items["is_filtered"]].reset_index(drop=True), items["is_filtered"].to_numpy()
    redundancy = redundancy_scores(own, sample.points["points"][filtered], **sample.copies, **REDUNDANCY)
    scores = sample.outliers.merge(redundancy, on="image_id")
    ledger = decide(items, sample.boxes, sample.points, sample.features, scores, NOBODY, **(CUT | cut)).ledger
    ledger = ledger.set_index("image_id")
    assert ledger.loc[gone, "verdict"] == "kept"
    assert ledger.loc[kept, "verdict"] == "redundant" and ledger.loc[kept, "keeper"] == gone


def test_most_of_what_goes_from_the_sample_is_a_copy(sample):
    ledger = sample.decided().ledger.set_index("image_id")
    gone = ledger[ledger["verdict"] == "redundant"]
    origin = sample.truth["copy_of"].where(sample.truth["copy_of"] != "", sample.truth.index)
    right = origin[gone.index].to_numpy() == origin[gone["keeper"]].to_numpy()
    assert 80 <= len(gone) <= 150 and right.mean() >= 0.85
    assert (ledger.loc[gone["keeper"], "verdict"] == "kept").all()
    assert (gone["distance"] <= sample.points["copy_distance"] ** 2 / 2 + 1e-6).all()


def test_the_test_split_is_not_touched_and_its_copies_are_told(sample):
    found = sample.decided(keep=0.1)
    test = found.ledger[found.ledger["split"] == "test"]
    assert (test["verdict"] == "kept").all() and not test["is_filtered"].any()
    assert test["reason"].unique().tolist() == ["of the split test, which is not touched"]
    leaked = sample.truth.index[(sample.truth["copy_of"] != "") & sample.truth.index.str.startswith("test/")]
    assert len(leaked) == 5 and set(leaked) <= set(found.leaks["image_id"]) and len(found.leaks) < 15 < len(test)
    assert any("leakage" in sentence for sentence in found.warnings)


def test_the_counts_add_up_and_random_covers_worse(sample):
    figures = sample.decided().figures
    assert figures["images"] == 300 == figures["kept"] + sum(figures["removed"].values())
    assert figures["removed"]["outlier"] == 3
    beside = figures["beside_random"]
    assert beside["filtered"]["distance_mean"] < 0.6 * beside["random"]["distance_mean"]


def test_a_person_is_replayed_and_named(sample):
    before = sample.decided().ledger.set_index("image_id")
    gone = before.index[before["verdict"] == "redundant"][0]
    stays = before.index[(before["verdict"] == "kept") & before["is_filtered"]][0]
    rows = [(gone, "keep", "ada", ""), (stays, "drop", "ada", "a thumb")]
    after = sample.decided(pd.DataFrame(rows, columns=NOBODY.columns)).ledger.set_index("image_id")
    assert (after.loc[gone, "verdict"], after.loc[gone, "reason"]) == ("kept", "kept by ada")
    assert (after.loc[stays, "verdict"], after.loc[stays, "decided_by"]) == ("person", "ada")
    assert after.loc[stays, "reason"] == "dropped by ada: a thumb"


def test_the_review_file_is_about_filtered_images_and_holds_keep_and_drop(sample, tmp_path):
    path, items = tmp_path / "decisions.csv", sample.items
    one, other = items.loc[items["is_filtered"], "image_id"].iloc[[0, 1]]
    test = items.loc[items["split"] == "test", "image_id"].iloc[0]
    digest = items.set_index("image_id").loc[other, "bytes_sha256"]
    header = "image_id,action,label,reviewer,bytes_sha256\n"
    path.write_text(f"{header}{one},keep,,ada,\nrenamed.png,drop,,ada,{digest}\n{test},drop,,ada,\n")
    review = read_verdicts(path, items)
    assert review.rows[["image_id", "action"]].to_numpy().tolist() == [[one, "keep"], [other, "drop"]]
    assert f"1 of 3 rows of {path}" in review.warnings[0] and test in review.warnings[0]
    label = items["label"].iloc[0]
    for row, words in (("perhaps,,ada,", "the action is 'perhaps'"), (f"relabel,{label},ada,", "keep and drop alone")):
        path.write_text(f"{header}{one},{row}\n")
        with pytest.raises(WinnowError, match=words):
            read_verdicts(path, items)
    path.unlink()
    assert read_verdicts(path, items).rows.empty


def test_the_smaller_dataset_has_the_same_bytes(sample, tmp_path):
    ledger = sample.decided(keep=0.5).ledger
    gone = set(ledger.loc[ledger["verdict"] != "kept", "image_id"])
    with open_archive(sample.path, max_unpacked_bytes=1e9) as archive:
        write_filtered(archive, sample.dataset, gone, tmp_path / "out")
    with zipfile.ZipFile(sample.path) as packed:
        expected = {name: packed.read(name) for name in packed.namelist() if name not in gone}
    written = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.png")}
    assert {name: path.read_bytes() for name, path in written.items()} == expected and len(gone) == 150


def test_outliers_are_numbered_among_those_that_go(sample):
    """A class that can spare none is passed over, so that the first to go is not the oddest of all."""
    first = sample.scores.loc[sample.scores["outlier_rank"].idxmin(), "balance"]
    alone = sample.scores.assign(balance=np.where(sample.scores["balance"] == first, np.arange(len(sample.scores)), 0))
    scores = alone.assign(balance=np.unique(alone["balance"], return_inverse=True)[1])
    ledger = decide(
        sample.items, sample.boxes, sample.points, sample.features, scores, NOBODY, **(CUT | {"outliers": 0.02})
    ).ledger
    odd = ledger[ledger["verdict"] == "outlier"].sort_values("outlier_rank")
    count = len(odd)
    assert count > 1 and odd["outlier_rank"].iloc[0] > 1
    said = [reason.partition(" go:")[0] for reason in odd["reason"]]
    assert said == [f"odd one {turn} of {count} that" for turn in range(1, count + 1)]


def test_why_says_what_an_image_went_for(sample):
    ledger = sample.decided().ledger
    row = ledger[ledger["verdict"] == "redundant"].iloc[0]
    console = Console(record=True, width=120, file=io.StringIO())
    print_filter_explanation(row, console=console)
    text = console.export_text()
    assert "removed as redundant" in text and row["keeper"] in text and "removal_rank" in text


def test_the_page_shows_pairs_and_loads_nothing_from_elsewhere(sample):
    found = sample.decided()
    result = sample.pays()
    ids = sample.items["is_filtered"].to_numpy()
    points = sample.points["points"][ids]
    options = {"method": "ward", "seed": 0}
    facts = Facts(
        found.ledger,
        points,
        summary=found.figures,
        outliers=outlier_figures(points, min_samples=5),
        order=order_figures(sample.redundancy, points, **options),
        pays=result.figures(),
        dataset=dataset_figures(sample.items, sample.boxes, sample.problems),
        layer=sample.layer,
        groups=found.groups,
        table=result.table,
    )
    with open_archive(sample.path, max_unpacked_bytes=1e9) as archive:
        page = render(facts, archive, pairs=4, seed=0)
        assert page == render(facts, archive, pairs=4, seed=0)
        order = order_figures(sample.redundancy, points, most_exact=20, **options)
        outliers = outlier_figures(points, min_samples=5, most_exact=20)
        with_blocks = render(replace(facts, order=order, outliers=outliers), archive, pairs=4, seed=0)
    assert page.count("which is kept<br>") == 4 and "http" not in page.replace("http-equiv", "")
    assert result.sentence in html.unescape(page) and "exact tree" not in page
    assert "of a linear probe on the features" in page and "80 % of 300 images, asked about 300 others" in page
    assert order["blocks"]["sentence"] in html.unescape(with_blocks)
    assert outliers["blocks"]["sentence"] in html.unescape(with_blocks)


def test_the_comparison_pairs_pools_and_says_when_it_cannot(sample):
    result = sample.pays(shares=[0.9, 0.3], pools=3)
    table = result.table.set_index(["rule", "kept"])
    assert (table.loc["random", "difference"] == 0).all()
    ward = table.loc["ward (winnow)"]
    np.testing.assert_allclose(ward["difference"], ward["accuracy"] - table.loc["random", "accuracy"], atol=1e-12)
    np.testing.assert_allclose(ward["high"] - ward["difference"], ward["difference"] - ward["low"], atol=1e-12)
    assert table.loc[("ward (winnow)", 0.9), "accuracy"] > 0.4
    assert (result.figures()["learner"], result.counts) == ("probe", {"images": 300, "asked": 300})
    FILES["pays"].schema.check(result.table, "pays")
    unlabelled = sample.items.assign(label="")
    nothing = sample.pays(items=unlabelled)
    assert nothing.sentence == "Not compared: 0 filtered images have labels of 0 classes."
    assert nothing.figures()["learner"] == "probe"
    FILES["pays"].schema.check(nothing.table, "pays")
    assert "set pays.learner to detector" in sample.pays(items=unlabelled.assign(boxes=1)).sentence
    assert "0 of 300 filtered images have boxes; set pays.learner to probe" in sample.pays(learner="detector").sentence


def test_of_more_images_than_are_wanted_some_are_drawn_and_that_is_told(sample):
    result = sample.pays(most_images=80)
    assert result.sentence.startswith(
        "Drawn at random: 80 of 300 images to choose from, 80 of 300 to be asked about. By ward, a probe's accuracy "
    )
    assert result.counts == {"images": 80, "asked": 80}
    assert sample.pays(most_images=80).table.equals(result.table)
    without_test = sample.items[sample.items["is_filtered"]].reset_index(drop=True)
    features, points = sample.features, dict(sample.points)
    assert len(without_test) == 300 and (sample.items["is_filtered"].to_numpy()[-300:]).all()
    result = pays(
        without_test, features[-300:], points, sample.boxes, open_archive, **PAYS | {"most_images": 80}, scratch=None
    )
    assert result.sentence.startswith("Drawn at random: 80 of 300 images to choose from. By ward")
    assert result.counts == {"images": 80, "asked": 16}


def test_a_network_learns_from_pixels_and_a_killed_comparison_goes_on(sample, tmp_path, monkeypatch):
    options = {"learner": "network", "shares": [0.3], "pools": 2}
    whole = sample.pays(tmp_path / "whole", **options)
    assert "a network's accuracy" in whole.sentence and whole.figures()["learner"] == "network"
    trainings = len(read_json(tmp_path / "whole/trained.json"))
    assert trainings == 2 * (1 + 3 + 3 + 4)
    calls = []

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return trained(*arguments, **options)

    monkeypatch.setattr(network, "trained", counted)
    with pytest.raises(KeyboardInterrupt):
        sample.pays(tmp_path / "killed", **options)
    again = sample.pays(tmp_path / "killed", **options)
    assert len(calls) == trainings + 1  # the one that was killed, once more
    pd.testing.assert_frame_equal(again.table, whole.table)


class Boxed:
    """A dataset of noise with boxes, described: each split is given as what its files of labels hold."""

    def __init__(self, folder, *, train, test=(), val=()):
        rng = np.random.default_rng(0)
        self.path = folder / "d.zip"
        lines = {"train": train, "test": test, "val": val}
        with zipfile.ZipFile(self.path, "w") as packed:
            there = "".join(f"{split}: images/{split}\n" for split, texts in lines.items() if texts)
            packed.writestr("data.yaml", f"names: [dot, line, other]\n{there}")
            for split, texts in lines.items():
                for number, text in enumerate(texts):
                    content = io.BytesIO()
                    Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(content, "PNG")
                    packed.writestr(f"images/{split}/{number}.png", content.getvalue())
                    packed.writestr(f"labels/{split}/{number}.txt", text)
        with self.opened() as archive:
            self.items, self.boxes, self.problems = item_tables(archive, read_dataset(archive), splits=[])
        features = rng.normal(size=(len(self.items), 8)).astype(np.float32)
        points = reduced(
            self.items["image_id"].to_numpy(dtype=str),
            features,
            self.items["is_filtered"].to_numpy(),
            {"image_id": np.zeros(0, dtype=str), "features": np.zeros((0, 8), dtype=np.float32)},
            dimensions=8,
        ).arrays()
        self.pays = partial(
            pays, self.items, features, points, self.boxes, self.opened, scratch=folder / "scratch",
            **PAYS | {"learner": "detector", "weights": "untrained", "input_size": 64, "steps": 1},
        )  # fmt: skip

    def opened(self):
        return open_archive(self.path, max_unpacked_bytes=1e9)


def box(number):
    return f"{number} 0.5 0.5 0.4 0.6\n"


def dots_and_lines(count):
    """A box of one of the two classes in each image, and every fifth image without."""
    return [box(number % 2) if number % 5 else "" for number in range(count)]


def test_a_detector_learns_from_boxes_and_is_scored_as_the_thesis_does(tmp_path):
    boxed = Boxed(tmp_path, train=dots_and_lines(60), test=dots_and_lines(25))
    assert boxed.problems.empty and len(boxed.items) == 85 and len(boxed.boxes) == 48 + 20
    result = boxed.pays()
    FILES["pays"].schema.check(result.table, "pays")
    score = 0.1 * result.table["map50"] + 0.9 * result.table["map50_95"]
    np.testing.assert_allclose(result.table["accuracy"], score)
    assert "a detector's score" in result.sentence and result.counts == {"images": 60, "asked": 25}
    assert np.isfinite(result.standard_error)
    with pytest.raises(WinnowError, match=r"the weights none\.pth do not exist"):
        boxed.pays(weights="none.pth")


def test_a_split_with_boxes_of_classes_that_nobody_learned_is_not_asked_about(tmp_path):
    boxed = Boxed(tmp_path, train=dots_and_lines(60), test=[box(2)] * 30)
    result = boxed.pays()
    assert result.counts == {"images": 60, "asked": 12} and np.isfinite(result.full)  # those outside each pool


@pytest.mark.parametrize("test", [[], [box(2)] * 30])
def test_no_comparison_where_a_pool_leaves_no_image_with_a_box_to_ask_about(tmp_path, test):
    result = Boxed(tmp_path, train=[box(0)] + [""] * 59, test=test).pays()
    assert result.table.empty and result.sentence == (
        "Not compared: 1 of 60 images to choose from have boxes, too few for one to be left outside each pool, and no "
        "other split has 20 images with boxes of these classes."
    )


@pytest.mark.parametrize(
    ("test", "val", "asked"), [(20, 30, "test"), (19, 20, "val"), (19, 19, "outside"), (0, 30, "val")]
)
def test_a_split_is_asked_about_only_if_twenty_of_its_images_can_tell(sample, test, val, asked):
    places = np.flatnonzero(~sample.items["is_filtered"])
    split = sample.items["split"].to_numpy(copy=True)
    split[places] = "extra"
    split[places[:test]], split[places[100 : 100 + val]] = "test", "val"
    items = sample.items.assign(split=split)
    items.loc[places[50:70], ["split", "label"]] = ["test", "a class that nobody learned"]
    expected = {"test": test, "val": val, "outside": 60}[asked]
    assert sample.pays(items=items).counts == {"images": 300, "asked": expected}


def test_how_well_blocks_agree_is_told_only_where_a_tree_was_built_in_blocks(sample):
    own = sample.items[sample.items["is_filtered"]].reset_index(drop=True)
    points = sample.points["points"][sample.items["is_filtered"]]
    for method, most_exact, told in (("ward", 300, False), ("ward", 40, True), ("herding", 40, False)):
        options = {"method": method, "most_exact": most_exact, "seed": 0}
        scores = redundancy_scores(own, points, groups="none", clusters=5, floor=0.95, **sample.copies, **options)
        figures = order_figures(scores, points, **options)
        assert figures["images"] == 300 and figures["groups"] == 1 and 50 < figures["copies"] < 150
        assert ("blocks" in figures) == told
        if told:
            assert figures["blocks"]["images"] == 300 - figures["copies"] == figures["blocks"]["sampled"]


def test_groups_by_label_need_labels(sample):
    own = sample.items[sample.items["is_filtered"]].reset_index(drop=True)
    points = sample.points["points"][sample.items["is_filtered"]]
    options = {"method": "ward", "clusters": 5, "floor": 0.95, "seed": 0, **sample.copies}
    by_label = redundancy_scores(own, points, groups="label", **options)
    label = own.set_index("image_id")["label"]
    assert (label[by_label["image_id"]].to_numpy() == label[by_label["stays_for_it"]].to_numpy()).all()
    with pytest.raises(WinnowError, match="no labels"):
        redundancy_scores(own.assign(label=""), points, groups="label", **options)


def test_features_that_are_ready_need_no_network(sample, tmp_path):
    ids = sample.items["image_id"].to_numpy(dtype=str)
    np.savez(tmp_path / "ready.npz", image_id=ids[::-1], features=np.asarray(sample.features, dtype=np.float32)[::-1])
    with open_archive(sample.path, max_unpacked_bytes=1e9) as archive:
        options = BANK | {"model": f"features:{tmp_path / 'ready.npz'}"}
        _, changed = describe(
            archive, sample.items, tmp_path / "f.npy", **options, changed_images=5, seed=0, scratch=tmp_path / "s"
        )
    assert len(changed["image_id"]) == 0
    written = np.load(tmp_path / "f.npy")
    np.testing.assert_array_equal(written, sample.features)
    assert written.dtype == np.float16


def test_an_image_that_cannot_be_read_is_told_and_left_where_it_is(tmp_path):
    good = io.BytesIO()
    Image.new("RGB", (8, 8)).save(good, "PNG")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as packed:
        packed.writestr("a.png", good.getvalue())
        packed.writestr("b.png", b"no picture")
    with open_archive(tmp_path / "d.zip", max_unpacked_bytes=1e9) as archive:
        dataset = read_dataset(archive)
        items, _, problems = item_tables(archive, dataset, splits=[])
        assert items["image_id"].tolist() == ["a.png"] and problems["kind"].tolist() == ["unreadable-image"]
        with pytest.raises(WinnowError, match=r"has no readable image in val \(it has no splits\); fix"):
            item_tables(archive, dataset, splits=["val"])
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as packed:
        packed.writestr("b.png", b"no picture")
        packed.writestr("c.png", b"nor here")
    with open_archive(tmp_path / "e.zip", max_unpacked_bytes=1e9) as archive:
        dataset = read_dataset(archive)
        with pytest.raises(WinnowError, match=r"e\.zip has no readable image; name a dataset that has some"):
            item_tables(archive, dataset, splits=[])
