"""Text regression: read, checked and kept; not trained yet."""

from trainer.architectures import ENCODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class TextRegression(Task):
    slug = "text-regression"
    title = gettext_noop("Text regression")
    summary = gettext_noop("Reads a text and answers with a number.")
    modality = "text"
    roles = (
        Role("text", gettext_noop("Input text"), "text"),
        Role("target", gettext_noop("Target"), "number"),
    )
    answer = "number"
    answer_role = "target"
    sentence = gettext_noop("Predict the number in %(target)s from %(text)s.")
    architectures = ENCODERS
