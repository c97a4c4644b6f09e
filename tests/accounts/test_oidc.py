"""Signing in with a provider: who gets in, who is refused in words, and whose account nobody adopts."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.accounts.provider import CLIENT, SECRET, Provider
from tests.accounts.test_confirming import grow_old
from tests.accounts.test_second_factors import code_of, set_up_app
from webapp.accounts.models import SecurityEvent, User
from webapp.core.oidc import provider_name, providers

ClientOf = Callable[[User], Client]
ADA = {"sub": "ada-1", "email": "ada@example.org", "email_verified": True}
NEW = {"sub": "new-1", "email": "new@example.org", "email_verified": True}


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    cache.clear()


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    provider = Provider()
    settings.SOCIALACCOUNT_PROVIDERS = providers(provider.issuer, CLIENT, SECRET, "Acme ID")
    settings.SIGN_UP = "open"
    yield provider
    provider.close()


def come(browser: Client, provider: Provider, claims: dict[str, Any]) -> Any:
    provider.claims = claims
    there = browser.get(reverse("provider_sign_in"), {"next": "/costs"})
    return browser.get(provider.visit(there["Location"]))


def who(browser: Client) -> str | None:
    answer = browser.get("/api/v1/me")
    return answer.json()["email"] if answer.status_code == 200 else None


def connect(browser: Client, provider: Provider, claims: dict[str, Any]) -> Any:
    provider.claims = claims
    page = browser.post(reverse("connect_provider"))
    words = page.content.decode()
    assert "Connect Acme ID" in words
    assert "you come back here" in words
    return browser.get(provider.visit(page.context["address"]))


def verify(user: User) -> None:
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)


def test_without_settings_there_is_none(
    db: None, settings: Any, client: Client, user: User, client_of: ClientOf
) -> None:
    assert providers("", "x", "y", "z") == {}
    assert provider_name(settings.SOCIALACCOUNT_PROVIDERS) == ""
    assert client.get(reverse("provider_sign_in")).status_code == 404
    assert client_of(user).post(reverse("connect_provider")).status_code == 404
    assert "Continue with" not in client.get(reverse("account_login")).content.decode()


def test_the_pages_offer_it(provider: Provider, user: User, client_of: ClientOf) -> None:
    assert "Continue with Acme ID" in Client().get(reverse("account_login")).content.decode()
    assert "Acme ID" in client_of(user).get(reverse("security")).content.decode()


@pytest.mark.parametrize(("sign_up", "gets_in"), [("open", True), ("invited", False), ("closed", False)])
def test_a_stranger_gets_an_account_where_anybody_does(
    sign_up: str, gets_in: bool, provider: Provider, settings: Any, db: None
) -> None:
    settings.SIGN_UP = sign_up
    browser = Client()
    answer = come(browser, provider, NEW)
    if gets_in:
        assert answer["Location"] == "/costs"
        assert who(browser) == "new@example.org"
        user = User.objects.get()
        assert user.workspaces.count() == 1
        assert not user.has_usable_password()
    else:
        assert "No new accounts here" in answer.content.decode()
        assert not User.objects.exists()


@pytest.mark.parametrize(
    ("at_provider", "verified_here", "gets_in"),
    [(True, True, True), (True, False, False), (False, True, False), (None, True, False), ("true", True, False)],
)
def test_an_account_is_adopted_only_where_both_sides_verified_its_address(
    at_provider: object, verified_here: bool, gets_in: bool, provider: Provider, user: User
) -> None:
    if verified_here:
        verify(user)
    browser = Client()
    answer = come(browser, provider, ADA | {"email_verified": at_provider})
    assert who(browser) == (user.email if gets_in else None)
    assert SocialAccount.objects.filter(user=user).exists() is gets_in
    if not gets_in:
        assert answer["Location"] == reverse("account_login")
        assert "Sign in another way first, then connect Acme ID" in browser.get(answer["Location"]).content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("claims", [{"sub": "x"}, {"sub": "x", "email": ""}, NEW | {"email_verified": False}])
def test_without_a_verified_address_nobody_signs_up(claims: dict[str, Any], provider: Provider, db: None) -> None:
    browser = Client()
    come(browser, provider, claims)
    assert who(browser) is None
    assert not User.objects.exists()


def test_whoever_connected_signs_in_whatever_their_address_there(
    provider: Provider, user: User, client_of: ClientOf
) -> None:
    claims = {"sub": "ada-1", "email": "ada@work.example", "email_verified": False}
    browser = client_of(user)
    assert connect(browser, provider, claims)["Location"] == reverse("security")
    assert "connected" in browser.get(reverse("security")).content.decode()
    fresh = Client()
    come(fresh, provider, claims)
    assert who(fresh) == user.email
    assert SecurityEvent.objects.filter(verb="provider_connected", user=user).exists()


def test_what_is_connected_to_one_is_connected_to_nobody_else(
    provider: Provider, user: User, outsider: User, client_of: ClientOf
) -> None:
    connect(client_of(user), provider, ADA)
    connect(client_of(outsider), provider, ADA)
    assert SocialAccount.objects.get().user == user


@pytest.mark.parametrize("name", ["connect_provider", "disconnect_provider"])
def test_connecting_is_a_form_that_asks_to_confirm(
    name: str, provider: Provider, user: User, client_of: ClientOf
) -> None:
    browser = client_of(user)
    assert browser.get(reverse(name)).status_code == 405
    grow_old(browser)
    assert browser.post(reverse(name))["Location"] == reverse("confirm")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(reverse(name)).status_code == 403
    assert Client().get("/accounts/oidc/oidc/login/").status_code == 404, "allauth's own, which connects on a GET"


def test_the_second_factor_is_asked_for_as_well(provider: Provider, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    connect(browser, provider, ADA)
    secret, _codes = set_up_app(browser)
    fresh = Client()
    assert come(fresh, provider, ADA)["Location"] == reverse("mfa_authenticate")
    assert who(fresh) is None
    fresh.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert who(fresh) == user.email


def test_disconnecting_leaves_a_way_in(provider: Provider, user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    connect(browser, provider, ADA)
    assert browser.post(reverse("disconnect_provider")).status_code == 409
    user.set_password("correct horse battery")
    user.save()
    browser = client_of(user)
    assert browser.post(reverse("disconnect_provider"))["Location"] == reverse("security")
    assert not SocialAccount.objects.exists()


def test_a_provider_that_fails_is_no_fault_of_ours(provider: Provider, user: User, client_of: ClientOf) -> None:
    browser = Client()
    provider.claims = ADA
    there = browser.get(reverse("provider_sign_in"))["Location"]
    back = provider.visit(there)
    provider.fails = True
    assert browser.get(reverse("provider_sign_in")).status_code == 503
    answer = browser.get(back)
    assert answer["Location"] == reverse("account_login")
    assert "did not work" in browser.get(answer["Location"]).content.decode()


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=y", "error=access_denied&state=y"])
def test_an_odd_answer_signs_nobody_in(query: str, provider: Provider, user: User) -> None:
    browser = Client()
    answer = browser.get(f"/accounts/oidc/oidc/login/callback/?{query}")
    assert answer.status_code in (302, 200, 401)
    assert who(browser) is None


def test_an_inactive_account_stays_out(provider: Provider, user: User, client_of: ClientOf) -> None:
    connect(client_of(user), provider, ADA)
    User.objects.update(is_active=False)
    browser = Client()
    come(browser, provider, ADA)
    assert who(browser) is None
