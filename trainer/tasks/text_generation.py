"""Text generation: read, checked and kept; not trained yet."""

from trainer.architectures import DECODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Shape, Task


class TextGeneration(Task):
    slug = "text-generation"
    title = gettext_noop("Text generation")
    summary = "Reads an instruction or the beginning of a conversation and writes on."
    modality = "text"
    roles = (
        Role("prompt", gettext_noop("Instruction"), "text"),
        Role("completion", gettext_noop("Completion"), "text"),
        Role("input", gettext_noop("Additional input"), "text", required=False),
        Role("messages", gettext_noop("Conversation"), "messages", required=False),
    )
    answer = "text"
    answer_role = "completion"
    sentence = "Read {prompt}, write {completion}."
    architectures = DECODERS
    alternatives = (
        Shape(("messages",), "", "text", "Read the beginning of {messages}, write the next one."),
        Shape(("text",), "", "text", "Read {text}, learn to go on in its manner."),
    )
