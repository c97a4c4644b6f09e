"""What the simple predictors are called that a model must beat. Light; they are made in `trainer.learning.baselines`."""

from trainer.messages import gettext_noop

TITLES = {
    "majority": gettext_noop("the most frequent class"),
    "mean": gettext_noop("the mean"),
    "mean_box": gettext_noop("each class’s mean box"),
    "silence": gettext_noop("an empty transcript"),
    "tfidf_logistic": gettext_noop("bag of words"),
    "pixels_logistic": gettext_noop("logistic regression on pixels"),
    "pixels_ridge": gettext_noop("ridge regression on pixels"),
    "bands_logistic": gettext_noop("logistic regression on band energy"),
    "spectrum_logistic": gettext_noop("logistic regression on mean spectra"),
    "logistic": gettext_noop("logistic regression"),
    "ridge": gettext_noop("ridge regression"),
}
"""As they stand within a sentence; marked for translation."""
CONSTANT = frozenset(("majority", "mean", "mean_box", "silence"))
"""They give one answer whatever the row. All others are models, if simple ones."""
