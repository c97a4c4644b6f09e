"""“Confirm it’s you”: what asks for it, in which ways, and that nothing typed before is lost."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from webapp.accounts import confirming
from webapp.accounts.models import ApiToken, User

ClientOf = Callable[[User], Client]
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    cache.clear()


def grow_old(browser: Client) -> None:
    """As if they had signed in an hour ago."""
    session = browser.session
    session[confirming.MOMENT] -= 3600
    session.save()


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    user.set_password(PASSWORD)
    user.save()
    return client_of(user)


@pytest.fixture
def linked(user: User, client_of: ClientOf) -> Client:
    """The browser of somebody who has no password."""
    return client_of(user)


def other_session(user: User, client_of: ClientOf) -> int:
    client_of(user).get(reverse("settings"))
    return int(UserSession.objects.latest("pk").pk)


ASKING: dict[str, tuple[str, str, dict[str, str]]] = {
    "token": ("post", "create_token", {"name": "laptop", "scope": "read", "days": "30"}),
    "others": ("post", "end_other_sessions", {}),
    "session": ("post", "end_session", {}),
    "export": ("get", "export", {}),
    "workspace": ("get", "delete_workspace", {}),
    "workspace sent": ("post", "delete_workspace", {"name": "Ada"}),
}
LINK_ONLY: dict[str, tuple[str, str, dict[str, str]]] = {
    "account": ("get", "delete_account", {}),
    "account sent": ("post", "delete_account", {"email": "ada@example.org"}),
    "address": ("post", "update_profile", {"email": "new@example.org", "workspace": "Ada"}),
    "password": ("get", "account_set_password", {}),
    "password sent": ("post", "account_set_password", {"password1": PASSWORD, "password2": PASSWORD}),
}


def ask(browser: Client, case: tuple[str, str, dict[str, str]], pk: int) -> Any:
    method, name, sent = case
    path = reverse(name, args=[pk] if name == "end_session" else [])
    headers = {"Referer": "http://testserver/settings"}
    return browser.get(path, headers=headers) if method == "get" else browser.post(path, sent, headers=headers)


@pytest.mark.parametrize("name", [*ASKING, *LINK_ONLY])
def test_what_asks_and_what_asks_not(name: str, linked: Client, user: User, client_of: ClientOf) -> None:
    case, pk = {**ASKING, **LINK_ONLY}[name], other_session(user, client_of)
    grow_old(linked)
    assert ask(linked, case, pk)["Location"] == reverse("confirm")
    assert User.objects.get(pk=user.pk).email == user.email
    assert not ApiToken.objects.exists()
    fresh = client_of(user)
    assert fresh.session[confirming.MOMENT]
    assert ask(fresh, case, pk).get("Location") != reverse("confirm")


def test_a_form_is_done_after_confirming_as_it_was_sent(browser: Client) -> None:
    grow_old(browser)
    ask(browser, ASKING["token"], 0)
    page = browser.get(reverse("confirm")).content.decode()
    assert "Confirm it’s you" in page
    assert 'name="password"' in page
    answer = browser.post(reverse("confirm"), {"password": PASSWORD})
    assert answer["Location"] == reverse("settings")
    token = ApiToken.objects.get()
    assert (token.name, token.scope) == ("laptop", "read")
    assert re.search(r"mq_[\w-]{40,}", browser.get(reverse("settings")).content.decode())
    browser.post(reverse("confirm"), {"password": PASSWORD})
    assert ApiToken.objects.count() == 1, "done twice"


def test_a_form_that_is_wrong_is_shown_on_its_page_after_confirming(browser: Client) -> None:
    grow_old(browser)
    browser.post(reverse("create_token"), {"name": "x" * 121}, headers={"Referer": "http://testserver/settings"})
    answer = browser.post(reverse("confirm"), {"password": PASSWORD})
    assert answer.status_code == 422
    assert "at most 120 characters" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "back"),
    [("workspace", "/settings/delete-workspace"), ("export", "/settings")],
)
def test_a_page_is_opened_after_confirming(name: str, back: str, browser: Client) -> None:
    grow_old(browser)
    ask(browser, ASKING[name], 0)
    assert browser.post(reverse("confirm"), {"password": PASSWORD})["Location"] == back
    assert browser.get(back).status_code == 200


def test_a_wrong_password_confirms_nothing_and_loses_nothing(browser: Client) -> None:
    grow_old(browser)
    ask(browser, ASKING["token"], 0)
    answer = browser.post(reverse("confirm"), {"password": "wrong"})
    assert answer.status_code == 403
    assert "not your password" in answer.content.decode()
    assert not ApiToken.objects.exists()
    browser.post(reverse("confirm"), {"password": PASSWORD})
    assert ApiToken.objects.get().name == "laptop"


def test_passwords_are_not_tried_for_ever(browser: Client) -> None:
    grow_old(browser)
    answers = [browser.post(reverse("confirm"), {"password": "wrong"}).status_code for _ in range(12)]
    assert answers[0] == 403
    assert answers[-1] == 429
    assert browser.post(reverse("confirm"), {"password": PASSWORD}).status_code == 429


def test_no_password_is_kept_in_the_session(linked: Client) -> None:
    grow_old(linked)
    ask(linked, LINK_ONLY["password sent"], 0)
    assert PASSWORD not in str(dict(linked.session))
    assert linked.session[confirming.PENDING]["action"] == ""


def test_a_link_confirms_without_mail(linked: Client, user: User, capsys: pytest.CaptureFixture[str]) -> None:
    grow_old(linked)
    ask(linked, ASKING["token"], 0)
    page = linked.get(reverse("confirm")).content.decode()
    assert f"manage.py sign_in_link --email {user.email}" in page
    call_command("sign_in_link", email=user.email)
    link = capsys.readouterr().out.strip().removeprefix("http://127.0.0.1:8000")
    assert linked.post(link)["Location"] == reverse("settings")
    assert ApiToken.objects.get().name == "laptop"


def test_a_link_confirms_by_mail(linked: Client, user: User, settings: Any, mailoutbox: list[Any]) -> None:
    settings.MAIL_CONFIGURED = True
    grow_old(linked)
    ask(linked, ASKING["workspace"], 0)
    assert "Send me a link" in linked.get(reverse("confirm")).content.decode()
    for _ in range(5):
        linked.post(reverse("confirm_by_link"))
    assert 1 <= len(mailoutbox) <= 3, "mails are limited"
    (link,) = re.findall(r"http://127.0.0.1:8000(/signin/\S+)", mailoutbox[-1].body)
    assert linked.post(link)["Location"] == reverse("delete_workspace")


def test_somebody_elses_link_does_not_go_on_with_what_was_mine(linked: Client, outsider: User) -> None:
    from webapp.accounts.models import SignInLink

    grow_old(linked)
    ask(linked, ASKING["token"], 0)
    assert linked.post(reverse("sign_in_link", args=[SignInLink.issue(outsider)]))["Location"] == reverse("home")
    assert not ApiToken.objects.exists()


def test_programs_and_htmx_are_told_in_their_own_way(browser: Client) -> None:
    grow_old(browser)
    sent = {"name": "laptop"}
    by_htmx = browser.post(reverse("create_token"), sent, headers={"HX-Request": "true"})
    assert (by_htmx.status_code, by_htmx["HX-Redirect"]) == (204, reverse("confirm"))
    by_program = browser.post(reverse("create_token"), sent, headers={"Accept": "application/json"})
    assert (by_program.status_code, by_program.json()["code"]) == (403, "confirm")


@pytest.mark.parametrize("referer", ["https://evil.example/x", "//evil.example", "javascript:alert(1)", "http://[", ""])
def test_confirming_never_leads_elsewhere(referer: str, browser: Client) -> None:
    grow_old(browser)
    browser.post(reverse("end_other_sessions"), {"x": "y" * 9000}, headers={"Referer": referer} if referer else {})
    assert browser.post(reverse("confirm"), {"password": PASSWORD})["Location"] == reverse("settings")


def test_whoever_comes_without_a_reason_goes_to_security(browser: Client) -> None:
    assert browser.get(reverse("confirm"))["Location"] == reverse("security")
    assert Client().get(reverse("confirm"))["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("moment", ["soon", None, 10**12, -1])
def test_an_odd_moment_confirms_nothing(moment: object, browser: Client) -> None:
    session = browser.session
    session[confirming.MOMENT] = moment
    session.save()
    assert ask(browser, ASKING["token"], 0)["Location"] == reverse("confirm")


def test_a_link_for_nobody_is_refused(db: None) -> None:
    from django.core.management import CommandError

    with pytest.raises(CommandError, match="no account"):
        call_command("sign_in_link", email="nobody@example.org")
