"""Serving's registry, the usage it counts and what hosting costs, against a real Redis."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import timezone

from tests import things
from webapp.accounts.models import Workspace
from webapp.core import redis as core_redis
from webapp.costs.actions import set_budget, set_rate
from webapp.costs.models import LedgerEntry
from webapp.endpoints import actions, hosting, registry
from webapp.endpoints.models import Endpoint, EndpointVersion, UsageHour, UsageMark
from webapp.endpoints.packaging import Packaging
from webapp.host.redis_server import find_binary


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    found = find_binary()
    if found is None:
        pytest.skip("there is no Redis on this machine")
    folder = Path(tempfile.mkdtemp(prefix="mq"))  # a socket's path must be short
    options = ["--port", "0", "--unixsocket", f"{folder}/r.sock", "--dir", str(folder), "--save", ""]
    with subprocess.Popen([str(found.path), *options], stdout=subprocess.DEVNULL) as process:
        until = time.monotonic() + 20
        while not (folder / "r.sock").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        yield f"unix://{folder}/r.sock"
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def client(redis_url: str, settings: Any) -> Iterator[redis.Redis]:
    settings.REDIS_URL = redis_url
    core_redis.client.cache_clear()
    made = core_redis.client()
    made.flushall()
    yield made
    made.close()
    core_redis.client.cache_clear()


@pytest.fixture
def endpoint(workspace: Workspace) -> Endpoint:
    return things.endpoint(things.run(things.prototype(workspace)))


def test_the_record_is_what_serving_reads(client: redis.Redis, endpoint: Endpoint) -> None:
    registry.publish(endpoint)
    record = json.loads(client.get("maquette:endpoint:the-demo"))
    key = endpoint.keys.get()
    assert record["status"] == "live"
    assert record["visibility"] == "public"
    assert record["version"] == 1
    assert record["artifact"] == str(endpoint.current.run.artifact)
    assert record["blocked"] is None
    assert record["keys"] == {key.digest: key.pk}
    assert set(record["limits"]) == {"requests_per_minute", "inputs_per_request", "bytes_per_request"}


def test_changes_are_told_at_once(
    client: redis.Redis, endpoint: Endpoint, django_capture_on_commit_callbacks: Any
) -> None:
    with client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe("maquette:endpoints")
        channel.get_message(timeout=1)
        with django_capture_on_commit_callbacks(execute=True):
            actions.revoke(endpoint.keys.get(), None)
            actions.switch(endpoint, None, "off")
        told = [channel.get_message(timeout=2) for _ in range(2)]
    assert {message["data"] for message in told if message} == {"the-demo"}
    record = json.loads(client.get("maquette:endpoint:the-demo"))
    assert (record["status"], record["keys"]) == ("off", {})
    with django_capture_on_commit_callbacks(execute=True):
        actions.update(endpoint, None, {"slug": "new-name"})
    assert client.get("maquette:endpoint:the-demo") is None
    assert client.get("maquette:endpoint:new-name")
    with django_capture_on_commit_callbacks(execute=True):
        actions.delete(endpoint, None)
    assert client.keys("maquette:endpoint:*") == []


def test_a_spent_budget_blocks(client: redis.Redis, workspace: Workspace, endpoint: Endpoint) -> None:
    set_budget(workspace, 0)
    registry.publish_all()
    assert json.loads(client.get("maquette:endpoint:the-demo"))["blocked"] == "budget"


def test_a_lost_redis_heals(client: redis.Redis, endpoint: Endpoint) -> None:
    client.set("maquette:endpoint:long-gone", "{}")
    registry.publish_all()
    assert client.keys("maquette:endpoint:*") == ["maquette:endpoint:the-demo"]


def count(client: redis.Redis, slug: str, key: str | None, minute: int, **counts: float) -> None:
    client.xadd("maquette:usage", {"u": json.dumps({"slug": slug, "key": key, "minute": minute} | counts)})


def test_usage_is_counted_once(client: redis.Redis, endpoint: Endpoint) -> None:
    key = endpoint.keys.get()
    minute = int(time.time() // 3600) * 60
    for at in range(3):
        count(client, "the-demo", key.pk, minute + at, requests=2, errors=1, rows=5, ms=10.0)
    count(client, "the-demo", None, minute, requests=7, errors=0, rows=7, ms=70.0)
    count(client, "gone", None, minute, requests=1, errors=0, rows=1, ms=1.0)
    assert registry.drain_usage() == 5
    assert registry.drain_usage() == 0
    by_key = {row.key: (row.requests, row.errors, row.rows, row.ms) for row in UsageHour.objects.all()}
    assert by_key == {key.pk: (6, 3, 15, 30.0), "": (7, 0, 7, 70.0)}
    key.refresh_from_db()
    assert key.last_used_at


def test_two_drains_at_once_count_once(client: redis.Redis, endpoint: Endpoint) -> None:
    """The second begins and ends after the first has read the stream and before it has stored anything."""
    count(client, "the-demo", None, int(time.time() // 60), requests=7, errors=0, rows=7, ms=70.0)
    moved: list[int] = []

    def meanwhile(execute: Callable, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "endpoints_usagemark"') and not moved:
            moved.append(-1)
            moved[0] = registry.drain_usage()
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        assert registry.drain_usage() == 0
    assert moved == [1]
    assert UsageHour.objects.get().requests == 7
    assert client.xlen("maquette:usage") == 0


def test_a_drain_that_died_before_it_tidied_up_counts_once(client: redis.Redis, endpoint: Endpoint) -> None:
    minute = int(time.time() // 60)
    for _ in range(2):
        count(client, "the-demo", None, minute, requests=7, errors=0, rows=7, ms=70.0)
    ids = [entry for entry, _fields in client.xrange("maquette:usage")]
    UsageMark.objects.create(stream="maquette:usage", last=ids[0])
    assert registry.drain_usage() == 1
    assert UsageHour.objects.get().requests == 7
    assert client.xlen("maquette:usage") == 0


def test_hosting_is_charged_once(workspace: Workspace, endpoint: Endpoint) -> None:
    set_rate(workspace, "endpoint", "3.6")
    minute_ago = timezone.now() - timedelta(seconds=60)
    Endpoint.objects.update(charged_until=minute_ago)
    hosting.charge_hosting()
    hosting.charge_hosting()
    total = LedgerEntry.objects.total()
    assert total == pytest.approx(Decimal("0.06"), abs=Decimal("0.005"))
    assert all(entry.kind == "hosting" for entry in LedgerEntry.objects.all())


def test_a_beat_that_slept_does_not_bill_its_sleep(workspace: Workspace, endpoint: Endpoint) -> None:
    Endpoint.objects.update(charged_until=timezone.now() - timedelta(hours=9))
    hosting.charge_hosting()
    assert LedgerEntry.objects.get().seconds <= 301


def test_asleep_costs_nothing(endpoint: Endpoint) -> None:
    Endpoint.objects.update(status="off", charged_until=timezone.now() - timedelta(minutes=1))
    hosting.charge_hosting()
    assert not LedgerEntry.objects.exists()


def test_the_list_is_written_by_one_at_a_time(client: redis.Redis, endpoint: Endpoint) -> None:
    client.set(registry.PUBLISHING, "somebody else")
    registry.publish_all()
    assert client.keys("maquette:endpoint:*") == []
    assert not client.exists(registry.PUBLISHED), "so what is unknown is not told to be gone"
    client.delete(registry.PUBLISHING)
    registry.publish_all()
    assert client.exists(registry.PUBLISHED)
    assert not client.exists(registry.PUBLISHING)


def test_a_redis_that_came_back_empty_is_filled_at_once(client: redis.Redis, endpoint: Endpoint) -> None:
    registry.publish_all()
    client.flushall()
    registry.heal()
    assert client.keys("maquette:endpoint:*") == ["maquette:endpoint:the-demo"]
    client.delete("maquette:endpoint:the-demo")
    registry.heal()
    assert client.keys("maquette:endpoint:*") == [], "while the mark is there, the minute's round does it"


class Meanwhile:
    """A Redis to which the first record comes late: `change` happens, and is published, before it arrives."""

    def __init__(self, client: redis.Redis, change: Callable[[], Any]) -> None:
        self.client, self.change = client, [change]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def set(self, *args: Any) -> Any:
        if self.change:
            self.change.pop()()
        return self.client.set(*args)


@pytest.mark.parametrize("change", ["a key is revoked", "it is renamed", "it is deleted"])
def test_the_one_who_writes_last_has_read_last(
    client: redis.Redis,
    endpoint: Endpoint,
    change: str,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    """Two publish at once; the older record arrives after the newer one."""

    def happen() -> None:
        mine = Endpoint.objects.get()
        with django_capture_on_commit_callbacks(execute=True):
            if change == "a key is revoked":
                actions.revoke(mine.keys.get(), None)
            elif change == "it is renamed":
                actions.update(mine, None, {"slug": "renamed"})
            else:
                actions.delete(mine, None)

    late = Meanwhile(client, happen)
    monkeypatch.setattr(registry, "client", lambda: late)
    registry.publish(endpoint)
    records = {name: json.loads(client.get(name)) for name in client.keys("maquette:endpoint:*")}
    if change == "it is deleted":
        assert records == {}
    elif change == "it is renamed":
        assert set(records) == {"maquette:endpoint:renamed"}
    else:
        assert records["maquette:endpoint:the-demo"]["keys"] == {}


@pytest.mark.parametrize("moment", ["before", "while it is written"])
def test_a_deleted_demo_does_not_come_back(client: redis.Redis, endpoint: Endpoint, moment: str) -> None:
    """Publishing took its time, and the demo was deleted meanwhile: its withdrawal came first."""
    if moment == "before":
        Endpoint.objects.get().delete()
        registry.publish(endpoint)
    else:
        client.set("maquette:endpoint:the-demo", "written late")
        Endpoint.objects.get().delete()
        registry.check_owner(endpoint)
    assert client.keys("maquette:endpoint:*") == []


def test_a_slug_taken_over_meanwhile_is_the_new_one_s(client: redis.Redis, endpoint: Endpoint) -> None:
    run = things.run(things.prototype(endpoint.workspace))
    Endpoint.objects.filter(pk=endpoint.pk).update(slug="renamed")
    other = things.endpoint(run)
    client.set("maquette:endpoint:the-demo", "the renamed one's")
    registry.check_owner(endpoint)
    assert json.loads(client.get("maquette:endpoint:the-demo"))["run"] == other.current.run_id


def test_an_address_left_and_taken_by_another_at_once_stays_the_other_s(
    client: redis.Redis, endpoint: Endpoint, django_capture_on_commit_callbacks: Any
) -> None:
    """Between the commit of the renaming and its withdrawal another demo takes the address."""
    run = things.run(things.prototype(endpoint.workspace))
    with django_capture_on_commit_callbacks() as callbacks:
        actions.update(endpoint, None, {"slug": "new-name"})
    other = things.endpoint(run)
    registry.publish(other)
    for callback in callbacks:
        callback()
    assert json.loads(client.get("maquette:endpoint:the-demo"))["run"] == run.pk
    assert json.loads(client.get("maquette:endpoint:new-name"))["run"] == endpoint.current.run_id


def test_a_first_package_that_could_not_be_made_is_told(
    client: redis.Redis, endpoint: Endpoint, django_capture_on_commit_callbacks: Any
) -> None:
    Endpoint.objects.update(current=None, wanted=endpoint.current, status="deploying")
    with django_capture_on_commit_callbacks(execute=True):
        Packaging.handle(endpoint.current.pk)
    assert json.loads(client.get("maquette:endpoint:the-demo"))["status"] == "failed"


def test_publishing_all_looks_up_the_money_once(
    client: redis.Redis, workspace: Workspace, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        things.endpoint(things.run(things.prototype(workspace)), slug=f"demo-{number}")
    with django_assert_max_num_queries(200) as asked:
        registry.publish_all()
    assert sum("costs_budget" in query["sql"] for query in asked.captured_queries) == 1
    assert not any("costs_ledgerentry" in query["sql"] for query in asked.captured_queries)


@pytest.mark.parametrize("how", ["live", "promote", "deploy"])
def test_hosting_is_not_free_for_who_asks_again_and_again(
    how: str, workspace: Workspace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty seconds in which a live demo is put live every six cost what sixty seconds cost."""
    set_rate(workspace, "endpoint", "3.6")
    run = endpoint.current.run
    (run.artifact / "onnx").mkdir(parents=True, exist_ok=True)
    (run.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}', "utf-8")
    EndpointVersion.objects.update(engine="onnx-fp32")
    start = timezone.now()
    Endpoint.objects.update(charged_until=start)
    for seconds in range(6, 61, 6):
        monkeypatch.setattr(timezone, "now", lambda seconds=seconds: start + timedelta(seconds=seconds))
        endpoint.refresh_from_db()
        if how == "live":
            actions.update(endpoint, None, {"status": "live"})
        elif how == "promote":
            actions.promote(endpoint.current, None)
        else:
            actions.deploy(run, None, status="live")
        if seconds % 30 == 0:
            hosting.charge_hosting()
    assert LedgerEntry.objects.total() == pytest.approx(Decimal("0.06"), abs=Decimal("0.0001"))
