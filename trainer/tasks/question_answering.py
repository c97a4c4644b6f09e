"""Question answering: read, checked and kept; not trained yet."""

from trainer.architectures import ENCODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class QuestionAnswering(Task):
    slug = "question-answering"
    title = gettext_noop("Question answering")
    summary = gettext_noop("Reads a text and answers a question with a passage of it.")
    modality = "text"
    roles = (
        Role("question", gettext_noop("Question"), "text"),
        Role("context", gettext_noop("Context"), "text"),
        Role("answers", gettext_noop("Answers"), "answers"),
    )
    answer = "passage"
    answer_role = "answers"
    sentence = gettext_noop("Answer %(question)s with a passage of %(context)s.")
    architectures = ENCODERS
