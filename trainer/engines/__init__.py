"""Answers from an artifact without torch or transformers: what serving runs.

`open_engine` gives the engine that the artifact's task names; a family of tasks subclasses `Engine`, or `ArrayEngine` where
answers are the model's outputs as they are, and says how its inputs become numbers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, cast

import numpy as np

from trainer import answers, tasks
from trainer.answers.base_scoring import Answered, Scoring, scoring_of
from trainer.dotted import load_class
from trainer.engines.explanations import AGNOSTIC, MOST_PARTS, Parts, Weighed, batched, explained, parts_allowed
from trainer.errors import DataError, ModelError
from trainer.files import read_json
from trainer.json_types import JsonObject
from trainer.machine import cores
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.packaging.manifest import read_manifest

if TYPE_CHECKING:
    from trainer.data.loading import Loaded
    from trainer.writing.drafts import Draft, Piece

EXPLAINED_TOGETHER = 16
"""Inputs without some part, that are answered at once."""
FILES = {"onnx-int8": "model.int8.onnx", "onnx-fp32": "model.fp32.onnx"}
Read = TypeVar("Read")


class Argument(Protocol):
    """One input of a graph."""

    name: str
    shape: Sequence[int | str | None]
    """A number where the graph takes but that many."""


class Session(Protocol):
    """A loaded graph (`onnxruntime.InferenceSession`)."""

    def run(self, names: Sequence[str] | None, arguments: Mapping[str, np.ndarray], /) -> Sequence[np.ndarray]:
        """The outputs of these names, or all of them."""
        ...

    def get_inputs(self) -> Sequence[Argument]: ...


def open_engine(
    artifact: Path, engine: str | None = None, threads: int | None = None, *, verify: bool = False
) -> "Engine[Any, Any]":
    """`engine`: onnx-int8 or onnx-fp32; otherwise the one that packaging chose.

    `verify` compares the files with the manifest's SHA-256 and raises `ModelError` where one was changed.
    """
    manifest = read_manifest(artifact)
    task = tasks.get(manifest["task"])
    named = engine or (packaged_as(artifact) if task.native_engines else None)
    path = task.native_engines.get(named or "", task.engine)
    return load_class(path, Engine)(artifact, manifest, named, threads, verify=verify)


class Shared(NamedTuple):
    """What a model has in common with others in memory: `name` and `bytes` of that, and the `own` bytes beside it."""

    name: str
    bytes: int
    own: int


class Engine(Generic[Read, Answered]):
    """One loaded model. `predict` may be called from one thread at a time.

    `Read` is an input that was read; `Answered` what the kind of answer takes (`trainer.answers.base_scoring.Scoring`): the
    model's outputs (`ArrayEngine`), or what is made of them.
    """

    methods: tuple[str, ...] = ("occlusion",)
    """Of `explain`; the first is the usual one."""
    weighed_by_parts: tuple[str, ...] = tuple(AGNOSTIC)
    """Methods that weigh the parts that `parts` names; the others have parts of their own (`exact`)."""
    is_explained_quickly = True
    """Whether serving can explain an answer: not where each one is written token by token."""
    embeds = False
    """Whether `{"embed": text}` is an input, answered with the text's vector."""
    is_writer = False
    """Whether it writes texts that can be sent as they are written (`stream`)."""
    session: Session
    """The graph, where the model is one."""

    @property
    def opened_since(self) -> int:
        """Bytes of the files that were opened when they were first asked for."""
        return 0

    @property
    def shared(self) -> Shared | None:
        """What it has in common with other models that are open."""
        return None

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        self.artifact, self.manifest = artifact, manifest
        self.task = tasks.get(manifest["task"])
        self.labels: list[str] = manifest["labels"]
        self.scoring: Scoring[Answered] = scoring_of(self.task.answer)
        self.engine = engine or packaged_as(artifact)
        self.path = self.model_file()
        if not self.path.is_file():
            raise ModelError(
                _("%(artifact)s was not packaged as %(engine)s.", artifact=artifact, engine=self.engine),
                hint=_("Run `python -m trainer export ARTIFACT`."),
            )
        if verify:
            check_files(artifact, (self.path, *self.other_files()), manifest.get("files", {}))
        self.open(threads)
        self.bytes = self.path.stat().st_size

    @property
    def outputs_each(self) -> int:
        """How many numbers the model gives for an input."""
        return answers.get(self.task.answer).outputs(len(self.labels))

    # What a family fills in

    def model_file(self) -> Path:
        """What answers; `engine` need not be a graph's."""
        return self.artifact / "onnx" / FILES.get(self.engine, "")

    def open(self, threads: int | None) -> None:
        """Load the model from its file."""
        self.session = open_session(self.path, threads)

    def other_files(self) -> tuple[Path, ...]:
        """Files beside the graph that answers depend on."""
        return ()

    def warm_input(self) -> Read:
        """Something read to answer for nobody: a session sets up its memory on the first call of a shape."""
        raise NotImplementedError

    def parts(self, value: Read, most: int = MOST_PARTS) -> Parts[Read]:
        """Those of a read input, at most so many, for `explain`."""
        raise NotImplementedError

    @property
    def view(self) -> JsonObject | None:
        """What of a picture regions are shares of (`trainer.pictures.Preprocess.view`)."""
        return None

    def exact(self, value: Read) -> tuple[list[JsonObject], Weighed]:
        """The parts of an input and their exact weights, of an engine that has such a method (`shap`, `sums`, `scores`)."""
        raise NotImplementedError

    # What serving and the command line call: `read` each input, then answer those that were read together

    reads_slowly = False
    """Whether `read` is work for a thread of its own, as decoding a picture is."""

    def check(self, value: object) -> None:
        """`DataError` says in a sentence why an input cannot be used."""
        problem = self.task.check_input(value)
        if problem:
            raise DataError(problem, code="bad_input", hint=_("Fix or remove it."))

    def read(self, value: object) -> Read:
        """A checked input as the methods below take it; `DataError`."""
        raise NotImplementedError

    def warm(self) -> None:
        self.outputs([self.warm_input()])

    def answer_bytes(self, value: Read) -> int:
        """Memory of the answer to an input while it is streamed."""
        raise NotImplementedError

    def begin(self, value: Read) -> "Draft":
        """The answer to an input before its first token, of an engine that `is_writer`."""
        raise NotImplementedError

    def advance(self, drafts: "Sequence[Draft]") -> "list[Piece | None]":
        """A token of each, in one step of the model; none where a prompt is not read to its end yet."""
        raise NotImplementedError

    def stream(self, value: Read) -> "Iterator[Piece]":
        """The answer to an input in pieces of text, of an engine that `is_writer`."""
        draft = self.begin(value)
        while not draft.finish:
            yield from filter(None, self.advance([draft]))

    def outputs(self, inputs: Sequence[Read]) -> Outputs:
        """One entry an input, in order."""
        raise NotImplementedError

    def answered(self, inputs: Sequence[Read]) -> Answered:
        """The answers as their kind takes them."""
        raise NotImplementedError

    def predict(self, inputs: Sequence[Read]) -> list[JsonObject]:
        """For each input one answer, with the fields that its kind has (`Answer.output`)."""
        return self.served(self.answered(inputs)) if inputs else []

    def served(self, outputs: Answered) -> list[JsonObject]:
        """What was `answered`, as serving gives it."""
        return self.scoring.served(outputs, self.manifest)

    def stored(self, outputs: Answered) -> list[Any]:
        """The same as predictions.parquet keeps it."""
        return self.scoring.stored(outputs, self.manifest)

    def answers(self, inputs: Sequence[Read], batch: int) -> list[Any]:
        """The answers to many inputs as predictions.parquet keeps them, so many at once."""
        predicted: list[Any] = [None] * len(inputs)
        order = self.order(inputs)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            for row, value in zip(rows, self.stored(self.answered([inputs[row] for row in rows])), strict=True):
                predicted[row] = value
        return predicted

    def agreement(self, answers: Sequence[Any], others: Sequence[Any]) -> float:
        """How far two models agree in their `answers` to the same inputs, 1 at best."""
        return self.scoring.agreement(answers, others, self.labels) if answers else 1.0

    def score(self, answers: Sequence[Any], truth: Sequence[Any]) -> float:
        """How good many answers are, 1 at best: accuracy, R², and the like."""
        return self.scoring.score(answers, truth, self.labels) if answers else 1.0

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        """As report.json has it, by the `outputs` of the rows of another file (`trainer.data.loading.Loaded`)."""
        raise NotImplementedError

    def scored(self, rows: "Loaded", answered: Answered, shown: list[str]) -> JsonObject:
        """That report as the kind of answer gives it."""
        name = self.task.roles[0].name
        answered = self.scoring.for_report(answered, self.manifest)
        return self.scoring.report(rows.answers, answered, self.labels, shown, rows.row_numbers, name)

    def order(self, inputs: Sequence[Read]) -> list[int]:
        """In which order many inputs are best answered."""
        return list(range(len(inputs)))

    @property
    def method(self) -> str:
        """The one that was the most faithful on the test rows (`trainer.faithfulness`), else the usual one."""
        chosen = self.manifest.get("explained_by")
        return chosen if chosen in self.methods else self.methods[0]

    def explain(self, value: Read, method: str = "", seconds: float | None = None) -> JsonObject:
        """What the answer depends on (`explanations.explained`), by one of `methods`.

        `seconds`: about how long it may take; the input is then divided into as many parts as that allows.
        """
        method = method or self.method
        if method not in self.weighed_by_parts:
            return explained(method, *self.exact(value))
        parts = self.parts(value, parts_allowed(method, lambda: self.answered([value]), seconds))
        explanation = explained(method, parts.described, self.weigh(method, value, parts))
        return explanation | ({"view": self.view} if self.view else {})

    def weigh(self, method: str, value: Read, parts: Parts[Read]) -> Weighed:
        """By a method that only asks again."""
        return AGNOSTIC[method](value, parts, self.falls, self.scoring.falls_in)

    def falls(self, value: Read, others: Iterable[Read]) -> np.ndarray:
        """How far the answer to `value` falls in each of the `others`; a few at a time, as pictures fill the memory."""
        first = self.answered([value])
        batches = map(self.answered, batched(others, EXPLAINED_TOGETHER))
        falls = [self.scoring.falls(appended(first, batch), self.manifest) for batch in batches]
        return np.concatenate([np.zeros(0), *falls])


