"""Sentence similarity and search: how alike two texts are, and which texts answer a query."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trainer.messages import _, gettext_noop, pgettext
from trainer.params import FineTuningParams, advanced
from trainer.tasks.base import Method, ReadRows, Role, Shape
from trainer.tasks.methods import BEST, FULL, LORA
from trainer.tasks.text import ENCODER_MODELS, LONGEST_INPUT, TextTask

if TYPE_CHECKING:
    import pyarrow as pa

LossName = Literal["auto", "cosent", "cosine", "multiple_negatives", "triplet"]
MOST_MATCHES = 100
UNTRAINED = Method(
    "zero-shot",
    pgettext("training method", "Without examples"),
    gettext_noop("Compares texts by the pretrained model as it is. Nothing is learned from the rows but the scale."),
)
RERANKER = Method(
    "reranker",
    pgettext("training method", "Two stages"),
    gettext_noop(
        "Trains a second model that reads both texts at once (reranker). It reorders the 50 best of a search: better answers, slower."
    ),
)
SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
print(engine.predict([engine.read({"first": "a text", "second": "another text"})])[0]["score"])
print(engine.predict([engine.read("a query")])[0]["matches"][:3])"""


class SimilarityParams(FineTuningParams):
    """Settings of models that compare texts.

    Sources: CoSENT (Su 2022), multiple negatives (Henderson et al. 2017), triplets (Schroff et al. 2015).
    """

    max_length: int = advanced(
        256,
        gettext_noop("Longest text"),
        gettext_noop("In tokens, each about ¾ of a word. The rest is cut off."),
        ge=8,
        le=8192,
    )
    learning_rate: float = advanced(
        5e-5,
        gettext_noop("Learning rate"),
        gettext_noop("Of the pretrained layers. Halve it if the loss jumps."),
        gt=0,
        le=0.1,
    )
    loss: LossName = advanced(
        "auto",
        gettext_noop("Loss"),
        gettext_noop(
            "“cosent” and “cosine” learn scores, “multiple_negatives” and “triplet” what belongs together. “auto”: by the form of the rows."
        ),
    )
    margin: float = advanced(
        0.2, gettext_noop("Margin"), gettext_noop("Of “triplet”: how far apart other texts should be."), gt=0, le=2
    )


class SentenceSimilarity(TextTask):
    slug = "sentence-similarity"
    title = gettext_noop("Sentence similarity")
    summary = gettext_noop("Says how alike two texts are, and finds the texts that answer a query.")
    roles = (
        Role("first", gettext_noop("First text or query"), "text"),
        Role("second", gettext_noop("Second text or answer"), "text"),
        Role("third", gettext_noop("Text that does not answer"), "text", required=False),
        Role("score", gettext_noop("Similarity score"), "number", required=False),
    )
    answer = "similarity"
    answer_role = "score"
    linked = ("first", "second", "third")
    sentence = gettext_noop("Score how similar %(first)s and %(second)s are (%(score)s).")
    family = "trainer.families.text.matching.MatchingFamily"
    engine = "trainer.engines.matching.MatchingEngine"
    native_engines = {}
    methods = (UNTRAINED, LORA, FULL, RERANKER, BEST)
    models = ENCODER_MODELS
    params = SimilarityParams
    metrics = ("spearman", "similarity_pearson", "pair_auc")
    headline = "spearman"

    @classmethod
    def shape(cls) -> Shape:
        return Shape(("first", "second"), "score", cls.answer, cls.sentence)

    @classmethod
    def default_method(cls, model: str) -> str:
        return "full"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        generator = random.Random(0)  # noqa: S311
        things = ("kettle", "lamp", "garden chair", "bicycle", "printer", "window", "camera", "guitar")
        rows = []
        for number in range(60):
            first, second = generator.sample(things, 2)
            same = number % 3 == 0
            near = number % 3 == 1
            other = f"this {first} number {number} is broken" if same or near else f"a fine {second} for item {number}"
            rows.append(
                {
                    "first": f"the {first} number {number} does not work",
                    "second": other if not same else f"the {first} number {number} does not work today",
                    "third": f"a fine {second} for item {number}",
                    "score": 5.0 if same else 3.0 if near else 0.5,
                }
            )
        return rows

    @classmethod
    def check_input(cls, value: object) -> str | None:
        """A query as a text; or an object: `query` and perhaps `top`; `first` and `second`; `embed`."""
        if not isinstance(value, dict):
            return super().check_input(value)
        names = set(value) - {"third", "score"}  # of a row as it was learned from
        texts = next((known for known in ({"query"}, {"first", "second"}, {"embed"}) if known <= names), None)
        if texts is None or names - texts - ({"top"} if texts == {"query"} else set()):
            return _('must be a text, {"query": …, "top": 10} or {"first": …, "second": …}.')
        top = value.get("top", 1)
        if not isinstance(top, int) or isinstance(top, bool) or not 1 <= top <= MOST_MATCHES:
            return _("must have a whole number from 1 to %(most)s as `top`.", most=MOST_MATCHES)
        for name in sorted(texts):
            if problem := super().check_input(value[name]):
                return _("has a `%(name)s` that %(problem)s", name=name, problem=problem)
        return None

    @classmethod
    def read_line(cls, line: str) -> object:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        return value if isinstance(value, dict | str) else line

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        pairs = zip(rows.values["first"], rows.values["second"], strict=True)
        return [{"first": cut(first), "second": cut(second)} for first, second in pairs]

    @classmethod
    def shown_of(cls, rows: ReadRows) -> list[str]:
        return [shown_pair(*pair) for pair in zip(rows.values["first"], rows.values["second"], strict=True)]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        if "second" not in table.column_names:
            return [cut(text) for text in table.column("first").to_pylist()]
        pairs = zip(table.column("first").to_pylist(), table.column("second").to_pylist(), strict=True)
        return [{"first": cut(first), "second": cut(second)} for first, second in pairs]

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def cut(text: str) -> str:
    """As much of a text as an input may have."""
    return text[:LONGEST_INPUT]


def shown_pair(first: str, second: str) -> str:
    return f"{first} ↔ {second}"


SentenceSimilarity.alternatives = (
    Shape(
        ("first", "third"),
        "second",
        SentenceSimilarity.answer,
        gettext_noop("Find %(second)s by %(first)s, and not %(third)s."),
    ),
    Shape(("first",), "second", SentenceSimilarity.answer, gettext_noop("Find %(second)s by %(first)s.")),
)
