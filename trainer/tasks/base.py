"""What a task is. One file in this folder holds one subclass; nothing else needs to know of it."""

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from trainer.errors import SpecError
from trainer.params import Params

BUILDS_ON = ("probe", "lora")
"""Methods that keep what a model has learned, and so need one that has."""

ALWAYS_HERE = ("bundled:", "scratch:")
"""References of models that need no download."""


@dataclass(frozen=True)
class Role:
    """A column that a task needs. `kind`: text, label, number, image, audio …"""

    name: str
    title: str
    kind: str
    required: bool = True
    help: str = ""


@dataclass(frozen=True)
class Method:
    """A way to train, from quick to thorough. `title` is what the page calls it."""

    slug: str
    title: str
    summary: str


@dataclass(frozen=True)
class BaseModelCard:
    """A pretrained model that suits a task. `memory_bytes`: about what training it takes."""

    ref: str
    title: str
    summary: str
    parameters: int
    licence: str
    languages: str
    memory_bytes: int


class Task:
    """The declaration is light (standard library and pydantic); the work imports what it needs inside methods."""

    slug: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    modality: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]]
    methods: ClassVar[tuple[Method, ...]]
    models: ClassVar[tuple[BaseModelCard, ...]]
    params: ClassVar[type[Params]]
    metrics: ClassVar[tuple[str, ...]]
    headline: ClassVar[str]
    widget_in: ClassVar[str]
    """What the demo page takes: text, image, audio, table."""
    widget_out: ClassVar[str]
    """What it shows: classes, number, text, objects."""
    answer: ClassVar[str] = "class"
    """class or number: what `trainer.learning.supervised` learns and scores."""
    answer_role: ClassVar[str] = "label"

    @classmethod
    def declaration(cls) -> dict[str, Any]:
        """Everything about the task as JSON: what `python -m trainer tasks` prints."""
        return {
            "slug": cls.slug,
            "title": cls.title,
            "summary": cls.summary,
            "modality": cls.modality,
            "roles": [asdict(role) for role in cls.roles],
            "methods": [asdict(method) for method in cls.methods],
            "models": [asdict(model) for model in cls.models],
            "params": cls.params.model_json_schema(),
            "metrics": list(cls.metrics),
            "headline": cls.headline,
            "widget_in": cls.widget_in,
            "widget_out": cls.widget_out,
        }

    @classmethod
    def default_method(cls, model: str) -> str:
        """The recommended way to train a model: `auto` where there is one, from scratch for a net that has learned
        nothing, else the whole model."""
        methods = [method.slug for method in cls.methods]
        wanted = ("auto", "scratch" if model.startswith("scratch:") else "full")
        return next((slug for slug in wanted if slug in methods), methods[0])

    @classmethod
    def default_model(cls, method: str) -> str:
        """The first model that is on every machine and that this method (empty: any) can train, else the first."""
        refs = [card.ref for card in cls.models if not method or not cls.refusal(method, card.ref)]
        return next((ref for ref in refs if ref.startswith(ALWAYS_HERE)), refs[0])

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        """A few rows made by code, named by role: for tests, the try-it box and the documentation."""
        raise TypeError(f"{cls.__name__} has no sample")

    @classmethod
    def check_input(cls, value: Any) -> str | None:
        """Why one input of a prediction cannot be used, in a sentence; None when it can."""
        raise TypeError(f"{cls.__name__} takes no input")

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """Why a model (its reference) cannot be trained by a method, in a sentence; empty when it can."""
        if model.startswith("scratch:") and method in BUILDS_ON:
            titles = {one.slug: one.title for one in cls.methods}
            names = " and ".join(titles[one] for one in BUILDS_ON if one in titles)
            return f"{names} need a pretrained model; this one is trained from scratch."
        return ""

    @classmethod
    def train(cls, job: Any) -> dict[str, Any]:
        """Do the whole of a run (see `trainer.learning.job.Job`); returns the fields of the result event."""
        from trainer.learning.supervised import train

        return train(cls, job)

    @classmethod
    def estimate(cls, job: Any, emit: Any) -> dict[str, Any]:
        """What a run would take, from a trial (see `trainer.learning.estimate.measure`)."""
        from trainer.learning.estimate import measure

        return measure(job, emit)

    @classmethod
    def describe(cls, spec: Any) -> dict[str, Any]:
        """The layers of a `scratch:` model of a specification, for a diagram (see `trainer.nets.describe`)."""
        raise SpecError(
            f"{cls.title} has no small nets to describe.", code="bad_task", hint="Choose a task with scratch: models."
        )

    @classmethod
    def preview(cls, job: Any, folder: Any) -> dict[str, Any]:
        """Write a picture of how rows are changed at random while learning; the fields of the result event."""
        raise SpecError(
            f"{cls.title} learns from its rows as they are.",
            code="bad_task",
            hint="Choose a task that looks at pictures.",
        )

    # What `_supervised` asks of a task

    @classmethod
    def work(cls) -> Any:
        """The module that learns, with `prepare`, `baselines`, `build` and `write_onnx`; torch comes with it."""
        raise NotImplementedError

    @classmethod
    def prepare(cls, job: Any) -> Any:
        """The job's rows as numbers (`trainer.learning.rows.Rows`)."""
        return cls.work().prepare(job)

    @classmethod
    def objective(cls, job: Any, rows: Any) -> Any:
        """What is learned and how it is scored (`trainer.learning.objective.Objective`)."""
        from trainer.learning.objective import objective_of

        return objective_of(job, rows)

    @classmethod
    def baselines(cls, job: Any, rows: Any) -> dict[str, Any]:
        """What simple methods answer to the test rows, by name (`trainer.learning.baselines.Baseline`)."""
        return cls.work().baselines(job, rows)

    @classmethod
    def build(cls, job: Any, rows: Any) -> Any:
        """The untrained or pretrained model, an `nn.Module`; for `probe` and `lora` with `head`, `features` and `encoder`."""
        return cls.work().build(job, rows)

    @classmethod
    def save(cls, model: Any, rows: Any, folder: Any) -> None:
        """Weights and what belongs to them into the artifact's `model/`, as safetensors."""
        raise NotImplementedError

    @classmethod
    def write_onnx(cls, folder: Any, target: Any) -> None:
        """The model of an artifact's `model/` as a float32 graph with one output `logits`."""
        cls.work().write_onnx(folder, target)

    @classmethod
    def native(cls, folder: Any) -> str | None:
        """The engine that answers from an artifact's `model/` as it is, where no graph is wanted."""
        return None

    @classmethod
    def quantises(cls, folder: Any) -> bool:
        """Whether int8 is worth trying."""
        return True

    @classmethod
    def engine(cls) -> Any:
        """The `trainer.engines.Engine` that answers with this task's artifacts. Must not import torch."""
        raise NotImplementedError

    @classmethod
    def read_line(cls, line: str) -> Any:
        """One line of `predict --input` as an input: here a text, plain or as JSON, or an object with it."""
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            return line
        if isinstance(value, dict):
            value = value.get(cls.roles[0].name, line)
        return value if isinstance(value, str) else line

    @classmethod
    def inputs_of(cls, rows: Any) -> list[Any]:
        """The rows of another file (`trainer.data.loading.Loaded`) as `Engine.read` takes them."""
        return rows.values[cls.roles[0].name]

    @classmethod
    def shown_of(cls, rows: Any) -> list[str]:
        """The same rows as a report shows them."""
        return rows.values[cls.roles[0].name]

    @classmethod
    def saved_inputs(cls, artifact: Any, table: Any) -> list[Any]:
        """The inputs of predictions.parquet (a pyarrow table) as `Engine.read` takes them; None where one is not kept."""
        raise NotImplementedError

    @classmethod
    def snippet(cls) -> str:
        """Python for the model card that asks the model without Maquette."""
        raise NotImplementedError
