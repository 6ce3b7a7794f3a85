"""data-labels.json pair by pair: what comes out, and the same words as the standard library's for what is broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winnow.data.layouts.labels_json import OneHot, Repeated, read_labels


def plain(value):
    return value.as_list() if isinstance(value, OneHot) else value


def test_one_hot_lists_of_whole_numbers_become_one_object_of_each_kind():
    labels = read_labels('{"a": [0, 1, 0], "b": [1, 0, 0], "c": [0, 1, 0]}')
    assert labels == {"a": OneHot(3, 1), "b": OneHot(3, 0), "c": OneHot(3, 1)}
    assert labels["a"] is labels["c"] and labels["b"].as_list() == [1, 0, 0]


@pytest.mark.parametrize("value", [[0.0, 1.0], [True, False], [0, 0], [1, 1], [0, 2], [], ["1", 0], {"a": 1}, None, 3])
def test_any_other_value_comes_as_it_is(value):
    (found,) = read_labels(json.dumps({"a": value})).values()
    assert found == value and json.dumps(found) == json.dumps(value) and not isinstance(found, OneHot)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.text(), st.recursive(st.integers(0, 1) | st.text() | st.none() | st.floats(allow_nan=False), st.lists)
    ),
    st.sampled_from([None, 0, 3]),
)
def test_whatever_json_holds_comes_out_as_json_loads_has_it(content, indent):
    text = json.dumps(content, indent=indent)
    assert {key: plain(value) for key, value in read_labels(text).items()} == json.loads(text)


@pytest.mark.parametrize("text", ["[1]", "3", ' "x" ', "{}", " { } ", '\n{"a":[0,1]}\n'])
def test_what_is_no_object_or_empty_is_read_too(text):
    found = read_labels(text)
    assert ({k: plain(v) for k, v in found.items()} if isinstance(found, dict) else found) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a"',
        '{"a":',
        '{"a" 1}',
        '{"a": 1',
        '{"a": 1 "b": 2}',
        "{a: 1}",
        '{"a": 1} x',
        '{"a": [0, }',
        '{"a": 1, 3}',
    ],
)
def test_broken_json_is_named_in_the_same_words_at_the_same_place(text):
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        read_labels(text)
    assert (found.value.msg, found.value.pos) == (expected.value.msg, expected.value.pos)


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2, "a": 3}', '{"b": {"a": 1, "a": 2}}', '[{"a": 1, "a": 2}]'])
def test_a_key_that_stands_twice_is_named(text):
    with pytest.raises(Repeated) as found:
        read_labels(text)
    assert found.value.key == "a"


def test_a_long_file_shows_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr("winnow.progress._SECONDS_BETWEEN_LINES", 0)
    monkeypatch.setattr("winnow.data.layouts.labels_json._PAIRS_BETWEEN_REPORTS", 10)
    read_labels(json.dumps({str(i): [0, 1] for i in range(25)}))
    assert capsys.readouterr().err.count("read labels, characters: ") == 3
