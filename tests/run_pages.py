"""A run's pages in every state and every language, opened over what the trainer really wrote."""

import json
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests import things
from trainer.tasks._base import Task
from webapp.accounts.models import Workspace
from webapp.endpoints.removal import remove_model
from webapp.runs.models import Run

OF_RUN = ("run", "run_live")
OF_PROTOTYPE = ("runs", "train", "share")
ENDS = {
    "running": {"progress": 0.4, "eta_seconds": 75.0, "stage": "train"},
    "queued": {},
    "interrupted": {},
    "cancelled": {},
    "failed": {"error": {"code": "bug", "message": "Out of memory.", "hint": "Choose a smaller model."}},
}
"""Fields of a run that ended otherwise, or has not ended."""


def prototype_of(workspace: Workspace, task: type[Task]) -> Any:
    """A prototype whose dataset suggests this task."""
    prototype = things.prototype(workspace)
    version = prototype.dataset.current
    columns = {role.name: role.name for role in task.roles}
    version.profile |= {"suggestion": {"task": task.slug, "columns": columns, "sentence": ""}}
    version.save()
    return prototype


def finished_run(prototype: Any, task: type[Task], method: str, artifact: Path, events: list[dict[str, Any]]) -> Run:
    """A finished run of this artifact, stored as the supervisor stores it."""
    result = {name: events[-1].get(name) for name in ("headline", "metrics", "baselines", "verdict")}
    known = {name: value for name, value in result.items() if value and hasattr(Run, name)}
    run = things.run(prototype, task=task.slug, method=method, seconds=3, **known)
    shutil.copytree(artifact, run.artifact)
    things.write_events(run, *events)
    return run


def unfinished_run(run: Run, status: str, number: int) -> Run:
    """Another run of the same events, up to where it stands."""
    events = [json.loads(line) for line in run.events_path.read_text("utf-8").splitlines()]
    fields = {"status": status, "headline": None, "progress": 0} | ENDS[status]
    made = things.run(run.prototype, number, task=run.task, method=run.method, **fields)
    things.write_events(made, *events[: len(events) * 2 // 3])
    return made


def run_without_model(run: Run, number: int) -> Run:
    """The same run again, its model removed and its results kept."""
    fields = {name: getattr(run, name) for name in ("task", "method", "headline", "metrics", "baselines", "verdict")}
    made = things.run(run.prototype, number, **fields)
    shutil.copytree(run.folder, made.folder)
    remove_model(made, None)
    made.refresh_from_db()
    return made


def open_in_every_language(client: Client, runs: list[Run]) -> None:
    """Every page that shows these runs of one prototype answers 200 and leaves no placeholder unfilled."""
    paths = [reverse(name, args=[run.pk]) for name in OF_RUN for run in runs]
    paths += [reverse(name, args=[runs[0].prototype_id]) for name in OF_PROTOTYPE] + ["/"]
    for code, _name in settings.LANGUAGES:
        for path in paths:
            answer = client.get(path, headers={"Accept-Language": code})
            assert answer.status_code == 200, (code, path)
            assert "%(" not in answer.content.decode(), (code, path)
