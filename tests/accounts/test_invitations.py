"""An invitation never hands over an account that somebody else made and still uses."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from webapp.accounts.actions import create_token, first_sign_in_link
from webapp.accounts.models import ApiToken, SignInLink, User

VICTIM, SECRET = "victim@corp.example", "quite-a-long-secret"


def invite(**options: Any) -> str:
    out = StringIO()
    call_command("invite", email=VICTIM, stdout=out, **options)
    return out.getvalue().strip().splitlines()[-1].removeprefix("http://127.0.0.1:8000")


@pytest.fixture
def attacker(db: None) -> Client:
    """Who signed up with the address of somebody else, and waits."""
    browser = Client()
    browser.post(reverse("account_signup"), {"email": VICTIM, "password1": SECRET})
    assert browser.get(reverse("settings")).status_code == 200
    return browser


def test_an_account_in_use_is_not_handed_over(attacker: Client) -> None:
    with pytest.raises(CommandError, match="already has an account"):
        invite()
    assert not SignInLink.objects.exists()


def test_a_reset_ends_all_that_was_there(attacker: Client, mailoutbox: list, settings: Any) -> None:
    user = User.objects.get()
    _token, secret = create_token(user, user.workspaces.get())
    older = SignInLink.issue(user)
    settings.MAIL_CONFIGURED = True
    fields = {"email": "attacker@evil.example", "password": SECRET}
    attacker.post(reverse("update_profile"), fields)
    change = mailoutbox[-1].body.split("http://127.0.0.1:8000")[1].split()[0]
    Client().post(reverse("account_reset_password"), {"email": VICTIM})
    forgotten = mailoutbox[-1].body.split("http://127.0.0.1:8000")[1].split()[0]

    victim = Client()
    assert victim.post(invite(reset=True))["Location"] == "/"
    assert victim.get(reverse("settings")).status_code == 200
    assert attacker.get(reverse("settings")).status_code == 302, "its session has ended"
    assert ApiToken.find(secret) is None
    assert SignInLink.redeem(older) is None
    assert Client().post(reverse("account_login"), {"login": VICTIM, "password": SECRET}).status_code == 200
    assert Client().post(change).status_code == 410, "the change of address that waited"
    assert "no longer works" in Client().get(forgotten, follow=True).content.decode()
    assert User.objects.get().email == VICTIM


def test_an_invitation_that_was_never_used_is_sent_again(db: None) -> None:
    older, newer = invite(), invite()
    assert Client().get(older).status_code == 410
    assert Client().post(newer)["Location"] == "/"
    with pytest.raises(CommandError, match="--reset"):
        invite()


def test_the_first_owner_s_link_is_printed_until_it_was_used(db: None, client_of: Callable[[User], Client]) -> None:
    assert first_sign_in_link()
    assert first_sign_in_link(), "nobody has signed in yet"
    client_of(User.objects.get())
    assert first_sign_in_link() is None
    out = StringIO()
    call_command("sign_in_link", stdout=out)
    assert Client().post(out.getvalue().strip().removeprefix("http://127.0.0.1:8000"))["Location"] == "/"
