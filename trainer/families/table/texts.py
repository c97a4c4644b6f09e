"""Columns of texts in a table: which of two ways reads them best is chosen by cross-validation, then learned from the training rows.

A column's words give a linear score an answer (`trainer.words`). A score of a row that was learned from says nothing, so each row is
scored by a model that did not learn from it, in the folds by which `search` compares candidates, and where a candidate is judged on
a fold, by models that have not seen that fold either.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer import tables
from trainer.families.table.search import folds_of
from trainer.learning import linear_texts
from trainer.learning.job import Job
from trainer.learning.linear_texts import Linear
from trainer.learning.rows import Rows
from trainer.table_texts import VECTORS, WORDS, Reduction, TextReader
from trainer.words import Terms, WordModel, is_spaced

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from trainer.families.table.vectors import Vectors

MOST_SCORES = 20
"""Labels that a column's words have a score for, the commonest ones."""
MOST_LEARNED = 50_000
"""Rows that words are learned from; all others are scored."""
MOST_TRIED = 2_000
"""Rows by which strengths and ways to read are compared."""
STRENGTH = 0.3
"""Of the linear model over all columns by which ways to read are compared."""
SPACED, UNSPACED = Terms((1, 2), (0, 0)), Terms((0, 0), (1, 3))
RIDGES = (0.01, 0.1, 1.0, 10.0)
"""Penalties per row of the regressions on vectors that are tried."""
PROSE = 4
"""Words of the median text from which a column is read as vectors too."""
OPEN_SECONDS, READ_SECONDS = 8.0, 0.01
"""What it takes about to make the encoder's graph, and to read a text, on one core."""
LONG = 60
"""Characters of the median text from which a form gives it several lines."""


class Column(NamedTuple):
    """A column of texts among the described ones: its `place` there, its distinct `cells` and each row's `indices` among them."""

    place: int
    description: tables.Description
    cells: Sequence[str | None]
    indices: np.ndarray

    @property
    def texts(self) -> list[str]:
        """Its distinct texts; those of rows without one are empty."""
        return [cell or "" for cell in self.cells]


@dataclass
class Scored:
    """A column as scores in one way to read: `all` (rows, scores), those of a row learned from by a model that did not learn from it; `folds`
    the same where a fold is held back, of the rows learned from."""

    all: np.ndarray
    folds: list[np.ndarray]


@dataclass
class Encoded:
    """The columns as they are read now: their readers, and what `tables.encode` makes of them, by place among the described ones."""

    readers: dict[str, TextReader] = field(default_factory=dict)
    parts: dict[int, np.ndarray] = field(default_factory=dict)
    scored: dict[int, list[Scored]] = field(default_factory=dict)
    encoder: dict[str, object] | None = None
    """What columns.json says of the encoder, where vectors are read."""


def build_targets(rows: Rows, known: np.ndarray) -> tuple[list[str], np.ndarray]:
    """(labels that are scored, (known, scores)): whether each applies, of two labels the second alone; or one number."""
    truth = rows.truth[known]
    if not rows.is_class:
        return [""], truth[:, None].astype(np.float64)
    if len(rows.labels) == 2:
        return [""], np.asarray(truth[:, None] == 1)
    counts = np.bincount(truth, minlength=len(rows.labels))
    places = np.sort(np.argsort(-counts, kind="stable")[:MOST_SCORES])
    return [rows.labels[place] for place in places], np.asarray(truth[:, None] == places)


