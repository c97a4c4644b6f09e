"""Whether a base model reads the language of the rows, told before anything is learned."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from trainer.data.languages import LANGUAGE_NAMES, detect_code
from trainer.messages import Message, _, joined
from trainer.tasks.base import Task
from trainer.tasks.text import WORDS_MODEL

MOST_TEXTS, LEAST_CHARACTERS = 60, 20
LEAST_SHARE = 0.5
"""Of the texts whose language is known, in a language that the model does not read, from which that is told."""
WORDS_HINT = _("Choose a model that reads it, or “Word counts”, which read any language.")
SCRATCH_HINT = _("Choose a model that reads it, or one that is trained from scratch.")
HINT = _("Choose a model that reads it.")


class Unread(NamedTuple):
    message: Message
    hint: Message


def find_unread(task: type[Task], model: str, texts: Sequence[str]) -> Unread | None:
    """What is to be told of this model and these texts; None where it reads them, or where that is not known."""
    card = next((card for card in task.models if card.ref == model), None)
    if card is None or not card.reads:
        return None
    step = max(1, len(texts) // MOST_TEXTS)
    some = [text for text in texts[::step] if len(text) >= LEAST_CHARACTERS or not text.isascii()][:MOST_TEXTS]
    codes = Counter(code for text in some if (code := detect_code(text)))
    foreign = Counter({code: count for code, count in codes.items() if code not in card.reads})
    share = sum(foreign.values()) / max(sum(codes.values()), 1)
    if not foreign or share < LEAST_SHARE:
        return None
    read = joined([_(LANGUAGE_NAMES.get(code, code)) for code in card.reads], ", ")
    commonest = foreign.most_common(1)[0][0]
    message = _(
        "%(model)s reads %(languages)s, but %(share)s of the texts are in another language (mostly %(language)s).",
        model=card.title,
        languages=read,
        share=f"{share:.0%}",
        language=_(LANGUAGE_NAMES.get(commonest, commonest)),
    )
    refs = [offered.ref for offered in task.models]
    scratch = SCRATCH_HINT if any(ref.startswith("scratch:") for ref in refs) else HINT
    return Unread(message, WORDS_HINT if WORDS_MODEL in refs else scratch)
