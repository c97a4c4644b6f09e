"""A site that is not open to everybody: SIGN_UP, and accounts made by the operator."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from webapp.accounts.actions import first_sign_in_link
from webapp.accounts.models import SignInLink, User

FORM = {"email": "new@example.org", "password1": "quite-a-long-secret"}


@pytest.mark.parametrize(("value", "made"), [("open", 1), ("invited", 0), ("closed", 0), ("clsed", 0)])
def test_who_may_sign_up(value: str, made: int, settings: Any, db: None) -> None:
    settings.SIGN_UP = value
    answer = Client().post(reverse("account_signup"), FORM)
    assert User.objects.count() == made
    if not made:
        assert "Ask the owner of this site" in answer.content.decode()
    User.objects.all().delete()
    assert (reverse("account_signup") in Client().get(reverse("account_login")).content.decode()) == bool(made)


def test_an_invitation_is_a_link_that_signs_in(settings: Any, db: None) -> None:
    settings.SIGN_UP = "invited"
    out = StringIO()
    call_command("invite", email="guest@example.org", stdout=out)
    path = out.getvalue().strip().splitlines()[-1].removeprefix(settings.PUBLIC_URL)
    assert Client().post(path)["Location"] == "/"
    assert User.objects.get().workspaces.count() == 1


def test_a_closed_site_makes_no_accounts_but_keeps_its_own(settings: Any, user: User) -> None:
    settings.SIGN_UP = "closed"
    for command in ("invite", "api_token"):
        with pytest.raises(CommandError, match="SIGN_UP"):
            call_command(command, email="guest@example.org", stdout=StringIO())
        call_command(command, email=user.email, stdout=StringIO())
    assert User.objects.count() == 1


def test_a_closed_site_has_its_first_owner(settings: Any, db: None) -> None:
    settings.SIGN_UP = "closed"
    assert first_sign_in_link()


def test_a_newer_sign_in_link_ends_the_older(user: User, outsider: User) -> None:
    older, other, newer = SignInLink.issue(user), SignInLink.issue(outsider), SignInLink.issue(user)
    assert SignInLink.redeem(older) is None
    assert SignInLink.redeem(newer) == user
    assert SignInLink.redeem(other) == outsider
