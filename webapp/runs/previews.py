"""What the train page draws before a run: a small net's layers, and pictures changed at random as learning sees them."""

import json
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from trainer import cache, tasks
from trainer.errors import UserError
from trainer.spec import Spec
from webapp.core.files import write_whole
from webapp.core.problems import Problem
from webapp.core.queues import hand_over
from webapp.core.trainer_process import TrainerProcess, hub_access
from webapp.datasets.models import DatasetVersion
from webapp.runs import base_models
from webapp.runs.actions import estimate_key, settings_of, spec_of

PICTURE, PROBLEM, ASKED = "augmentation.png", "problem.json", "asked"
LONGEST_SECONDS = 90
KEPT = 12
"""Previews of one version; the oldest go first."""


def diagram(version: DatasetVersion, body: dict[str, Any]) -> dict[str, Any] | None:
    """The layers of a `scratch:` model under these settings; None for other models. `Problem` where they do not fit."""
    fields = settings_of(version, body)
    if not fields["model"].startswith(base_models.SCRATCH):
        return None
    spec = Spec.model_validate(
        {name: value for name, value in spec_of(version, fields, 0).items() if name != "hardware"}
    )
    try:
        return tasks.get(fields["task"]).describe(spec)
    except UserError as error:
        raise Problem(error.message, code=error.code, hint=error.hint) from error


def augments(slug: str) -> bool:
    """Whether this task can show how its rows are changed at random while learning."""
    return tasks.get(slug).augments


def folder_of(version: DatasetVersion, key: str) -> Path:
    return cache_root() / "previews" / version.pk / key


def cache_root() -> Path:
    """The trainer's cache, whose limit previews share with what runs keep there."""
    return settings.MAQUETTE_DATA / "cache"


def augmented(version: DatasetVersion, body: dict[str, Any]) -> dict[str, Any]:
    """{key, ready, problem, changes} of the grid for these settings; drawing starts when it is asked for the first time."""
    from webapp.runs.tasks import preview

    fields = settings_of(version, body)
    key = estimate_key(fields)
    folder = folder_of(version, key)
    found = read(folder)
    cache.touch(folder)
    asked = folder / ASKED
    fresh = asked.exists() and time.time() - asked.stat().st_mtime < LONGEST_SECONDS
    if not found["ready"] and not found["problem"] and not fresh:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(asked, json.dumps(spec_of(version, fields, 0), default=str))
        if not hand_over(preview, version.pk, key):
            asked.unlink()
    return found | {"key": key}


def read(folder: Path) -> dict[str, Any]:
    told = folder / PROBLEM
    facts = json.loads(told.read_text("utf-8")) if told.exists() else {}
    return {
        "ready": (folder / PICTURE).exists(),
        "problem": facts if facts.get("message") else None,
        "changes": facts.get("changes", ""),
    }


def draw(version_id: str, key: str) -> None:
    """`trainer augment` in a process of its own; its picture, or why there is none, is kept in the folder."""
    version = DatasetVersion.objects.filter(pk=version_id).first()
    folder = folder_of(version, key) if version else None
    if folder is None or not (folder / ASKED).exists() or (folder / PICTURE).exists():
        return
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as place:
        spec = Path(place) / "spec.json"
        shutil.copy(folder / ASKED, spec)
        model = json.loads(spec.read_text("utf-8"))["model"]
        outcome = run(spec, Path(place) / "out", hub_access(model))
        made = Path(place) / "out" / PICTURE
        if outcome.get("type") == "result" and made.exists():
            keep(folder, {"changes": outcome.get("changes", "")})
            shutil.move(made, folder / PICTURE)
        else:
            keep(folder, {name: outcome.get(name, "") for name in ("code", "message", "hint")})
    tidy(folder.parent)
    cache.keep_within(cache_root())


def keep(folder: Path, facts: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)  # the cache may have had no room for it meanwhile
    write_whole(folder / PROBLEM, json.dumps(facts))


def run(spec: Path, out: Path, environment: dict[str, str]) -> dict[str, Any]:
    process = TrainerProcess(
        ["augment", str(spec), "--out", str(out)],
        stderr=settings.MAQUETTE_DATA / "logs" / "estimates.log",
        limits={resource.RLIMIT_CPU: 2 * LONGEST_SECONDS},
        env=environment,
    )
    final: dict[str, Any] = {"code": "preview_died", "message": _("The preview could not be made.")}
    started = time.monotonic()
    try:
        for event in process.events():
            if event and event["type"] in ("result", "error"):
                final = event
            if time.monotonic() - started > LONGEST_SECONDS:
                break
    finally:
        process.end()
    return final


def tidy(folder: Path) -> None:
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
