"""Refusals of the API, of the upload protocol, before Django and of serving are RFC 9457 problem details of one make."""

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from serving.problems import Problem as ServingProblem
from trainer.problem_details import MEDIA_TYPE, problem_details
from webapp.core.problem_responses import problem_response, send_problem
from webapp.core.problems import Problem

ROOT = Path(__file__).resolve().parents[2]


def test_they_are_made_in_one_place() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for room in ("webapp", "serving", "trainer")
        for path in (ROOT / room).rglob("*.py")
        if '"about:blank"' in (text := path.read_text("utf-8")) or '"application/problem+json"' in text
    }
    assert makers == {"trainer/problem_details.py"}


@pytest.mark.parametrize("status", [400, 401, 402, 404, 405, 408, 409, 413, 422, 429, 500, 503, 507])
def test_the_title_is_the_phrase_of_the_status(status: int) -> None:
    assert problem_details(status, "any", "A sentence.")["title"] == HTTPStatus(status).phrase


def test_a_status_without_a_phrase_has_no_title() -> None:
    assert problem_details(599, "any", "A sentence.")["title"] == ""


def sent(problem: Problem, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(send_problem(send, problem, **headers))
    start, body = messages
    return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, json.loads(body["body"])


def test_every_way_tells_the_same() -> None:
    problem = Problem("It is full.", code="full", hint="Wait.", status=503, retry_after=7, rows=3)
    expected = problem_details(503, "full", "It is full.", "Wait.", rows=3)
    response = problem_response(problem)
    status, headers, body = sent(problem)
    assert json.loads(response.content) == body == expected
    assert json.loads(ServingProblem(503, "full", "It is full.", "Wait.", retry_after=7, rows=3).body()) == expected
    assert (response.status_code, response["Content-Type"], response["Retry-After"]) == (503, MEDIA_TYPE, "7")
    assert (status, headers["content-type"], headers["retry-after"]) == (503, MEDIA_TYPE, "7")
    assert int(headers["content-length"]) == len(json.dumps(body))


def test_headers_follow_the_status_and_the_caller() -> None:
    problem = Problem("No.", code="no_key", status=401)
    assert problem_response(problem)["WWW-Authenticate"] == "Bearer"
    _status, headers, _body = sent(problem, connection="close", access_control_allow_origin="*")
    assert headers["www-authenticate"] == "Bearer"
    assert (headers["connection"], headers["access-control-allow-origin"]) == ("close", "*")
    assert "retry-after" not in headers
