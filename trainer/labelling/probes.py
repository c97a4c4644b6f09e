"""How good a model of several labels, or of a number, is already: linear least squares over the vectors of the rows, fitted anew after
every ten labels. Its penalty, and the score from which labels apply, are those that are best on rows held out one by one."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from trainer.answers.labels_statistics import label_matrix
from trainer.comparison import compare, interval, score
from trainer.label_lists import learned_labels, read_labels
from trainer.labelling.progress import AGREEING, ENOUGH, LAST, LEAST_TESTED, MOST_COMPARED, MOST_THIN
from trainer.labelling.request import Request
from trainer.labelling.rows import UNLABELLED, PartlyLabelled
from trainer.numerals import form_of, number_of

STRENGTHS = 10.0 ** np.arange(-3, 4)
"""Of the penalty, beside vectors whose mean length is one."""
THRESHOLDS = np.linspace(0.05, 0.95, 37)
LEAST_LEARNED = 10
"""Rows, below which nothing is fitted."""


class Linear(NamedTuple):
    """`weight`: (features, outputs); `held_out`: (rows, outputs), what is said of each row by a model that was fitted without it."""

    weight: np.ndarray
    bias: np.ndarray
    held_out: np.ndarray

    def outputs(self, vectors: np.ndarray) -> np.ndarray:
        outputs: np.ndarray = vectors @ self.weight + self.bias
        return outputs


def least_squares(vectors: np.ndarray, targets: np.ndarray) -> Linear:
    """Ridge regression of `targets` (rows, outputs) with the one of STRENGTHS that errs least on rows held out one by one, which follows
    from one decomposition (Golub, Heath and Wahba 1979)."""
    centre, mean = vectors.mean(axis=0), targets.mean(axis=0)
    left, sizes, right = np.linalg.svd((vectors - centre).astype(np.float64), full_matrices=False)
    away = targets - mean
    turned, best = left.T @ away, None
    for strength in STRENGTHS:
        shrinkage = sizes**2 / (sizes**2 + strength)
        own = np.minimum(left**2 @ shrinkage + 1 / len(targets), 1 - 1e-6)
        errors = (away - left @ (shrinkage[:, None] * turned)) / (1 - own)[:, None]
        if best is None or (errors**2).sum() < best[0]:
            weight = right.T @ ((sizes / (sizes**2 + strength))[:, None] * turned)
            best = float((errors**2).sum()), weight, targets - errors
    assert best is not None
    return Linear(best[1], mean - centre @ best[1], best[2])


class Fit(ABC):
    """A model fitted to some rows."""

    @abstractmethod
    def predict(self, vectors: np.ndarray) -> np.ndarray:
        """Answers as `trainer.comparison` compares them."""

    @property
    def codes(self) -> np.ndarray:
        """The labels that it knows."""
        return np.zeros(1, dtype=np.int64)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """(rows, 2): of what it is least sure of; the same of all rows where it does not say, so that they are asked about spread out."""
        return np.full((len(vectors), 2), 0.5)


class Probe(ABC):
    """One kind of answer, to the rows of `cells` (null for none), whose `vectors` have a row each."""

    metric: str
    least_tested = 1
    """Rows, below which there is no score."""

    def __init__(self, rows: PartlyLabelled, cells: list[str | None], matrix: np.ndarray, unit: np.ndarray) -> None:
        self.rows, self.cells = rows, cells
        self.vectors = self.vectors_of(matrix, unit)
        self.truth = self.read()

    def vectors_of(self, matrix: np.ndarray, unit: np.ndarray) -> np.ndarray:
        return unit

    @abstractmethod
    def read(self) -> np.ndarray:
        """Answers as `trainer.comparison` compares them, one a row; of rows without one, whatever."""

    @abstractmethod
    def fit(self, places: np.ndarray) -> Fit: ...

    @abstractmethod
    def likeness(self, now: np.ndarray, then: np.ndarray) -> float:
        """How alike two models answer, 1 where they answer the same."""

    def more(self, truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        """Further figures of the score."""
        return {}

    def thin(self) -> list[dict[str, Any]]:
        """As `trainer.labelling.progress.thin_labels`."""
        return []


class LabelsFit(Fit):
    def __init__(self, linear: Linear, actual: np.ndarray) -> None:
        self.linear = linear
        self.threshold = max(THRESHOLDS, key=lambda threshold: score("micro_f1", actual, linear.held_out >= threshold))

    @property
    def codes(self) -> np.ndarray:
        return np.arange(max(self.linear.weight.shape[1], 1))

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        chosen = self.linear.outputs(vectors) >= self.threshold
        return np.concatenate([chosen, np.zeros((len(chosen), 1), dtype=bool)], axis=1)

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        margin = np.abs(self.linear.outputs(vectors) - self.threshold).min(axis=1, initial=0.5)
        return np.stack([0.5 + margin, 0.5 - margin], axis=1)


class LabelsProbe(Probe):
    metric = "micro_f1"

    def read(self) -> np.ndarray:
        self.counts = Counter(label for place in self.rows.learned for label in read_labels(self.cells[place]))
        self.labels = learned_labels(self.counts)
        return label_matrix(self.cells, self.labels)

    def fit(self, places: np.ndarray) -> LabelsFit:
        actual = self.truth[places, :-1]
        return LabelsFit(least_squares(self.vectors[places], actual.astype(np.float64)), actual)

    def likeness(self, now: np.ndarray, then: np.ndarray) -> float:
        return score("micro_f1", then, now)

    def thin(self) -> list[dict[str, Any]]:
        tested = {label for place in self.rows.tested for label in read_labels(self.cells[place])}
        used = sorted({*self.counts, *tested}, key=lambda label: (self.counts[label], label))
        thin: list[dict[str, Any]] = [
            {"label": label, "rows": self.counts[label], "more": ENOUGH - self.counts[label]} for label in used
        ]
        return [entry for entry in thin if entry["more"] > 0][:MOST_THIN]


class NumberFit(Fit):
    def __init__(self, linear: Linear) -> None:
        self.linear = linear

    def predict(self, vectors: np.ndarray) -> np.ndarray:
        numbers: np.ndarray = self.linear.outputs(vectors)[:, 0]
        return numbers


class NumberProbe(Probe):
    metric = "r2"
    least_tested = 5

    def vectors_of(self, matrix: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """How large the numbers of a table are matters, so that their rows are not drawn to one length; of all together it is one."""
        centred = matrix - matrix.mean(axis=0)
        size = float(np.sqrt((centred**2).sum(axis=1).mean()))
        return np.asarray(centred / size if size else centred, dtype=np.float32)

    def read(self) -> np.ndarray:
        """NaN where a cell is no number ("12 or 13"): such rows are neither learned from nor tested on."""
        dataset = self.rows.dataset
        form = form_of(dataset.forms.get(dataset.roles[dataset.mapped_shape.answer]) or {})
        numbers = [number_of(cell, **form) if cell else None for cell in self.cells]
        unread = np.array([number is None for number in numbers], dtype=bool)
        self.rows.codes[unread], self.rows.is_test[unread] = UNLABELLED, False
        return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)

    def fit(self, places: np.ndarray) -> NumberFit:
        return NumberFit(least_squares(self.vectors[places], self.truth[places][:, None]))

    def likeness(self, now: np.ndarray, then: np.ndarray) -> float:
        """The share of what the one says that the other explains."""
        spread = float(((then - then.mean()) ** 2).sum())
        return max(0.0, 1 - float(((now - then) ** 2).sum()) / spread) if spread else float(np.allclose(now, then))

    def more(self, truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        return {"mae": score("mae", truth, predicted)}


def cells_of(rows: PartlyLabelled, request: Request) -> list[str | None]:
    """What each row is answered with by now; null for nothing."""
    column = rows.dataset.column(rows.dataset.roles[rows.dataset.mapped_shape.answer])
    given = {entry.row - 1: entry.value for entry in request.decisions if entry.value is not None}
    answered = rows.codes >= 0
    numbers = rows.numbers.tolist()
    return [
        (given[row] if row in given and rows.decided[place] >= 0 else column[row].as_py()) if answered[place] else None
        for place, row in enumerate(numbers)
    ]


def measure(probe: Probe) -> tuple[Fit | None, dict[str, Any]]:
    """(the model, {score, change, thin} as `trainer.labelling.progress` has them)."""
    rows = probe.rows
    if len(rows.learned) < LEAST_LEARNED:
        return None, {"score": None, "change": None, "thin": probe.thin()}
    model = probe.fit(rows.learned)
    return model, {"score": score_of(probe, model), "change": last_change(probe, model), "thin": probe.thin()}


def score_of(probe: Probe, model: Fit) -> dict[str, Any] | None:
    tested = probe.rows.tested
    if len(tested) < probe.least_tested:
        return None
    truth, predicted = probe.truth[tested], model.predict(probe.vectors[tested])
    scored = interval(probe.metric, truth, predicted)
    value = {"name": probe.metric, "value": scored.value, "low": scored.low, "high": scored.high, "rows": len(tested)}
    return value | probe.more(truth, predicted)


def last_change(probe: Probe, model: Fit) -> dict[str, Any] | None:
    rows, learned = probe.rows, probe.rows.learned
    is_early = len(rows.tested) < LEAST_TESTED or len(learned) < LAST + LEAST_LEARNED
    if is_early or (rows.decided[learned[-LAST:]] < 0).any():
        return None
    before = probe.fit(learned[:-LAST])
    now, then = (each.predict(probe.vectors[rows.tested]) for each in (model, before))
    comparison = compare(probe.metric, probe.truth[rows.tested], now, then)
    others = probe.vectors[rows.asked[:: max(1, len(rows.asked) // MOST_COMPARED)]]
    agreement = probe.likeness(model.predict(others), before.predict(others)) if len(others) else 1.0
    settled = comparison.low <= 0 and agreement >= AGREEING
    return {"labels": LAST, **comparison.difference, "agreement": agreement, "settled": bool(settled)}
