"""The cache that counts attempts: one for all processes, and none of them stops when Redis does."""

from collections.abc import Iterator
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.core import ratelimit
from django.conf import settings as site
from django.core.cache import caches
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.urls import reverse

from webapp.accounts.models import SignInLink, User
from webapp.accounts.tasks import sweep
from webapp.core.cache import JsonSerializer, SharedCache
from webapp.core.redis import redis
from webapp.host.redis_server import EmbeddedRedis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def cache_at(server: EmbeddedRedis) -> SharedCache:
    """As a process of its own has it."""
    return SharedCache(server.url, {"KEY_PREFIX": "maquette:cache", "OPTIONS": dict(site.CACHES["default"]["OPTIONS"])})


def test_the_site_counts_in_redis() -> None:
    assert isinstance(caches["default"], SharedCache)


def test_two_processes_share_what_one_wrote(server: EmbeddedRedis) -> None:
    one, other = cache_at(server), cache_at(server)
    one.set("attempts", [1.5, 2.5], 60)
    assert other.get("attempts") == [1.5, 2.5]
    assert not other.add("attempts", 0, 60)
    other.set("count", 1)
    assert one.incr("count") == 2
    assert other.get_many(["attempts", "count", "none"]) == {"attempts": [1.5, 2.5], "count": 2}


def test_clearing_leaves_the_queues(server: EmbeddedRedis) -> None:
    cache = cache_at(server)
    with redis.Redis.from_url(server.url) as client:
        client.lpush("celery", "a message")
        cache.set("attempts", [1])
        cache.clear()
        assert cache.get("attempts") is None
        assert client.llen("celery") == 1


def test_no_pickle_is_read(server: EmbeddedRedis) -> None:
    """Whoever could write to Redis would run code in the site."""
    cache = cache_at(server)
    with redis.Redis.from_url(server.url) as client:
        client.set(cache.make_key("attempts"), b"\x80\x04\x8c\x05hello\x94.")
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        cache.get("attempts")
    assert JsonSerializer().loads(JsonSerializer().dumps({"a": [True, None, 1]})) == {"a": [True, None, 1]}


def test_without_redis_a_process_counts_by_itself(server: EmbeddedRedis) -> None:
    cache = cache_at(server)
    cache.set("attempts", 1)
    server.stop()
    assert cache.get("attempts") is None
    cache.set("attempts", 5, 60)
    assert cache.get("attempts") == 5
    assert cache.incr("attempts") == 6
    cache.clear()
    assert cache.get("attempts") is None


def test_the_limits_of_signing_in_hold_in_every_process(server: EmbeddedRedis, settings: Any, user: User) -> None:
    for attempts in (10, 1):  # a setting that changes makes new caches, as a new process does
        settings.CACHES = {"default": dict(site.CACHES["default"], LOCATION=server.url)}
        request = RequestFactory().post("/")
        counted = [ratelimit.consume(request, action="manage_email", user=user) for _ in range(attempts)]
        assert bool(counted[-1]) == (attempts == 10), "another process has counted ten"


def test_sessions_and_links_whose_time_is_over_go(user: User) -> None:
    store = import_module(site.SESSION_ENGINE).SessionStore
    for seconds in (-10, 1000):
        session = store()
        session["a"] = 1
        session.set_expiry(seconds)
        session.save()
    SignInLink.issue(user)
    SignInLink.objects.update(created_at="2026-01-01T00:00:00Z")
    sweep()
    assert store.get_model_class().objects.count() == 1
    assert not SignInLink.objects.exists()
    assert "webapp.accounts.tasks.sweep" in {one["task"] for one in site.CELERY_BEAT_SCHEDULE.values()}


def test_signing_in_works_without_redis(user: User) -> None:
    user.set_password("quite-a-long-secret")
    user.save()
    sent = {"login": user.email, "password": "quite-a-long-secret"}
    assert Client().post(reverse("account_login"), sent).status_code == 302
    call_command("check", stdout=StringIO())
