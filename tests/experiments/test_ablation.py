"""The study's table and figure, from predictions made by hand."""

import xml.etree.ElementTree as ET

import pandas as pd
import pytest
from PIL import Image

from winnow.experiments.ablation import study_markdown, study_rich, study_rows
from winnow.experiments.plan import AblationFile
from winnow.experiments.waterfall import write_waterfall

STUDY = AblationFile.model_validate(
    {
        "title": "A study",
        "rows": [
            {"name": "nothing", "label": "nothing", "changes": {}},
            {"name": "clean", "label": "outliers dropped", "over": "nothing", "changes": {}},
            {"name": "crop", "label": "+ crops", "over": "clean", "changes": {}},
        ],
    }
)


def predictions(*right: int) -> pd.DataFrame:
    """200 images of two classes; each seed has the first so many right."""
    label = ["cat" if i % 2 else "dog" for i in range(200)]
    frame = {"split": "test", "image_id": [f"img_{i:03d}" for i in range(200)], "leaks": "0", "label": label}
    for seed, count in enumerate(right):
        frame[f"seed-{seed}"] = [own if i < count else "owl" for i, own in enumerate(label)]
    return pd.DataFrame(frame)


@pytest.fixture
def rows():
    return study_rows(STUDY, {"nothing": predictions(80), "clean": predictions(140, 144), "crop": predictions(144)})


def test_rows_by_hand(rows):
    assert [row["balanced_accuracy"] for row in rows] == pytest.approx([0.4, 0.71, 0.72])
    nothing, clean, crop = rows
    assert nothing["step"] is None and nothing["total"] is None
    assert clean["step"] == clean["total"] and clean["step"]["value"] == pytest.approx(0.31)
    assert clean["step"]["verdict"] == "better" and clean["seeds"] == 2
    assert crop["step"]["value"] == pytest.approx(0.01) and crop["step"]["verdict"] == "cannot tell"
    assert crop["total"]["value"] == pytest.approx(0.32) and crop["total"]["verdict"] == "better"


def test_a_failed_row_is_left_out_and_no_step_is_made_up():
    rows = study_rows(STUDY, {"nothing": predictions(80), "crop": predictions(144)})
    assert [row["name"] for row in rows] == ["nothing", "crop"]
    assert rows[1]["step"] is None and rows[1]["total"]["value"] == pytest.approx(0.32)


def test_the_table_names_rows_and_intervals(rows):
    lines = study_markdown(rows).splitlines()
    assert lines[2] == "| nothing | 1 | 40.0% |  |  |  |"
    assert lines[3].startswith("| outliers dropped | 2 | 71.0% | nothing | +31.0 [+")
    assert "+1.0 [" in lines[4] and "(cannot tell)" in lines[4]
    assert study_rich(rows).row_count == 3


def test_the_figure_is_written_whole_and_the_same_every_time(rows, tmp_path):
    for name in ("a", "b"):
        paths = [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"]
        write_waterfall(rows, paths, title=STUDY.title, split="test")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 1200 and len(picture.getcolors(1 << 24)) > 20
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")


def test_another_score_is_drawn_under_its_name_with_notes(rows, tmp_path):
    plain = [{**row, "accuracy": row.pop("balanced_accuracy"), "note": ", one seed"} for row in rows]
    options = {"score": "accuracy", "whiskers": "95 % interval of the row"}
    write_waterfall(plain, [tmp_path / "a.svg"], title="t", split="test", **options)
    drawn = (tmp_path / "a.svg").read_text()
    assert "accuracy on the test set, % (whiskers: 95 % interval of the row)" in drawn and "balanced" not in drawn
    assert "71.0 %  (+31.0), one seed" in drawn


def test_rows_whose_reference_is_missing_are_still_drawn(tmp_path):
    rows = study_rows(STUDY, {"nothing": predictions(80), "crop": predictions(144)})
    write_waterfall(rows, [tmp_path / "a.png"], title="t", split="test")
    assert (tmp_path / "a.png").stat().st_size > 5000
