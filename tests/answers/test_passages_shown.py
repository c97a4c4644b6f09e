"""How pages show an answer that is a passage: marked in its text, and beside the actual one."""

import re

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from webapp.answers import presentations
from webapp.answers.templatetags.spans import AROUND, MOST_CHARACTERS, marked_places, passage_in
from webapp.runs.inputs import ModelInput

HOSTILE = '<script>alert("1")</script>'


def marks(html: str) -> list[tuple[str, str]]:
    return re.findall(r'<mark class="([a-z ]*)">(.*?)</mark>', html)


def test_the_passage_is_marked_and_all_else_is_escaped() -> None:
    text = f"{HOSTILE} Anna lives in Rome."
    start = text.index("Rome")
    html = passage_in(text, start, start + 4)
    assert marks(html) == [("predicted", "Rome")]
    assert "<script>" not in html
    assert marks(passage_in(text, None, None)) == []


def test_a_passage_far_into_a_long_text_is_shown() -> None:
    text = "a" * 3 * MOST_CHARACTERS + "Rome"
    html = passage_in(text, len(text) - 4, len(text))
    assert marks(html) == [("predicted", "Rome")]
    assert len(html) < AROUND + 200


def test_two_answers_that_overlap_are_marked_apart() -> None:
    html = marked_places("in New York city", [{"start": 3, "end": 11}], [{"start": 7, "end": 16}])
    assert marks(html) == [("actual", "New "), ("actual predicted", "York"), ("predicted", " city")]
    assert marks(marked_places("short", [{"start": 2, "end": 99}], [])) == [("actual", "ort")]


@pytest.mark.parametrize("start", [None, 14])
def test_the_answer_is_drawn(start: int | None) -> None:
    given = {
        "answer": None if start is None else "Rome",
        "start": start,
        "end": None if start is None else 18,
        "score": 0.75,
    }
    asked = ModelInput({"question": "Where?", "context": "Anna lives in Rome."}, "")
    with translation.override("en"):
        html = render_to_string("answers/passage/answer.html", {"answer": given, "model_input": asked})
    assert ("does not answer" in html) == (start is None)
    assert marks(html) == ([] if start is None else [("predicted", "Rome")])
    assert "75" in html


def test_a_report_says_how_the_questions_were_answered() -> None:
    with translation.override("en"):
        context = presentations()["passage"].context({"kinds_of_answers": {"exact": 3, "partly": 0, "invented": 1}})
        shown = presentations()["passage"].mistake({"f1": 0.5}, lambda: None)
    assert [(kind["count"], kind["share"]) for kind in context["kinds"]] == [(3, 0.75), (1, 0.25)]
    assert shown["score"].startswith("50")