class ArrayEngine(Engine[Read, np.ndarray]):
    """An engine whose outputs are answers as they are: (inputs, outputs) logits, or one number."""

    def encode(self, inputs: Sequence[Read]) -> dict[str, np.ndarray]:
        """The graph's arguments for a batch."""
        raise NotImplementedError

    def outputs(self, inputs: Sequence[Read]) -> np.ndarray:
        """(inputs, outputs), in order."""
        return answer(self.session, self.encode(inputs))

    def answered(self, inputs: Sequence[Read]) -> np.ndarray:
        return self.outputs(inputs)

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        return self.scored(rows, np.asarray(outputs), shown)


def appended(first: Answered, others: Answered) -> Answered:
    """Answers of one kind, (inputs, …) or a list, behind one another."""
    if isinstance(first, np.ndarray) and isinstance(others, np.ndarray):
        return cast("Answered", np.concatenate([first, others]))
    return cast("Answered", [*cast("list[object]", first), *cast("list[object]", others)])


def packaged_as(artifact: Path) -> str:
    """The engine that packaging chose."""
    export = read_json(artifact / "onnx" / "export.json")
    if "engine" not in export:
        raise ModelError(
            _("%(artifact)s is not an artifact that can be served.", artifact=artifact),
            code="no_artifact",
            hint=_("Give the artifact folder of a finished run."),
        )
    return str(export["engine"])


