"""Labels that look wrong where a row has several: a simple model of each label, cross-validated, is sure that a row has one that it does
not name, or names one that it does not have. Bounded in rows and labels."""

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from trainer.data.mislabels import (
    DOUBTED,
    MAX_ROWS_CHECKED,
    MIN_ROWS_CHECKED,
    SUGGESTIONS_KEPT,
    count_words,
    logistic_regression,
)
from trainer.data.problems import Problem, Suggestion, problem, shorten
from trainer.label_lists import read_labels, write_labels
from trainer.messages import ngettext

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FEWEST, MOST_LABELS = 6, 50
"""Rows with a label, and as many without it, from which it is looked at; the commonest labels are."""
FOLDS = 3
WORTH = 0.5
"""F1 of a label's model, below which it says nothing."""


def several_labels_problems(
    texts: list[str], cells: list[str], rows: np.ndarray, confirmed: Collection[int] = (), seed: int = 0
) -> list[Problem]:
    """`rows`: their numbers from 0; none of `confirmed` is told."""
    places = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MAX_ROWS_CHECKED])
    if len(places) < MIN_ROWS_CHECKED:
        return []
    answers = [read_labels(cells[place]) for place in places]
    labels = looked_at(answers)
    if not labels:
        return []
    actual = np.array([[label in answer for label in labels] for answer in answers])
    shares = cross_validated(count_words([texts[place] for place in places]), actual, seed)
    doubts = doubted(actual, shares)
    wrong = [index for index in doubts if int(rows[places[index]]) not in confirmed]
    suggestions = [
        suggestion_of(
            int(rows[places[index]]) + 1,
            texts[places[index]],
            answers[index],
            [labels[column] for column in doubts[index]],
        )
        for index in wrong
    ]
    return [problem_of(suggestions, rows[places[wrong]])] if wrong else []


def looked_at(answers: list[list[str]]) -> list[str]:
    counts = Counter(label for answer in answers for label in answer)
    return [label for label, rows in counts.most_common(MOST_LABELS) if FEWEST <= rows <= len(answers) - FEWEST]


def cross_validated(vectors: "csr_matrix", actual: np.ndarray, seed: int) -> np.ndarray:
    """(rows, labels): how likely a row has each label, by models that never saw the row."""
    from sklearn.model_selection import StratifiedKFold

    shares = np.zeros(actual.shape)
    for column in range(actual.shape[1]):
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(vectors, actual[:, column])
        for learn, held_out in folds:
            model = logistic_regression(len(learn), seed).fit(vectors[learn], actual[learn, column])
            shares[held_out, column] = model.predict_proba(vectors[held_out])[:, 1]
    return shares


def doubted(actual: np.ndarray, shares: np.ndarray) -> dict[int, list[int]]:
    """{row: labels of which the models are sure that it is otherwise}, the surest first."""
    chosen = shares >= 0.5
    f1 = 2 * (chosen & actual).sum(axis=0) / np.maximum(chosen.sum(axis=0) + actual.sum(axis=0), 1)
    own = np.where(actual, shares, 1 - shares)
    sure = (own < DOUBTED) & (f1 > WORTH)
    rows = np.flatnonzero(sure.any(axis=1))
    order = rows[np.argsort(own[rows].min(axis=1), kind="stable")]
    return {int(row): np.flatnonzero(sure[row]).tolist() for row in order}


def suggestion_of(row: int, text: str, labels: list[str], otherwise: list[str]) -> Suggestion:
    """With those labels taken back that it has, and added that it has not."""
    suggested = sorted(set(labels) ^ set(otherwise))
    named, other = (", ".join(each) or "–" for each in (labels, suggested))
    return {"row": row, "text": shorten(text), "label": named, "suggested": other, "cell": write_labels(suggested)}


def problem_of(suggestions: list[Suggestion], rows: np.ndarray) -> Problem:
    message = ngettext(
        "%(count)s row seems to have wrong labels: a simple model that never saw it is sure of others. Check it before training.",
        "%(count)s rows seem to have wrong labels: a simple model that never saw them is sure of others. Check them before training.",
        len(suggestions),
    )
    examples = [
        f"{suggestion['text'][:70]} — “{suggestion['label']}”, perhaps “{suggestion['suggested']}”"
        for suggestion in suggestions[:3]
    ]
    made = problem("probable_mislabels", "info", message, rows, examples)
    return made | {"suggestions": suggestions[:SUGGESTIONS_KEPT]}
