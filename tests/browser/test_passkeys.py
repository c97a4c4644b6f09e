"""A passkey in a real browser: added, used to sign in without anything else, as the second factor, and to confirm."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from tests.browser.chromium import Looker, launched
from webapp.accounts import confirming
from webapp.accounts.models import ApiToken, SignInLink, User

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
T = TypeVar("T")


def apart(call: Callable[[], T]) -> T:
    """Playwright has an event loop in this thread, in which Django would not speak to its database."""

    def closing() -> T:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result()


@pytest.fixture
def page() -> Iterator[Page]:
    with launched() as chromium:
        page = chromium.new_page()
        yield page
        page.close()


def plug_in_key(page: Page) -> None:
    """A key that keeps passkeys and checks the finger."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def grow_old() -> None:
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session

    for session in Session.objects.all():
        store = SessionStore(session.session_key)
        store[confirming.MOMENT] = 0
        store.save()


def test_a_passkey_from_adding_it_to_confirming_with_it(live_server: Any, user: User, page: Page) -> None:
    home = live_server.url.replace("127.0.0.1", "localhost")
    folder = os.environ.get("MAQUETTE_SCREENSHOTS")
    looker = Looker(page, Path(folder) if folder else None)
    plug_in_key(page)

    def sign_in_by_link() -> None:
        page.goto(f"{home}/signin/{apart(lambda: SignInLink.issue(user))}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/signin/" not in url)

    def sign_out() -> None:
        page.goto(f"{home}/settings")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/accounts/login/**")

    sign_in_by_link()
    page.goto(f"{home}/settings/security")
    looker.look("security-none")
    page.get_by_role("link", name="Set up").click()
    page.wait_for_url("**/totp/activate/")
    looker.look("app")
    page.goto(f"{home}/settings/security")
    page.get_by_role("link", name="Add", exact=True).click()
    page.wait_for_url("**/webauthn/add/")
    looker.look("passkey-add")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Recovery codes").first).to_be_visible()
    looker.look("recovery-codes")
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/settings/security")
    looker.look("security")

    sign_out()
    looker.look("sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)

    sign_out()
    sign_in_by_link()
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    looker.look("second-factor")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)

    apart(grow_old)
    page.goto(f"{home}/settings")
    looker.look("settings")
    page.get_by_label("Token name").fill("laptop")
    page.get_by_role("button", name="New token").click()
    expect(page.get_by_role("heading", name="Confirm it’s you")).to_be_visible()
    looker.look("confirm")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Your new token")).to_be_visible()
    looker.look("settings-token")
    assert apart(lambda: ApiToken.objects.get().name) == "laptop"
    assert looker.complaints == []
