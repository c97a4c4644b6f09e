"""Requests a minute: of a person, of a token, of an address; counted in one Redis for all processes, refused in words."""

import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse

from webapp.accounts.actions import create_token
from webapp.accounts.models import User, Workspace
from webapp.core import rate_limit
from webapp.core.limits import read
from webapp.core.rate_limit import Buckets
from webapp.core.redis import redis
from webapp.host.redis_server import EmbeddedRedis

MOST = 6
Bearer = Callable[[str], Client]


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(Path(tmp_path_factory.mktemp("redis")))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def counted(db: None, server: EmbeddedRedis, settings: Any, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """The site counts to six, in an empty Redis."""
    settings.REDIS_URL = server.url
    settings.LIMITS = settings.LIMITS | {"requests_minute": MOST}
    monkeypatch.setattr(rate_limit, "buckets", Buckets())
    monkeypatch.setattr(rate_limit, "MINUTE_SECONDS", 3600)  # so that no room comes back while a slow machine asks
    connection = redis.Redis.from_url(server.url)
    for name in connection.scan_iter("maquette:requests:*"):
        connection.delete(name)
    return connection


def bearer(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def statuses(ask: Callable[[], Any], times: int = MOST + 2) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_a_person_has_so_many_a_minute(counted: redis.Redis, user: User, outsider: User, client_of: Any) -> None:
    first, second, other = client_of(user), client_of(user), client_of(outsider)
    assert (
        first.get(reverse("settings")).status_code == second.get(reverse("settings")).status_code == 200
    )  # by the address
    asked = [client.get(reverse("settings")).status_code for _ in range(MOST) for client in (first, second)]
    assert Counter(asked) == {200: MOST, 429: MOST}, "the browsers of one person share what they have"
    assert other.get(reverse("settings")).status_code == 200


def test_the_page_says_what_to_do(counted: redis.Redis, user: User, client_of: Any) -> None:
    browser: Client = client_of(user)
    statuses(lambda: browser.get(reverse("settings")))
    page = browser.get(reverse("settings"))
    assert page.status_code == 429
    assert 1 <= int(page["Retry-After"]) <= 3600 / MOST
    assert "at most 6 a minute" in page.content.decode()
    assert "<main" in page.content.decode()
    chinese = browser.get(reverse("settings"), headers={"Accept-Language": "zh-Hans"})
    assert chinese["Content-Language"] == "zh-hans"
    part = browser.get(reverse("settings"), headers={"HX-Request": "true"})
    assert (part.status_code, "<main" in part.content.decode()) == (429, False)
    assert "at most 6 a minute" in part.content.decode()


def test_a_refusal_asks_the_database_nothing(
    counted: redis.Redis, user: User, client_of: Any, django_assert_num_queries: Any
) -> None:
    browser: Client = client_of(user)
    statuses(lambda: browser.get(reverse("settings")), 2 * MOST)
    with django_assert_num_queries(0):
        assert browser.get(reverse("settings")).status_code == 429


def test_the_tokens_of_a_person_count_together_and_apart_from_the_pages(
    counted: redis.Redis, user: User, workspace: Workspace, client_of: Any
) -> None:
    one, two = (bearer(create_token(user, workspace)[1]) for _ in range(2))
    assert [client.get("/api/v1/me").status_code for client in (one, two)] == [200, 200]
    asked = [client.get("/api/v1/me") for _ in range(MOST) for client in (one, two)]
    assert Counter(answer.status_code for answer in asked) == {200: MOST, 429: MOST}
    refused = asked[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json() | {"hint": ""} == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "code": "too_many_requests",
        "detail": "Too many requests: at most 6 a minute.",
        "hint": "",
    } | {name: refused.json()[name] for name in refused.json() if name == "type"}
    assert int(refused["Retry-After"]) >= 1
    assert client_of(user).get(reverse("settings")).status_code == 200


def test_made_up_tokens_and_sessions_count_for_their_address(
    counted: redis.Redis, user: User, workspace: Workspace
) -> None:
    """Or everybody would have as many requests as they can make up words."""
    asked = [bearer(f"mq_{number}").get("/api/v1/me").status_code for number in range(MOST)]
    assert asked == [401] * MOST
    browser = Client()
    browser.cookies["sessionid"] = "made-up"
    assert browser.get(reverse("account_login")).status_code == 429
    assert browser.get(reverse("account_login"), REMOTE_ADDR="192.0.2.7").status_code == 200


def test_a_known_person_is_not_held_up_by_their_address(counted: redis.Redis, user: User, workspace: Workspace) -> None:
    client = bearer(create_token(user, workspace)[1])
    assert client.get("/api/v1/me").status_code == 200
    assert set(statuses(lambda: Client().get(reverse("account_login")), 2 * MOST)) == {200, 429}
    assert client.get("/api/v1/me").status_code == 200


def test_a_household_has_one_ipv6_network(counted: redis.Redis) -> None:
    def ask(number: int) -> int:
        return Client().get(reverse("account_login"), REMOTE_ADDR=f"2001:db8:0:1::{number}").status_code

    assert Counter(ask(number) for number in range(2 * MOST)) == {200: MOST, 429: MOST}


def test_a_revoked_token_is_nobody_s_again(counted: redis.Redis, user: User, workspace: Workspace) -> None:
    """Whoever still has it does not use up what its person may ask."""
    old, other = create_token(user, workspace), create_token(user, workspace)
    thief = bearer(old[1])
    assert thief.get("/api/v1/me").status_code == 200
    old[0].revoke()
    assert 429 in statuses(lambda: thief.get("/api/v1/me"), 3 * MOST)
    assert bearer(other[1]).get("/api/v1/me", REMOTE_ADDR="192.0.2.7").status_code == 200


def test_an_ended_session_is_nobody_s_again(counted: redis.Redis, user: User, client_of: Any) -> None:
    browser: Client = client_of(user)
    assert browser.get(reverse("settings")).status_code == 200
    stolen = browser.cookies["sessionid"].value
    browser.logout()
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get(reverse("settings")).status_code == 302
    assert not list(counted.scan_iter("maquette:requests:who:*"))


def test_uploads_and_addresses_that_are_none_count_too(counted: redis.Redis) -> None:
    assert statuses(lambda: Client().post("/uploads/"))[-1] == 429
    assert statuses(lambda: Client().get("/wp-login.php", REMOTE_ADDR="192.0.2.7"))[-1] == 429
    assert Client().post("/uploads/")["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/static/css/maquette.css"])
def test_what_machines_and_browsers_fetch_by_themselves_is_free(
    counted: redis.Redis, with_files: None, path: str
) -> None:
    assert 429 not in statuses(lambda: Client().get(path), 3 * MOST)


def test_room_comes_back_evenly(counted: redis.Redis) -> None:
    buckets, step = Buckets(), 3600 / MOST

    def ask() -> float:
        return buckets.take("", "192.0.2.1", MOST)[1]

    assert [ask() for _ in range(MOST)] == [0] * MOST
    assert step * 0.9 < ask() <= step
    (bucket,) = counted.scan_iter("maquette:requests:address:*")
    counted.set(bucket, float(counted.get(bucket)) - 2 * step)  # as if so much time had passed
    assert [bool(ask()) for _ in range(4)] == [False, False, True, True]
    counted.set(bucket, float(counted.get(bucket)) - 100 * step)
    assert [bool(ask()) for _ in range(MOST + 1)] == [False] * MOST + [True]
    assert 0 < counted.pttl(bucket) <= 3600 * 1000


def test_many_at_once_do_not_pass_it(counted: redis.Redis) -> None:
    """As several processes ask: each with connections of its own."""
    with ThreadPoolExecutor(20) as pool:
        waits = list(pool.map(lambda _: Buckets().take("", "192.0.2.1", 50)[1], range(400)))
    assert sum(not wait for wait in waits) == 50


def test_without_redis_everybody_is_let_through(
    counted: redis.Redis, settings: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    now = [0.0]
    monkeypatch.setattr(rate_limit, "buckets", Buckets(clock=lambda: now[0]))
    with caplog.at_level(logging.WARNING, "webapp.core.rate_limit"):
        assert set(statuses(lambda: Client().get(reverse("account_login")), 2 * MOST)) == {200}
        assert len([record for record in caplog.records if "requests are not counted" in record.message]) == 1
        now[0] = 6.0
        Client().get(reverse("account_login"))
    assert len([record for record in caplog.records if "requests are not counted" in record.message]) == 2


async def ask_async(times: int) -> list[int]:
    client = AsyncClient()
    return [(await client.get("/accounts/login/")).status_code for _ in range(times)]


@pytest.mark.django_db
def test_under_asgi(counted: redis.Redis) -> None:
    import asyncio

    assert Counter(asyncio.run(ask_async(2 * MOST))) == {200: MOST, 429: MOST}


def test_it_can_be_switched_off_but_lets_somebody_in() -> None:
    class Environment:
        def __init__(self, text: str) -> None:
            self.text = text

        def str(self, name: str, default: str = "") -> str:
            return self.text if name == "LIMIT_REQUESTS_MINUTE" else default

    assert read(Environment("unlimited"))["requests_minute"] is None
    with pytest.raises(Exception, match="LIMIT_REQUESTS_MINUTE is at least 1"):
        read(Environment("0"))


def test_it_costs_little(counted: redis.Redis, settings: Any) -> None:
    """Under 0.3 ms (docs/benchmarks.md); here with room for a busy machine."""
    settings.LIMITS = settings.LIMITS | {"requests_minute": 10**6}
    request = RequestFactory().get("/", headers={"Authorization": "Bearer mq_x"})
    took = []
    for _ in range(300):
        began = time.perf_counter()
        rate_limit.admit(request)
        took.append(time.perf_counter() - began)
    assert statistics.median(took) < 0.002
