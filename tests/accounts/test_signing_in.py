"""Signing up, signing in by link, tokens."""

import re
from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from webapp.accounts.actions import first_sign_in_link
from webapp.accounts.models import ApiToken, SignInLink, User
from webapp.costs.models import Budget, Rate

ClientOf = Callable[[User], Client]


def test_signing_up_makes_a_workspace_with_prices_and_a_budget(db: None) -> None:
    client = Client()
    answer = client.post(reverse("account_signup"), {"email": "new@example.org", "password1": "quite-a-long-secret"})
    assert answer.status_code == 302
    workspace = User.objects.get(email="new@example.org").workspaces.get()
    assert workspace.memberships.get().role == "owner"
    assert Budget.objects.filter(workspace=workspace).exists()
    assert {"cpu", "gpu", "endpoint"} <= set(
        Rate.objects.filter(workspace=workspace).values_list("hardware", flat=True)
    )
    assert client.get("/", follow=True).redirect_chain == [("/new", 302)]


def test_a_sign_in_link_works_once(user: User) -> None:
    path = reverse("sign_in_link", args=[SignInLink.issue(user)])
    client = Client()
    for _ in range(2):  # a mail scanner that looks does not use it up
        assert client.get(path).status_code == 200
        assert "_auth_user_id" not in client.session
    assert client.post(path)["Location"] == "/"
    assert client.session["_auth_user_id"] == str(user.pk)
    for again in (Client().get(path), Client().post(path)):
        assert again.status_code == 410
        assert "used or has expired" in again.content.decode()


def test_a_link_of_yesterday_is_too_old(user: User) -> None:
    path = reverse("sign_in_link", args=[SignInLink.issue(user)])
    SignInLink.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert Client().get(path).status_code == 410
    assert Client().post(path).status_code == 410


def test_the_first_link_makes_the_first_owner(db: None) -> None:
    link = first_sign_in_link()
    assert link
    assert re.search(r"/signin/[\w-]{40,}$", link)
    assert User.objects.get().workspaces.count() == 1


def test_a_token_is_shown_once_and_can_be_revoked(user: User, client_of: ClientOf) -> None:
    client = client_of(user)
    client.post(reverse("create_token"), {"name": "laptop"})
    token = ApiToken.objects.get()
    shown = client.get(reverse("settings")).content.decode()
    secret = re.search(r"mq_[\w-]{40,}", shown)
    assert secret
    assert secret[0] not in client.get(reverse("settings")).content.decode()
    assert ApiToken.find(secret[0]) == token
    client.post(reverse("revoke_token", args=[token.pk]))
    assert ApiToken.find(secret[0]) is None


def test_nobody_is_sent_to_the_sign_in_page(db: None) -> None:
    for name in ("home", "new_prototype", "costs", "workers", "models", "settings", "docs"):
        answer = Client().get(reverse(name))
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("account_login"))
