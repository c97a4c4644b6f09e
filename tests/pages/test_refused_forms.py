"""Every form that is refused stays on its page: the error beside its field, what was typed kept, no script needed."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from tests import things
from tests.pages.form_page import Page
from webapp.accounts.models import User, Workspace
from webapp.core.deferred import DeferredRoutes
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

Browser = Callable[[User], Client]


@dataclass
class Case:
    """A form sent with a wrong value: where it is sent, on which page it stands, and which field is wrong."""

    action: str
    page: str
    sent: dict[str, str]
    wrong: str
    error: str
    status: int = 422


def settings_cases() -> list[Case]:
    profile, token, page = reverse("update_profile"), reverse("create_token"), reverse("settings")
    return [
        Case(profile, page, {"email": "not an address"}, "email", "Enter a valid email address."),
        Case(profile, page, {"email": "eve@example.org"}, "email", "cannot be changed here"),
        Case(reverse("rename_workspace"), page, {"name": ""}, "name", "This field is required."),
        Case(token, page, {"name": "x" * 121}, "name", "at most 120 characters"),
        Case(token, page, {"name": ""}, "name", "This field is required."),
        Case(reverse("invite_member"), reverse("members"), {"email": "x", "role": "viewer"}, "email", "valid email"),
        Case(reverse("create_workspace"), reverse("workspaces"), {"name": ""}, "name", "This field is required."),
        Case(reverse("set_feedback_days"), page, {"days": "-1"}, "days", "greater than or equal to 0"),
    ]


def check(browser: Client, case: Case) -> None:
    answer = browser.post(case.action, case.sent, headers={"Referer": f"http://testserver{case.page}?month=2026-01"})
    text = answer.content.decode()
    page = Page(text)
    assert answer.status_code == case.status
    assert f'data-address="{case.page}?month=2026-01"' in text
    form = page.form(case.action)
    wrong = form.field(case.wrong)
    assert case.error in page.errors_of(wrong)
    assert "autofocus" in wrong.attrs
    for name, value in case.sent.items():
        if form.field(name).attrs.get("type") != "password":
            assert form.field(name).value == value, name
    assert text.count("<h1") == 1
    assert 'class="bar"' in text


@pytest.mark.usefixtures("outsider")
def test_settings(user: User, client_of: Browser) -> None:
    for case in settings_cases():
        check(client_of(user), case)


def test_another_email_needs_the_password_which_is_not_shown_again(user: User, client_of: Browser) -> None:
    user.set_password("correct horse")
    user.save()
    sent = {"email": "new@example.org", "password": "wrong horse"}
    action, page = reverse("update_profile"), reverse("settings")
    browser = client_of(user)
    check(browser, Case(action, page, sent, "password", "this one is wrong", status=403))
    assert "wrong horse" not in browser.post(action, sent).content.decode()


def test_a_program_is_told_in_json_or_alone(user: User, client_of: Browser) -> None:
    """htmx swaps what comes into the notes: it wants the sentence, not the page."""
    answer = client_of(user).post(reverse("create_token"), {"name": ""}, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert "<h1" not in answer.content.decode()


def test_what_was_typed_is_only_in_the_form_that_was_sent(user: User, client_of: Browser) -> None:
    answer: Any = client_of(user).post(reverse("create_token"), {"name": ""})
    page = Page(answer.content.decode())
    others = [one for form in page.forms if form.action != reverse("create_token") for one in form.fields]
    assert not any("aria-invalid" in one.attrs for one in others)


def test_a_page_from_before_signing_out_leads_to_signing_in_and_back(user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(reverse("set_budget"), {"amount": "5"}, headers={"Referer": "http://testserver/costs"})
    page = answer.content.decode()
    assert answer.status_code == 403
    assert "/accounts/login/?next=http%3A%2F%2Ftestserver%2Fcosts" in page
    assert ">Sign in<" in page


def test_a_page_that_is_stale_for_somebody_signed_in_offers_no_signing_in(user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    page = browser.post(reverse("set_budget"), {"amount": "5"}).content.decode()
    assert "Reload it" in page
    assert ">Sign in<" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("referer", ["https://elsewhere.example/x", ""])
def test_signing_in_never_leads_elsewhere(referer: str, client: Client) -> None:
    answer = client.post(reverse("set_budget"), {"amount": "5"}, headers={"Referer": referer} if referer else {})
    assert answer["Location"] == "/accounts/login/?next=/"


@pytest.mark.django_db
def test_signing_in_leads_back_to_the_page_of_the_form(client: Client) -> None:
    answer = client.post(reverse("set_budget"), {"amount": "5"}, headers={"Referer": "http://testserver/costs"})
    assert answer["Location"] == "/accounts/login/?next=http%3A//testserver/costs"


STAYS = {
    "augmented": "htmx alone sends it",
    "estimate": "htmx alone sends it",
    "demo": "the visitor's page answers itself",
    "demo_feedback": "a visitor's page of its own",
    "demo_chat": "answers with lines of JSON",
    "guest_label": "the guest's page answers itself",
    "sign_in_link": "a link that has ended cannot be sent again",
    "confirm_address": "a link that has ended cannot be sent again",
    "end_session": "nothing can be wrong in it",
    "end_other_sessions": "nothing can be wrong in it",
    "revoke_key": "nothing can be wrong in it",
    "revoke_link": "nothing can be wrong in it",
    "revoke_token": "nothing can be wrong in it",
    "end_invitation": "nothing can be wrong in it",
    "switch_workspace": "nothing can be wrong in it",
}
"""Addresses of forms that need no page to come back to, and why."""


TAKES_A_FORM = re.compile(r"@form_on|@require_POST|@require_http_methods\(.*POST|request\.method\b")
COMES_BACK = re.compile(r"@form_on\(|@refused_on\(")


def addresses_of_forms() -> dict[str, str]:
    """The source of every view that takes a form, also one that shows its page on a GET, by the name of its address."""
    patterns = [one for one in get_resolver().url_patterns if isinstance(one, URLPattern)]
    groups = [one for one in get_resolver().url_patterns if not isinstance(one, DeferredRoutes)]  # the API has no forms
    nested = [one for group in groups for one in getattr(group, "url_patterns", [])]
    views = {one.name: inspect.unwrap(one.callback) for one in [*patterns, *nested] if isinstance(one, URLPattern)}
    own = {name: view for name, view in views.items() if view.__module__.startswith("webapp.")}
    sources = {name: inspect.getsource(view) for name, view in own.items()}
    return {name: source for name, source in sources.items() if TAKES_A_FORM.search(source)}


def test_every_form_comes_back_to_its_page() -> None:
    """A new form says on which page it stands, or why it needs none."""
    found = addresses_of_forms()
    assert len(found) > 30
    assert {"train", "new_prototype", "delete_endpoint", "delete_prototype", "delete_run", "stop_run"} <= set(found)
    assert set(STAYS) <= set(found), "a reason for a form that is gone"
    lost = {name for name, source in found.items() if not COMES_BACK.search(source)}
    assert lost - set(STAYS) == set()


@pytest.mark.parametrize(
    ("name", "sent", "wrong", "error"),
    [
        (
            "divide",
            {"split-how": "group", "split-group": "", "split-test": "20", "split-seed": "3"},
            "split-group",
            "Choose",
        ),
        (
            "divide",
            {"split-how": "chance", "split-test": "99", "split-seed": "3"},
            "split-test",
            "less than or equal to 50",
        ),
        (
            "divide",
            {"split-how": "chance", "split-test": "20", "split-seed": "x"},
            "split-seed",
            "Enter a whole number",
        ),
    ],
)
def test_the_split(
    name: str, sent: dict[str, str], wrong: str, error: str, user: User, workspace: Workspace, client_of: Browser
) -> None:
    prototype = things.prototype(workspace)
    action, page = reverse(name, args=[prototype.pk]), reverse("data", args=[prototype.pk])
    check(client_of(user), Case(action, page, sent, wrong, error))


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("change_rows", {"action": "label", "value": "a"}, "row"),
        ("change_rows", {"version": "old"}, "There is a newer version."),
        ("mend", {"action": "nonsense"}, ""),
        ("choose_sheet", {"sheet": "nowhere"}, ""),
    ],
)
def test_what_has_no_field_is_told_on_top_of_the_page_that_was_open(
    name: str, sent: dict[str, str], message: str, user: User, workspace: Workspace, client_of: Browser
) -> None:
    prototype = things.prototype(workspace)
    page = reverse("data", args=[prototype.pk])
    sent = {"version": DatasetVersion.objects.get().pk} | sent
    before = {"Referer": f"http://testserver{page}?search=one"}
    answer = client_of(user).post(reverse(name, args=[prototype.pk]), sent, headers=before)
    text = answer.content.decode()
    assert answer.status_code in (409, 422)
    (told,) = [alert for alert in Page(text).alerts if alert.strip()]
    assert message in told
    assert f'data-address="{page}?search=one"' in text
    assert 'value="one"' in text, "what was searched for"


def test_trying_without_script_keeps_what_was_typed(user: User, workspace: Workspace, client_of: Browser) -> None:
    """The run's page answers, also where the model cannot be asked."""
    run = things.run(things.prototype(workspace))
    run.artifact.mkdir(parents=True)
    answer = client_of(user).post(reverse("try_run", args=[run.pk]), {"text": "  "})
    assert answer.status_code == 422
    assert "There was nothing to read." in Page(answer.content.decode()).alerts[0]