class TextColumns:
    """Reads the columns of texts of a run's rows."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.foreseen_seconds = 0.0
        """What reading vectors will take, as a trial sees it, which reads none."""

    @cached_property
    def vectors(self) -> "Vectors":
        """Imported where one is read: its library takes seconds."""
        from trainer.families.table.vectors import Vectors

        return Vectors(self.job)

    def encode(self, rows: Rows, known: np.ndarray, columns: list[Column], others: np.ndarray) -> Encoded:
        """Choose how these columns are read and learn it from the `known` rows. `others` (rows, features): all other columns as a
        linear model takes them."""
        encoded = Encoded()
        words = {column.place: self.score(rows, known, column) for column in columns}
        scored = {WORDS: {place: own for place, (_model, own) in words.items()}}
        some = np.sort(np.random.default_rng(self.job.spec.seed).permutation(len(known))[:MOST_TRIED])
        tried = self.read(columns, known[some])
        if tried:
            scored[VECTORS] = {
                column.place: self.score_vectors(rows, known, column, some)[1]
                for column in columns
                if column.place in tried
            }
        counts = {
            column.place: tables.encode_column(column.description, column.cells)[column.indices] for column in columns
        }
        ways: dict[tuple[str, ...], np.ndarray] = {(): self.losses(rows, known, others, some, counts, [])}
        for way in ((WORDS,), (VECTORS,), (WORDS, VECTORS)):
            if set(way) <= set(scored):
                listed = [own for name in way for own in scored[name].values()]
                ways[way] = self.losses(rows, known, others, some, {}, listed)
        reads = simplest(ways)
        everywhere = np.arange(len(rows.truth))
        if VECTORS in reads and self.read(columns, everywhere) != tried:
            reads = simplest({way: losses for way, losses in ways.items() if VECTORS not in way})
        for number, column in enumerate(columns if reads else ()):
            own_reads = [way for way in reads if way == WORDS or column.place in tried] or [WORDS]
            reader, parts = TextReader(), []
            if WORDS in own_reads:
                reader.words, own = words[column.place]
                parts.append(own)
            if VECTORS in own_reads:
                reader.reduction, own = self.score_vectors(rows, known, column)
                parts.append(own)
                encoded.encoder = self.vectors.facts
            encoded.scored[column.place] = parts
            encoded.readers[column.description["name"]] = reader
            typical = [len(text) for text in column.texts if text]
            column.description.update({
                "reads": own_reads, "scores": build_targets(rows, known)[0], "folder": number, "words": [],
                "long": bool(np.median(typical) >= LONG),
            })  # fmt: skip
            lengths = np.array([np.nan if cell is None else float(len(cell.split())) for cell in column.cells])
            every = [own.all for own in parts]
            encoded.parts[column.place] = np.concatenate([*every, lengths[column.indices][:, None]], axis=1)
        return encoded

    def read(self, columns: list[Column], rows: np.ndarray) -> set[int]:
        """Have the vectors of these rows' texts; the places of the columns that are prose, or nothing where there is no time."""
        prose, limit = [column for column in columns if is_prose(column)], self.job.params.text_seconds
        every = len({text for column in prose for text in column.texts})
        if self.job.trial:
            seconds = OPEN_SECONDS + READ_SECONDS * every
            self.foreseen_seconds = seconds if prose and seconds <= limit else 0.0
        if not prose or not limit or self.job.trial:
            return set()
        texts = [column.texts[index] for column in prose for index in np.unique(column.indices[rows])]
        return {column.place for column in prose} if self.vectors.read(texts, every) else set()

    def score_vectors(
        self, rows: Rows, known: np.ndarray, column: Column, some: np.ndarray | None = None
    ) -> tuple[Reduction, Scored]:
        """Learn scores by the vectors of `some` of the known rows (places among them): other rows have none, and `all` has none at
        all. Without `some` the texts of all rows were read."""
        is_whole = some is None
        some = np.arange(len(known)) if some is None else some
        _names, targets = build_targets(rows, known)
        folds = folds_of(rows.truth[known], rows.is_class, self.job.spec.seed)
        is_missing = np.array([cell is None for cell in column.cells])[column.indices]
        filled = some[~is_missing[known[some]]]
        read = np.unique(column.indices[~is_missing] if is_whole else column.indices[known[filled]])
        places = np.full(len(column.cells), -1)
        places[read] = np.arange(len(read))
        vectors = self.vectors.matrix([column.texts[cell] for cell in read])
        own = vectors[places[column.indices[known[filled]]]]
        fitted = Ridge(own, targets[filled], folds[filled])
        width = targets.shape[1]
        by_fold = [np.full((len(known), width), np.nan) for _fold in range(int(folds.max()) + 1)]
        out_of_fold = np.full((len(known), width), np.nan)
        out_of_fold[filled], crossed = cross_scores(fitted.matrix, folds[filled], fitted.fit, width, len(by_fold))
        for mine, theirs in zip(by_fold, crossed, strict=True):
            mine[filled] = theirs
        reduction = fitted.reduction()
        every = np.full((len(rows.truth), width), np.nan)
        if is_whole:
            every[~is_missing] = reduction.reduce(vectors[places[column.indices[~is_missing]]])
            every[known] = out_of_fold
        return reduction, Scored(every, by_fold)

    def score(self, rows: Rows, known: np.ndarray, column: Column) -> tuple[WordModel, Scored]:
        """Learn a column's words."""
        names, targets = build_targets(rows, known)
        seed, labelled = self.job.spec.seed, rows.is_class
        folds = folds_of(rows.truth[known], labelled, seed)
        learned = np.zeros(len(known), dtype=bool)
        learned[np.random.default_rng(seed).permutation(len(known))[:MOST_LEARNED]] = True
        texts = column.texts
        own = [texts[index] for index in column.indices[known[learned]]]
        vocabulary = linear_texts.learn_vocabulary(own, SPACED if is_spaced(own) else UNSPACED, len(names))
        features = linear_texts.sparse(vocabulary.count(texts), len(vocabulary.names))[column.indices]
        features_known = features[known]
        strength = self.strength(features_known[learned], targets[learned])
        self.job.check_stop()

        def fit(part: np.ndarray) -> Linear:
            self.job.check_stop()
            part = part & learned
            if not part.any():
                return Linear(np.zeros((features.shape[1], len(names))), np.zeros(len(names)))
            return linear_texts.solve(features_known[part], targets[part], strength, seed)

        whole = fit(np.ones(len(known), dtype=bool))
        model = WordModel(vocabulary, whole.weight.astype(np.float32), whole.bias.astype(np.float32))
        scores = whole.outputs(features)
        out_of_fold, by_fold = cross_scores(features_known, folds, fit, len(names), int(folds.max()) + 1)
        scores[known] = np.where(learned[:, None], out_of_fold, scores[known])
        is_missing = np.array([cell is None for cell in column.cells])[column.indices]
        scores[is_missing] = np.nan
        for each in by_fold:
            each[is_missing[known]] = np.nan
        return model, Scored(scores, by_fold)

    def strength(self, features: "csr_matrix", targets: np.ndarray) -> float:
        """How strongly weights are held, by the cross-validated loss on some of the rows."""
        some = np.random.default_rng(self.job.spec.seed).permutation(len(targets))[:MOST_TRIED]
        features, targets = features[some], targets[some]
        strengths = linear_texts.STRENGTHS if targets.dtype == bool else linear_texts.RIDGES

        def loss(strength: float) -> float:
            self.job.check_stop()
            return linear_texts.loss_of(
                linear_texts.out_of_fold(features, targets, strength, self.job.spec.seed), targets
            )

        return min(strengths, key=loss)

    def losses(
        self,
        rows: Rows,
        known: np.ndarray,
        others: np.ndarray,
        some: np.ndarray,
        parts: dict[int, np.ndarray],
        scored: list[Scored],
    ) -> np.ndarray:
        """The loss of `some` known rows where each is answered by a linear model over all columns that did not learn from it."""
        _names, targets = build_targets(rows, known)
        seed = self.job.spec.seed
        folds = folds_of(rows.truth[known], rows.is_class, seed)
        outputs = np.zeros((len(some), targets.shape[1]))
        for fold in range(int(folds.max()) + 1):
            self.job.check_stop()
            blocks = [others[known[some]], *(part[known[some]] for part in parts.values())]
            blocks += [own.folds[fold][some] for own in scored]
            held = folds[some] == fold
            matrix = standard(np.concatenate(blocks, axis=1), ~held)
            if held.any() and not held.all():
                outputs[held] = answered(matrix[~held], targets[some][~held], matrix[held])
        if targets.dtype != bool:
            return np.asarray(((outputs - targets[some]) ** 2)[:, 0])
        return np.asarray(np.logaddexp(0, np.where(targets[some], -outputs, outputs)).mean(axis=1))


