"""The live picture of a run: folded from the last event on, whatever happened to its log in between."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests import things
from webapp.accounts.models import Workspace
from webapp.costs import gate
from webapp.costs.actions import set_budget
from webapp.runs import live, stream
from webapp.runs.live import MAX_POINTS, Curve, Fold, picture
from webapp.runs.stream import EventLog, follow

LOSS = {"type": "metric", "name": "loss", "split": "train"}


def events(count: int) -> list[dict[str, Any]]:
    return [{"t": "2026-01-01T10:00:00Z", **LOSS, "step": number, "value": 1 / (number + 1)} for number in range(count)]


@pytest.fixture
def log(tmp_path: Path) -> Any:
    made = EventLog("run", tmp_path / "events.jsonl")
    yield made
    made.close()


class Parsed:
    """How many lines were parsed since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, loads = 0, json.loads

        def counted(text: Any) -> Any:
            self.count += 1
            return loads(text)

        monkeypatch.setattr(stream.json, "loads", counted)

    def since(self) -> int:
        count, self.count = self.count, 0
        return count


def write(path: Path, items: list[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)


def test_an_event_costs_the_same_however_long_the_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, parsed = tmp_path / "events.jsonl", Parsed(monkeypatch)
    fold = Fold(path)
    write(path, events(20_000))
    fold.picture()
    assert parsed.since() == 20_000
    for _again in range(5):
        write(path, events(1))
        found = fold.picture()
        assert parsed.since() == 1
    assert found["last"] == 20_005
    assert len(found["curves"]["loss"]["train"]) <= MAX_POINTS + 1


def test_it_is_the_same_as_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    fold, steps = Fold(path), [*events(700), {"type": "stage", "name": "train", "state": "start"}]
    steps += [{"type": "log", "t": "2026-01-01T10:00:00Z", "message": f"line {number}"} for number in range(40)]
    steps += [{"type": "warning", "code": "x", "message": "careful"}, {"type": "progress", "fraction": 0.5}]
    for step in steps:
        write(path, [step])
        fold.picture()
    assert fold.picture() == Fold(path).picture()
    assert fold.picture()["log_count"] == 42
    assert len(fold.picture()["log"]) == live.LOG_TAIL


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    fold = Fold(path)
    write(path, events(2))
    with path.open("a") as file:
        file.write('{"type": "log", "mess')
    assert fold.picture()["last"] == 2
    with path.open("a") as file:
        file.write('age": "whole"}\n')
    assert fold.picture()["last"] == 3
    assert fold.picture()["log"][-1][1] == "whole"


def test_a_log_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    fold = Fold(path)
    write(path, events(5))
    fold.picture()
    path.unlink()
    assert fold.picture()["last"] == 0
    write(path, events(2))
    assert fold.picture()["last"] == 2


def test_what_was_given_out_does_not_change(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    fold = Fold(path)
    write(path, [*events(2), {"type": "stage", "name": "load", "state": "start"}])
    before = fold.picture()
    kept = json.dumps(before)
    write(path, [*events(2), {"type": "stage", "name": "load", "state": "end", "seconds": 1}])
    fold.picture()
    assert json.dumps(before) == kept


@pytest.mark.parametrize("count", [1, 2, MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS + 3])
def test_a_curve_keeps_its_ends_and_its_order(count: int) -> None:
    curve = Curve()
    for number in range(count):
        curve.append((number, number))
    points = curve.points()
    assert (points[0], points[-1]) == ((0, 0), (count - 1, count - 1))
    assert points == sorted(set(points))
    assert min(count, MAX_POINTS / 2) <= len(points) <= MAX_POINTS + 1


def test_a_stream_reads_each_line_of_the_file_once(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Redis it looks into the file again and again."""
    monkeypatch.setattr(stream.asyncio, "sleep", lambda _seconds: asyncio.wait([asyncio.ensure_future(nothing())]))
    parsed = Parsed(monkeypatch)

    async def nothing() -> None:
        return

    async def listen() -> list[int]:
        got: list[int] = []
        async for item in follow("run", log.file.name and Path(log.file.name), 3):
            if item is None:
                if len(got) >= 100:
                    return got
                for one in events(10):
                    log.append(one)
                continue
            got.append(item[0])
        return got

    for one in events(5):
        log.append(one)
    got = asyncio.run(listen())
    assert got == list(range(4, 4 + len(got)))
    assert parsed.since() == len(got)


@pytest.fixture
def hanging(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.3)
        monkeypatch.setattr(stream, "client", lambda: client)
        monkeypatch.setattr(stream, "WAIT_SECONDS", 1)
        monkeypatch.setattr(stream, "ANSWER_SECONDS", 0)
        yield
        client.close()


def test_a_redis_that_hangs_holds_up_no_run(log: EventLog, hanging: None) -> None:
    """Each event waited for it: a run at work was paid for meanwhile, and heard neither “cancel” nor its own end."""
    began = time.monotonic()
    for one in events(20):
        log.append(one)
    assert time.monotonic() - began < 2
    assert len(list(stream.read(Path(log.file.name)))) == 20


def test_a_live_page_goes_on_beside_a_redis_that_hangs(log: EventLog, hanging: None) -> None:
    async def listen() -> list[int]:
        got: list[int] = []
        async for item in follow("run", Path(log.file.name)):
            if item is None:
                for one in events(2):
                    log.append(one)
            else:
                got.append(item[0])
                if len(got) == 4:
                    break
        return got

    log.append(events(1)[0])
    assert asyncio.run(asyncio.wait_for(listen(), 20)) == [1, 2, 3, 4]


def test_a_run_that_waits_for_money_says_so(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), status="queued", headline=None, price_per_hour=100)
    assert picture(run)["waits_for_money"] is False
    set_budget(workspace, 1)
    gate.reserve(workspace, "run:other", gate.Terms(run.price_per_hour), run.cost)
    assert picture(run)["waits_for_money"] is True
