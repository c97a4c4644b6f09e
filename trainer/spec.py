"""What a run is: the specification that the website writes and `python -m trainer run` reads."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainer.errors import SpecError
from trainer.messages import _

SPLITS = ("train", "validation", "test")
MOST_TRIALS = 200
"""Of one search over settings."""

MOST_DEVICES = 99
FOLD_COUNT = 5
"""Into how many folds rows are divided where they are too few for a test of their own."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SplitSpec(Strict):
    """Shares of the rows kept for tuning and for the one test at the end."""

    test: float = Field(0.2, ge=0, lt=1)
    validation: float = Field(0.1, ge=0, lt=1)
    seed: int = 0
    group: str | None = None
    """A column whose equal cells stay on one side: a customer, a patient, a conversation."""
    time: str | None = None
    """A column of dates: the newest rows are tested on, as they will be in life."""
    folds: int | None = Field(None, ge=2, le=20)
    """For tiny sets: so many rounds, each testing on another share of the rows, in place of one test."""


class DatasetSpec(Strict):
    """`path` is a version folder (see docs/architecture.md) or a file that `inspect` reads."""

    path: str
    test_path: str | None = None
    columns: dict[str, str] = {}
    roles: dict[str, str] = {}
    """{column: input, answer, ignore, id, group or time}; a column left out has the role that follows from its kind."""
    split: SplitSpec = SplitSpec()


class Limits(Strict):
    """The run saves what it has and stops at the first limit reached. `cost` is in the unit of `hardware.price_per_hour`."""

    seconds: float | None = Field(None, gt=0)
    cost: float | None = Field(None, ge=0)


class Hardware(Strict):
    """`device`: cpu, gpu (all that the process may see), gpu:2 …, cpu:2 (two processes); `price_per_hour` turns a cost limit
    into a time limit; `threads`: of all processes together."""

    device: str = Field("cpu", pattern=r"^(cpu|gpu)(:[1-9]\d?)?$")
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """How several devices share a model: each has all of it, or each a part (`auto`: where one has no room to learn it)."""
    price_per_hour: float | None = None
    threads: int | None = None


class Pruning(Strict):
    """What a trial of a search is compared with at each of its epochs (`trainer.hyperparameters`): the validation curves of the
    trials before it, each as [[epoch, value], …] of one metric."""

    metric: str
    earlier: list[list[tuple[int, float]]] = []


class SearchSpec(Strict):
    """Of the command `search`. `space`: {setting: {low, high, log} or {choices}}; left out, the task's own for its method."""

    space: dict[str, dict[str, Any]] | None = None
    trials: int = Field(20, ge=1, le=MOST_TRIALS)


class Spec(Strict):
    """What is left out, or null, is settled by `trainer.learning.defaults`: the task, the model and the method."""

    version: Literal[1] = 1
    task: str = ""
    dataset: DatasetSpec
    model: str = ""
    method: str = ""
    params: dict[str, Any] = {}
    limits: Limits = Limits()
    hardware: Hardware = Hardware()
    seed: int = 0
    evaluate_on: Literal["test", "validation"] = "test"
    """`validation`: a trial of a search, which learns and tells its score on validation rows. The same folder goes on with the
    test once this says `test`."""
    pruning: Pruning | None = None
    search: SearchSpec | None = None

    def on(self, devices: int | None) -> "Spec":
        """The same on so many devices of its kind; None leaves it as it is. `SpecError`."""
        if devices is None:
            return self
        if not 1 <= devices <= MOST_DEVICES:
            raise SpecError(_("The number of devices must be from 1 to %(most)s.", most=MOST_DEVICES))
        kind = self.hardware.device.partition(":")[0]
        return self.model_copy(update={"hardware": self.hardware.model_copy(update={"device": f"{kind}:{devices}"})})

    @field_validator("task", "model", "method", mode="before")
    @classmethod
    def null_is_left_out(cls, value: object) -> object:
        return "" if value is None else value


def parse(data: dict[str, Any]) -> Spec:
    """Check a specification; `SpecError` names the field that is wrong."""
    try:
        return Spec.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the specification"
        raise SpecError(
            _("%(where)s: %(first)s.", where=where, first=first["msg"]),
            hint=_("The fields are listed in docs/trainer.md."),
        ) from error


def load(path: Path) -> Spec:
    """A specification from a JSON file; `SpecError` says what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError(
            _("There is no file %(path)s.", path=path), hint=_("Give the path of a JSON specification.")
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SpecError(
            _("%(path)s is not JSON: %(error)s.", path=path, error=error),
            hint=_("Check the commas and quotes near that place."),
        ) from error
    if not isinstance(data, dict):
        raise SpecError(
            _("%(path)s holds no JSON object.", path=path),
            hint=_('It should look like {"dataset": {"path": "data.csv"}}.'),
        )
    return parse(data)
