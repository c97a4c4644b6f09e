"""Another e-mail address needs the password, and a press on a link where mail can be sent."""

import re
from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from webapp.accounts import addresses
from webapp.accounts.models import User

ClientOf = Callable[[User], Client]
PASSWORD = "quite-a-long-secret"


@pytest.fixture
def browser(user: User, client_of: ClientOf) -> Client:
    cache.clear()
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    return client_of(user)


@pytest.fixture
def mailing(settings: object) -> None:
    settings.MAIL_CONFIGURED = True


def change(browser: Client, email: str = "new@example.org", password: str = PASSWORD) -> int:
    fields = {"email": email, "password": password}
    return browser.post(reverse("update_profile"), fields).status_code


@pytest.mark.parametrize("password", ["", "wrong"])
def test_the_password_is_asked_for(password: str, browser: Client, user: User) -> None:
    assert change(browser, password=password) == 403
    user.refresh_from_db()
    assert user.email == "ada@example.org"
    assert change(browser, "ada@example.org", password="") == 302, "only another address needs it"


def test_guessing_the_password_ends(browser: Client) -> None:
    assert 429 in [change(browser, password=f"guess {number}") for number in range(12)]


def test_without_mail_it_is_changed_at_once(browser: Client, user: User) -> None:
    assert change(browser) == 302
    user.refresh_from_db()
    assert user.email == "new@example.org"


def link_in(mail: object) -> str:
    found = re.search(r"http://127\.0\.0\.1:8000(/settings/address/\S+)", mail.body)
    assert found
    return found[1]


def test_the_old_address_works_until_the_link_is_opened(
    mailing: None, browser: Client, user: User, mailoutbox: list
) -> None:
    assert change(browser) == 302
    (mail,) = mailoutbox
    assert mail.to == ["new@example.org"]
    stranger = Client()
    stranger.post(reverse("account_reset_password"), {"email": "new@example.org"})
    assert not [one for one in mailoutbox if "/password/reset/key/" in one.body]
    assert stranger.post(reverse("account_login"), {"login": user.email, "password": PASSWORD}).status_code == 302

    path = link_in(mail)
    assert Client().get(path).status_code == 200  # a scanner that looks changes nothing
    user.refresh_from_db()
    assert user.email == "ada@example.org"
    assert Client().post(path).status_code == 302
    user.refresh_from_db()
    assert user.email == "new@example.org"
    assert EmailAddress.objects.get(user=user).verified
    assert mailoutbox[-1].to == ["ada@example.org"]
    assert Client().post(path).status_code == 410, "it works once"


def test_a_link_that_is_old_forged_or_overtaken(
    mailing: None, browser: Client, outsider: User, mailoutbox: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(browser)
    path = link_in(mailoutbox[0])
    assert Client().get(path + "x").status_code == 410
    User.objects.filter(pk=outsider.pk).update(email="new@example.org")
    assert Client().post(path).status_code == 422
    monkeypatch.setattr(addresses, "LIFETIME_SECONDS", 0)
    assert Client().get(path).status_code == 410


def test_allauth_s_own_page_is_not_there(browser: Client) -> None:
    for answer in (
        browser.get("/accounts/email/"),
        browser.post("/accounts/email/", {"action_add": 1, "email": "x@y.org"}),
    ):
        assert answer["Location"] == reverse("settings")
    assert EmailAddress.objects.count() == 1
