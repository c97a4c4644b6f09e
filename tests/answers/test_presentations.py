"""What pages make of each kind of answer: in words, shortened for a judgement, corrected by a visitor, and of a whole run."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from webapp.answers import of_output, of_task, presentations
from webapp.answers.base import Scored
from webapp.answers.classes import MATRIX_CLASSES, SHOWN_CLASSES, matrix, ranked_classes
from webapp.answers.objects import KEPT_OBJECTS
from webapp.answers.templatetags.answers import (
    answer_text,
    answer_to,
    boxes_over,
    framed,
    given,
    mark_differences,
    row_of,
)
from webapp.answers.text import KEPT_TEXT

HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def box(label: str, score: float = 0.9, at: tuple[float, ...] = (1, 2, 30, 40)) -> dict[str, Any]:
    return {"label": label, "score": score, "box": list(at)}


@pytest.mark.parametrize(
    ("key", "output", "words"),
    [
        ("class", {"label": "refund"}, "refund"),
        ("class", {"label": 3}, "3"),
        ("number", {"value": 1234.5678}, "1,235"),
        ("number", {"value": 0.000012}, "1.2e-05"),
        ("number", {"value": float("nan")}, "–"),
        ("number", {"value": None}, "–"),
        ("text", {"text": "  hello there \n"}, "hello there"),
        ("text", {"text": " \n"}, "no words recognized"),
        ("passage", {"answer": "in Rome", "start": 11, "end": 18, "score": 0.9}, "in Rome"),
        ("passage", {"answer": None, "start": None, "end": None, "score": 0.7}, "no answer in the text"),
        ("objects", {"objects": []}, "nothing recognized"),
        ("objects", {"objects": [box("cat"), box("dog"), box("cat")]}, "2 × cat, 1 × dog"),
    ],
)
def test_an_answer_in_a_few_words(key: str, output: dict[str, Any], words: str) -> None:
    """A number that is none is told as one; it had ended the page."""
    assert presentations()[key].answer_text(output) == words


@pytest.mark.parametrize(
    ("output", "words"), [("as it is", "as it is"), (7, "7"), (None, "None"), ({}, "–"), ({"odd": 1}, "–")]
)
def test_what_is_no_known_answer(output: object, words: str) -> None:
    assert answer_text(output) == words


def test_an_unknown_task_is_shown_as_classes_and_an_unknown_answer_as_none() -> None:
    assert of_task(None).key == of_task("no-such-task").key == "class"
    assert of_output({}) is None


@pytest.mark.parametrize(
    ("key", "output", "name", "most"),
    [
        (
            "class",
            {"label": "0", "scores": [{"label": str(n), "score": 0.1} for n in range(1000)]},
            "scores",
            SHOWN_CLASSES,
        ),
        ("objects", {"objects": [box(str(n)) for n in range(1000)]}, "objects", KEPT_OBJECTS),
        ("text", {"text": "x" * 1_000_000}, "text", KEPT_TEXT),
    ],
)
def test_of_a_large_answer_a_part_is_kept(key: str, output: dict[str, Any], name: str, most: int) -> None:
    whole = len(output[name])
    shortened = presentations()[key].shortened(output)
    assert shortened[name] == output[name][:most]
    assert len(output[name]) == whole, "what the page shows is not cut"
    assert {**shortened, name: None} == {**output, name: None}, "all else stays"


def test_a_class_without_scores_is_kept_as_it_is() -> None:
    assert presentations()["class"].shortened({"label": "a"}) == {"label": "a"}


@pytest.mark.parametrize(
    ("output", "choices"),
    [
        ({"label": "b", "scores": [{"label": name} for name in "cba"]}, ("a", "c")),
        ({"label": "a", "scores": [{"label": "a"}]}, ()),
        ({"label": "a"}, ()),
    ],
)
def test_a_visitor_corrects_a_class_with_another_one(output: dict[str, Any], choices: tuple[str, ...]) -> None:
    assert presentations()["class"].correction(output).choices == choices


def test_a_visitor_corrects_a_number_on_a_keyboard_of_numbers_and_a_text_in_words() -> None:
    assert presentations()["number"].correction({"value": 3}).inputmode == "decimal"
    assert presentations()["text"].correction({"text": "a"}).inputmode == ""


# Of a finished run


def scored(name: str, value: float, rows: int = 72, column: str = "") -> Scored:
    return Scored({"name": name, "value": value, "low": 0.8, "high": 0.9}, rows, f"{rows} texts", column)


@pytest.mark.parametrize(
    ("key", "score", "report", "sentence"),
    [
        ("class", scored("accuracy", 0.9), {}, "90.0 % accuracy on 72 texts (65 right)"),
        ("class", scored("accuracy", 0.9, rows=0), {}, "90.0 % accuracy on 0 texts"),
        ("class", scored("accuracy", 1.0, rows=1_000_000), {}, "100.0 % accuracy on 1000000 texts (1,000,000 right)"),
        ("text", scored("wer", 0.125), {}, "12.5 % word error rate on 72 texts"),
        ("number", scored("r2", 0.84), {"metrics": {"mae": 3.456}}, "Off by 3.46 on average on 72 texts"),
        (
            "number",
            scored("r2", 0.84, column="price"),
            {"metrics": {"mae": 0}},
            "price off by 0 on average on 72 texts",
        ),
        ("number", scored("r2", 0.84), {}, "R² 0.84 on 72 texts"),
    ],
)
def test_how_good_it_is_in_a_sentence(key: str, score: Scored, report: dict[str, Any], sentence: str) -> None:
    assert presentations()[key].sentence(score, report).replace("\u00a0", " ") == sentence


def test_below_the_verdict_the_score_is_not_said_twice() -> None:
    classes = presentations()["class"]
    assert classes.below_verdict(scored("accuracy", 0.9), {}) == "65 of 72 texts right"
    unscored = scored("accuracy", 0.9, rows=0)
    assert classes.below_verdict(unscored, {}) == classes.sentence(unscored, {})


def test_a_matrix_of_none_one_and_many() -> None:
    assert matrix({}) == {"labels": [], "rows": [], "left_out": 0}
    one = matrix({"labels": ["a"], "matrix": [[0]]})
    assert one["rows"][0]["cells"] == [{"count": 0, "heat": 0, "hit": True}], "a class without a row"
    count = MATRIX_CLASSES + 30
    counts = [[9 if i == j else 0 for j in range(count)] for i in range(count)]
    counts[count - 1][count - 2] = 4
    many = matrix({"labels": [f"class {n}" for n in range(count)], "matrix": counts})
    assert len(many["rows"]) == len(many["labels"]) == MATRIX_CLASSES
    assert many["left_out"] == 30
    assert many["labels"][-2:] == [f"class {count - 2}", f"class {count - 1}"], "those that are confused stay"
    assert [cell["heat"] for cell in many["rows"][-1]["cells"][-2:]] == [3, 5]


@pytest.mark.parametrize(
    ("counts", "heats"), [([0, 0], [0, 0]), ([1, 999], [1, 7]), ([7, 0], [7, 0]), ([1, 6], [1, 6]), ([3, 4], [3, 4])]
)
def test_a_row_is_heated_by_its_own_sum(counts: list[int], heats: list[int]) -> None:
    drawn = matrix({"labels": ["a", "b"], "matrix": [counts, [0, 0]]})
    assert [cell["heat"] for cell in drawn["rows"][0]["cells"]] == heats


def test_classes_that_were_not_tested_come_last_and_count_for_nothing() -> None:
    per_class = [
        {"label": "good", "rows": 40, "f1": 0.9},
        {"label": "never", "rows": 0, "f1": 0.0},
        {"label": "poor", "rows": 3, "f1": 0.2},
        {"label": "unscored", "rows": 9},
    ]
    ranked = ranked_classes(per_class, "f1")
    assert [entry["label"] for entry in ranked["weakest"]] == ["unscored", "poor", "good", "never"]
    assert (ranked["scarcest"]["label"], ranked["untested"]) == ("poor", 1)
    assert ranked_classes([], "f1") == {"weakest": [], "scarcest": None, "untested": 0}


# Drawn


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("Plan", "Plan:"),
        (" Churned? ", "Churned?"),
        ("Total:", "Total:"),
        ("流失？", "流失？"),
        ("合计：", "合计："),
        ("", ":"),
    ],
)
def test_a_column_before_its_value(column: str, title: str) -> None:
    assert answer_to(column) == title


def test_boxes_over_a_picture_of_known_and_of_unknown_size() -> None:
    known = {"width": 640, "height": 480, "address": "data:image/png;base64,AA"}
    drawn = boxes_over(known, [box("cat"), box("dog"), box("cat")])
    assert 'viewBox="0 0 640 480"' in drawn
    assert [drawn.count(f'class="b{n}"') for n in (1, 2)] == [2, 1], "one colour a label"
    unknown = boxes_over({"width": None, "height": None, "address": ""}, [box("cat", at=(10, 20, 30, 40))])
    assert 'viewBox="0 0 40 60"' in unknown
    assert "data-own" in unknown
    assert 'viewBox="0 0 1 1"' in boxes_over({"width": None, "height": None, "address": ""}, [])
    assert boxes_over(None, [box("cat")]) == ""


def test_labels_beyond_the_colours_begin_again() -> None:
    drawn = boxes_over({"width": 1, "height": 1, "address": ""}, [box(str(n)) for n in range(6)])
    assert [drawn.count(f'class="b{n}"') for n in range(1, 7)] == [2, 1, 1, 1, 1, 0]


def test_a_mistake_is_framed_without_the_boxes_that_it_lacks() -> None:
    mistake = {
        "size": (64, 48), "row": 7, "missed": 1, "extra": 2, "address": "/x", "truth": [box("cat")],
        "predicted": [box("dog"), {"label": "lost", "box": []}, {"label": "none"}],
    }  # fmt: skip
    drawn = framed(mistake)
    assert drawn.count("<rect") == 2
    assert "Row 7: 1 missed, 2 false positives" in drawn


@pytest.mark.parametrize("label", [HOSTILE, "<b>", "&amp;"])
def test_what_a_file_named_is_only_text(label: str) -> None:
    drawn = [
        boxes_over({"width": 9, "height": 9, "address": HOSTILE}, [box(label)]),
        framed({"size": (9, 9), "truth": [box(label)], "predicted": [], "address": HOSTILE}),
        given(label),
        given(f"data:image/{label}"),
        given(f"data:audio/{label}"),
        given('{"%s": "%s"}' % (("<b>x</b>",) * 2)),
        mark_differences(label, "other"),
        mark_differences("other", label),
    ]
    assert not [text for text in drawn if "<script" in text or "<b>" in text]


@pytest.mark.parametrize(
    ("stored", "row"),
    [
        ('{"age": 41, "plan": "pro"}', {"age": 41, "plan": "pro"}),
        ('{"note": "%s"}' % ("x" * 500), {"note": "x" * 80}),
        ('{"deep": {"a": 1}}', {"deep": "{'a': 1}"}),
        ("{no json", {}),
        ("[1, 2]", {}),
        ("a text", {}),
        ("", {}),
    ],
)
def test_the_fields_of_a_judged_row(stored: str, row: dict[str, Any]) -> None:
    assert row_of(stored) == row


def test_a_long_text_is_quoted_in_part_and_empty_fields_are_left_out() -> None:
    assert given("x" * 1000).count("x") < 310
    assert given("hello") == '<p class="quote breakall">“hello”</p>'
    assert given('{"a": 1, "b": null, "c": ""}') == '<p class="breakall">a: 1</p>'


@pytest.mark.parametrize(
    ("text", "other", "marked"),
    [
        ("the cat sat", "the cat sat", []),
        ("The cat, sat.", "the cat sat", []),
        ("the dog sat", "the cat sat", ["dog"]),
        ("", "the cat", []),
        ("it's mine", "its mine", ["it's"]),
        ("one two", "", ["one", "two"]),
    ],
)
def test_words_that_were_heard_wrong(text: str, other: str, marked: list[str]) -> None:
    drawn = mark_differences(text, other).replace("&#x27;", "'")
    assert drawn.count("<mark") == len(marked)
    assert all(f'<mark class="against">{word}</mark>' in drawn for word in marked)


def test_in_the_other_language() -> None:
    with translation.override("zh-hans"):
        assert answer_text({"objects": []}) != "nothing recognized"
        sentence = presentations()["class"].sentence(scored("accuracy", 0.9), {})
        assert "accuracy" not in sentence
        assert "65" in sentence
