"""Summarization: write a short text that says what a long one does."""

from typing import Any

from trainer.messages import _, gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.methods import EXTRACTIVE
from trainer.tasks.text import ENCODER_MODELS
from trainer.tasks.text_to_text import TextToText

READER = ENCODER_MODELS[0].ref
"""The model that reads sentences, which comes with Maquette."""


class Summarization(TextToText):
    slug = "summarization"
    title = gettext_noop("Summarization")
    summary = gettext_noop("Reads a long text and writes a short one.")
    roles = (
        Role("document", gettext_noop("Document"), "text"),
        Role("summary", gettext_noop("Summary"), "text"),
    )
    answer_role = "summary"
    sentence = gettext_noop("Summarize %(document)s (%(summary)s).")
    family = "trainer.families.text.extracts.SummarizationFamily"
    native_engines = TextToText.native_engines | {"extract": "trainer.engines.extracts.ExtractEngine"}
    methods = (EXTRACTIVE, *TextToText.methods)
    models = (ENCODER_MODELS[0], *TextToText.models)

    @classmethod
    def refusal(cls, method: str, model: str) -> str:
        """Sentences are chosen by the small model that comes with Maquette, which writes nothing."""
        if (method == EXTRACTIVE.slug or not method) and model == READER:
            return ""
        if model == READER:
            return _("This model chooses sentences; it cannot write.")
        return (
            _("Sentences are chosen by %(model)s.", model=READER)
            if method == EXTRACTIVE.slug
            else super().refusal(method, model)
        )

    @classmethod
    def default_method(cls, model: str) -> str:
        return EXTRACTIVE.slug if model == READER else super().default_method(model)

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        things = {"kettle": "kitchen", "lamp": "hall", "chair": "garden", "printer": "office", "bed": "bedroom"}
        documents = (
            "A guest wrote to us today. The {0} {2} in the {1} is broken. They ask for another one. They are not in a hurry.",
            "Somebody called at noon. It was about the {0} {2}. It stands in the {1} and is broken. They will call again.",
        )
        return [
            {"document": text.format(thing, room, number), "summary": f"The {thing} {number} in the {room} is broken."}
            for number in range(4)
            for thing, room in things.items()
            for text in documents
        ]
