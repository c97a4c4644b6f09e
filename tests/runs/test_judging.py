"""A judge model grades a run's answers: people's thumbs first, the price before anything is sent, no question paid for twice."""

import html
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.judge_server import Server, fair, serving
from trainer.judging.journal import Journal
from webapp.accounts.models import AuditEvent, Membership, Role, SecurityEvent, User, Workspace
from webapp.core.problems import Problem
from webapp.core.work import stopping
from webapp.pages.own_data import rows_of
from webapp.runs import artifacts, judge_access, judge_page, judging, thumbs
from webapp.runs.judge_models import JOURNAL, AnswerThumb, Judging
from webapp.runs.judging import Grading
from webapp.runs.models import Run

ClientOf = Callable[[User], Client]
PRICES = {"price_read": Decimal(1), "price_written": Decimal(2), "cap": Decimal("0.5")}
PROMPTS = 24


def report() -> dict[str, Any]:
    """The tuned model says “lamp” on all but every fourth prompt, the base model on every third."""
    rows = [
        {
            "row": row,
            "prompt": f"What is {row}?",
            "truth": "A lamp.",
            "base": "A lamp." if row % 3 == 0 else "Once.",
            "predicted": "It is a lamp." if row % 4 else "No.",
        }
        for row in range(PROMPTS)
    ]
    return {"mistakes": rows, "answers": {"base": {}}, "test_rows": PROMPTS, "metrics": {}}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


@pytest.fixture
def run(workspace: Workspace, tmp_path: Path, settings: Any) -> Run:
    settings.MAQUETTE_DATA = tmp_path
    made = things.run(things.prototype(workspace), task="text-generation")
    made.artifact.mkdir(parents=True)
    (made.artifact / "report.json").write_text(json.dumps(report()))
    (made.artifact / "manifest.json").write_text("{}")
    return made


@pytest.fixture
def access(server: Server, workspace: Workspace, user: User, settings: Any) -> Any:
    settings.JUDGE_HOSTS = [server.host]
    return judge_access.keep(workspace, user, server.url, "m", "secret-key", PRICES)


def rate_all(run: Run, user: User, most: int = 2 * PROMPTS) -> None:
    answers = thumbs.written(run, artifacts.report(run))
    for each in answers[:most]:
        thumbs.rate(run, user, answers, each.row, each.side, "lamp" in each.answer)


def begun(run: Run, user: User, **asked: Any) -> Judging:
    return judging.begin(run, user, **({"consents": True} | asked))


def page(client: Client, run: Run) -> str:
    text = client.get(reverse("run", args=[run.pk])).content.decode()
    return html.unescape(text).replace("\xa0", " ")


def test_page_from_the_first_thumb_to_the_grades(
    run: Run, user: User, workspace: Workspace, server: Server, client_of: ClientOf, settings: Any
) -> None:
    settings.JUDGE_HOSTS = [server.host]
    browser = client_of(user)
    assert "Set up a judge model" in page(browser, run)
    sent = {"url": server.url, "model": "m", "key": "secret-key", "price_read": "1", "price_written": "2", "cap": ".5"}
    assert browser.post(reverse("judge_settings"), sent).status_code == 302
    shown = browser.get(reverse("judge_settings")).content.decode()
    assert "key stored" in shown
    for label in (
        "Price per million input tokens",
        "Price per million output tokens",
        "Maximum cost of one grading",
    ):
        assert f"{label}, USD" in shown
    free = browser.post(reverse("judge_settings"), sent | {"cap": "0"})
    assert (free.status_code, "At least $0.00001." in free.content.decode()) == (422, True)
    assert "secret-key" not in shown
    rate = reverse("rate_answer", args=[run.pk])
    first = thumbs.next_one(run, thumbs.written(run, artifacts.report(run)))
    assert first is not None
    assert first.answer in page(browser, run)
    answer = browser.post(rate, {"row": first.row, "side": first.side, "thumb": "up"}, headers={"HX-Request": "true"})
    assert "1 answers rated by people: 1 up, 0 down." in " ".join(answer.content.decode().split())
    browser.post(rate, {"undo": "1"})
    assert not AnswerThumb.objects.exists()
    rate_all(run, user)
    text = " ".join(page(browser, run).split())
    assert f"To <b>{server.host}</b> (m) go, as they are:" in text
    assert "48 answers that people rated" in text
    assert "paid to its provider" in text
    assert re.search(r'name="cap" value="0\.\d\d"', text), "in whole cents"
    begin = reverse("judging", args=[run.pk])
    refused = browser.post(begin, {"cap": "0.5"})
    assert (refused.status_code, Judging.objects.exists(), server.asked) == (422, False, [])
    assert "Confirm that they may be sent there." in refused.content.decode()
    assert browser.post(begin, {"cap": "0.5", "consent": "1"}).status_code == 302
    assert "0 of 96 questions answered by" in " ".join(page(browser, run).split())
    Grading.handle(Judging.objects.get().pk)
    row = Judging.objects.get()
    assert (row.status, row.error, row.done, row.total) == ("done", None, 96, 96)
    assert row.result["trusted"]
    assert {name: row.result["pairs"][name] for name in ("rows", "won", "lost", "tied")} == {
        "rows": 24,
        "won": 12,
        "lost": 2,
        "tied": 10,
    }
    assert {key for _question, key in server.asked} == {"Bearer secret-key"}
    assert len(server.asked) == len({question for question, _key in server.asked})
    assert float(row.spent) == pytest.approx(len(server.asked) * 102e-6)
    assert 0 < row.spent < row.foreseen < row.cap
    text = page(browser, run)
    assert "Better than its base model: 86 % of those decided" in text
    assert "It gave 48 of 48 answers the thumb that people gave" in text
    assert "Send and grade" not in text, "nothing is left to ask"
    assert "secret-key" not in text


