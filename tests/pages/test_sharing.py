"""From a finished run to a link that opens, and from one run to another: asked once, undone with one click."""

import html
import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from tests import things
from tests.pages.form_page import Page
from tests.runs.test_verdicts import RIGHT_60, RIGHT_90, answer
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.endpoints import actions, addresses
from webapp.endpoints.models import Endpoint, EndpointVersion, ShareLink
from webapp.runs.models import Run

Browser = Callable[[User], Client]
WEAK, STRONG = ({"name": "accuracy", "value": value, "low": value - 0.1, "high": value} for value in (0.75, 0.986))


@pytest.fixture
def browser(user: User, client_of: Browser) -> Client:
    return client_of(user)


def packaged(run: Run) -> Run:
    """With the files that an export leaves, so that it goes live at once."""
    (run.artifact / "onnx").mkdir(parents=True)
    (run.artifact / "onnx" / "export.json").write_text(json.dumps({"engine": "onnx-fp32", "agreement": 1.0, "rows": 9}))
    return run


@pytest.fixture
def runs(workspace: Workspace) -> tuple[Run, Run]:
    owner = things.prototype(workspace)
    return packaged(things.run(owner, headline=WEAK)), packaged(things.run(owner, number=2, headline=STRONG))


@pytest.fixture
def endpoint(runs: tuple[Run, Run]) -> Endpoint:
    made = things.endpoint(runs[0], visibility="link")
    EndpointVersion.objects.update(engine="onnx-fp32")
    return made


