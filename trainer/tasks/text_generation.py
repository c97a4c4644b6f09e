"""Text generation: read, checked and kept; not trained yet."""

from trainer.architectures import DECODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Shape, Task


class TextGeneration(Task):
    slug = "text-generation"
    title = gettext_noop("Text generation")
    summary = gettext_noop("Reads an instruction or the beginning of a conversation and writes on.")
    modality = "text"
    roles = (
        Role("prompt", gettext_noop("Instruction"), "text"),
        Role("completion", gettext_noop("Completion"), "text"),
        Role("input", gettext_noop("Additional input"), "text", required=False),
        Role("messages", gettext_noop("Conversation"), "messages", required=False),
    )
    answer = "text"
    answer_role = "completion"
    sentence = gettext_noop("Write %(completion)s from %(prompt)s.")
    architectures = DECODERS
    alternatives = (
        Shape(("messages",), "", "text", gettext_noop("Write the next message of %(messages)s.")),
        Shape(("text",), "", "text", gettext_noop("Continue %(text)s in its style.")),
    )