def test_the_same_by_rest(
    run: Run, user: User, server: Server, api_of: ClientOf, settings: Any, workspace: Workspace
) -> None:
    settings.JUDGE_HOSTS = [server.host]
    api, base = api_of(user), f"/api/v1/runs/{run.pk}"
    sent: dict[str, Any] = {"url": server.url, "model": "m", "key": "secret-key", "price_read": 1, "price_written": 2}
    admin = {"content_type": "application/json"}
    assert api.get("/api/v1/judge").json()["code"] == "no_judge"
    told = api.put("/api/v1/judge", sent | {"cap": "0.5"}, **admin)
    assert told.json() == {
        "url": server.url.rstrip("/"),
        "model": "m",
        "has_key": True,
        "price_read": "1",
        "price_written": "2",
        "cap": "0.5",
        "currency": "USD",
    }
    items = api.get(f"{base}/thumbs").json()["items"]
    ratings = [
        {"row": each["row"], "side": each["side"], "thumb": "up" if "lamp" in each["answer"] else "down"}
        for each in items
    ]
    few = api.put(f"{base}/thumbs", {"thumbs": ratings[:29]}, **admin).json()
    assert (few["ups"] + few["downs"], few["are_enough"]) == (29, False)
    assert api.post(f"{base}/judging", {"consent": True}, **admin).json()["code"] == "few_thumbs"
    assert api.put(f"{base}/thumbs", {"thumbs": ratings}, **admin).json()["are_enough"]
    plan = api.get(f"{base}/judging").json()["plan"]
    assert (plan["host"], plan["thumbs"], plan["pairs"], plan["currency"]) == (server.host, 48, 24, "USD")
    assert api.post(f"{base}/judging", {}, **admin).json()["code"] == "consent_needed"
    dear = api.post(f"{base}/judging", {"consent": True, "cap": "0.00001"}, **admin)
    assert (dear.status_code, dear.json()["code"]) == (422, "judge_too_dear")
    above = api.post(f"{base}/judging", {"consent": True, "cap": "0.6"}, **admin).json()
    assert (above["code"], above["detail"]) == ("bad_cap", "One grading may cost at most $0.50.")
    assert server.asked == []
    answer = api.post(f"{base}/judging", {"consent": True}, **admin)
    assert (answer.status_code, answer.json()["grading"]["status"]) == (202, "open")
    assert api.post(f"{base}/judging", {"consent": True}, **admin).json()["code"] == "at_work"
    Grading.handle(answer.json()["grading"]["id"])
    grading = api.get(f"{base}/judging").json()["grading"]
    assert (grading["status"], grading["result"]["pairs"]["won"], grading["currency"]) == ("done", 12, "USD")
    assert grading["sentences"][0].startswith("It gave 48 of 48")
    assert api.delete("/api/v1/judge").status_code == 204
    assert api.post(f"{base}/judging", {"consent": True}, **admin).json()["code"] == "no_judge"


@pytest.mark.usefixtures("access")
def test_one_that_is_stopped_goes_on_and_pays_nothing_twice(run: Run, user: User, server: Server) -> None:
    rate_all(run, user, 40)
    row = begun(run, user)
    late = threading.Event()

    def slowly(question: str) -> str:
        if len(server.asked) >= 10:
            stopping.set()  # as when this worker is told to end
            late.wait(30)
        return fair(question)

    server.answer = slowly
    try:
        Grading.handle(row.pk)
    finally:
        stopping.clear()
        late.set()
    row.refresh_from_db()
    assert (row.status, row.lease, row.attempts) == ("open", "", 0)
    assert float(row.spent) > 9 * 102e-6, "what was sent without a reply counts too"
    server.answer = fair
    Grading.handle(row.pk)
    row.refresh_from_db()
    asked = [question for question, _key in server.asked]
    assert row.status == "done"
    assert len(asked) == len(set(asked)), "nothing was asked twice"
    assert row.result["unanswered"] == 1
    assert row.result["agreement"]["rows"] == 39
    assert "1 replies were lost" in judge_page.words(row)["unanswered"]


