"""What the train page draws before a run: a small net's layers, and pictures changed at random as learning sees them."""

import json
import shutil
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy

from trainer import cache, tasks
from trainer.errors import UserError
from trainer.spec import Spec
from webapp.core.sentences import problem_of_error
from webapp.datasets.models import DatasetVersion
from webapp.runs import base_models
from webapp.runs.actions import estimate_key, settings_of, spec_of
from webapp.runs.models import Preview
from webapp.runs.trials import TrialWork, ask

PICTURE = "augmentation.png"
TOLD_SECONDS = 60
"""How long a problem is told before who asks has it tried again."""
KEPT = 12
"""Previews of one version; the oldest go first."""


def diagram(version: DatasetVersion, body: dict[str, Any]) -> dict[str, Any] | None:
    """The layers of a `scratch:` model under these settings; None for other models. `Problem` where they do not fit."""
    fields = settings_of(version, body)
    if not fields["model"].startswith(base_models.SCRATCH):
        return None
    spec = Spec.model_validate(
        {name: value for name, value in spec_of(version, fields, Decimal(0)).items() if name != "hardware"}
    )
    try:
        return tasks.get(fields["task"]).describe(spec)
    except UserError as error:
        raise problem_of_error(error.as_dict()) from error


def augments(slug: str) -> bool:
    """Whether this task can show how its rows are changed at random while learning."""
    return tasks.get(slug).augments


def folder_of(version: DatasetVersion, key: str) -> Path:
    """In the cache of the version's dataset, whose limit previews share with what runs keep there."""
    return version.cache_folder / "previews" / version.pk / key


def augmented(version: DatasetVersion, body: dict[str, Any]) -> dict[str, Any]:
    """{key, ready, problem, changes} of the grid for these settings; drawing starts when it is asked for the first time, and
    anew when the cache had no room for it any more."""
    fields = settings_of(version, body)
    key, spec = estimate_key(fields), json.loads(json.dumps(spec_of(version, fields, Decimal(0)), default=str))
    folder = folder_of(version, key)
    cache.touch(folder)
    ready = (folder / PICTURE).exists()
    preview, is_mine = ask(Preview, version, key, spec, partial(is_due, ready=ready))
    if is_mine:
        preview.deliver()  # a broker that is away is made good by the sweeper
    changes = (preview.result or {}).get("changes", "")
    return {"key": key, "ready": ready, "problem": preview.error, "changes": changes}


def is_due(preview: Preview, *, ready: bool) -> bool:
    """Whether it must be drawn, or drawn anew; `ready`: the picture is there."""
    retold = timezone.now() - timedelta(seconds=TOLD_SECONDS)
    is_failed = bool(preview.error and preview.finished_at and preview.finished_at < retold)
    return preview.sent_at is None or bool(preview.result and not ready) or is_failed


class Drawing(TrialWork[Preview]):
    """`trainer augment`: its picture is kept in the cache, or why there is none in the row."""

    model = Preview
    COMMAND = "augment"
    SECONDS = 90
    DIED = {"code": "preview_died", "message": gettext_lazy("The preview could not be made."), "hint": ""}

    def options(self, spec: Path) -> list[str]:
        return ["--out", str(spec.with_name("out"))]

    def keep(self, result: dict[str, Any], spec: Path) -> None:
        version = self.row.version
        folder = folder_of(version, self.row.key)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(spec.with_name("out") / PICTURE, folder / PICTURE)
        for old in sorted(folder.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        cache.keep_within(version.cache_folder)