def shown(browser: Client, of: Run, **query: str) -> str:
    answer = browser.get(reverse("share", args=[of.prototype_id]), query)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def follow(browser: Client, path: str, **sent: str) -> str:
    answer = browser.post(path, sent, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def press(browser: Client, page: str, action: str, **button: str) -> str:
    """Send a form of the page as the browser would, with the button that was pressed."""
    fields = {one.name: one.value for one in Page(page).form(action).fields if one.name != "csrfmiddlewaretoken"}
    return follow(browser, action, **(fields | button))


def serving(endpoint: Endpoint) -> Run:
    return Endpoint.objects.select_related("current__run").get(pk=endpoint.pk).current.run


def test_two_clicks_from_a_run_to_a_link_that_opens(runs: tuple[Run, Run], browser: Client) -> None:
    """The button on the run's page asks whom the demo is for; the answer that stands there already opens the link."""
    run, deploy = runs[1], reverse("deploy", args=[runs[1].pk])
    page = follow(browser, deploy)
    assert not Endpoint.objects.exists()
    assert {one.name: one.value for one in Page(page).form(deploy).fields}["visibility"] == "link"
    page = press(browser, page, deploy)
    link = ShareLink.objects.get()
    address = f"/d/{link.endpoint.slug}?link={link.token}"
    assert address in page
    assert reverse("endpoint_qr", args=[link.endpoint_id]) in page
    assert Client().get(address).status_code == 200
    assert serving(link.endpoint) == run


def test_the_run_asked_for_is_shared(runs: tuple[Run, Run], browser: Client) -> None:
    page = shown(browser, runs[0], run=runs[0].pk)
    assert f'class="panel" action="{reverse("deploy", args=[runs[0].pk])}"' in page
    assert f'class="panel" action="{reverse("deploy", args=[runs[1].pk])}"' in shown(browser, runs[0])


@pytest.mark.parametrize(
    ("sent", "wrong", "error"),
    [
        ({"name": "", "visibility": "link", "slug": "mine"}, "name", "This field is required."),
        ({"name": "Mine", "visibility": "link", "slug": "No Slug"}, "slug", "small letters, digits"),
        ({"name": "Mine", "visibility": "all", "slug": ""}, "visibility", "not one of the available choices"),
    ],
)
def test_a_refused_answer_is_kept(
    sent: dict[str, str], wrong: str, error: str, runs: tuple[Run, Run], browser: Client
) -> None:
    deploy = reverse("deploy", args=[runs[0].pk])
    answer = browser.post(deploy, sent)
    page = Page(answer.content.decode())
    form = page.form(deploy)
    assert answer.status_code == 422
    assert error in page.errors_of(form.field(wrong))
    assert form.field("name").value == sent["name"]
    assert form.field("slug").value == sent["slug"]
    assert not Endpoint.objects.exists()


def test_replacing_is_asked_and_undone_with_one_click(
    runs: tuple[Run, Run], endpoint: Endpoint, browser: Client
) -> None:
    deploy = reverse("deploy", args=[runs[1].pk])
    page = follow(browser, deploy)
    assert "Replace Run 1 (75.0 %) with Run 2 (98.6 %)?" in page.replace("\u00a0", " ")
    assert serving(endpoint) == runs[0]
    page = press(browser, page, deploy)
    assert serving(endpoint) == runs[1]
    assert "Run 2 is live." in page
    back = reverse("promote", args=[endpoint.versions.get(run=runs[0]).pk])
    page = press(browser, page, back, undo="1")
    assert serving(endpoint) == runs[0]
    assert "Run 1 is live again." in page
    assert "Undo" not in page
    assert "Undo" not in shown(browser, runs[0])


def test_a_replacement_that_cannot_be_packaged_is_told(
    runs: tuple[Run, Run], endpoint: Endpoint, browser: Client
) -> None:
    deploy = reverse("deploy", args=[runs[1].pk])
    (runs[1].artifact / "onnx" / "export.json").unlink()
    page = press(browser, follow(browser, deploy), deploy)
    assert "is getting ready" in page
    assert "every 2s" in page
    EndpointVersion.objects.filter(run=runs[1]).update(error={"code": "export", "message": "It has no weights."})
    page = shown(browser, runs[0])
    assert "It has no weights." in page
    assert "Run 2 was not deployed" in page
    assert "is getting ready" not in page
    assert "every 2s" not in page


def test_a_page_opened_before_takes_back_nothing(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    path = reverse("update_endpoint", args=[endpoint.pk])
    page = Page(browser.get(reverse("share", args=[endpoint.prototype_id])).content.decode())
    Endpoint.objects.update(visibility="private")
    forms = [{field.name: field.value for field in form.fields} for form in page.forms if form.action == path]
    sent = next(form for form in forms if "name" in form) | {"name": "Another"}
    follow(browser, path, **sent)
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.visibility) == ("Another", "private")


def test_a_new_key_stays_on_a_page_that_asks_again(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    """htmx keeps what is marked in both answers; the second one no longer knows the key."""
    Endpoint.objects.update(status="deploying", current=None)
    first = follow(browser, reverse("create_key", args=[endpoint.pk]), name="ours")
    again = shown(browser, runs[0])
    assert "every 2s" in first
    assert "mqe_" in first.partition('<div id="new-key" hx-preserve>')[2].partition("</section>")[0]
    assert '<div id="new-key" hx-preserve hidden>' in again


def test_an_earlier_version_is_asked_for_too(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    deploy = reverse("deploy", args=[runs[1].pk])
    press(browser, follow(browser, deploy), deploy)
    promote = reverse("promote", args=[endpoint.versions.get(run=runs[0]).pk])
    page = follow(browser, promote)
    assert serving(endpoint) == runs[1]
    assert "Replace Run 2 (98.6 %) with Run 1 (75.0 %)?" in page.replace("\u00a0", " ")
    assert "scored lower" in page
    page = press(browser, page, promote)
    assert serving(endpoint) == runs[0]
    assert "Run 1 is live." in page


def test_a_replacement_is_worse_only_where_it_answers_the_same(
    runs: tuple[Run, Run], endpoint: Endpoint, browser: Client
) -> None:
    Run.objects.filter(pk=runs[1].pk).update(rank=0.5, headline={"name": "accuracy", "value": 0.5})
    assert "scored lower" in shown(browser, runs[0], run=runs[1].pk)
    Run.objects.filter(pk=runs[1].pk).update(answer="note")
    assert "scored lower" not in shown(browser, runs[0], run=runs[1].pk)
    Run.objects.filter(pk=runs[1].pk).update(has_leak=True)
    page = shown(browser, runs[0], run=runs[1].pk)
    assert "may not hold in use" in page
    assert 'class="btn primary" autofocus' not in page


@pytest.mark.parametrize(
    ("before", "after", "words", "is_primary"),
    [
        (RIGHT_60, RIGHT_90, "is really better than", True),
        (RIGHT_90, RIGHT_60, "is worse than", False),
        (RIGHT_90, RIGHT_90, "No difference between", False),
    ],
)
def test_a_replacement_that_is_not_shown_to_be_better_is_said_to_be(
    runs: tuple[Run, Run],
    endpoint: Endpoint,
    browser: Client,
    before: np.ndarray,
    after: np.ndarray,
    words: str,
    is_primary: bool,
) -> None:
    """The same rows are asked of both, which their scores alone do not tell."""
    for run, right in zip(runs, (before, after), strict=True):
        shutil.rmtree(run.artifact, ignore_errors=True)
        answer(run, right)
    page = shown(browser, runs[0], run=runs[1].pk)
    assert words in page
    assert ('class="btn primary" autofocus' in page) == is_primary


def test_what_was_replaced_meanwhile_is_not_replaced_unseen(
    runs: tuple[Run, Run], endpoint: Endpoint, browser: Client
) -> None:
    deploy = reverse("deploy", args=[runs[1].pk])
    answer = browser.post(deploy, {"instead_of": "another"})
    assert answer.status_code == 409
    assert "The demo serves Run 1 by now" in answer.content.decode()
    assert serving(endpoint) == runs[0]


def test_the_run_that_is_live_is_not_asked_about(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    assert "Replace" not in follow(browser, reverse("deploy", args=[runs[0].pk]))


def looks_like_a_link(page: str, endpoint: Endpoint) -> bool:
    token = endpoint.links.first().token
    return token in page or 'class="qr"' in page or 'data-copy="#address"' in page


def test_a_link_for_members_does_not_look_like_one(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    assert looks_like_a_link(shown(browser, runs[0]), endpoint)
    Endpoint.objects.update(visibility="private")
    page = shown(browser, runs[0])
    assert not looks_like_a_link(page, endpoint)
    assert "opens nothing for anybody else" in page
    update = reverse("update_endpoint", args=[endpoint.pk])
    page = follow(browser, update, visibility="link")
    assert looks_like_a_link(page, endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.visibility) == ("demo", "link")


def test_when_every_link_has_ended_a_new_one_is_offered(
    runs: tuple[Run, Run], endpoint: Endpoint, browser: Client
) -> None:
    ShareLink.objects.update(revoked_at=timezone.now())
    page = shown(browser, runs[0])
    assert not looks_like_a_link(page, endpoint)
    assert "Every link has been revoked or has expired" in page
    page = follow(browser, reverse("create_link", args=[endpoint.pk]), name="New link")
    assert ShareLink.objects.get(name="New link").token in page
    assert 'class="qr"' in page


def test_a_paused_demo_says_what_its_link_shows(runs: tuple[Run, Run], endpoint: Endpoint, browser: Client) -> None:
    Endpoint.objects.update(status="off")
    assert "Visitors see a page that says so" in shown(browser, runs[0])


@pytest.mark.parametrize(
    ("name", "sent", "wrong", "error"),
    [
        ("create_link", {"name": "", "days": "7"}, "name", "This field is required."),
        ("create_link", {"name": "Marta", "days": "soon"}, "days", "Enter a whole number."),
        ("create_key", {"name": "x" * 121}, "name", "at most 120 characters"),
        ("update_endpoint", {"name": "", "words": "Ask me", "visibility": "link"}, "name", "This field is required."),
        ("update_endpoint", {"name": "A", "words": "x" * 401, "visibility": "link"}, "words", "at most 400 characters"),
        ("update_endpoint", {"name": "A", "words": "", "visibility": "?"}, "visibility", "not one of the available"),
    ],
)
def test_a_refused_form_stays_on_the_page(
    name: str, sent: dict[str, str], wrong: str, error: str, endpoint: Endpoint, browser: Client
) -> None:
    action = reverse(name, args=[endpoint.pk])
    answer: Any = browser.post(action, sent)
    page = Page(answer.content.decode())
    form = next(one for one in page.forms if one.action == action and any(field.name == wrong for field in one.fields))
    assert answer.status_code == 422
    assert error in page.errors_of(form.field(wrong))
    kept = {one.name: one.value for one in form.fields}
    assert {key: value for key, value in sent.items() if key not in ("visibility", "days")}.items() <= kept.items()


def test_a_description_can_be_emptied(endpoint: Endpoint, browser: Client) -> None:
    Endpoint.objects.update(words="Ask me")
    follow(browser, reverse("update_endpoint", args=[endpoint.pk]), name="Demo", words="", visibility="link")
    endpoint.refresh_from_db()
    assert (endpoint.name, endpoint.words) == ("Demo", "")


def test_a_demo_is_deleted_after_it_was_asked(
    runs: tuple[Run, Run], endpoint: Endpoint, user: User, browser: Client
) -> None:
    link = endpoint.links.get()
    visited = f"{reverse('demo', args=[endpoint.slug])}?link={link.token}"
    assert Client().get(visited).status_code == 200
    address = reverse("delete_endpoint", args=[endpoint.pk])
    assert address in shown(browser, runs[0])
    assert (
        reverse("share", args=[runs[0].prototype_id])
        in browser.get(reverse("delete_run", args=[runs[0].pk])).content.decode().partition('class="care"')[2]
    )
    asked = html.unescape(browser.get(address).content.decode())
    assert Endpoint.objects.exists(), "a GET only asks"
    for said in (reverse("demo", args=[endpoint.slug]), "1 link", "1 key", "The runs and their models stay"):
        assert said in asked
    checked = Client(enforce_csrf_checks=True)
    checked.force_login(user)
    assert checked.post(address).status_code == 403
    assert "is deleted" in follow(browser, address)
    assert not Endpoint.objects.exists()
    assert Run.objects.count() == 2
    assert Client().get(visited).status_code == 404
    event = AuditEvent.objects.get(verb="deleted")
    assert (event.subject, event.subject_id, event.user) == ("endpoint", endpoint.pk, user)
    assert browser.post(address).status_code == 404
    assert browser.post(reverse("delete_run", args=[runs[0].pk])).status_code == 302, "what kept it is gone"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_visitor_is_told_a_name_that_somebody_typed(language: str, runs: tuple[Run, Run], user: User) -> None:
    with override(language):
        endpoint, _key = actions.deploy(runs[0], user, name="Triage")
    first, given = endpoint.links.get(), actions.create_link(endpoint, user, "Grace Hopper")

    def bar(link: ShareLink) -> str:
        page = Client().get(addresses.demo_path(endpoint, link)).content.decode()
        return " ".join(
            re.sub("<[^>]*>", "", page.partition('class="end small muted">')[2].partition("</div>")[0]).split()
        )

    assert bar(first) == "Prototype"
    assert bar(given) == "Prototype for Grace Hopper"
