"""The truth file's reader and the scorecard, on cases computed by hand."""

import numpy as np
import pandas as pd
import pytest

from winnow import tables
from winnow.errors import WinnowError
from winnow.evaluation.scorecard import scorecard
from winnow.evaluation.truth import read_truth

CLASSES = ["cat", "dog", "7"]

# Ten images; g is out of distribution, h's true label is unknown, j is missing from the truth.
LEDGER = pd.DataFrame(
    [
        # id, label, final, action, split, quality, ood, issue, flagged ood, group
        ("a", 0, 0, "keep", "train", 0.9, 0.1, False, False, 0),  # right, kept
        ("b", 0, 1, "relabel", "train", 0.1, 0.2, True, False, 1),  # wrong, relabelled rightly
        ("c", 0, 2, "relabel", "train", 0.2, 0.3, True, False, 2),  # wrong (1), relabelled wrongly
        ("d", 1, -1, "drop", "none", 0.3, 0.4, True, False, 0),  # right, but flagged and dropped; called a's copy
        ("e", 1, 1, "keep", "train", 0.8, 0.5, False, False, 4),  # wrong (0), missed
        ("f", 2, -1, "drop", "none", 0.05, 0.6, True, True, 5),  # wrong (0), dropped as out of distribution
        ("g", 2, 0, "relabel", "train", 0.01, 9.0, True, False, 5),  # out of distribution, missed
        ("h", 1, 1, "keep", "validation", 0.7, 0.7, False, True, 7),  # is_ood known: no
        ("i", 2, 2, "keep", "validation", 0.95, 0.0, False, False, 8),  # right
        ("j", 0, 0, "keep", "train", 0.5, 5.0, True, True, 0),
    ],
    columns=[
        "image_id",
        "label",
        "final_label",
        "action",
        "split",
        "label_quality_score",
        "ood_score",
        "flagged_label_issue",
        "flagged_ood",
        "duplicate_group",
    ],
)
TRUTH = pd.DataFrame(
    {
        "image_id": [*"ihgfedcba", "z"],
        "true_label": pd.array([2, None, None, 0, 0, 1, 1, 1, 0, 0], dtype="Int64"),
        "is_ood": pd.array([0, 0, 1, 0, 0, 0, None, 0, 0, 1], dtype="boolean"),
        "duplicate_of": ["", "", "", "", "", "a", "a", "", "", ""],  # c and d copy a
    }
)


def test_label_errors_by_hand():
    card = scorecard(LEDGER, TRUTH)
    assert (card["images"], card["images_in_truth"]) == (10, 9)
    # In distribution with a true label: a b c d e f i. Errors: b c e f. Flagged: b c d f.
    errors = {key.removeprefix("label_errors."): value for key, value in card.items() if key.startswith("label_")}
    assert errors["images"] == 7
    assert (errors["true_positives"], errors["false_positives"], errors["false_negatives"]) == (3, 1, 1)
    assert errors["precision"] == errors["recall"] == errors["f1"] == 0.75
    # From the lowest quality up: f(error) b(error) c(error) d e(error) a i.
    assert errors["average_precision"] == pytest.approx((1 + 1 + 1 + 4 / 5) / 4)
    assert errors["auroc"] == pytest.approx((4 * 3 - 1) / (4 * 3))
    assert errors["relabelled"] == 2  # b and c; g is out of distribution
    assert errors["relabel_accuracy"] == 0.5
    assert errors["label_accuracy_before"] == pytest.approx(3 / 7)  # a d i
    assert errors["images_in_training"] == 4  # a b c e
    assert errors["label_accuracy_after"] == 0.5  # a b


def test_ood_by_hand():
    card = scorecard(LEDGER, TRUTH)
    # Known: all in the truth but c. Only g is out of distribution; flagged: f h.
    assert card["ood.images"] == 8
    assert (card["ood.true_positives"], card["ood.false_positives"], card["ood.false_negatives"]) == (0, 2, 1)
    assert card["ood.precision"] == card["ood.recall"] == card["ood.f1"] == 0
    assert card["ood.auroc"] == card["ood.average_precision"] == 1  # g has the highest score


