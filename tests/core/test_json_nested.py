"""JSON that somebody sent may be nested deeper than Python reads, or hold a number longer than it converts: whoever reads it
says so, or takes it for text, and does not fail."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from trainer import tasks, tested_rows
from trainer.data.conversation_rows import conversation
from trainer.writing.tools import read_answer, read_tools
from webapp.answers.templatetags.answers import row_of
from webapp.core.problems import Problem
from webapp.core.trainer_process import parse
from webapp.endpoints.chatting import messages_of
from webapp.endpoints.inbox import cells_of
from webapp.runs.comparing import kept_words
from webapp.runs.results import fields_in

ROOT = Path(__file__).resolve().parents[2]
OUR_OWN = {
    "trainer/data/tables/jsonrows.py",  # raises what is not JSON again
    "trainer/hyperparameters/search.py",
    "webapp/endpoints/chatting.py",
    "webapp/host/preflight.py",
    "webapp/host/startup.py",
}
"""What these read at one place was written by a part of Maquette."""
HOSTILE = {
    "lists": "[" * 100_000,
    "objects": '{"a":' * 100_000,
    "closed": "[" * 5_000 + "]" * 5_000,
    "digits": "9" * 5_000,
    "digits in a list": f"[{'9' * 5_000}]",
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@hostile
@pytest.mark.parametrize("slug", [task.slug for task in tasks.all()])
def test_a_line_to_predict_is_an_input_whatever_it_holds(slug: str, text: str) -> None:
    task = tasks.get(slug)
    assert task.read_line(text) is not None


@hostile
def test_a_conversation_is_none(text: str) -> None:
    assert conversation(text) is None


@hostile
def test_cells_of_reports_stay_text(text: str) -> None:
    assert fields_in(text) == text
    assert row_of(text) == {}
    assert kept_words(text) == text
    assert tested_rows.columns_of(text) == {}


@hostile
def test_a_judgement_is_refused_kept_words(text: str) -> None:
    with pytest.raises(Problem, match="not about a row of a table"):
        cells_of(text)


@hostile
def test_a_chat_of_a_visitor_is_refused_kept_words(text: str) -> None:
    request = RequestFactory().post("/", {"messages": text})
    with pytest.raises(Problem) as refused:
        messages_of(request)
    assert refused.value.status == 422


@hostile
def test_tools_that_cannot_be_read_are_none_and_such_an_answer_is_text(text: str) -> None:
    assert read_tools(text) == []
    said = read_answer(f'{{"tool_calls": {text}')
    assert tuple(said) == (f'{{"tool_calls": {text}', [])


@hostile
def test_a_line_that_a_library_prints_is_no_event(text: str) -> None:
    assert parse(text) is None


# No reader that is written later


def readers(text: str) -> Iterator[ast.Try]:
    """Each `try` around a `json.loads` of what is not a file of ours, which answers what is not JSON."""
    tries = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Try)]
    for node in tries:
        reads = any(is_reading(call) for part in node.body for call in ast.walk(part))
        if reads and caught(node) & {"ValueError", "JSONDecodeError"}:
            yield node


def is_reading(node: Any) -> bool:
    is_loads = isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads"
    return is_loads and "read_text" not in ast.unparse(node.args[0])


def caught(node: ast.Try) -> set[str]:
    return {
        name.split(".")[-1].strip("() ")
        for handler in node.handlers
        if handler.type
        for name in ast.unparse(handler.type).split(",")
    }


@pytest.mark.parametrize("package", ["trainer", "webapp", "serving", "sandbox"])
def test_whoever_answers_what_is_no_json_answers_what_is_too_deep(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]
    texts = {path.relative_to(ROOT): text for path in files if "json.loads" in (text := path.read_text("utf-8"))}
    careless = {
        str(path)
        for path, text in texts.items()
        if any(not {"ValueError", "RecursionError"} <= caught(node) for node in readers(text))
    }
    assert careless <= OUR_OWN
