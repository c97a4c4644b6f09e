"""What the simple predictors are called that a model must beat. Light; they are made in `trainer.learning.baselines`.

Those that give one answer whatever the row are a fact of its kind (`Answer.constants`); all others are models, if simple ones.
"""

from trainer import answers
from trainer.messages import gettext_noop

SIMPLE = {
    "zero_shot": gettext_noop("the nearest label name (zero-shot)"),
    "tfidf_logistic": gettext_noop("bag of words"),
    "tfidf_ridge": gettext_noop("bag of words"),
    "pixels_logistic": gettext_noop("logistic regression on pixels"),
    "pixels_ridge": gettext_noop("ridge regression on pixels"),
    "bands_logistic": gettext_noop("logistic regression on band energy"),
    "spectrum_logistic": gettext_noop("logistic regression on mean spectra"),
    "words_cosine": gettext_noop("shared words (TF-IDF)"),
    "bm25": gettext_noop("search by words (BM25)"),
    "untrained": gettext_noop("the pretrained model without training"),
    "frequent_tags": gettext_noop("dictionary of each word’s most frequent tag"),
    "best_sentence": gettext_noop("the sentence that shares most words with the question"),
    "nearest_pair": gettext_noop("the answer of the most similar text"),
    "logistic": gettext_noop("logistic regression"),
    "ridge": gettext_noop("ridge regression"),
}
"""As they stand within a sentence; marked for translation."""


def constants() -> dict[str, str]:
    """{key: title} of those that give one answer whatever the row, of every kind."""
    return {key: title for answer in answers.kinds().values() for key, title in answer.constants.items()}


def title_of(key: str) -> str | None:
    """As it stands within a sentence, in English; None for one that is not known."""
    return (constants() | SIMPLE).get(key)
