"""What the tasks have in common that look at one picture or listen to one sound."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainer import nets
from trainer.json_types import JsonObject
from trainer.messages import _, gettext_noop
from trainer.nets import NetParams
from trainer.params import IN_STEPS, OptimisationParams, Params, Searched, advanced
from trainer.tasks.base import BaseModelCard, ReadRows, Task

if TYPE_CHECKING:
    import pyarrow as pa

MIB = 1024**2
LARGEST_INPUT = 30 * MIB


class ChosenScheduleParams(Params):
    """How long and how fast to learn; None: chosen by the model and the data."""

    epochs: int | None = advanced(
        None,
        gettext_noop("Epochs"),
        gettext_noop("Passes over the data. Empty: chosen by the number of rows."),
        Searched(low=3, high=40, log=True, methods=IN_STEPS),
        ge=1,
        le=1000,
    )
    batch_size: int | None = advanced(
        None,
        gettext_noop("Batch size"),
        gettext_noop("Rows per step. Empty: the model’s default."),
        Searched(choices=[8, 16, 32, 64], methods=IN_STEPS, usual=True),
        ge=1,
        le=1024,
    )
    learning_rate: float | None = advanced(
        None,
        gettext_noop("Learning rate"),
        gettext_noop("Of the pretrained layers. Empty: the default of its architecture."),
        Searched(low=1e-5, high=1e-2, log=True, methods=IN_STEPS, usual=True),
        gt=0,
        le=0.1,
    )
    head_learning_rate: float | None = advanced(
        None,
        gettext_noop("Learning rate of the head"),
        gettext_noop("Of the output layer. Empty: the model’s default."),
        Searched(low=3e-4, high=3e-2, log=True, methods=IN_STEPS),
        gt=0,
        le=1,
    )
    patience: int | None = advanced(
        None,
        gettext_noop("Patience"),
        gettext_noop("Training stops early after this many epochs without improvement on validation."),
        ge=1,
        le=300,
    )


class ChosenParams(OptimisationParams, ChosenScheduleParams):
    """Settings of a loop that learns in steps, by the schedule of the model."""


class MediaParams(ChosenParams, NetParams):
    """With those of the small nets."""


def scratch_card(net: nets.Net, family: dict[str, nets.Net]) -> BaseModelCard:
    """A small net of `known` that begins with random weights."""
    parameters = nets.describe(net.name, NetParams(), None, 10, family)["parameters"]
    return BaseModelCard(f"scratch:{net.name}", net.title, net.summary, parameters, "Apache 2.0", "", 900 * MIB)


def profile_of(version: Path) -> JsonObject:
    """What the reader found in a dataset version; empty where it is none."""
    try:
        profile: JsonObject = json.loads((version / "profile.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return profile


def labels_in(profile: JsonObject) -> int:
    """How many labels a version's profile counts; ten where it tells none."""
    return profile.get("label_total") or len(profile.get("labels") or []) or 10


class MediaTask(Task):
    thing: ClassVar[str]
    """What one input is called."""

    @classmethod
    def check_input(cls, value: object) -> str | None:
        if isinstance(value, Path):
            return None
        if isinstance(value, bytes):
            size = len(value)
        elif isinstance(value, str) and value.startswith("data:") and ";base64," in value[:100]:
            size = len(value) * 3 // 4
        else:
            return _("must be a %(thing)s: a file, or a data: URL in base64.", thing=cls.thing)
        return None if size <= LARGEST_INPUT else _("is larger than %(value)s MB.", value=LARGEST_INPUT // MIB)

    @classmethod
    def read_line(cls, line: str) -> object:
        """A path, a `data:` URL, or either as JSON, alone or in an object."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = line.strip()
        if isinstance(value, dict):
            value = value.get(cls.roles[0].name, "")
        return value if not isinstance(value, str) or value.startswith("data:") else Path(value)

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        return [rows.media / name for name in rows.values[cls.roles[0].name]]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        """Only the examples' files are kept."""
        examples = json.loads((artifact / "examples.json").read_text("utf-8"))
        inputs = {example[cls.roles[0].name]: artifact / example["input"] for example in examples}
        return [inputs.get(name) for name in table.column(cls.roles[0].name).to_pylist()]
