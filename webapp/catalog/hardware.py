"""The machines that are there: what their workers last said of themselves, in Redis.

A worker writes `maquette:worker:<name>` every few seconds (see docs/architecture.md); a record lives 20 seconds.
"""

import json
from collections import Counter
from typing import Any

from webapp.core.redis import best_effort, client

RECORD_SECONDS = 20
PREFIX = "maquette:worker:"


def announce(name: str, record: dict[str, Any]) -> None:
    with best_effort("announcing a worker"):
        client().set(PREFIX + name, json.dumps(record), ex=RECORD_SECONDS)


def retire(name: str) -> None:
    with best_effort("retiring a worker"):
        client().delete(PREFIX + name)


def workers() -> list[dict[str, Any]]:
    """Every worker heard of within 20 seconds: {name, host, queues, devices, memory, run, seen}."""
    with best_effort("listing the workers"):
        names = sorted(client().scan_iter(PREFIX + "*", count=500))
        return [json.loads(text) for text in (client().mget(names) if names else []) if text]
    return []


def as_tenants_see(records: list[dict[str, Any]], own: set[str]) -> list[dict[str, Any]]:
    """Workers and machines by numbers, since their names tell of the operator's network; whether each worker is `busy`, and with
    which run only where it is one of `own`. `python manage.py doctor` names them."""
    hosts = sorted({str(record.get("host", "")) for record in records})
    numbers = {host: str(number) for number, host in enumerate(hosts, start=1)}
    return [
        record
        | {"name": str(number), "host": numbers[str(record.get("host", ""))]}
        | {"busy": bool(record.get("run")), "run": record.get("run") if record.get("run") in own else None}
        for number, record in enumerate(sorted(records, key=place_of), start=1)
    ]


def place_of(record: dict[str, Any]) -> tuple[str, str]:
    return str(record.get("host", "")), str(record.get("name", ""))


def devices(records: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Every device of every training worker once, by host and name."""
    by_place = {}
    for worker in workers() if records is None else records:
        for device in worker.get("devices", []):
            by_place[worker["host"], device["kind"], device.get("index", 0)] = {"host": worker["host"], **device}
    return [by_place[key] for key in sorted(by_place)]


def gpu_count(records: list[dict[str, Any]] | None = None) -> int:
    return sum(device["kind"] == "gpu" for device in devices(records))


def options(records: list[dict[str, Any]] | None = None) -> list[str]:
    """What a run may ask for: as many GPUs as one machine has. `gpu` is always offered: without one it is trained on the CPU,
    and said so."""
    hosts = Counter(device["host"] for device in devices(records) if device["kind"] == "gpu")
    count = max(hosts.values(), default=0)
    return ["cpu", "gpu", *(f"gpu:{n}" for n in (2, 4, 8) if n <= count)]
