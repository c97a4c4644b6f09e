"""A model that finds texts of the data: visitors read them only where a member ticked that, of this very run."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.endpoints.models import Endpoint
from webapp.runs.models import Run

SECRET = "a private letter of the data"
OUTPUT = {"matches": [{"text": SECRET, "row": 173, "score": 0.75}]}
COLUMNS = {"first": "query", "second": "letter"}
FINDING = {"code": "personal_data", "severity": "warning", "message": "“letter” holds names.", "columns": ["letter"]}
ClientOf = Callable[[User], Client]


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return searching(things.run(things.prototype(workspace), task="sentence-similarity"))


def searching(run: Run) -> Run:
    suggestion = run.version.profile["suggestion"] | {"task": run.task, "columns": COLUMNS}
    run.version.profile = run.version.profile | {"suggestion": suggestion}
    run.version.save()
    run.artifact.mkdir(parents=True)
    (run.artifact / "manifest.json").write_text(json.dumps({"inputs": [{"name": "text", "kind": "text"}]}), "utf-8")
    (run.artifact / "examples.json").write_text("[]", "utf-8")
    return run


@pytest.fixture
def demo(run: Run, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """What the model server answers; it knows nothing of who may read what."""
    answer = {"outputs": [OUTPUT], "timing_ms": {"total": 1}}
    monkeypatch.setattr("webapp.endpoints.serving_client.predict", lambda *_asked, **_how: answer)
    return things.endpoint(run, visibility="public")


def asked(demo: Endpoint) -> str:
    answer = Client().post(reverse("demo", args=[demo.slug]), {"text": "letters"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_visitor_reads_no_text_of_the_data(demo: Endpoint) -> None:
    page = asked(demo)
    assert SECRET not in page
    assert "173" not in page
    assert "0.75" in page
    assert "does not show its texts" in page
    token = page.split('name="token" value="')[1].split('"')[0]
    Client().post(reverse("demo_feedback", args=[demo.slug]), {"token": token, "verdict": "up"})
    assert SECRET not in json.dumps(demo.feedback.get().output)


def choose(browser: Client, demo: Endpoint, **fields: Any) -> int:
    form = {"examples_of": demo.current.run_id, **fields}
    return browser.post(reverse("choose_examples", args=[demo.pk]), form).status_code


def test_a_member_lets_them_and_takes_it_back(demo: Endpoint, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    share = reverse("share", args=[demo.prototype_id])
    assert "with enough questions, all of them" in browser.get(share).content.decode()
    assert choose(browser, demo, texts="1") == 302
    assert SECRET in asked(demo)
    assert 'name="was_texts"' in browser.get(share).content.decode()
    assert choose(browser, demo, texts="1", was_texts="1") == 302
    assert SECRET in asked(demo)
    assert choose(browser, demo, was_texts="1") == 302
    assert SECRET not in asked(demo)
    verbs = AuditEvent.objects.filter(verb__endswith="texts").order_by("created_at").values_list("verb", flat=True)
    assert list(verbs) == ["showed texts", "hid texts"]


def test_before_the_demo_goes_live(run: Run, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    assert 'name="texts"' in browser.get(reverse("share", args=[run.prototype_id])).content.decode()
    form = {"name": "Letters", "visibility": "public", "examples_of": run.pk, "texts": "1"}
    assert browser.post(reverse("deploy", args=[run.pk]), form).status_code == 302
    assert Endpoint.objects.get().texts_of == run


def test_another_run_shows_none_of_its_own(demo: Endpoint, user: User, client_of: ClientOf) -> None:
    choose(client_of(user), demo, texts="1")
    other = searching(things.run(demo.prototype, 2, task="sentence-similarity"))
    demo.current = demo.versions.create(
        workspace=demo.workspace, run=other, number=demo.versions.count() + 1, engine="onnx"
    )
    demo.save()
    assert SECRET not in asked(demo)


def test_personal_data_is_never_shown(demo: Endpoint, run: Run, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    assert choose(browser, demo, texts="1") == 302
    run.version.problems = [FINDING]
    run.version.save()
    assert SECRET not in asked(demo), "what is found later counts as well"
    demo.refresh_from_db()
    assert choose(browser, demo, texts="1") == 422


def test_the_api(demo: Endpoint, run: Run, user: User, api_of: ClientOf, workspace: Workspace) -> None:
    api, path = api_of(user), f"/api/v1/endpoints/{demo.slug}"

    def patch(**fields: Any) -> Any:
        return api.patch(path, json.dumps(fields), content_type="application/json")

    assert api.get(path).json()["texts"] is False
    assert patch(texts=True).json()["texts"] is True
    assert patch(examples=[]).json()["texts"] is True
    assert SECRET in asked(demo)
    assert patch(texts=False).json()["texts"] is False
    assert SECRET not in asked(demo)
    plain = things.endpoint(things.run(things.prototype(workspace)), slug="plain")
    answer = api.patch(f"/api/v1/endpoints/{plain.slug}", '{"texts": true}', content_type="application/json")
    assert answer.json()["code"] == "no_texts"
