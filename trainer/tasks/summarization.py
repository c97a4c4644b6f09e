"""Summarization: read, checked and kept; not trained yet."""

from trainer.architectures import SEQ2SEQ
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class Summarization(Task):
    slug = "summarization"
    title = gettext_noop("Summarization")
    summary = gettext_noop("Reads a long text and writes a short one.")
    modality = "text"
    roles = (
        Role("document", gettext_noop("Document"), "text"),
        Role("summary", gettext_noop("Summary"), "text"),
    )
    answer = "text"
    answer_role = "summary"
    sentence = gettext_noop("Summarize %(document)s (%(summary)s).")
    architectures = SEQ2SEQ
