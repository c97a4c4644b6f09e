"""Labels that a simple model, cross-validated, is sure are wrong, and what more rows would bring. Bounded in rows."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.data.cells import select_cells
from trainer.data.dataset import Dataset
from trainer.data.memory import release_memory
from trainer.data.pool import confirmed_rows
from trainer.data.problems import Problem, Suggestion, fix_of, problem, shorten
from trainer.messages import _, ngettext

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

MAX_ROWS_CHECKED, MAX_ROWS_DRAWN = 4_000, 12_000
MIN_ROWS_CHECKED = 60
STEPS = 48_000
"""Of gradient descent, at least."""
SURE, DOUBTED = 0.75, 0.08
"""Given probability of another label, and of its own, for a label to look wrong."""
WORD = re.compile(r"\b\w\w+\b")
"""What scikit-learn counts as a word: texts of single letters or of signs alone hold none."""
MISLABEL_FIXES = (("accept_mislabels", _("Accept suggestions")), ("drop_mislabels", _("Exclude")))
SUGGESTIONS_KEPT = 200
"""Of which the data page shows the first; the page Label asks about all."""


class CrossValidated(NamedTuple):
    """What a simple model says of rows that it never saw: `rows` are their places among those asked about."""

    rows: np.ndarray
    texts: list[str]
    names: list[str]
    answers: np.ndarray
    probabilities: np.ndarray
    half_right: list[float]
    """Share right of a model that learned from half as many rows, a fold."""

    @property
    def best(self) -> np.ndarray:
        best: np.ndarray = self.probabilities.argmax(axis=1)
        return best

    @property
    def right(self) -> float:
        return float(np.mean(self.best == self.answers))

    def doubted(self) -> np.ndarray:
        """Rows of which the model is sure that their label is another, the surest first; none where it is no good."""
        own_probability = self.probabilities[np.arange(len(self.rows)), self.answers]
        wrong = np.flatnonzero(
            (self.best != self.answers) & (self.probabilities.max(axis=1) > SURE) & (own_probability < DOUBTED)
        )
        return wrong[np.argsort(own_probability[wrong])] if self.right > 0.5 else wrong[:0]


def logistic_regression(rows: int, seed: int) -> "SGDClassifier":
    """By stochastic gradient descent: seconds for four thousand rows and tens of classes, where L-BFGS takes minutes or, with a
    tolerance that makes it quick, stops before it has learned anything. Few `rows` get as many steps as many, so that half of
    them are not worse for want of steps."""
    from sklearn.linear_model import SGDClassifier

    epochs = max(12, STEPS // rows)
    return SGDClassifier(loss="log_loss", alpha=3e-5, max_iter=epochs, tol=None, random_state=seed)


def count_words(texts: list[str]) -> "csr_matrix":
    """(texts, terms): words and pairs of them, or characters where words are not told apart by blanks, weighted by how rare they are."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    spaced = np.mean([" " in text for text in texts]) > 0.7
    wordy = spaced and any(map(WORD.search, texts))
    vectorizer = TfidfVectorizer(
        analyzer="word" if wordy else "char",
        ngram_range=(1, 2) if wordy else (1, 3),
        sublinear_tf=True,
        max_features=40_000,
    )
    return vectorizer.fit_transform(texts)


def cross_validate_labels(
    texts: list[str], targets: np.ndarray, labels: list[str], seed: int = 0
) -> CrossValidated | None:
    """By counting words and cross-validated logistic regression; None for too few rows."""
    release_memory(sum(map(len, texts)))
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(targets, minlength=len(labels))
    rows = np.flatnonzero(counts[targets] >= 6)
    if len(rows) > MAX_ROWS_CHECKED:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:MAX_ROWS_CHECKED])
        rows = rows[np.bincount(targets[rows], minlength=len(labels))[targets[rows]] >= 6]
    if len(rows) < MIN_ROWS_CHECKED or len(np.unique(targets[rows])) < 2:
        return None
    chosen = [texts[row] for row in rows]
    vectors = count_words(chosen)
    codes, answers = np.unique(targets[rows], return_inverse=True)
    probabilities = np.zeros((len(rows), len(codes)))
    half_right = []
    for learn, held_out in StratifiedKFold(3, shuffle=True, random_state=seed).split(vectors, answers):
        model = logistic_regression(len(learn), seed).fit(vectors[learn], answers[learn])
        probabilities[np.ix_(held_out, model.classes_)] = model.predict_proba(vectors[held_out])
        half = learn[::2]
        if len(np.unique(answers[half])) > 1:
            smaller = logistic_regression(len(half), seed).fit(vectors[half], answers[half])
            half_right.append(float(np.mean(smaller.predict(vectors[held_out]) == answers[held_out])))
    return CrossValidated(rows, chosen, [labels[code] for code in codes], answers, probabilities, half_right)


