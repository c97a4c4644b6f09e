"""Checkpoints stay as long as a run can go on from them, and no longer."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from tests import things
from webapp.accounts.models import Workspace
from webapp.prototypes.models import Prototype
from webapp.runs import upkeep
from webapp.runs.models import Run


@pytest.fixture
def prototype(workspace: Workspace, settings: Any, tmp_path: Path) -> Prototype:
    settings.MAQUETTE_DATA = tmp_path
    return things.prototype(workspace)


def ended(prototype: Prototype, number: int, days: float, **fields: Any) -> Run:
    run = things.run(prototype, number, finished_at=timezone.now() - timedelta(days=days), bytes=1000, **fields)
    (run.folder / "checkpoints" / "7").mkdir(parents=True)
    (run.folder / "artifact").mkdir()
    (run.folder / "artifact.zip").write_text("kept by an earlier version")
    return run


@pytest.mark.parametrize(
    ("status", "days", "stays"),
    [
        ("succeeded", 0, True),
        ("succeeded", 0.01, False),
        ("failed", 6, True),
        ("failed", 8, False),
        ("cancelled", 6, True),
        ("cancelled", 8, False),
        ("running", 30, True),
        ("interrupted", 30, True),
    ],
)
def test_checkpoints(status: str, days: float, stays: bool, prototype: Prototype) -> None:
    run = ended(prototype, 1, days, status=status)
    upkeep.tidy()
    run.refresh_from_db()
    assert (run.folder / "checkpoints").exists() is stays
    assert run.bytes == (1000 if status in ("running", "interrupted") else 0), "what has ended is measured again"
    assert (run.folder / "artifact").exists()
    assert not (run.folder / "artifact.zip").exists()
    upkeep.tidy()