@pytest.mark.usefixtures("access")
def test_one_that_is_cancelled_keeps_what_was_graded(run: Run, user: User, server: Server, client_of: ClientOf) -> None:
    rate_all(run, user)
    row, browser = begun(run, user), client_of(user)

    class Cancelled(Grading):
        """Somebody cancels after five replies."""

        NEWS_SECONDS = 0.0

        def take(self, event: dict[str, Any]) -> None:
            super().take(event)
            if event.get("done") == 5:
                browser.post(reverse("cancel_judging", args=[run.pk]))

    server.answer = lambda question: (time.sleep(0.02), fair(question))[1]
    Cancelled.handle(row.pk)
    row.refresh_from_db()
    before = len(server.asked)
    assert (row.status, 5 <= before < 96) == ("cancelled", True)
    assert float(row.spent) >= 5 * 102e-6
    text = " ".join(page(browser, run).split())
    assert "questions were answered" in text
    assert "They are kept and not asked again." in text
    assert browser.post(reverse("resume_judging", args=[run.pk])).status_code == 302
    Grading.handle(row.pk)
    row.refresh_from_db()
    asked = [question for question, _key in server.asked]
    assert (row.status, len(asked)) == ("done", len(set(asked)))


@pytest.mark.usefixtures("access")
def test_what_goes_wrong_is_told_and_can_be_gone_on_with(
    run: Run, user: User, server: Server, client_of: ClientOf, settings: Any
) -> None:
    rate_all(run, user)
    row = begun(run, user)
    server.answer = lambda question: "fail" if len(server.asked) > 3 else fair(question)
    Grading.handle(row.pk)
    row.refresh_from_db()
    assert (row.status, row.error["code"], row.done) == ("failed", "judge_unreachable", 3)
    text = page(client_of(user), run)
    assert "status 500" in text
    assert "Continue" in text
    settings.JUDGE_HOSTS = []
    judging.resume(run, user)
    Grading.handle(row.pk)
    row.refresh_from_db()
    assert row.error["code"] == "judge_unreachable"
    assert len(server.asked) == 4, "an address that the operator allows no more is not asked"
    assert len(Journal(row.folder / JOURNAL).replies) == 3


def test_addresses_that_are_never_asked(workspace: Workspace, user: User, settings: Any) -> None:
    settings.JUDGE_HOSTS = ["localhost:11434"]
    for url in ("http://api.example.com/v1", "https://a:b@example.com/v1", "ftp://example.com", "https://", "no"):
        with pytest.raises(Problem) as raised:
            judge_access.keep(workspace, user, url, "m", "k", PRICES)
        assert (raised.value.code, raised.value.field) == ("bad_judge", "url")
    made = judge_access.keep(workspace, user, "http://localhost:11434/v1", "m", "k", PRICES)
    assert judge_access.port_of(made.url) == 11434
    moved = judge_access.keep(workspace, user, "https://api.example.com/v1", "m", "", PRICES)
    assert not moved.has_key, "a key is not sent to another server"
    assert judge_access.key_of(moved) == ""


@pytest.mark.usefixtures("access")
def test_the_key_is_in_no_export_and_its_change_is_recorded(workspace: Workspace, user: User) -> None:
    rows = rows_of(workspace)
    assert "secret-key" not in str(rows)
    assert "sealed" not in rows["judgeaccess"][0]
    assert AuditEvent.objects.filter(verb="set", subject="judge").exists()
    assert SecurityEvent.objects.filter(verb="judge_changed").exists()


@pytest.mark.usefixtures("access")
def test_each_role_is_shown_what_it_may_use(run: Run, workspace: Workspace, client_of: ClientOf, user: User) -> None:
    rate_all(run, user, 31)
    shown = {
        Role.VIEWER: (False, False),
        Role.LABELLER: (True, False),
        Role.EDITOR: (True, True),
    }
    for number, (role, (rates, begins)) in enumerate(shown.items()):
        member = User.objects.create_user(f"m{number}@example.org")
        Membership.objects.create(workspace=workspace, user=member, role=role)
        text = page(client_of(member), run)
        assert (reverse("rate_answer", args=[run.pk]) in text, "Send and grade" in text) == (rates, begins), role