def test_duplicates_by_hand():
    card = scorecard(LEDGER, TRUTH)
    # True pairs: ac ad cd (linked through a). Found pairs: ad fg; aj and dj are not judged, j is not in the truth.
    counts = [card[f"duplicates.{name}"] for name in ("true_positives", "false_positives", "false_negatives")]
    assert counts == [1, 1, 2]
    assert card["duplicates.precision"] == 0.5
    assert card["duplicates.recall"] == pytest.approx(1 / 3)
    assert card["duplicates.f1"] == pytest.approx(2 / 5)


def test_pairs_are_linked_through_an_original_that_the_dataset_lacks():
    truth = pd.DataFrame({"image_id": ["a", "d"], "duplicate_of": ["lost", "lost"]})
    card = scorecard(LEDGER, truth)
    assert card["duplicates.true_positives"] == 1
    assert card["duplicates.f1"] == 1


def test_row_order_does_not_matter():
    shuffled = scorecard(LEDGER.sample(frac=1, random_state=0), TRUTH.sample(frac=1, random_state=1))
    assert shuffled == scorecard(LEDGER, TRUTH)


def test_parts_without_truth_are_absent_and_rates_of_nothing_too(tmp_path):
    card = scorecard(LEDGER, TRUTH[["image_id", "is_ood"]])
    assert {key.split(".")[0] for key in card} == {"images", "images_in_truth", "ood"}
    alone = scorecard(LEDGER[LEDGER["image_id"] == "a"], TRUTH)
    assert "label_errors.f1" not in alone
    assert "label_errors.auroc" not in alone
    assert alone["label_errors.label_accuracy_before"] == 1
    tables.write_json(tmp_path / "scorecard.json", {**card, **alone})  # refuses NaN


def test_truth_of_another_dataset_is_refused():
    with pytest.raises(WinnowError, match="its ids look like 'z', the dataset's like 'a'"):
        scorecard(LEDGER, TRUTH[TRUTH["image_id"] == "z"])
    with pytest.raises(WinnowError, match="no lines below its header"):
        scorecard(LEDGER, TRUTH[:0])


