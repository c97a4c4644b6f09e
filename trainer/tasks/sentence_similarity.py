"""Sentence similarity: read, checked and kept; not trained yet."""

from trainer.architectures import ENCODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class SentenceSimilarity(Task):
    slug = "sentence-similarity"
    title = gettext_noop("Sentence similarity")
    summary = gettext_noop("Compares two sentences and answers with how alike they are.")
    modality = "text"
    roles = (
        Role("first", gettext_noop("First sentence"), "text"),
        Role("second", gettext_noop("Second sentence"), "text"),
        Role("score", gettext_noop("Similarity score"), "number"),
    )
    answer = "number"
    answer_role = "score"
    sentence = gettext_noop("Score how similar %(first)s and %(second)s are (%(score)s).")
    architectures = ENCODERS
