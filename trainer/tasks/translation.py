"""Translation: read, checked and kept; not trained yet."""

from trainer.architectures import SEQ2SEQ
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class Translation(Task):
    slug = "translation"
    title = gettext_noop("Translation")
    summary = gettext_noop("Reads a text and writes it in another language.")
    modality = "text"
    roles = (
        Role("source", gettext_noop("Source text"), "text"),
        Role("target", gettext_noop("Target"), "text"),
    )
    answer = "text"
    answer_role = "target"
    sentence = gettext_noop("Translate %(source)s into %(target)s.")
    architectures = SEQ2SEQ
