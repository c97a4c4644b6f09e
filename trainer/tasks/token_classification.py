"""Named-entity recognition: read, checked and kept; not trained yet."""

from trainer.architectures import ENCODERS
from trainer.messages import gettext_noop
from trainer.tasks.base import Role, Task


class TokenClassification(Task):
    slug = "token-classification"
    title = gettext_noop("Named-entity recognition")
    summary = gettext_noop("Reads a text and marks the words that name something.")
    modality = "text"
    roles = (
        Role("tokens", gettext_noop("Tokens"), "tokens"),
        Role("tags", gettext_noop("Tags"), "tags"),
    )
    answer = "tags"
    answer_role = "tags"
    sentence = gettext_noop("Mark the %(tags)s in %(tokens)s.")
    architectures = ENCODERS
