"""Sessions: listed with their devices, ended one by one or together, by themselves when idle, with their event streams."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from webapp.accounts import sessions, tasks
from webapp.accounts.models import Membership, User

ClientOf = Callable[[User], Client]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "noted", sessions.Noted())


def browse(browser: Client, agent: str = FIREFOX, address: str = "203.0.113.7", path: str = "/settings") -> Any:
    return browser.get(path, headers={"User-Agent": agent}, REMOTE_ADDR=address)


def rows(user: User) -> list[tuple[str, bool]]:
    return [(row["device"], row["is_current"]) for row in sessions.listed_sessions(user, None)]


def test_each_browser_is_listed_with_its_device_and_address(user: User, client_of: ClientOf) -> None:
    one, other = client_of(user), client_of(user)
    browse(one, FIREFOX, "203.0.113.7")
    browse(other, CHROME, "2001:db8::1")
    page = browse(one, path="/settings/security").content.decode()
    for words in ("Firefox on Windows", "203.0.113.7", "Chrome on Linux", "2001:db8::1", "this one"):
        assert words in page
    assert page.count("this one") == 1
    assert page.index("Firefox on Windows") < page.index("Chrome on Linux")


def test_other_people_are_not_listed_nor_ended(user: User, outsider: User, client_of: ClientOf) -> None:
    mine, theirs = client_of(user), client_of(outsider)
    browse(mine)
    browse(theirs, CHROME)
    assert "Chrome on Linux" not in browse(mine, path="/settings/security").content.decode()
    foreign = UserSession.objects.get(user=outsider)
    assert mine.post(reverse("end_session", args=[foreign.pk])).status_code == 404
    assert mine.post(reverse("end_other_sessions")).status_code == 302
    assert browse(theirs).status_code == 200


@pytest.mark.parametrize("way", ["one", "others"])
def test_an_ended_session_ends_at_once(way: str, user: User, client_of: ClientOf) -> None:
    here, there = client_of(user), client_of(user)
    browse(here)
    browse(there)
    other = UserSession.objects.get(session_key=there.session.session_key)
    path = reverse("end_session", args=[other.pk]) if way == "one" else reverse("end_other_sessions")
    assert here.post(path)["Location"] == reverse("security")
    assert browse(there)["Location"].startswith("/accounts/login/")
    assert browse(here).status_code == 200
    assert UserSession.objects.count() == 1


def test_ending_this_one_is_signing_out(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    browse(browser)
    answer = browser.post(reverse("end_session", args=[UserSession.objects.get().pk]))
    assert answer["Location"] == reverse("account_login")
    assert browse(browser).status_code == 302
    assert not Session.objects.exists()


@pytest.mark.parametrize(
    ("idle_hours", "ago", "stays"),
    [
        (2, timedelta(hours=1, minutes=58), True),
        (2, timedelta(hours=2, minutes=1), False),
        (0, timedelta(days=13), True),
    ],
)
def test_an_idle_session_ends(
    idle_hours: int, ago: timedelta, stays: bool, user: User, client_of: ClientOf, settings: Any
) -> None:
    settings.SESSION_IDLE_SECONDS = idle_hours * 3600
    browser = client_of(user)
    browse(browser)
    UserSession.objects.update(last_seen_at=timezone.now() - ago)
    sessions.noted.moments.clear()
    answer = browse(browser, path="/costs?month=2026-01")
    if stays:
        assert answer.status_code == 200
        assert UserSession.objects.get().last_seen_at > timezone.now() - timedelta(minutes=1)
    else:
        assert answer["Location"] == "/accounts/login/?next=/costs%3Fmonth%3D2026-01"
        assert "signed out after 2 hours" in browser.get(answer["Location"]).content.decode()
        assert not UserSession.objects.exists()


def test_the_use_of_a_session_is_noted_once_a_minute(
    user: User, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    browser = client_of(user)
    browse(browser)
    UserSession.objects.update(user_agent="old")
    for _ in range(3):
        browse(browser)
    assert UserSession.objects.get().user_agent == "old"


def test_memory_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "REMEMBERED", 3)
    noted = sessions.Noted()
    assert [noted.is_due(str(number)) for number in (*range(5), 4, 0)] == [True] * 5 + [False, True]
    assert len(noted.moments) == 3


@pytest.mark.parametrize("address", ["", "unix:", "not an address", "fe80::1%eth0"])
def test_an_odd_address_is_no_fault(address: str, user: User, client_of: ClientOf) -> None:
    assert browse(client_of(user), "Mozilla/5.0 " + "x" * 500 + "\x00", address).status_code == 200
    assert sessions.listed_sessions(user, None)[0]["device"] == "Unknown device"


def test_who_is_deactivated_is_signed_out(user: User, client_of: ClientOf) -> None:
    browser = client_of(user)
    browse(browser)
    user.is_active = False
    user.save()
    assert not UserSession.objects.exists()
    assert browse(browser).status_code == 302


def test_nobody_costs_nothing(db: None, django_assert_num_queries: Any, settings: Any) -> None:
    settings.SIGN_UP = "invited"  # an open site without mail asks whether somebody is here already
    with django_assert_num_queries(0):
        Client().get("/accounts/login/")


ENDS: dict[str, Callable[[User, str], object]] = {
    "ended": lambda user, key: sessions.end_sessions(user),
    "left": lambda user, key: Membership.objects.filter(user=user).delete(),
    "deactivated": lambda user, key: User.objects.filter(pk=user.pk).update(is_active=False),
    "password": lambda user, key: User.objects.filter(pk=user.pk).update(password="new"),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ENDS)
def test_a_stream_ends_with_the_session(
    end: str, user: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CHECK_SECONDS", 0)
    browser = client_of(user)
    request: HttpRequest = browse(browser).wsgi_request
    key = str(request.session.session_key)
    assert request.membership  # type: ignore[attr-defined]

    async def events() -> AsyncIterator[bytes]:
        yield b"first"
        yield b"second"
        await asyncio.to_thread(ENDS[end], user, key)
        yield b"third"
        yield b"fourth"

    async def heard() -> list[bytes]:
        return [part async for part in sessions.while_signed_in(request, events())]  # type: ignore[arg-type]

    assert asyncio.run(heard()) == [b"first", b"second", b"third"]


def test_sessions_whose_time_is_over_are_cleared_away(user: User, client_of: ClientOf) -> None:
    over, kept = client_of(user), client_of(user)
    Session.objects.filter(pk=over.session.session_key).update(expire_date=timezone.now() - timedelta(minutes=1))
    tasks.sweep()
    assert [session.pk for session in Session.objects.all()] == [kept.session.session_key]