def answered(matrix: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """What linear models of `targets` (rows, outputs) answer to other rows: logits, or numbers."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if targets.dtype != bool:
        return np.asarray(Ridge(alpha=1 / STRENGTH).fit(matrix, targets).predict(asked)).reshape(len(asked), -1)
    outputs = np.zeros((len(asked), targets.shape[1]))
    for place, applies in enumerate(targets.T):
        share = (applies.sum() + 0.5) / (len(applies) + 1)
        outputs[:, place] = np.log(share / (1 - share))
        if 0 < applies.sum() < len(applies):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # not wholly converged is good enough
                model = LogisticRegression(C=STRENGTH, max_iter=100).fit(matrix, applies)
            outputs[:, place] = model.decision_function(asked)
    return outputs


def standard(matrix: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """In standard units of the rows learned from; gaps are the mean."""
    with np.errstate(all="ignore"):
        known = matrix[learned]
        count = (~np.isnan(known)).sum(axis=0).clip(min=1)
        mean = np.nansum(known, axis=0) / count
        spread = np.sqrt(np.nansum((known - mean) ** 2, axis=0) / count)
    return np.nan_to_num(((matrix - mean) / np.where(spread > 1e-12, spread, 1.0)).clip(-8, 8))


def cross_scores(
    features: "csr_matrix | np.ndarray", folds: np.ndarray, fit: Callable[[np.ndarray], Linear], width: int, count: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """((rows, width) by models that did not learn from a row's fold; for each fold, the same where that fold is not learned from
    either, by models without both). One model a pair of folds serves both."""
    out_of_fold = np.zeros((len(folds), width))
    by_fold = [np.zeros((len(folds), width)) for _fold in range(count)]
    for first in range(count):
        own = folds == first
        out_of_fold[own] = by_fold[first][own] = answers_of(fit(~own), features[own])
        for second in range(first):
            other = folds == second
            both = fit(~(own | other))
            by_fold[first][other], by_fold[second][own] = (
                answers_of(both, features[other]),
                answers_of(both, features[own]),
            )
    return out_of_fold, by_fold


def answers_of(model: Linear, features: "csr_matrix | np.ndarray") -> np.ndarray:
    return np.asarray(features @ model.weight + model.bias)


class Ridge:
    """Ridge regressions of `targets` (rows, outputs) on vectors (rows, width) in standard units, of which any folds may be left out:
    they add up (as sums of squares of each fold). Labels are ±1."""

    def __init__(self, vectors: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> None:
        values = 2.0 * targets - 1.0 if targets.dtype == bool else targets.astype(np.float64)
        self.mean = vectors.mean(axis=0) if len(vectors) else np.zeros(vectors.shape[1])
        self.scale = np.maximum(vectors.std(axis=0), 1e-6) if len(vectors) else np.ones(vectors.shape[1])
        self.matrix = ((vectors - self.mean) / self.scale).astype(np.float64)
        self.usual = values.mean(axis=0) if len(values) else np.zeros(values.shape[1])
        self.values, self.folds = values - self.usual, folds
        self.strength = min(RIDGES, key=self.loss)

    def fit(self, part: np.ndarray) -> Linear:
        return self.solve(part, self.strength)

    def solve(self, part: np.ndarray, strength: float) -> Linear:
        """By the rows of `part` alone; what is usual is left away."""
        own, values = self.matrix[part], self.values[part]
        width = self.matrix.shape[1]
        if not len(own):
            return Linear(np.zeros((width, values.shape[1])), np.zeros(values.shape[1]))
        weight = np.linalg.solve(own.T @ own + strength * len(own) * np.eye(width), own.T @ values)
        return Linear(weight, np.zeros(values.shape[1]))

    def loss(self, strength: float) -> float:
        """Mean square where each fold is answered by the others."""
        outputs = np.zeros(self.values.shape)
        for fold in np.unique(self.folds):
            held = self.folds == fold
            outputs[held] = answers_of(self.solve(~held, strength), self.matrix[held])
        return float(((outputs - self.values) ** 2).mean()) if len(outputs) else 0.0

    def reduction(self) -> Reduction:
        """Of all rows."""
        weight = self.fit(np.ones(len(self.matrix), dtype=bool)).weight / self.scale[:, None]
        return Reduction(self.mean.astype(np.float32), weight.astype(np.float32))


def is_prose(column: Column) -> bool:
    """Whether most texts are sentences, not names or codes."""
    texts = [text for text in column.texts if text][:1_000]
    sizes = [len(text.split()) if is_spaced([text]) else len(text) / 2 for text in texts]
    return bool(sizes) and float(np.median(sizes)) >= PROSE


def simplest(ways: dict[tuple[str, ...], np.ndarray]) -> tuple[str, ...]:
    """Of ways to read with the loss of each row, the simplest first: the first that is within one standard error of the best, the
    rows being the same (Breiman et al. 1984)."""
    best = ways[min(ways, key=lambda way: float(ways[way].mean()))]
    for way, losses in ways.items():
        difference = losses - best
        if difference.mean() <= difference.std() / np.sqrt(len(losses)):
            return way
    raise AssertionError("the best is as good as itself")