def label_quality_problems(
    texts: list[str],
    targets: np.ndarray,
    labels: list[str],
    rows: np.ndarray,
    confirmed: Collection[int] = (),
    seed: int = 0,
) -> list[Problem]:
    """Labels that look wrong, none of `confirmed` rows (from 0), and what more rows would bring."""
    guessed = cross_validate_labels(texts, targets, labels, seed)
    if guessed is None:
        return []
    problems: list[Problem] = []
    wrong = unconfirmed(guessed.doubted(), rows[guessed.rows], confirmed)
    if len(wrong):
        examples = [
            f"{shorten(guessed.texts[index])[:70]} — “{guessed.names[guessed.answers[index]]}”, perhaps “{guessed.names[guessed.best[index]]}”"
            for index in wrong[:3]
        ]
        message = ngettext(
            "%(count)s label looks wrong: a simple model that never saw the row is sure of another. Check it before training.",
            "%(count)s labels look wrong: a simple model that never saw the rows is sure of others. Check them before training.",
            len(wrong),
        )
        mislabels = problem(
            "probable_mislabels", "info", message, rows[guessed.rows[wrong]], examples, MISLABEL_FIXES[0]
        )
        suggestions: list[Suggestion] = [
            {
                "row": int(rows[guessed.rows[index]]) + 1,
                "text": shorten(guessed.texts[index]),
                "label": guessed.names[guessed.answers[index]],
                "suggested": guessed.names[guessed.best[index]],
            }
            for index in wrong[:SUGGESTIONS_KEPT]
        ]
        problems.append(mislabels | {"fixes": [fix_of(*fix) for fix in MISLABEL_FIXES], "suggestions": suggestions})
    if len(guessed.half_right) == 3 and len(guessed.rows) < 2_000:
        half, right = float(np.mean(guessed.half_right)), guessed.right
        gain = right - half
        if gain > 0.01:
            message = _(
                "More data would help: a bag-of-words baseline reaches %(half)s with half of these rows and %(all)s with all; "
                "expect about %(double)s with twice as many.",
                half=f"{half:.0%}",
                all=f"{right:.0%}",
                double=f"{min(right + 0.7 * gain, 0.99):.0%}",
            )
            problems.append(problem("learning_curve", "info", message, count=len(guessed.rows)))
    return problems


def unconfirmed(places: np.ndarray, rows: np.ndarray, confirmed: Collection[int]) -> np.ndarray:
    """Those places whose rows no person has looked at."""
    return places[~np.isin(rows[places], list(confirmed))] if confirmed else places


def suggest_labels(dataset: Dataset) -> dict[int, str]:
    """The rows of the finding `probable_mislabels`, from 0, each with the label that a simple model is sure of."""
    drawn, cells = draw_rows(dataset)
    guessed = cross_validate_labels(cells, dataset.mapped_keys.codes[drawn], dataset.mapped_keys.labels)
    if guessed is None:
        return {}
    rows = drawn[guessed.rows]
    doubted = unconfirmed(guessed.doubted(), rows, confirmed_rows(dataset))
    return {int(rows[index]): guessed.names[guessed.best[index]] for index in doubted}


def draw_rows(dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Usable rows that are looked at closely, and their texts."""
    usable = np.flatnonzero(dataset.mapped_keys.usable)
    drawn = np.sort(np.random.default_rng(0).permutation(usable)[:MAX_ROWS_DRAWN])
    return drawn, select_cells(dataset.table.column(dataset.inputs[0]), drawn)
