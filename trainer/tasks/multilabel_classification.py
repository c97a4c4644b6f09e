"""Multi-label text classification: read, checked and kept; not trained yet."""

from trainer.architectures import ENCODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class MultilabelClassification(Task):
    slug = "multilabel-classification"
    title = gettext_noop("Multi-label text classification")
    summary = gettext_noop("Reads a text and answers with all of your labels that fit.")
    modality = "text"
    roles = (
        Role("text", gettext_noop("Input text"), "text"),
        Role("labels", gettext_noop("Labels (target)"), "labels"),
    )
    answer = "labels"
    answer_role = "labels"
    sentence = gettext_noop("Predict all of %(labels)s that apply from %(text)s.")
    architectures = ENCODERS
