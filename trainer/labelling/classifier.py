"""The linear model over vectors that is fitted again while rows are labelled. Seconds for a thousand rows: nothing else is learned."""

import warnings
from typing import NamedTuple

import numpy as np

STRENGTH = 0.1
"""Inverse of the L2 penalty, of vectors whose length is SCALE."""
SCALE = 20.0
ITERATIONS, TOLERANCE = 60, 1e-3


class Space(NamedTuple):
    """Rows as vectors of length one around their mean, so that products are cosines: `unit` (rows, features). `names`: where the
    names of labels stand among them, {label: vector}."""

    unit: np.ndarray
    names: dict[str, np.ndarray]

    @classmethod
    def of(cls, matrix: np.ndarray, names: dict[str, np.ndarray] | None = None) -> "Space":
        mean = matrix.mean(axis=0)
        return cls(to_unit(matrix - mean), {label: to_unit(vector - mean) for label, vector in (names or {}).items()})


def to_unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit


class Fitted(NamedTuple):
    """`codes`: the labels that it knows, in the order of its outputs."""

    weight: np.ndarray
    bias: np.ndarray
    codes: np.ndarray

    def outputs(self, unit: np.ndarray) -> np.ndarray:
        logits: np.ndarray = unit @ self.weight.T + self.bias
        return logits

    def probabilities(self, unit: np.ndarray) -> np.ndarray:
        """(rows, labels that it knows)."""
        logits = self.outputs(unit)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        total: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
        return total

    def predict(self, unit: np.ndarray) -> np.ndarray:
        """Codes of the likeliest labels."""
        best: np.ndarray = self.codes[self.outputs(unit).argmax(axis=1)]
        return best


def fit(space: Space, places: np.ndarray, codes: np.ndarray, labels: list[str]) -> Fitted | None:
    """From the rows at these `places`, and from the names of their labels as if each was one more row. Labels count alike, however
    often they were asked about. None for less than two labels."""
    given = codes[places]
    known = np.unique(given)
    if len(known) < 2:
        return None
    named = [code for code in known.tolist() if labels[code] in space.names]
    vectors = np.concatenate([space.unit[places], *(space.names[labels[code]][None] for code in named)])
    return regress(vectors, np.concatenate([given, np.array(named, dtype=given.dtype)]))


def regress(unit: np.ndarray, codes: np.ndarray) -> Fitted:
    """Multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    options = {"C": STRENGTH, "max_iter": ITERATIONS, "tol": TOLERANCE, "class_weight": "balanced"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not wholly converged is good enough
        model = LogisticRegression(**options).fit(SCALE * unit, codes)
    weight, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one output for two labels
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return Fitted((SCALE * weight).astype(np.float32), bias.astype(np.float32), model.classes_)
