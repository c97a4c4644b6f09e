"""What every task's settings share. A task adds its own by subclassing; each field is a form field, a JSON schema
property and a check at once."""

from typing import Any, Literal, TypedDict, TypeVar, Unpack

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

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


class Searched(TypedDict, total=False):
    """What a search over settings (`trainer.hyperparameters.space`) tries of a setting, where nobody says otherwise: from `low` to
    `high`, evenly on a logarithmic scale with `log`; or one of `choices`. `methods`: those that the setting changes. `usual`: it
    is searched unless somebody chooses other settings."""

    low: float
    high: float
    log: bool
    choices: list[Any]
    methods: list[str]
    usual: bool


IN_STEPS = ["full", "lora", "qlora", "scratch", "fewshot", "reranker", "dpo"]
"""Methods that learn by gradient, in steps."""


def advanced(default: T, title: str, description: str, search: Searched | None = None, **bounds: Unpack[Bounds]) -> T:
    """A setting that most people leave alone: folded away on the page."""
    extra: dict[str, Any] = {"advanced": True} | ({"search": dict(search)} if search else {})
    return Field(default, title=title, description=description, json_schema_extra=extra, **bounds)


def expert(default: T, title: str, description: str, search: Searched | None = None, **bounds: Unpack[Bounds]) -> T:
    """A setting of the optimization itself: folded away within what is advanced."""
    extra: dict[str, Any] = {"advanced": True, "expert": True} | ({"search": dict(search)} if search else {})
    return Field(default, title=title, description=description, json_schema_extra=extra, **bounds)


class Params(BaseModel):
    """None means: chosen from the data."""

    model_config = ConfigDict(extra="forbid")


class ScheduleParams(Params):
    """How long and how fast to learn, with a default for every model; `trainer.tasks.media.ChosenParams` leaves it to the model."""

    epochs: int | None = advanced(
        None,
        gettext_noop("Epochs"),
        gettext_noop("Passes over the data. Empty: chosen by the number of rows."),
        Searched(low=3, high=20, methods=IN_STEPS),
        ge=1,
        le=100,
    )
    batch_size: int = advanced(
        32,
        gettext_noop("Batch size"),
        gettext_noop("Rows per step."),
        Searched(choices=[8, 16, 32, 64], methods=IN_STEPS, usual=True),
        ge=1,
        le=1024,
    )
    learning_rate: float = advanced(
        1e-4,
        gettext_noop("Learning rate"),
        gettext_noop("Of the pretrained layers. Halve it if the loss jumps."),
        Searched(low=1e-5, high=1e-3, log=True, methods=IN_STEPS, usual=True),
        gt=0,
        le=0.1,
    )
    head_learning_rate: float = advanced(
        3e-3,
        gettext_noop("Learning rate of the head"),
        gettext_noop("Of the output layer."),
        Searched(low=3e-4, high=3e-2, log=True, methods=IN_STEPS),
        gt=0,
        le=1,
    )
    patience: int = advanced(
        2,
        gettext_noop("Patience"),
        gettext_noop("Training stops early after this many epochs without improvement on validation."),
        ge=1,
        le=100,
    )


OptimizerName = Literal["adamw", "adam", "sgd", "adagrad", "adafactor", "lion"]
ScheduleName = Literal["cosine", "linear", "constant", "step", "plateau"]
ClassWeights = Literal["auto", "none", "balanced"]


