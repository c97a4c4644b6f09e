"""Whose run starts next: workspaces take turns, and each one's runs start in the order in which they were queued.

A message in a queue only says that something waits there. Whoever takes it asks the database what is in turn, so that the order
survives crashes and is the same for all workers of all machines.

Of the workspaces that wait, the one with the fewest runs in training comes first; of those with equally many, the one that has not
had a turn for the longest time since the oldest run began to wait; of those, the one with the fewest runs waiting. So forty runs
of one workspace keep no other's first run waiting, and whoever has just had a turn comes after whoever has not.
"""

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db.models import Max

from webapp.accounts import limits
from webapp.accounts.models import Workspace
from webapp.core.problems import Problem
from webapp.runs.models import Run
from webapp.runs.querysets import HELD

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class Line:
    """The runs of one workspace that wait, and what decides about its next turn."""

    runs: deque[str] = field(default_factory=deque)
    held: int = 0
    is_full: bool = False
    """A limit keeps its runs from starting (`limit_reached`)."""
    last_turn: datetime = NEVER


def order(hardware: str, tried: Collection[str] = (), *, startable: bool = False) -> list[str]:
    """The ids of the runs that wait for this hardware, in the order in which they would start if none of those in training
    ended before. Workspaces that a limit holds up come last; with `startable` they are left out."""
    lines = lines_of(hardware, tried)
    if startable:
        lines = {workspace: line for workspace, line in lines.items() if not line.is_full}
    return take_turns(lines)


def lines_of(hardware: str, tried: Collection[str] = ()) -> dict[str, Line]:
    waiting = Run.objects.waiting().filter(hardware=hardware).exclude(pk__in=tried).order_by("queued_at", "pk")
    rows = list(waiting.values_list("pk", "workspace_id", "queued_at"))
    lines: dict[str, Line] = defaultdict(Line)
    for pk, workspace, _queued_at in rows:
        lines[workspace].runs.append(pk)
    if len(lines) == 0:
        return {}
    workspaces = Workspace.objects.in_bulk(lines)
    held = Counter(Run.objects.filter(status__in=HELD, workspace__in=lines).values_list("workspace_id", flat=True))
    turns = Run.objects.filter(workspace__in=lines, claimed_at__gte=rows[0][2]).order_by()
    last = dict(turns.values_list("workspace_id").annotate(Max("claimed_at")))
    for workspace, line in lines.items():
        line.held, line.last_turn = held[workspace], last.get(workspace) or NEVER
        line.is_full = limit_reached(workspaces[workspace]) is not None
    return dict(lines)


def take_turns(lines: dict[str, Line]) -> list[str]:
    """One run after another, the workspaces in turn. Those whose turn it was come after all that wait for theirs."""
    rounds = [
        (line.is_full, line.held, line.last_turn, len(line.runs), number, line)
        for number, line in enumerate(lines.values())
    ]
    heapq.heapify(rounds)
    ordered = []
    while rounds:
        is_full, held, last_turn, waiting, number, line = heapq.heappop(rounds)
        ordered.append(line.runs.popleft())
        if line.runs:
            heapq.heappush(rounds, (is_full, held + 1, last_turn, waiting, number, line))
    return ordered


def place_of(run: Run) -> int:
    """Its place among those that wait for the same hardware, from 1; 0 for one that does not wait."""
    return places([run])[0]


def places(runs: Collection[Run]) -> list[int]:
    """The places of many, with one look a kind of hardware."""
    orders = {hardware: order(hardware) for hardware in {run.hardware for run in runs}}
    return [orders[run.hardware].index(run.pk) + 1 if run.pk in orders[run.hardware] else 0 for run in runs]


def limit_reached(workspace: Workspace) -> Problem | None:
    """What keeps every run of a workspace from starting now: as many train as may, or its compute hours are used up."""
    return limits.refusal(workspace, "runs_at_once", "compute_hours_day", "compute_hours_month")
