"""What a task is. One file in this folder holds one subclass; nothing else needs to know of it."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from trainer import answers
from trainer.errors import SpecError
from trainer.messages import _
from trainer.params import Params
from trainer.spec import Spec

if TYPE_CHECKING:
    import pyarrow as pa

BUILDS_ON = ("zero-shot", "probe", "fewshot", "lora", "qlora", "reranker", "best", "dpo")
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
class Shape:
    """What a task reads and what it answers with, by role; `kind` of the answer as in `Task.answer`.

    A task that reads no role of its own reads every other column.
    """

    reads: tuple[str, ...]
    answer: str
    kind: str
    sentence: str

    @property
    def roles(self) -> tuple[str, ...]:
        return (*self.reads, self.answer) if self.answer else self.reads


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
    reads: tuple[str, ...] = ()
    """ISO 639 codes of the languages that it reads; none: not known, or all."""


class ReadRows(Protocol):
    """Rows of a file as the reader gives them (`trainer.data.loading.Loaded`, which declarations do not import)."""

    values: dict[str, list[Any]]
    """By role."""
    columns: dict[str, str]
    """{role: column}."""
    table: Any
    """All columns (`pyarrow.Table`)."""
    media: Path | None
    """The folder of the pictures or sounds that cells name."""


class Task:
    """What a task is, light (standard library and pydantic): the site reads it. Who does the work is named, not imported."""

    slug: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    modality: ClassVar[str]
    roles: ClassVar[tuple[Role, ...]]
    methods: ClassVar[tuple[Method, ...]] = ()
    models: ClassVar[tuple[BaseModelCard, ...]] = ()
    params: ClassVar[type[Params]]
    metrics: ClassVar[tuple[str, ...]]
    headline: ClassVar[str]
    widget_in: ClassVar[str]
    """What the demo page takes: text, image, audio, table."""
    family: ClassVar[str | None] = None
    """The `trainer.learning.family.Family` that learns from its inputs, by dotted path; None: read, not trained yet."""
    engine: ClassVar[str]
    """The `trainer.engines.Engine` that answers with its artifacts, by dotted path; without torch."""
    native_engines: ClassVar[dict[str, str]] = {}
    """{what packaging calls it: the `Engine` in its place}, for models that answer without a graph."""
    answer: ClassVar[str] = "class"
    """The kind of its answers (`trainer.answers`): class, labels, number, objects, passage, spans, text."""
    answer_role: ClassVar[str] = "label"
    architectures: ClassVar[frozenset[str]] = frozenset()
    """Kinds of models that it can train (`trainer.architectures`); none where it has models of its own alone."""
    has_nets: ClassVar[bool] = True
    """Whether its `scratch:` models are networks whose layers can be drawn (`describe`)."""
    augments: ClassVar[bool] = False
    """Whether it can show how its rows are changed at random while learning (`Family.preview`)."""
    longest_seconds: ClassVar[float] = math.inf
    """Of a recording that can be learned from; longer ones are left out."""
    sentence: ClassVar[str]
    """What it does with its columns, by role as `%(role)s`; `%(classes)s`: how many different answers there are."""
    alternatives: ClassVar[tuple[Shape, ...]] = ()
    """Other columns that it can do with."""
    linked: ClassVar[tuple[str, ...]] = ()
    """Roles whose texts come again in other rows: what is learned from shares none with what is tested on."""

    @classmethod
    def every_shape(cls) -> tuple[Shape, ...]:
        """The one that it is declared with, then the others that it reads."""
        return (cls.shape(), *cls.alternatives)

    @classmethod
    def shape(cls) -> Shape:
        reads = tuple(role.name for role in cls.roles if role.required and role.name != cls.answer_role)
        return Shape(reads, cls.answer_role, cls.answer, cls.sentence)

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
            "widget_out": answers.get(cls.answer).widget,
        }

    @classmethod
    def default_method(cls, model: str) -> str:
        """The recommended way to train a model: `auto` where there is one, from scratch for a net that has learned
        nothing, else the whole model."""
        methods = [method.slug for method in cls.methods]
        preferred = ("auto", "scratch" if model.startswith("scratch:") else "full")
        return next((slug for slug in preferred if slug in methods), methods[0])

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
    def check_input(cls, value: object) -> str | None:
        """Why one input of a prediction cannot be used, in a sentence; None when it can."""
        raise TypeError(f"{cls.__name__} takes no input")

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """Why a model (its reference) cannot be trained by a method, in a sentence; empty when it can."""
        if model.startswith("scratch:") and method in BUILDS_ON:
            return _("This method needs a pretrained model.")
        return ""

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        """The layers of a `scratch:` model of a specification, for a diagram (see `trainer.nets.describe`)."""
        raise SpecError(
            _("%(title)s has no small nets to describe.", title=cls.title),
            code="bad_task",
            hint=_("Choose a task with scratch: models."),
        )

    @classmethod
    def read_line(cls, line: str) -> object:
        """One line of `predict --input` as an input: here a text, plain or as JSON, or an object with it."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if isinstance(value, dict):
            value = value.get(cls.roles[0].name, line)
        return value if isinstance(value, str) else line

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        """The rows of another file (`trainer.data.loading.Loaded`) as `Engine.read` takes them."""
        return rows.values[cls.roles[0].name]

    @classmethod
    def shown_of(cls, rows: ReadRows) -> list[str]:
        """The same rows as a report shows them."""
        return rows.values[cls.roles[0].name]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        """The inputs of predictions.parquet (a pyarrow table) as `Engine.read` takes them; None where one is not kept."""
        raise NotImplementedError

    @classmethod
    def snippet(cls) -> str:
        """Python for the model card that asks the model without Maquette."""
        raise NotImplementedError