def test_a_run_that_has_ended_is_not_cancelled(user: User, workspace: Workspace, client_of: Browser) -> None:
    run = things.run(
        things.prototype(workspace), status="failed", error={"code": "x", "message": "It broke.", "hint": ""}
    )
    answer = client_of(user).post(reverse("cancel_run", args=[run.pk]))
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "already ended" in text
    assert "It broke." in text
    assert Run.objects.get().status == "failed"


@pytest.mark.parametrize("sent", [{}, {"data": "on"}])
def test_a_prototype_that_cannot_be_deleted_yet_says_so_where_it_was_asked(
    sent: dict[str, str], user: User, workspace: Workspace, client_of: Browser
) -> None:
    prototype = things.prototype(workspace)
    things.run(prototype, status="running")
    address = reverse("delete_prototype", args=[prototype.pk])
    answer = client_of(user).post(address, sent)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "still running" in Page(text).alerts[0]
    assert f'data-address="{address}"' in text
    assert 'class="bar"' in text
    assert ("checked" in text.partition('name="data"')[2].partition(">")[0]) == bool(sent)
    assert Prototype.objects.filter(pk=prototype.pk).exists()


@pytest.mark.parametrize("referer", ["http://[", "http://[::1", "//[x]/y", "\x00", "http://testserver:notaport/costs"])
def test_an_unreadable_referer_is_none(referer: str, user: User, client_of: Any) -> None:
    answer = client_of(user).post(reverse("set_budget"), {"amount": "nothing"}, headers={"Referer": referer})
    assert answer.status_code == 422
