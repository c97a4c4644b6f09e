"""What visitors say of an answer: once each, with the labels that there are, and not without end."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from tests import things
from webapp.accounts.models import User, Workspace
from webapp.core.clients import network
from webapp.endpoints import visitors
from webapp.endpoints.models import Endpoint, Feedback
from webapp.endpoints.tasks import sweep

OUTPUT = {"label": "a", "score": 0.9, "scores": [{"label": "a", "score": 0.9}]}


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    run = things.run(things.prototype(workspace))
    run.artifact.mkdir(parents=True)
    (run.artifact / "report.json").write_text(json.dumps({"labels": ["a", "b"]}))
    return things.endpoint(run)


def token(endpoint: Endpoint, answer: str = "first") -> str:
    return signing.dumps([endpoint.pk, answer, "a text", OUTPUT], salt="judgement", compress=True)


def judge(secret: str, **fields: Any) -> int:
    return Client().post("/d/the-demo/feedback", {"token": secret, **fields}).status_code


def test_one_answer_counts_once(endpoint: Endpoint) -> None:
    secret = token(endpoint)
    for _ in range(3):
        assert judge(secret, verdict="up") == 200
    assert Feedback.objects.get().verdict == "up"
    assert judge(secret, should_have_been="b") == 200, "a visitor may think again"
    assert (Feedback.objects.get().verdict, Feedback.objects.get().should_have_been) == ("down", "b")
    assert judge(token(endpoint, "second"), verdict="up") == 200
    assert Feedback.objects.count() == 2


def test_a_correction_is_one_of_the_labels(endpoint: Endpoint) -> None:
    assert judge(token(endpoint), should_have_been="x" * 9000) == 422
    assert not Feedback.objects.exists()
    (endpoint.current.run.artifact / "report.json").unlink()
    assert judge(token(endpoint), should_have_been="x" * 9000) == 200
    assert Feedback.objects.get().should_have_been == "x" * 80


def test_there_is_an_end_to_it(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "FEEDBACK_A_DAY", 2)
    assert [judge(token(endpoint, name), verdict="up") for name in ("one", "two", "three")] == [200, 200, 429]
    assert judge(token(endpoint, "one"), verdict="down") == 200
    visitors.take_feedback(endpoint, "x", {}, "up")  # the owner's own programs are not bounded
    assert Feedback.objects.count() == 3


def test_one_visitor_does_not_use_up_the_day_of_all(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "FEEDBACK_A_VISITOR", 2)

    def judge_from(address: str, answer: str) -> int:
        form = {"token": token(endpoint, answer), "verdict": "up"}
        return Client(REMOTE_ADDR=address).post("/d/the-demo/feedback", form).status_code

    assert [judge_from("203.0.113.9", name) for name in ("one", "two", "three")] == [200, 200, 429]
    assert judge_from("203.0.113.9", "one") == 200, "thinking again is not more"
    assert judge_from("203.0.113.10", "four") == 200
    assert len(set(Feedback.objects.values_list("visitor", flat=True))) == 2
    assert not Feedback.objects.filter(visitor__contains="203").exists()
    Feedback.objects.update(created_at=timezone.now() - timedelta(days=1))
    assert judge_from("203.0.113.9", "five") == 200
    sweep()
    assert Feedback.objects.exclude(visitor="").count() == 1, "nobody is remembered for longer"


def test_an_answer_of_any_size_is_not_stored(endpoint: Endpoint, user: User, api_of: Callable[[User], Client]) -> None:
    def send(output: object) -> int:
        body = {"input": "a text", "verdict": "up", "output": output}
        path = "/api/v1/endpoints/the-demo/feedback"
        return api_of(user).post(path, json.dumps(body), content_type="application/json").status_code

    assert send({"label": "x" * 4_000_000}) == 413
    assert send({"label": "x" * 10_000}) == 201
    assert Feedback.objects.count() == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(
    number: str, endpoint: Endpoint, user: User, api_of: Callable[[User], Client]
) -> None:
    body = '{"input": "a text", "verdict": "up", "output": {"score": %s}}' % number  # noqa: UP031  braces
    answer = api_of(user).post("/api/v1/endpoints/the-demo/feedback", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Feedback.objects.exists()


@pytest.mark.parametrize(
    "secret",
    ["", "x", signing.dumps(["x", "a text", "a", []], salt="answer"), signing.dumps([1], salt="other")],
    ids=["empty", "letter", "short", "other salt"],
)
def test_what_this_site_did_not_show_is_not_judged(secret: str, endpoint: Endpoint) -> None:
    assert judge(secret, verdict="up") == 422


def test_whose_limit_an_address_counts_for() -> None:
    assert network("2001:db8:1:2:aaaa::1") == network("2001:db8:1:2::ffff") != network("2001:db8:1:3::1")
    assert network("203.0.113.9") == network("::ffff:203.0.113.9") != network("203.0.113.10")
    assert network("fe80::1%eth0") == "fe80::/64"
    assert network("testserver") == "testserver"
