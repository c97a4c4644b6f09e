"""Linear models over counted words: which terms are counted and how strongly weights are held is chosen by cross-validation.

Labels are learned by a logistic regression each, numbers by ridge regression. Features are sparse: (texts, terms).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.learning.job import Job
from trainer.messages import _
from trainer.words import Counted, Terms, Vocabulary, is_spaced

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

NONE = (0, 0)
SPACED = (Terms((1, 2), NONE), Terms((1, 2), (3, 5)))
UNSPACED = (Terms(NONE, (1, 2)), Terms(NONE, (1, 3)))
"""What is tried: for texts whose words are parted by blanks, and for others."""
STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0)
"""Inverse penalties (C) of the logistic regressions that are tried."""
RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST_TERMS, MOST_WEIGHTS = 50_000, 8_000_000
FOLDS = 3
MOST_TRIED_ROWS, MOST_TRIED_LABELS, MOST_HELD_ROWS = 3_000, 8, 6_000
"""Rows and labels by which settings are chosen, and rows that are answered by models that did not learn from them."""
FEW_ROWS = 2_000
"""Above, terms that occur in a single text are not counted."""


class Choice(NamedTuple):
    terms: Terms
    strength: float


class Linear(NamedTuple):
    """`weight` (terms, outputs) and `bias` (outputs,)."""

    weight: np.ndarray
    bias: np.ndarray

    def outputs(self, features: "csr_matrix") -> np.ndarray:
        return np.asarray(features @ self.weight + self.bias)


def learn_vocabulary(texts: Sequence[str], terms: Terms, outputs: int) -> Vocabulary:
    most = int(np.clip(MOST_WEIGHTS // max(outputs, 1), 5_000, MOST_TERMS))
    return Vocabulary.learn(texts, terms, most, least=1 if len(texts) <= FEW_ROWS else 2)


def sparse(counted: Counted, terms: int) -> "csr_matrix":
    from scipy.sparse import csr_matrix

    return csr_matrix((counted.values, counted.places, counted.starts), shape=(len(counted.starts) - 1, terms))


def solve(features: "csr_matrix", targets: np.ndarray, strength: float, seed: int) -> Linear:
    """`targets` (texts, outputs): whether each label applies (bool), or numbers."""
    if targets.dtype != bool:
        return ridge(features, targets, strength, seed)
    parts = [logistic(features, targets[:, place], strength, seed) for place in range(targets.shape[1])]
    return Linear(np.stack([part[0] for part in parts], axis=1), np.array([part[1] for part in parts]))


def ridge(features: "csr_matrix", targets: np.ndarray, strength: float, seed: int) -> Linear:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=strength, random_state=seed).fit(features, targets)
    weight = np.asarray(model.coef_).reshape(targets.shape[1], -1).T
    return Linear(weight, np.asarray(model.intercept_).reshape(-1))


def logistic(features: "csr_matrix", applies: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, float]:
    """(weight (terms,), bias); a label that all or no texts have is answered by its share alone."""
    from sklearn.linear_model import LogisticRegression

    count = int(applies.sum())
    if not 0 < count < len(applies):
        share = (count + 0.5) / (len(applies) + 1)
        return np.zeros(features.shape[1]), float(np.log(share / (1 - share)))
    model = LogisticRegression(C=strength, solver="liblinear", random_state=seed).fit(features, applies)
    return model.coef_[0], float(model.intercept_[0])


def loss_of(outputs: np.ndarray, targets: np.ndarray) -> float:
    """Mean cross-entropy of each label, or mean square."""
    if targets.dtype != bool:
        return float(((outputs - targets) ** 2).mean())
    return float(np.logaddexp(0, np.where(targets, -outputs, outputs)).mean())


def out_of_fold(features: "csr_matrix", targets: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """(texts, outputs) by models that did not learn from them."""
    outputs = np.zeros(targets.shape)
    folds = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
    for fold in range(FOLDS):
        held = folds == fold
        outputs[held] = solve(features[~held], targets[~held], strength, seed).outputs(features[held])
    return outputs


def choose(job: Job, texts: Sequence[str], targets: np.ndarray) -> Choice:
    """Terms and strength with the best cross-validated likelihood (or the least square), on some of the rows and labels."""
    seed = job.spec.seed
    some = np.random.default_rng(seed).permutation(len(texts))[:MOST_TRIED_ROWS]
    labels = (
        np.argsort(-targets.sum(axis=0), kind="stable")[:MOST_TRIED_LABELS] if targets.dtype == bool else np.array([0])
    )
    tried, own = targets[np.ix_(some, labels)], [texts[row] for row in some]
    losses: dict[Choice, float] = {}
    strengths = STRENGTHS if targets.dtype == bool else RIDGES
    every = SPACED if is_spaced(own) else UNSPACED
    for place, terms in enumerate(every):
        vocabulary = learn_vocabulary(own, terms, len(labels))
        features = sparse(vocabulary.count(own), len(vocabulary.names))
        for strength in strengths:
            outputs = out_of_fold(features, tried, strength, seed)
            losses[Choice(terms, strength)] = loss_of(outputs, tried)
            job.check_stop()
        job.progress(0.4 * (place + 1) / len(every), 1)
    best = min(losses, key=lambda choice: losses[choice])
    job.log(
        _(
            "Of %(count)s settings, %(words)s words and %(characters)s characters in a row with strength %(strength)s were best in cross-validation.",
            count=len(losses),
            words="–".join(map(str, best.terms.words)),
            characters="–".join(map(str, best.terms.characters)),
            strength=f"{best.strength:g}",
        )
    )
    return best


def temperature(outputs: np.ndarray, truth: np.ndarray) -> float:
    """By how much logits of single labels must be multiplied so that their softmax is as sure as it is right (Guo et al. 2017).
    `truth`: (texts,) places of labels."""
    from scipy.optimize import minimize_scalar

    def loss(log_scale: float) -> float:
        scaled = outputs * np.exp(log_scale)
        top = scaled.max(axis=1)
        return float(
            (top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - scaled[np.arange(len(truth)), truth]).mean()
        )

    minimum: Any = minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    return float(np.exp(minimum.x))
