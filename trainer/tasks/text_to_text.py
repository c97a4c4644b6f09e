"""What the tasks have in common that write a text from another one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainer.architectures import REWRITERS, WRITERS
from trainer.messages import _, gettext_noop
from trainer.params import advanced
from trainer.tasks.base import BaseModelCard, Method, ReadRows, Task
from trainer.tasks.methods import FULL, LORA, SCRATCH
from trainer.tasks.text_generation import (
    MIB,
    OPTIONS,
    SCRATCH_MODEL,
    TextGeneration,
    WritingParams,
    check_options,
    check_text,
    shown_prompt,
    smoothing_setting,
    vocabulary_setting,
)

if TYPE_CHECKING:
    import pyarrow as pa

SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
print(engine.predict([engine.read("your text")])[0]["generated_text"])"""


class TextToTextParams(WritingParams):
    """Settings of summaries and translations."""

    max_length: int = advanced(
        512,
        gettext_noop("Longest row"),
        gettext_noop("In tokens, both texts together. The end of a longer input is not read."),
        ge=32,
        le=8192,
    )
    vocabulary: int = vocabulary_setting(4000, [1000, 2000, 4000, 8000])
    label_smoothing: float = smoothing_setting(0.1)
    prefix: str | None = advanced(
        None,
        gettext_noop("Prefix"),
        gettext_noop(
            "For encoder-decoders: words before each text. Empty: what T5 was pretrained with, such as “summarize:”; none for others. A space: none."
        ),
        max_length=200,
    )
    source_language: str = advanced(
        "",
        gettext_noop("Source language"),
        gettext_noop(
            "For models of many languages: what is read, as the model writes it: eng_Latn (NLLB), en_XX (mBART), English (T5)."
        ),
        max_length=40,
    )
    target_language: str = advanced(
        "",
        gettext_noop("Target language"),
        gettext_noop("The same for what is written."),
        max_length=40,
    )


class TextToText(Task):
    modality = "text"
    answer = "rewriting"
    architectures = WRITERS | REWRITERS
    widget_in = "text"
    family = "trainer.families.text.encoder_decoder.EncoderDecoderFamily"
    engine = "trainer.engines.text_to_text.TextToTextEngine"
    native_engines: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("llama", "numpy"), "trainer.engines.text_to_text.TextToTextEngine"),
        "encoder-decoder": "trainer.engines.encoder_decoder.EncoderDecoderEngine",
    }
    has_nets = False
    methods: ClassVar[tuple[Method, ...]] = (SCRATCH, LORA, FULL)
    models: ClassVar[tuple[BaseModelCard, ...]] = (
        BaseModelCard(
            SCRATCH_MODEL,
            gettext_noop("Small GPT"),
            gettext_noop(
                "Trained from scratch on your pairs of texts alone, in any languages; needs thousands of them."
            ),
            4_200_000,
            "Apache 2.0",
            gettext_noop("any language"),
            1200 * MIB,
        ),
        *(card for card in TextGeneration.models if card.ref != SCRATCH_MODEL),
    )
    params = TextToTextParams
    metrics = ("rouge_l", "rouge_1", "rouge_2", "bleu", "chrf")
    headline = "rouge_l"

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        return TextGeneration.refusal(method, model)

    @classmethod
    def default_method(cls, model: str) -> str:
        return TextGeneration.default_method(model)

    @classmethod
    def check_input(cls, value: object) -> str | None:
        """A text; or an object with one under the name of its role, and perhaps options."""
        if isinstance(value, str):
            return check_text(value)
        name = cls.roles[0].name
        if not isinstance(value, dict) or not isinstance(value.get(name), str):
            return _("must be a text, or an object with a text named “%(name)s”.", name=name)
        unknown = next((key for key in value if key not in (name, *OPTIONS, "answer")), None)
        if unknown is not None:
            return _("has a field “%(unknown)s”, which is not known.", unknown=str(unknown)[:80])
        return check_text(value[name]) or check_options(value)

    @classmethod
    def read_line(cls, line: str) -> object:
        """A text, or an object as JSON."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            return line
        if isinstance(value, dict) and cls.roles[0].name in value:
            return {name: value[name] for name in (cls.roles[0].name, *OPTIONS) if name in value}
        return value if isinstance(value, str) else line

    @classmethod
    def inputs_of(cls, rows: ReadRows) -> list[Any]:
        """With the right texts, whose likelihood is asked too."""
        name = cls.roles[0].name
        pairs = zip(rows.values["turns"], rows.values["written"], strict=True)
        return [{name: turns[-1]["content"], "answer": answer} for turns, answer in pairs]

    @classmethod
    def shown_of(cls, rows: ReadRows) -> list[str]:
        pairs = zip(rows.values["turns"], rows.values["written"], strict=True)
        return [shown_prompt(turns, answer) for turns, answer in pairs]

    @classmethod
    def saved_inputs(cls, artifact: Path, table: "pa.Table") -> list[Any]:
        return list(table.column(cls.roles[0].name).to_pylist())

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET
