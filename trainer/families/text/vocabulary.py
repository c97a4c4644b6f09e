"""Whether a model knows the words of the rows, told before anything is learned: those of a trade, codes and names it often does not.

What it does not know is read in pieces of a few letters, or not at all, and means nothing to it until it has learned from the rows.
Of English texts of eight public sets 0.2 to 2.6 % of the words are so; of sentences on genes, of part numbers or in another
language 23 to 48 % (all-MiniLM-L6-v2).
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from trainer.learning.job import Job
from trainer.messages import _

MOST_TEXTS, MOST_CHARACTERS = 300, 2_000
"""That are looked at."""
LEAST_WORDS = 500
"""By fewer, nothing is said."""
PIECES = 3
"""From which on a word counts as unknown."""
LEAST_SHARE = 0.12
SHOWN = 3


class Unknown(NamedTuple):
    """`share` of the words that a model does not know, and the commonest of them."""

    share: float
    words: list[str]


def find_unknown(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> Unknown | None:
    """None where most words are known, or where there are too few to tell."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # a copy: what is cut and padded stays as it is
    backend.no_padding()
    backend.no_truncation()
    step = max(1, len(texts) // MOST_TEXTS)
    total, unknown = 0, Counter[str]()
    for text in [text[:MOST_CHARACTERS] for text in texts[::step][:MOST_TEXTS]]:
        encoding = backend.encode(text, add_special_tokens=False)
        pieces = Counter(word for word in encoding.word_ids if word is not None)
        unread = {
            word for word, token in zip(encoding.word_ids, encoding.ids, strict=True) if token == tokenizer.unk_token_id
        }
        total += len(pieces)
        for word, count in pieces.items():
            if (count >= PIECES or word in unread) and (place := encoding.word_to_chars(word)):
                unknown[text[slice(*place)]] += 1
    share = sum(unknown.values()) / max(total, 1)
    if total < LEAST_WORDS or share < LEAST_SHARE:
        return None
    return Unknown(share, [word for word, _count in unknown.most_common(SHOWN)])


def tell_unknown(job: Job, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> None:
    """A warning where the words of the rows are strange to the model, unless it will learn them."""
    if getattr(job.params, "train_embeddings", False) or not (unknown := find_unknown(tokenizer, texts)):
        return
    job.warn(
        "unknown_words",
        _(
            "The model does not know %(share)s of the words, such as %(words)s: it reads them in pieces.",
            share=f"{unknown.share:.0%}",
            words=", ".join(f"“{word[:40]}”" for word in unknown.words),
        ),
        _("Train with “Standard” and “Train word embeddings too”, or compare with “Word counts”."),
    )
