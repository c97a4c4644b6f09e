"""What a task is. One file in this folder holds one subclass; nothing else needs to know of it."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from trainer.params import Params


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
    widget_out: ClassVar[str]

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
    def sample(cls) -> list[dict[str, Any]]:
        """A few rows made by code, named by role: for tests, the try-it box and the documentation."""
        raise TypeError(f"{cls.__name__} has no sample")

    @classmethod
    def check_input(cls, value: Any) -> str | None:
        """Why one input of a prediction cannot be used, in a sentence; None when it can."""
        raise TypeError(f"{cls.__name__} takes no input")

    @classmethod
    def train(cls, job: Any) -> dict[str, Any]:
        """Do the whole of a run (see `trainer.training.Job`); returns the fields of the result event."""
        raise TypeError(f"{cls.__name__} cannot be trained")
