"""What a live page shows of a run, made from its row and its events."""

import json
import threading
from collections import deque
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainer.events import STAGES
from webapp.core.sentences import translated
from webapp.costs import gate
from webapp.runs import turns
from webapp.runs.actions import terms_of
from webapp.runs.models import Run, Status
from webapp.runs.stream import Lines, read

LOG_TAIL = 12
MAX_POINTS = 400
WARNINGS, SAMPLES = 20, 3
FOLDS = 64
"""Runs whose live pages are looked at, or were of late."""
Point = tuple[Any, Any]


class Curve:
    """The points of one series, at most MAX_POINTS of them however many come: when they are too many, every second goes."""

    def __init__(self) -> None:
        self.stored: list[Point] = []
        self.last: Point | None = None
        self.every, self.count = 1, 0

    def append(self, point: Point) -> None:
        if self.count % self.every == 0:
            self.stored.append(point)
        self.count += 1
        self.last = point
        if len(self.stored) > MAX_POINTS:
            self.stored = self.stored[::2]
            self.every *= 2

    def points(self) -> list[Point]:
        """In their order, the last one always among them."""
        return self.stored if self.last is None or self.last is self.stored[-1] else [*self.stored, self.last]


class Fold:
    """What a run's events come to. It goes on from the last one that it has seen, so that an event costs the same after an
    hour of training as at its start."""

    def __init__(self, path: Path) -> None:
        self.lines = Lines(path)
        self.lock = threading.Lock()
        self.start()

    def start(self) -> None:
        self.state: dict[str, Any] = {
            "curves": {},
            "validated": {},
            "without_epochs": set(),
            "progress": {},
            "resource": {},
            "steps": {},
            "warnings": deque(maxlen=WARNINGS),
            "samples": deque(maxlen=SAMPLES),
            "log_count": 0,
            "last": 0,
            "epochs": None,
        }
        self.tail: deque[tuple[str, str]] = deque(maxlen=LOG_TAIL)
        self.stages = {name: {"name": name, "state": "later", "seconds": None, "fraction": 0.0} for name in STAGES}

    def picture(self) -> dict[str, Any]:
        """As it is now; nothing of it changes any more."""
        with self.lock:
            if self.lines.replaced():
                self.lines.rewind()
                self.start()
            for number, event in self.lines.new():
                self.add(number, event)
            curves = {
                name: {split: list(curve.points()) for split, curve in series.items()}
                for name, series in self.state["curves"].items()
            }
            stages = [dict(stage) for stage in self.stages.values()]
            warnings, samples = list(self.state["warnings"]), list(self.state["samples"])[::-1]
            without = sorted(self.state["without_epochs"])
            return self.state | {
                "steps": list(self.state["steps"].values()),
                "without_epochs": without,
                "curves": curves,
                "stages": stages,
                "warnings": warnings,
                "samples": samples,
                "log": list(self.tail),
            }

    def add(self, number: int, event: dict[str, Any]) -> None:
        self.state["last"] = number
        note(event, self.state, self.stages)
        text = sentence(event)
        if text:
            self.state["log_count"] += 1
            self.tail.append((event.get("t", "")[11:19], text))


@lru_cache(maxsize=FOLDS)
def fold_of(path: Path) -> Fold:
    """The one fold of a log in this process; the longest unused is forgotten, and made anew from the file when asked for."""
    return Fold(path)


def picture(run: Run) -> dict[str, Any]:
    """Stages, curves, speed, memory and the end of the log.

    {stages [{name, state: done|now|later, seconds, fraction}], curves {name: {split: [(epoch or step, value)]}}, validated
    {rows, folds} (what the validation figures rest on, where the trainer says so), without_epochs [name] (metrics of which
    there is no curve),
    progress (last event), steps (the last event of each, of a run of “Best”), resource (last), log [(time, text)], log_count, warnings (the last few), samples (the last
    texts that a model wrote while it learned, the newest first), place,
    limit (the `Problem` of the limit that it waits for), waits_for_money, last (id of the last event)}
    """
    waits = run.status == Status.QUEUED
    return fold_of(run.events_path).picture() | {
        "place": turns.place_of(run) or None if waits else None,
        "limit": turns.limit_reached(run.workspace) if waits else None,
        "waits_for_money": waits and gate.must_wait(run.workspace, terms_of(run, run.price_per_hour)),
    }


def note(event: dict[str, Any], state: dict[str, Any], stages: dict[str, dict[str, Any]]) -> None:
    kind = event["type"]
    if kind == "stage" and event.get("name") in stages:
        stage = stages[event["name"]]
        stage["state"] = "now" if event["state"] == "start" else "done"
        stage["seconds"] = event.get("seconds", stage["seconds"])
    elif kind == "progress":
        state["progress"] = event
        if event.get("stage") in stages:
            stages[event["stage"]]["fraction"] = event.get("stage_fraction") or 0
    elif kind == "metric":
        position = event.get("epoch") if event.get("epoch") is not None else event.get("step", 0)
        if "epoch" in event and event["epoch"] is None:
            state["without_epochs"].add(event["name"])
        state["curves"].setdefault(event["name"], {}).setdefault(event.get("split", "train"), Curve()).append(
            (position, event["value"])
        )
        if event.get("split") == "validation" and event.get("rows"):
            state["validated"] = {"rows": event["rows"], "folds": event.get("folds")}
    elif kind == "resource":
        state["resource"] = event
    elif kind == "step":
        state["steps"][event.get("method")] = event
    elif kind in ("warning", "sample"):
        state[f"{kind}s"].append(event)


def sentence(event: dict[str, Any]) -> str | None:
    """One line of the log, for the events that have something to say."""
    if event["type"] in ("log", "warning", "error"):
        return translated(event)
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


def log_lines(path: Path) -> list[str]:
    return [f"{event.get('t', '')}  {text}" for _number, event in read(path) if (text := sentence(event))]


def kept_spec(run: Run) -> dict[str, Any] | None:
    """The specification that the trainer was last started with; None before it was."""
    try:
        spec: dict[str, Any] = json.loads((run.folder / "spec.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return spec
