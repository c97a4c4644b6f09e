"""What a live page shows of a run, made from its row and its events; and the events as a stream."""

import json
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from webapp.runs import queues
from webapp.runs.models import Run, Status
from webapp.runs.stream import follow, read

STAGES = ("prepare", "load", "train", "evaluate", "package")
LOG_TAIL = 12
MAX_POINTS = 400
KEEP_ALIVE = b": still here\n\n"


def picture(run: Run) -> dict[str, Any]:
    """Stages, curves, speed, memory and the end of the log.

    {stages [{name, state: done|now|later, seconds, fraction}], curves {name: {split: [(epoch or step, value)]}},
    progress (last event), resource (last), log [(time, text)], log_count, warnings, place, last (id of the last event)}
    """
    found: dict[str, Any] = {
        "curves": {},
        "progress": {},
        "resource": {},
        "warnings": [],
        "log_count": 0,
        "last": 0,
        "epochs": None,
    }
    tail: deque[tuple[str, str]] = deque(maxlen=LOG_TAIL)
    stages = {name: {"name": name, "state": "later", "seconds": None, "fraction": 0.0} for name in STAGES}
    for number, event in read(run.events_path):
        found["last"] = number
        note(event, found, stages)
        text = sentence(event)
        if text:
            found["log_count"] += 1
            tail.append((event.get("t", "")[11:19], text))
    for series in found["curves"].values():
        for split, points in series.items():
            series[split] = thin(points)
    place = queues.place(run) if run.status == Status.QUEUED else None
    return found | {"stages": list(stages.values()), "log": list(tail), "place": place}


def note(event: dict[str, Any], found: dict[str, Any], stages: dict[str, dict[str, Any]]) -> None:
    kind = event["type"]
    if kind == "stage" and event.get("name") in stages:
        stage = stages[event["name"]]
        stage["state"] = "now" if event["state"] == "start" else "done"
        stage["seconds"] = event.get("seconds", stage["seconds"])
    elif kind == "progress":
        found["progress"] = event
        if event.get("stage") in stages:
            stages[event["stage"]]["fraction"] = event.get("stage_fraction") or 0
    elif kind == "metric":
        at = event.get("epoch") if event.get("epoch") is not None else event.get("step", 0)
        found["curves"].setdefault(event["name"], {}).setdefault(event.get("split", "train"), []).append(
            (at, event["value"])
        )
    elif kind == "resource":
        found["resource"] = event
    elif kind == "warning":
        found["warnings"].append(event)


def sentence(event: dict[str, Any]) -> str | None:
    """One line of the log, for the events that have something to say."""
    if event["type"] in ("log", "warning", "error"):
        return event.get("message")
    if event["type"] == "stage":
        seconds = f" ({event['seconds']:.1f} s)" if event.get("seconds") is not None else ""
        return f"{event.get('name')}: {event.get('state')}{seconds}"
    if event["type"] == "checkpoint":
        return (
            f"checkpoint saved, {event.get('bytes', 0) / 1e6:.0f} MB"
            if not event.get("resumed")
            else "went on from a checkpoint"
        )
    return None


def thin(points: list[Any]) -> list[Any]:
    """At most MAX_POINTS of them, the last one always kept."""
    step = max(1, -(-len(points) // MAX_POINTS))
    return points if step == 1 else [*points[:-1:step], points[-1]]


def log_lines(path: Path) -> list[str]:
    return [f"{event.get('t', '')}  {text}" for _number, event in read(path) if (text := sentence(event))]


async def sse(run_id: str, path: Path, after: int) -> AsyncIterator[bytes]:
    """The event stream's bytes. A run that has ended sends `status`, its last event, and the stream closes."""
    yield b"retry: 2000\n\n"
    async for item in follow(run_id, path, after):
        if item is None:
            yield KEEP_ALIVE
            continue
        number, event = item
        data = json.dumps(event, ensure_ascii=False)
        yield f"id: {number}\nevent: {event['type']}\ndata: {data}\n\n".encode()
        if event["type"] == "status":
            return