def check_files(artifact: Path, paths: tuple[Path, ...], digests: dict[str, str]) -> None:
    """`ModelError` where a file of the artifact has not the SHA-256 that its manifest gives it."""
    for path in paths:
        name = path.relative_to(artifact).as_posix()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digests.get(name) != digest:
            raise ModelError(
                _("The file %(name)s is not the one that its manifest describes.", name=name),
                code="damaged_artifact",
                hint=_("Package the model again with `python -m trainer export ARTIFACT`."),
            )


def open_session(graph: Path | bytes, threads: int | None = None) -> Session:
    """A session whose threads sleep when idle: spinning ones would starve the web server beside them."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Session = ort.InferenceSession(
        graph if isinstance(graph, bytes) else str(graph), options, providers=["CPUExecutionProvider"]
    )
    return session


def answer(session: Session, arguments: Mapping[str, np.ndarray]) -> np.ndarray:
    """The graph's output for a batch; a graph that takes one row at a time is asked for each."""
    if not isinstance(session.get_inputs()[0].shape[0], int):
        return session.run(None, arguments)[0]
    rows = range(len(next(iter(arguments.values()))))
    batches = ({name: values[row : row + 1] for name, values in arguments.items()} for row in rows)
    return np.concatenate([session.run(None, batch)[0] for batch in batches])
