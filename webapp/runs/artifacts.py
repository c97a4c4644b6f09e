"""What a run's artifact says of itself: its report and its manifest."""

import json
from typing import Any

from webapp.runs.models import Run
from webapp.runs.storage import local


def report(run: Run) -> dict[str, Any]:
    """The artifact's report.json; empty when the artifact is gone."""
    try:
        report: dict[str, Any] = json.loads((local(run) / "report.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return report


def manifest(run: Run) -> dict[str, Any]:
    """The artifact's manifest.json; empty when the artifact is gone."""
    try:
        manifest: dict[str, Any] = json.loads((local(run) / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return manifest