def test_read_truth(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text(
        "\ufeffimage_id,true_label,is_ood,duplicate_of\n"
        "img_b,dog,0,\nimg_a, 1 ,TRUE,img_b\nimg_d,2.0,,\nimg_c,,false,\nimg_e,7,1,\n",
        encoding="utf-8",
    )
    truth = read_truth(path, class_names=CLASSES)
    assert truth["image_id"].tolist() == ["img_a", "img_b", "img_c", "img_d", "img_e"]
    assert truth["true_label"].fillna(-1).tolist() == [1, 1, -1, 2, 2]  # "7" is the name of class 2
    assert truth["is_ood"].astype(object).where(truth["is_ood"].notna(), None).tolist() == [
        True,
        False,
        False,
        None,
        True,
    ]
    assert truth["duplicate_of"].tolist() == ["img_b", "", "", "", ""]


@pytest.mark.parametrize(
    "text",
    [
        "image_id;true_label;is_ood\r\nimg_a;dog;0\r\nimg_b;;1\r\n",
        "image_id\ttrue_label\tis_ood\nimg_a\tdog\t0\nimg_b\t\t1\n",
        "image_id,true_label,is_ood\n\nimg_a,dog,0\n,,\nimg_b,,1\n,,\n",
        '"image_id","true_label","is_ood"\n"img_a","dog","0"\n"img_b","","1"\n',
        "image_id , true_label , is_ood\nimg_a , dog , 0\nimg_b , , 1\n",
        "image_id,true_label,is_ood\nimg_a,1.0,0.0\nimg_b,,1.0\n",
    ],
    ids=["semicolons", "tabs", "empty rows", "all quoted", "blanks", "numbers with a point"],
)
def test_a_truth_file_that_a_spreadsheet_saved_is_read(tmp_path, text):
    (tmp_path / "truth.csv").write_text(text)
    truth = read_truth(tmp_path / "truth.csv", class_names=CLASSES)
    assert truth["image_id"].tolist() == ["img_a", "img_b"] and truth["is_ood"].tolist() == [False, True]
    assert truth["true_label"].fillna(-1).tolist() == [1, -1]


def test_a_true_label_is_the_same_in_decomposed_letters(tmp_path):
    (tmp_path / "truth.csv").write_text("image_id,true_label\na,Ba\u0308r\n", encoding="utf-8")
    assert read_truth(tmp_path / "truth.csv", class_names=["cat", "B\u00e4r"])["true_label"].tolist() == [1]


def test_read_truth_with_one_column(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("image_id,is_ood\nimg_a,1\n")
    assert read_truth(path, class_names=CLASSES).columns.tolist() == ["image_id", "is_ood"]


def test_a_folder_stands_for_no_truth(tmp_path):
    assert read_truth(tmp_path, class_names=CLASSES) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,is_ood\na,1\n", "no column image_id; its columns are: id, is_ood"),
        ("image_id,is_OOD\na,1\n", "unknown column 'is_OOD'; allowed are image_id, true_label, is_ood, duplicate_of"),
        ("image_id\na\n", "holds ids alone"),
        ("image_id,is_ood\na,1\nb,0\na,1\n", "holds the image_id 'a' twice"),
        ("image_id,is_ood\na,1\n,0\n", "empty image_id in line 3"),
        ("image_id,is_ood\na,1\nb,maybe\n", "is_ood 'maybe' in line 3; allowed are 0, 1 and empty"),
        (
            "image_id,true_label\na,cat\nb,3\n",
            r"true_label '3' in line 3; allowed are 0 to 2, the class names \(cat, dog",
        ),
        ("image_id,true_label\na,-1\n", "true_label '-1' in line 2"),
        ("image_id,true_label\na,1.5\n", "true_label '1.5' in line 2"),
        ("image_id,true_label\na,fox\n", "true_label 'fox' in line 2"),
        ("image_id,true_label\na,nan\n", "true_label 'nan' in line 2"),
        ("image_id,is_ood\na,1,cat\nb,0,cat\n", "more cells in line 2 than columns in line 1"),
        ("image_id,is_ood\na,1\nb,0,cat\n", "is no CSV"),
        ('image_id,duplicate_of\na,"b\nb,1\nc,"\n', "a quote left open in line 2"),
        ("image_id,is_ood\n\n,\na,2\n", "is_ood '2' in line 4"),
        ("", "is no CSV"),
        ('image_id,is_ood\n"a,1\n', "is no CSV"),
    ],
)
def test_faults_in_the_truth_file_are_named(tmp_path, content, message):
    path = tmp_path / "truth.csv"
    path.write_text(content)
    with pytest.raises(WinnowError, match=message):
        read_truth(path, class_names=CLASSES)


def test_missing_or_binary_truth_file_is_named(tmp_path):
    with pytest.raises(WinnowError, match=r"does not exist; correct data\.truth"):
        read_truth(tmp_path / "truth.csv", class_names=CLASSES)
    (tmp_path / "truth.csv").write_bytes(b"image_id,is_ood\n\xff\xfe\x00,1\n")
    with pytest.raises(WinnowError, match="no CSV in UTF-8"):
        read_truth(tmp_path / "truth.csv", class_names=CLASSES)


def test_perfect_curation_scores_one():
    rng = np.random.default_rng(0)
    true_label, label = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    wrong = label != true_label
    ledger = pd.DataFrame(
        {
            "image_id": [f"img_{row:03}" for row in range(200)],
            "label": label,
            "final_label": true_label,
            "action": np.where(wrong, "relabel", "keep"),
            "split": "train",
            "label_quality_score": np.where(wrong, 0.1, 0.9),
            "ood_score": 0.0,
            "flagged_label_issue": wrong,
            "flagged_ood": False,
            "duplicate_group": np.arange(200),
        }
    )
    card = scorecard(ledger, pd.DataFrame({"image_id": ledger["image_id"], "true_label": true_label}))
    for name in ("precision", "recall", "f1", "average_precision", "auroc", "relabel_accuracy", "label_accuracy_after"):
        assert card[f"label_errors.{name}"] == 1
    assert card["label_errors.label_accuracy_before"] == pytest.approx(1 - wrong.mean())
