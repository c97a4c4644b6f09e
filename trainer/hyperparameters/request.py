"""The command `propose`: what a search does next, from its trials. The site calls it for every trial that it starts."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from trainer import tasks
from trainer.errors import SpecError
from trainer.hyperparameters import space, study
from trainer.messages import _


class TrialIn(BaseModel):
    """One run of the search, as `study.Trial` is."""

    model_config = ConfigDict(extra="forbid")
    params: dict[str, Any]
    state: Literal["done", "pruned", "failed", "running"]
    value: float | None = None
    curve: list[tuple[int, float]] = []


class Request(BaseModel):
    """`count`: how many trials to propose."""

    model_config = ConfigDict(extra="forbid")
    task: str
    method: str
    space: dict[str, dict[str, Any]]
    metric: str | None = None
    seed: int = 0
    count: int = 1
    trials: list[TrialIn] = []


def propose(path: Path) -> dict[str, Any]:
    """{params: [the settings of each next trial], importance: {setting: share}} for the request in this file."""
    try:
        request = Request.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        raise SpecError(
            _("%(path)s is not a request: %(error)s.", path=path, error=error),
            hint=_("The fields are listed in docs/trainer.md."),
        ) from error
    task = tasks.get(request.task)
    searched = space.dimensions(task, request.method, request.space)
    first = space.recommended(task.params, searched)
    trials = [study.Trial(each.params, each.state, each.value, dict(each.curve)) for each in request.trials]
    proposed: list[dict[str, Any]] = []
    for _number in range(request.count):
        proposed.append(study.propose(searched, trials, request.metric, request.seed, first))
        trials.append(study.Trial(proposed[-1], "running"))
    known = trials[: len(request.trials)]
    return {"params": proposed, "importance": study.importance(searched, known, request.metric)}