class OptimisationParams(Params):
    """Settings of every loop that learns in steps (`trainer.learning.fine_tuning`), whatever it says of its schedule.

    Sources: Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), Adagrad (Duchi et al. 2011), Adafactor (Shazeer and
    Stern 2018), Lion (Chen et al. 2023), cosine schedule (Loshchilov and Hutter 2017), label smoothing (Szegedy et al. 2016),
    focal loss (Lin et al. 2017), layer-wise learning rates (Howard and Ruder 2018; Clark et al. 2020), dropout (Srivastava et
    al. 2014), clipping by norm (Pascanu et al. 2013), gradient checkpointing (Chen et al. 2016).
    """

    warmup: float = advanced(
        0.1,
        gettext_noop("Warmup"),
        gettext_noop("Share of the steps during which the learning rate rises."),
        Searched(low=0.0, high=0.3, methods=IN_STEPS),
        ge=0,
        le=0.9,
    )
    weight_decay: float = advanced(
        0.01,
        gettext_noop("Weight decay"),
        gettext_noop("Pulls weights towards zero (L2). Not applied to biases and norms."),
        Searched(low=1e-3, high=0.3, log=True, methods=IN_STEPS, usual=True),
        ge=0,
        le=1,
    )
    label_smoothing: float = advanced(
        0.05,
        gettext_noop("Label smoothing"),
        gettext_noop("How much each label is softened, so that single wrong labels matter less."),
        Searched(low=0.0, high=0.2, methods=["full", "lora", "scratch"]),
        ge=0,
        lt=1,
    )
    lora_rank: int = advanced(
        8,
        gettext_noop("LoRA rank"),
        gettext_noop("Width of the layers that LoRA adds."),
        Searched(choices=[4, 8, 16, 32], methods=["lora", "qlora"], usual=True),
        ge=1,
        le=256,
    )
    optimizer: OptimizerName = expert(
        "adamw",
        gettext_noop("Optimizer"),
        gettext_noop("SGD and Adagrad need a learning rate 10 to 100 times higher, Lion one 3 to 10 times lower."),
        Searched(choices=["adamw", "adam", "lion", "adafactor"], methods=IN_STEPS),
    )
    momentum: float = expert(
        0.9, gettext_noop("Momentum"), gettext_noop("Of SGD: how much of the last step is kept."), ge=0, lt=1
    )
    schedule: ScheduleName = expert(
        "cosine",
        gettext_noop("Learning rate schedule"),
        gettext_noop("After the warmup. “plateau” lowers the rate after each epoch without improvement on validation."),
        Searched(choices=["cosine", "linear", "constant"], methods=IN_STEPS),
    )
    schedule_factor: float = expert(
        0.1,
        gettext_noop("Schedule factor"),
        gettext_noop("Of “step” and “plateau”: the learning rate is multiplied by it each time."),
        gt=0,
        lt=1,
    )
    schedule_epochs: int | None = expert(
        None,
        gettext_noop("Schedule epochs"),
        gettext_noop("Of “step” and “plateau”: after how many epochs. Empty: a third of all, and 1."),
        ge=1,
        le=1000,
    )
    layer_decay: float = expert(
        1.0,
        gettext_noop("Layer-wise decay"),
        gettext_noop("Each layer’s learning rate is that of the layer above times this. 1: the same for all."),
        Searched(low=0.6, high=1.0, methods=["full"]),
        gt=0,
        le=1,
    )
    freeze_layers: int = expert(
        0,
        gettext_noop("Frozen layers"),
        gettext_noop("So many of the first layers stay as they were pretrained."),
        ge=0,
        le=1000,
    )
    l1: float = expert(
        0.0,
        gettext_noop("L1 penalty"),
        gettext_noop("Pulls weights to exactly zero. Not applied to biases."),
        ge=0,
        le=1,
    )
    dropout: float | None = expert(
        None,
        gettext_noop("Dropout"),
        gettext_noop("Share of values dropped at random during training. Empty: the model’s default."),
        Searched(low=0.0, high=0.5, methods=IN_STEPS),
        ge=0,
        le=0.9,
    )
    max_grad_norm: float = expert(
        1.0,
        gettext_noop("Gradient clipping"),
        gettext_noop("Longer gradients are shortened to this norm. 0: never."),
        ge=0,
        le=1000,
    )
    class_weights: ClassWeights = expert(
        "auto",
        gettext_noop("Class weights"),
        gettext_noop("“balanced”: each label counts the same. “auto”: only very rare labels count for more."),
    )
    focal_gamma: float = expert(
        0.0,
        gettext_noop("Focal loss"),
        gettext_noop("Rows that are right already count for less; the gamma of the focal loss. 0: off."),
        Searched(low=0.0, high=3.0, methods=["full", "lora", "scratch"]),
        ge=0,
        le=5,
    )
    gradient_accumulation: int = expert(
        1,
        gettext_noop("Gradient accumulation"),
        gettext_noop("Each batch is computed in so many parts: less memory, same result."),
        ge=1,
        le=1024,
    )
    gradient_checkpointing: bool = expert(
        False,
        gettext_noop("Gradient checkpointing"),
        gettext_noop("Computes activations twice instead of keeping them: less memory, about a third slower."),
    )
    early_stopping_metric: str | None = expert(
        None,
        gettext_noop("Early stopping metric"),
        gettext_noop("The validation metric by which the best epoch is kept. Empty: the task’s own."),
        pattern="^[a-z0-9_]+$",
        max_length=40,
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


class SlipParams(Params):
    """Settings of tasks that answer a text as a whole."""

    slips: float = advanced(
        0.0,
        gettext_noop("Learn with typing slips"),
        gettext_noop(
            "Each text is learned from once more with so many of its letters wrong, such as 0.05. 0: never. Not with few examples, or none."
        ),
        ge=0,
        le=0.3,
    )


class LabelParams(Params):
    """Settings of tasks whose labels have names that mean something."""

    label_descriptions: dict[str, str] | None = advanced(
        None,
        gettext_noop("What the labels mean"),
        gettext_noop(
            "For the methods without or with few examples: a few words for each label, such as spam: advertising; ham: letters. Empty: the names of the labels."
        ),
    )

    @field_validator("label_descriptions", mode="before")
    @classmethod
    def read_descriptions(cls, value: object) -> object:
        """“label: words; label: words” as a form gives it."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition(":") for part in value.split(";") if part.strip()]
        if any(not colon or not words.strip() for _label, colon, words in pairs):
            raise ValueError("write it as label: words; label: words")
        return {label.strip(): words.strip() for label, _colon, words in pairs} or None


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
