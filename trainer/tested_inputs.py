"""The rows that an artifact was tested on, as its engine takes them, read from its dataset version again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer import tasks
from trainer.data.loading import Loaded, load
from trainer.errors import DataError
from trainer.messages import _
from trainer.packaging.manifest import read_manifest
from trainer.spec import DatasetSpec
from trainer.tested_rows import read_rows


@dataclass(frozen=True)
class AskedAgain:
    """`inputs[i]` is as `Engine.read` takes it, `answers[i]` the truth, `numbers[i]` counts from 1 in the version; `loaded` has all
    rows of the version, of which these are at `places`."""

    loaded: Loaded
    places: np.ndarray
    inputs: list[Any]
    answers: list[Any]
    numbers: list[int]


def load_again(artifact: Path, version: Path) -> Loaded:
    """The rows of a version as the run read them; `DataError`."""
    manifest = read_manifest(artifact)
    spec = DatasetSpec.model_validate({"path": str(version), "columns": manifest["columns"]})
    return load(spec, tasks.get(manifest["task"]))


def read_asked_again(artifact: Path, version: Path, most: int, seed: int = 0) -> AskedAgain:
    """At most so many, drawn at random. `DataError` where the version is not the one that the artifact was tested on."""
    task = tasks.get(read_manifest(artifact)["task"])
    loaded = load_again(artifact, version)
    numbers = {row["row"] for row in read_rows(artifact, lambda name: name == "row") or []}
    places = np.flatnonzero(np.isin(loaded.row_numbers, list(numbers)))
    if not len(places):
        raise DataError(
            _("The rows that it was tested on cannot be read."),
            code="rows_gone",
            hint=_("They belong to the version of the data that it was trained on."),
        )
    places = np.sort(np.random.default_rng(seed).permutation(places)[:most])
    inputs = task.inputs_of(loaded)
    return AskedAgain(
        loaded,
        places,
        [inputs[place] for place in places],
        [loaded.answers[place] for place in places],
        [loaded.row_numbers[place] for place in places],
    )


def report_of(artifact: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((artifact / "report.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return report
