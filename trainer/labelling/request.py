"""The command `suggest`: a version and the decisions that are in none yet, in; suggestions and the order of asking, out."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from trainer.errors import SpecError
from trainer.messages import _


class DecisionIn(BaseModel):
    """About a row, from 1; without a `value` it was skipped or left out, and has no label to learn from."""

    model_config = ConfigDict(extra="forbid")
    row: int
    value: str | None = None
    source: str = "person"


class Request(BaseModel):
    """`decisions`: in the order in which they were made. `count`: rows that are put in the order of asking. `seconds`: after which
    no more rows are read; they are by the next request of the same."""

    model_config = ConfigDict(extra="forbid")
    version: Path
    decisions: list[DecisionIn] = []
    count: int = 300
    seconds: float | None = None
    seed: int = 0
    artifact: Path | None = None
    """Of a model that answers such rows: it makes the suggestions (`trainer.labelling.predicted`)."""
    model: str = ""
    """What it is known by."""
    suggested: bool = False
    """Its suggestions are there and stay as they are: only how good a model is already is measured, where the kind
    of answer has a probe."""


def read_request(path: Path) -> Request:
    """`SpecError` for a file that is none."""
    try:
        return Request.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise SpecError(
            _("%(path)s is not a request: %(error)s.", path=path, error=error),
            hint=_("The fields are listed in docs/trainer.md."),
        ) from error
