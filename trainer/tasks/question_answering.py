"""Question answering: read a text and a question, answer with a passage of the text, or say that it has no answer."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.messages import _, gettext_noop
from trainer.params import FineTuningParams, advanced
from trainer.tasks.base import ReadRows, Role
from trainer.tasks.methods import BEST, FULL, LORA, PROBE
from trainer.tasks.text import ENCODER_MODELS, TextTask

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST_QUESTION, LONGEST_CONTEXT = 2_000, 200_000
"""Characters that a prediction takes."""
LONGEST_KEPT = 20_000
"""Characters of a context that predictions.parquet keeps."""
NAMES = ("question", "context")
SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
asked = {"question": "your question", "context": "the text that answers it"}
print(engine.predict([engine.read(asked)])[0])"""


class QuestionParams(FineTuningParams):
    """Settings of question answering."""

    max_length: int = advanced(
        256,
        gettext_noop("Longest part"),
        gettext_noop("Tokens of question and context read at once. Longer contexts are read in parts that overlap."),
        ge=32,
        le=8192,
    )
    learned_tokens: int = advanced(
        64,
        gettext_noop("Tokens learned from"),
        gettext_noop(
            "Of a context, so many around an answer are learned from at a time, drawn again each time. Fewer: quicker."
        ),
        ge=16,
        le=8192,
    )
    batch_size: int = advanced(16, gettext_noop("Batch size"), gettext_noop("Rows per step."), ge=1, le=1024)
    learning_rate: float = advanced(
        3e-4,
        gettext_noop("Learning rate"),
        gettext_noop("Of the pretrained layers. Halve it if the loss jumps."),
        gt=0,
        le=0.1,
    )


class QuestionAnswering(TextTask):
    slug = "question-answering"
    title = gettext_noop("Question answering")
    summary = gettext_noop("Reads a text and answers a question with a passage of it.")
    roles = (
        Role("question", gettext_noop("Question"), "text", help="What is asked."),
        Role("context", gettext_noop("Context"), "text", help="The text that holds the answer."),
        Role("answers", gettext_noop("Answers"), "answers", help="The passages of the context that answer."),
    )
    answer = "passage"
    answer_role = "answers"
    sentence = gettext_noop("Answer %(question)s with a passage of %(context)s.")
    widget_in = "question"
    family = "trainer.families.text.questions.QuestionFamily"
    engine = "trainer.engines.questions.QuestionEngine"
    native_engines = {}
    methods = (FULL, PROBE, LORA, BEST)
    models = ENCODER_MODELS
    params = QuestionParams
    metrics = ("passage_f1", "exact_match")
    headline = "passage_f1"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        names, towns, days = ("Anna", "Omar", "Lena", "Mei"), ("Paris", "Rome", "Oslo"), ("Monday", "Friday")
        rows = []
        for name in names:
            for place, town in enumerate(towns):
                day = days[place % 2]
                context = f"{name} lives in {town}. The shop opens on {day}."
                rows += [
                    row(f"Where does {name} live?", context, town),
                    row("When does the shop open?", context, day),
                ]
                rows += [row("Who is the king?", context, "")] * (place == 0)
        return rows

    @classmethod
    def check_input(cls, value: object) -> str | None:
        """An object of `question` and `context`."""
        if not isinstance(value, dict):
            return _("must be an object with a question and a context.")
        unknown = next((name for name in value if name not in NAMES), None)
        if unknown is not None:
            return _("has a field “%(unknown)s”; there are question and context.", unknown=str(unknown)[:80])
        for name, most in zip(NAMES, (LONGEST_QUESTION, LONGEST_CONTEXT), strict=True):
            text = value.get(name)
            if not isinstance(text, str) or not text.strip():
                return _("has no %(name)s: it needs a question, and the context that answers it.", name=name)
            if len(text) > most:
                return _("has a %(name)s longer than %(most)s characters.", name=name, most=f"{most:,}")
        return None

    @classmethod
    def read_line(cls, line: str) -> object:
        """{"question": "…", "context": "…"} as JSON."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        return {name: value[name] for name in NAMES if name in value} if isinstance(value, dict) else value

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        pairs = zip(rows.values["question"], rows.values["context"], strict=True)
        return [{"question": question, "context": context} for question, context in pairs]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        pairs = zip(*(table.column(name).to_pylist() for name in NAMES), strict=True)
        return [{"question": question, "context": context} if context else None for question, context in pairs]

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def inputs_of() -> list[dict[str, Any]]:
    """The fields of a prediction, as a manifest lists them."""
    return [{"name": "context", "kind": "text", "long": True}, {"name": "question", "kind": "text"}]


def row(question: str, context: str, answer: str) -> dict[str, Any]:
    places = [{"text": answer, "answer_start": context.index(answer)}] if answer else []
    return {"question": question, "context": context, "answers": places}
