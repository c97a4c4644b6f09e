"""Links that sign in or confirm are never used up by who only looks, and never stand in a log."""

import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse

from webapp.accounts import addresses
from webapp.accounts.models import SignInLink, User

PATHS = {
    "sign_in_link": lambda user: SignInLink.issue(user),
    "confirm_address": lambda user: signing.dumps(
        [user.pk, user.email, "new@example.org", addresses.password_mark(user)], salt=addresses.SALT
    ),
}


@pytest.fixture
def written(settings: Any) -> Iterator[StringIO]:
    """What the site's own handler writes."""
    console = next(one for one in logging.root.handlers if type(one.formatter).__name__ == "RedactingFormatter")
    before, console.stream = console.stream, StringIO()
    yield console.stream
    console.stream = before


@pytest.mark.parametrize("name", PATHS)
def test_a_scanner_s_head_uses_nothing_up(name: str, user: User) -> None:
    path = reverse(name, args=[PATHS[name](user)])
    for method in ("head", "get", "head"):
        assert getattr(Client(), method)(path).status_code == 200
    assert Client().post(path).status_code == 302
    assert Client().head(path).status_code == 410


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("method", ["put", "delete", "options"])
def test_a_refused_request_leaves_no_secret_in_the_log(name: str, method: str, user: User, written: StringIO) -> None:
    secret = PATHS[name](user)
    assert getattr(Client(), method)(reverse(name, args=[secret])).status_code == 405
    assert "Method Not Allowed" in written.getvalue()
    assert secret not in written.getvalue()
    assert secret[-12:] not in written.getvalue()


def test_nor_does_a_form_without_its_token(user: User, written: StringIO) -> None:
    secret = SignInLink.issue(user)
    assert Client(enforce_csrf_checks=True).post(reverse("sign_in_link", args=[secret])).status_code == 403
    assert "/signin/…" in written.getvalue()
    assert secret not in written.getvalue()


def test_nor_does_a_traceback(written: StringIO) -> None:
    for path in ("/accounts/password/reset/key/2-abc-def/", "/accounts/confirm-email/MjQ:1x:y/"):
        try:
            raise ValueError(f"broken at {path}")
        except ValueError:
            logging.getLogger("webapp.test").exception("no answer to %s", path)
    assert "abc-def" not in written.getvalue()
    assert "MjQ" not in written.getvalue()
    assert written.getvalue().count("…") == 4


@pytest.mark.parametrize("email", ["ada@example.org", "new@example.org"])
def test_signing_up_says_the_same_whoever_has_the_address(
    email: str, user: User, settings: Any, mailoutbox: list, client_of: Callable[[User], Client]
) -> None:
    """Where mail can be sent; the mailbox alone learns the difference."""
    settings.MAIL_CONFIGURED, settings.ACCOUNT_EMAIL_VERIFICATION = True, "mandatory"
    browser = Client()
    sent = {"email": email, "password1": "quite-a-long-secret"}
    answer = browser.post(reverse("account_signup"), sent, follow=True)
    assert answer.redirect_chain == [(reverse("account_email_verification_sent"), 302)]
    assert "already" not in answer.content.decode()
    assert browser.get(reverse("home")).status_code == 302, "nobody is signed in by an address that is not confirmed"
    (mail,) = mailoutbox
    assert mail.to == [email]
    assert "testserver" not in mail.body + mail.subject
    assert ("has one already" in mail.body) == (email == user.email)
    if email != user.email:
        path = mail.body.split("http://127.0.0.1:8000")[1].split()[0]
        assert browser.head(path).status_code == 200
        assert browser.post(path, follow=True).status_code == 200
        assert browser.get(reverse("settings")).status_code == 200


@pytest.mark.parametrize("email", ["eve@example.org", "new@example.org"])
def test_the_profile_says_the_same_whoever_has_the_address(
    email: str, user: User, outsider: User, settings: Any, mailoutbox: list, client_of: Callable[[User], Client]
) -> None:
    settings.MAIL_CONFIGURED = True
    fields = {"email": email}
    page = client_of(user).post(reverse("update_profile"), fields, follow=True).content.decode()
    assert f"A link was sent to {email}" in page
    (mail,) = mailoutbox
    assert mail.to == [email]
    assert ("/settings/address/" in mail.body) == (email != outsider.email)


def test_addresses_are_not_tried_one_after_the_other(user: User, client_of: Callable[[User], Client]) -> None:
    from django.core.cache import cache

    cache.clear()
    browser = client_of(user)
    codes = {browser.post(reverse("update_profile"), {"email": f"p{n}@example.org"}).status_code for n in range(15)}
    assert 429 in codes
