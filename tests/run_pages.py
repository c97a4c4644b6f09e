"""A run's pages in every state and every language, opened over what the trainer really wrote."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests import things
from trainer.tasks.base import Task
from webapp.accounts.models import Workspace
from webapp.endpoints import addresses
from webapp.endpoints.models import Endpoint
from webapp.pages.removal import remove_model
from webapp.runs.models import Run

OF_RUN = ("run", "run_live", "delete_run")
OF_PROTOTYPE = ("data", "train", "runs", "share", "prototype_settings", "unused_models", "delete_prototype")
OF_SITE = ("home", "new_prototype", "models", "docs", "workers", "costs", "settings")
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


def pages_of(runs: list[Run]) -> list[str]:
    """Addresses of every page that a member sees of these runs of one prototype."""
    paths = [reverse(name, args=[run.pk]) for name in OF_RUN for run in runs]
    paths += [reverse("stop_run", args=[run.pk]) for run in runs if not run.ended]
    paths += [reverse(name, args=[runs[0].prototype_id]) for name in OF_PROTOTYPE]
    return paths + [reverse(name) for name in OF_SITE]


def opens(client: Client, path: str, status: int = 200, sent: dict[str, str] | None = None) -> None:
    """The page answers with this status in every language, and leaves no placeholder unfilled; `sent` is posted to it."""
    for code, _name in settings.LANGUAGES:
        headers = {"Accept-Language": code}
        answer = client.get(path, headers=headers) if sent is None else client.post(path, sent, headers=headers)
        text = answer.content.decode()
        assert answer.status_code == status, (code, path, text[:2000])
        assert "<html" not in text or f'<html lang="{code}"' in text, (code, path)
        assert "%(" not in text, (code, path)


def open_in_every_language(client: Client, runs: list[Run]) -> None:
    """Every page that shows these runs of one prototype, for members and, of the first run's demo, for strangers."""
    for path in pages_of(runs):
        opens(client, path)
    endpoint = things.endpoint(runs[0], visibility="link")
    opens(client, reverse("share", args=[endpoint.prototype_id]))
    opens(client, reverse("delete_endpoint", args=[endpoint.pk]))
    opens_for_strangers(endpoint)


def open_those_of_a_run(client: Client, run: Run) -> None:
    """The pages that show what its method reported."""
    for name in OF_RUN:
        opens(client, reverse(name, args=[run.pk]))
    opens(client, reverse("runs", args=[run.prototype_id]))
    endpoint = things.endpoint(run, visibility="link")
    opens(client, reverse("share", args=[endpoint.prototype_id]))
    opens(Client(), addresses.demo_path(endpoint, endpoint.links.get()))


def opens_for_strangers(endpoint: Endpoint) -> None:
    """The demo in each state of its link and its endpoint, and the page of who may not see it."""
    link, before = endpoint.links.get(), timezone.now() - timedelta(days=1)
    path = addresses.demo_path(endpoint, link)
    opens(Client(), path)
    opens(Client(), reverse("demo", args=[endpoint.slug]), 404)
    for changed, fields, status in (
        (link, {"revoked_at": before}, 410),
        (link, {"expires_at": before}, 410),
        (endpoint, {"visibility": "private"}, 403),
        (endpoint, {"status": "off"}, 503),
        (endpoint, {"status": "deploying"}, 503),
        (endpoint, {"status": "failed"}, 503),
    ):
        stored = type(changed).objects.filter(pk=changed.pk)
        stored.update(**fields)
        opens(Client(), path, status)
        stored.update(**{name: getattr(changed, name) for name in fields})
