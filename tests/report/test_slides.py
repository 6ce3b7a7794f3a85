"""The slides: whole, editable, with notes that state the numbers, and the same bytes every time."""

import dataclasses
import datetime
import io
import re
import zipfile

import numpy as np
import pytest
from lxml import etree
from pptx import Presentation
from test_report import HOSTILE

from report_inputs import make_inputs
from winnow.report.content import gather
from winnow.report.ooxml import without_dates
from winnow.report.slides import make_slides


@pytest.fixture(scope="module")
def facts(request):
    return gather(make_inputs(request.config.rootpath))


@pytest.fixture(scope="module")
def content(facts):
    return make_slides(facts)


@pytest.fixture(scope="module")
def slides(content):
    return list(Presentation(io.BytesIO(content)).slides)


def notes(slide) -> str:
    return slide.notes_slide.notes_text_frame.text


def test_a_talk_of_twenty_minutes(slides):
    titles = [slide.shapes.title.text for slide in slides]
    assert 18 <= len(slides) <= 24
    wanted = [
        "Cleaning sample lifts balanced accuracy from 40.00% to 75.00%",
        "30 images came in, the largest class 1.0 times the smallest",
        "Score once",
        "3 clean images judge",
        "50.00% of the images did not stay",
        "9 images dropped, most of them as",
        "6 labels changed, most often",
        "No person has looked yet",
        "Every class now has",
        "Labels lie in patterns",
        "4 augmented copies",
        "The same network is 35.00 points better",
        "3 of 3 classes gain on the test set",
        "Labels of the training set that are right: 62.50% → 87.50%",
        "Of label errors, the detectors find 0.615",
        "limits to know",
        "One command",
    ]
    places = [next((i for i, title in enumerate(titles) if word in title), word) for word in wanted]
    assert all(isinstance(place, int) for place in places), (places, titles)
    assert places == sorted(places)


def test_notes_are_what_a_person_would_say(slides):
    for slide in slides:
        assert not re.search(r"img_|[0-9a-f]{16}|_score\b", notes(slide)), notes(slide)


def test_the_first_slide_names_the_team_and_the_day_of_the_talk_and_the_rest_have_numbers(slides):
    def fields(slide):
        return re.findall(r'<a:fld [^>]*type="(\w+)"', etree.tostring(slide._element).decode())

    opening, *others = slides
    assert "Team winnow" in opening.placeholders[1].text_frame.text and fields(opening) == ["datetime1"]
    assert {tuple(fields(slide)) for slide in others} == {("slidenum",)}


def test_what_people_did_is_a_slide(root):
    inputs = make_inputs(root)
    ledger = inputs.ledger.copy()
    ledger.loc[:2, "decided_by"] = ["ada", "ada", "grace"]
    ledger.loc[4, "confirmed_by"] = "grace"
    facts = gather(dataclasses.replace(inputs, ledger=ledger))
    columns = ["kept", "relabelled", "dropped", "confirmed"]
    assert facts.reviewers.set_index("reviewer")[columns].T.to_dict("list") == {
        "ada": [2, 0, 0, 0],
        "grace": [1, 0, 0, 1],
    }
    slides = Presentation(io.BytesIO(make_slides(facts))).slides
    slide = next(it for it in slides if it.shapes.title.text.startswith("People decided 3 images"))
    table = next(shape.table for shape in slide.shapes if shape.has_table)
    assert [cell.text for cell in table.rows[1].cells] == ["ada", "2", "0", "0", "0"]


def test_every_slide_has_notes_and_something_to_see(slides):
    for slide in slides:
        assert len(notes(slide)) > 30, slide.shapes.title.text
        assert len(slide.shapes) >= 2


def test_the_notes_state_the_numbers(slides, facts):
    said = " ".join(notes(slide) for slide in slides)
    assert facts.results.headline in said
    assert "31 images came in; 30 were accepted" in said
    assert "15 (50.00%) were kept, 6 (20.00%) relabelled and 9 (30.00%) dropped" in said
    assert "62.50% right before, 87.50% after" in said
    assert "Most gained, in points: cat +35.00, dog +35.00 and owl +35.00. Lost: none." in said


def test_charts_and_tables_can_be_edited(slides, facts):
    charts = [shape.chart for slide in slides for shape in slide.shapes if shape.has_chart]
    tables = [shape.table for slide in slides for shape in slide.shapes if shape.has_table]
    assert len(charts) >= 5 and len(tables) >= 4
    counts = next(chart for chart in charts if [series.name for series in chart.plots[0].series][:1] == ["as it came"])
    assert list(counts.plots[0].series[0].values) == facts.classes["given"].tolist()
    cells = {cell.text for table in tables for row in table.rows for cell in row.cells}
    assert {"out of distribution", "0.800", "50.00%"} <= cells


def test_nothing_lies_beyond_the_edge(content):
    deck = Presentation(io.BytesIO(content))
    for slide in deck.slides:
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.top >= 0, shape.name
            assert shape.left + shape.width <= deck.slide_width, (slide.shapes.title.text, shape.name)
            assert shape.top + shape.height <= deck.slide_height, (slide.shapes.title.text, shape.name)


def test_the_same_facts_give_the_same_bytes_at_any_time(facts, content, monkeypatch):
    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 5, 6, 7, 8, 9, tzinfo=tz)

    import xlsxwriter.core
    import xlsxwriter.workbook

    for module in (xlsxwriter.core, xlsxwriter.workbook):
        if hasattr(module, "datetime"):
            monkeypatch.setattr(module, "datetime", Later)
    assert make_slides(facts) == content


def test_no_date_is_left(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        properties = [file.read("docProps/core.xml")]
        books = [file.read(name) for name in file.namelist() if name.endswith(".xlsx")]
    assert len(books) >= 5
    for book in books:
        with zipfile.ZipFile(io.BytesIO(book)) as file:
            properties.append(file.read("docProps/core.xml"))
    dates = [date for text in properties for date in re.findall(rb"<dcterms:\w+[^>]*>([^<]*)<", text)]
    assert len(dates) >= len(books) and set(dates) == {b"2000-01-01T00:00:00Z"}
    assert without_dates(content) == content


def test_without_test_set_and_truth(root):
    titles = [
        slide.shapes.title.text
        for slide in Presentation(io.BytesIO(make_slides(gather(make_inputs(root, test=False, truth=False))))).slides
    ]
    assert any(title.startswith("3 of 3 classes gain on the validation set") for title in titles)
    assert not any("detectors find" in title for title in titles)


def test_hostile_names_do_no_harm(root):
    deck = Presentation(io.BytesIO(make_slides(gather(make_inputs(root, class_names=HOSTILE)))))
    text = " ".join(notes(slide) for slide in deck.slides)
    assert HOSTILE[0] in text and "\x00" not in text


def test_a_class_without_test_images_has_a_dash(facts):
    classes = facts.results.classes.copy()
    classes.loc[1, ["baseline", "submission"]] = np.nan
    results = dataclasses.replace(facts.results, classes=classes)
    deck = Presentation(io.BytesIO(make_slides(dataclasses.replace(facts, results=results))))
    rows = [row for slide in deck.slides for shape in slide.shapes if shape.has_table for row in shape.table.rows]
    assert ["dog", "-", "-", "-"] in [[cell.text for cell in row.cells] for row in rows]
