"""“Why?” of a visitor and of a member: what is asked of the model server, what is shown, and what is kept of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from webapp.accounts.models import Role, User, Workspace
from webapp.accounts.people import Membership
from webapp.core.problems import Problem
from webapp.endpoints.models import Endpoint
from webapp.runs import inputs
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
TEXT = "my parcel is late"
PARTS = [
    {"kind": "word", "text": "late", "start": 13, "end": 17, "weight": 0.5},
    {"kind": "word", "text": "my", "start": 0, "end": 2, "weight": -0.2},
]
EXPLANATION = {
    "method": "occlusion",
    "unit": "probability",
    "calls": 3,
    "parts": PARTS,
    "methods": ["occlusion", "lime"],
}
SCORES = [{"label": "late", "score": 0.9}, {"label": "other", "score": 0.1}]
FRAGMENT = {"HX-Request": "true"}
MISTAKES = [
    {"row": 3, "text": TEXT, "truth": "other", "predicted": "late", "score": 0.9},
    {"row": 4, "text": "hello", "truth": "late", "predicted": "other", "score": 0.8},
]


class Server:
    """What stands at the boundary to the serving process: answers, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, str]] = []
        self.problem: Problem | None = None

    def answer(self, _of: object, values: list[Any], _visitor: str, *, explains: str = "") -> dict[str, Any]:
        self.asked.append((values[0], explains))
        if self.problem:
            raise self.problem
        output: dict[str, Any] = {"label": "late", "score": 0.9, "scores": SCORES}
        if explains:
            output["explanation"] = json.loads(json.dumps(EXPLANATION))
        return {"outputs": [output], "timing_ms": {"total": 1}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr("webapp.endpoints.serving_client.predict", server.answer)
    monkeypatch.setattr("webapp.endpoints.serving_client.predict_artifact", server.answer)
    return server


@pytest.fixture
def run(workspace: Workspace) -> Run:
    return written(things.run(things.prototype(workspace)), [{"name": "text", "kind": "text"}], MISTAKES)


def written(run: Run, reads: list[dict[str, Any]], mistakes: list[dict[str, Any]]) -> Run:
    """The artifact as far as pages read it."""
    run.artifact.mkdir(parents=True)
    (run.artifact / "manifest.json").write_text(json.dumps({"inputs": reads}), "utf-8")
    (run.artifact / "examples.json").write_text("[]", "utf-8")
    (run.artifact / "report.json").write_text(json.dumps({"test_rows": 9, "mistakes": mistakes}), "utf-8")
    return run


@pytest.fixture
def demo(run: Run) -> Endpoint:
    return things.endpoint(run, visibility="public")


def why(demo: Endpoint, **headers: str) -> str:
    address = reverse("demo", args=[demo.slug]) + "?why=1"
    return Client().post(address, {"text": TEXT}, headers=headers).content.decode()


def test_a_visitor_is_offered_the_question_with_the_answer(demo: Endpoint, server: Server) -> None:
    page = Client().post(reverse("demo", args=[demo.slug]), {"text": TEXT}, headers=FRAGMENT).content.decode()
    assert f'hx-post="{reverse("demo", args=[demo.slug])}?why=1"' in page
    assert server.asked == [(TEXT, "")], "an answer alone asks for no explanation"


def test_a_visitors_question_is_answered_in_its_place(demo: Endpoint, server: Server) -> None:
    shown = why(demo, **FRAGMENT)
    assert server.asked == [(TEXT, "1")]
    assert "<mark" in shown
    assert "Why\n“late”?" in shown.replace(" “", "\n“")
    assert "Method: Occlusion" in shown
    assert "<html" not in shown


def test_another_method_is_a_click_away(
    demo: Endpoint, server: Server, run: Run, user: User, client_of: ClientOf
) -> None:
    """On the demo page with what was typed, at a mistake by its address alone."""
    address = reverse("demo", args=[demo.slug])
    shown = why(demo, **FRAGMENT)
    assert f'hx-post="{address}?why=lime" hx-target="closest .why"' in shown
    assert 'hx-include="#ask"' in shown
    assert "?why=occlusion" not in shown
    Client().post(f"{address}?why=lime", {"text": TEXT}, headers=FRAGMENT)
    assert server.asked[-1] == (TEXT, "lime")
    browser, address = client_of(user), reverse("why_mistake", args=[run.pk, 0])
    assert f'formaction="{address}?why=lime"' in ask(browser, run, 0, **FRAGMENT).content.decode()
    browser.post(f"{address}?why=lime", headers=FRAGMENT)
    assert server.asked[-1] == (TEXT, "lime")


def test_without_script_the_page_has_the_answer_too(demo: Endpoint, server: Server) -> None:
    page = why(demo)
    assert "<html" in page
    assert "<mark" in page
    assert 'name="verdict"' in page


def test_an_explanation_is_not_kept_with_a_rating_nor_counted_as_a_try(demo: Endpoint, server: Server) -> None:
    link = demo.links.get()
    token = why(demo).split('name="token" value="')[1].split('"')[0]
    Client().post(reverse("demo_feedback", args=[demo.slug]), {"token": token, "verdict": "up"})
    assert "explanation" not in demo.feedback.get().output
    before = link.tries
    address = f"{reverse('demo', args=[demo.slug])}?why=1"
    Client().post(address, {"text": TEXT, "link": link.token}, headers=FRAGMENT)
    link.refresh_from_db()
    assert link.tries == before


@pytest.mark.parametrize("code", ["rate_limit", "budget_spent", "no_explanation", "busy"])
def test_what_the_server_refuses_is_said_where_it_was_asked(code: str, demo: Endpoint, server: Server) -> None:
    server.problem = Problem("Not now.", code=code, hint="Wait a minute.", status=429)
    shown = why(demo, **FRAGMENT)
    assert 'role="alert"' in shown
    assert ("Not now." in shown) is (code != "budget_spent"), "a visitor has no budget to raise"


def test_a_paused_demo_explains_nothing(demo: Endpoint, server: Server) -> None:
    Endpoint.objects.filter(pk=demo.pk).update(status="off")
    assert "<mark" not in why(demo, **FRAGMENT)
    assert server.asked == []


def test_what_writes_texts_is_not_asked_why(demo: Endpoint, server: Server, workspace: Workspace) -> None:
    run = demo.current.run
    run.task = "text-generation"
    run.save()
    shown = things.prototype(workspace)
    assert shown.pk != run.prototype_id
    assert not inputs.can_be_asked(run, {"fields": []})


# Mistakes


def ask(browser: Client, run: Run, number: int, **headers: str) -> Any:
    return browser.post(reverse("why_mistake", args=[run.pk, number]), headers=headers)


def test_each_mistake_of_a_run_has_its_button(run: Run, user: User, client_of: ClientOf) -> None:
    page = client_of(user).get(reverse("run", args=[run.pk])).content.decode()
    for number in range(len(MISTAKES)):
        assert f'hx-post="{reverse("why_mistake", args=[run.pk, number])}"' in page


def test_a_mistake_is_asked_as_the_model_read_it(run: Run, server: Server, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    shown = ask(browser, run, 0, **FRAGMENT).content.decode()
    assert server.asked == [(TEXT, "1")]
    assert 'id="why-0-title"' in shown, "two of one page have headings of their own"
    page = ask(browser, run, 1).content.decode()
    assert server.asked[-1] == ("hello", "1")
    assert "<html" in page


def test_a_row_of_a_table_is_asked_by_its_columns(
    workspace: Workspace, server: Server, user: User, client_of: ClientOf
) -> None:
    reads = [{"name": "age", "kind": "number"}, {"name": "plan", "kind": "category", "choices": ["a", "b"]}]
    mistake = {"row": 2, "input": '{"age": 31, "plan": null}', "truth": "x", "predicted": "y", "score": 0.7}
    run = written(things.run(things.prototype(workspace), task="tabular-classification"), reads, [mistake])
    assert ask(client_of(user), run, 0, **FRAGMENT).status_code == 200
    assert server.asked == [({"age": "31", "plan": ""}, "1")], "as the form sends them"


def test_a_picture_is_sent_as_the_version_has_it(
    workspace: Workspace, server: Server, user: User, client_of: ClientOf, tmp_path: Path
) -> None:
    name = "0" * 24 + ".png"
    mistake = {"row": 2, "image": name, "truth": "x", "predicted": "y", "score": 0.7}
    run = things.run(things.prototype(workspace), task="image-classification")
    written(run, [{"name": "image", "kind": "image"}], [mistake])
    browser = client_of(user)
    assert ask(browser, run, 0, **FRAGMENT).status_code == 404, "its file is gone"
    media = run.version.folder / "media"
    media.mkdir(parents=True)
    (media / name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    assert ask(browser, run, 0, **FRAGMENT).status_code == 200
    assert server.asked[-1][0].startswith("data:image/png;base64,iVBOR")


def test_a_row_that_the_report_keeps_in_part_is_refused(
    workspace: Workspace, server: Server, user: User, client_of: ClientOf
) -> None:
    mistake = {"row": 2, "question": "Who?", "context": "… she …", "truth": "she", "predicted": "", "f1": 0.0}
    run = things.run(things.prototype(workspace), task="question-answering")
    written(run, [{"name": "context", "kind": "text"}, {"name": "question", "kind": "text"}], [mistake])
    answer = ask(client_of(user), run, 0, **FRAGMENT)
    assert "keeps only a part" in answer.content.decode()
    assert server.asked == []


@pytest.mark.parametrize("number", [2, 99])
def test_there_is_no_such_mistake(number: int, run: Run, server: Server, user: User, client_of: ClientOf) -> None:
    assert ask(client_of(user), run, number).status_code == 404


def test_who_may_only_look_is_not_offered_it(run: Run, server: Server, client_of: ClientOf) -> None:
    viewer = User.objects.create_user("viewer@example.org")
    Membership.objects.create(workspace=run.workspace, user=viewer, role=Role.VIEWER)
    browser = client_of(viewer)
    browser.post(reverse("switch_workspace"), {"workspace": run.workspace.pk})
    assert "why_mistake" not in browser.get(reverse("run", args=[run.pk])).content.decode()
    assert ask(browser, run, 0).status_code in (403, 404)
    assert server.asked == []
