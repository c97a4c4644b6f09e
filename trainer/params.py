"""What every task's settings share. A task adds its own by subclassing; each field is a form field, a JSON schema
property and a check at once."""

from typing import Any, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import SpecError
from trainer.messages import _, gettext_noop

T = TypeVar("T")


class Bounds(TypedDict, total=False):
    """What a setting may be, as pydantic's `Field` names it."""

    ge: float
    gt: float
    le: float
    lt: float
    max_length: int
    pattern: str


def advanced(default: T, title: str, description: str, **bounds: Unpack[Bounds]) -> T:
    """A setting that most people leave alone: folded away on the page."""
    return Field(default, title=title, description=description, json_schema_extra={"advanced": True}, **bounds)


class Params(BaseModel):
    """None means: chosen from the data."""

    model_config = ConfigDict(extra="forbid")


class ScheduleParams(Params):
    """How long and how fast to learn, with a default for every model; `trainer.tasks.media.ChosenParams` leaves it to the model."""

    epochs: int | None = advanced(
        None,
        gettext_noop("Epochs"),
        gettext_noop("Passes over the data. Empty: chosen by the number of rows."),
        ge=1,
        le=100,
    )
    batch_size: int = advanced(32, gettext_noop("Batch size"), gettext_noop("Rows per step."), ge=1, le=1024)
    learning_rate: float = advanced(
        1e-4,
        gettext_noop("Learning rate"),
        gettext_noop("Of the pretrained layers. Halve it if the loss jumps."),
        gt=0,
        le=0.1,
    )
    head_learning_rate: float = advanced(
        3e-3, gettext_noop("Learning rate of the head"), gettext_noop("Of the output layer."), gt=0, le=1
    )
    patience: int = advanced(
        2,
        gettext_noop("Patience"),
        gettext_noop("Training stops early after this many epochs without improvement on validation."),
        ge=1,
        le=100,
    )


class OptimisationParams(Params):
    """Settings of every loop that learns in steps (`trainer.learning.fine_tuning`), whatever it says of its schedule."""

    warmup: float = advanced(
        0.1,
        gettext_noop("Warmup"),
        gettext_noop("Share of the steps during which the learning rate rises."),
        ge=0,
        le=0.9,
    )
    weight_decay: float = advanced(
        0.01, gettext_noop("Weight decay"), gettext_noop("Pulls weights towards zero."), ge=0, le=1
    )
    label_smoothing: float = advanced(
        0.05,
        gettext_noop("Label smoothing"),
        gettext_noop("How much each label is softened, so that single wrong labels matter less."),
        ge=0,
        lt=1,
    )
    lora_rank: int = advanced(
        8, gettext_noop("LoRA rank"), gettext_noop("Width of the layers that LoRA adds."), ge=1, le=256
    )


class LearningParams(OptimisationParams, ScheduleParams):
    """Settings of a loop that learns in steps, by a schedule with defaults."""


class TextParams(OptimisationParams):
    """Settings of every model that reads texts."""

    max_length: int = advanced(
        128,
        gettext_noop("Longest text"),
        gettext_noop("In tokens, each about ¾ of a word. The rest is cut off."),
        ge=8,
        le=8192,
    )
    train_embeddings: bool = advanced(
        False,
        gettext_noop("Train word embeddings too"),
        gettext_noop("Slower. Helps with words that the model has never seen."),
    )


class FineTuningParams(TextParams, LearningParams):
    """Settings of text tasks; `probe` uses `max_length` alone."""


ParamsT = TypeVar("ParamsT", bound=Params)


def check_params(model: type[ParamsT], values: dict[str, Any]) -> ParamsT:
    """The settings as the task's class of them; `SpecError` names the first that does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        names = ", ".join(model.model_fields)
        hint = (
            _("There are: %(names)s.", names=names)
            if first["type"] == "extra_forbidden"
            else _("`python -m trainer tasks` lists the bounds.")
        )
        raise SpecError(
            _("params.%(name)s: %(first)s.", name=name, first=first["msg"]), code="bad_params", hint=hint
        ) from error
