"""What a run on a table will take, and how good it is likely to be: one fit of each kind of model that it tries."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from trainer import answers
from trainer.activations import softmax
from trainer.answers.classes_statistics import areas
from trainer.engines.table import finished
from trainer.events import Emit
from trainer.families.table import search
from trainer.families.table.models import KINDS, Candidate, candidates
from trainer.families.table.rows import TableRows, facts_of, prepare
from trainer.learning.expectation import LEAST_ROWS, MOST_SECONDS, range_of
from trainer.learning.job import Job
from trainer.machine import cores
from trainer.tasks.table import families_of, given_settings

MOST_OF_ONE = 6.0
"""Seconds that one family's fit may take here; one that is not through by then is taken to need a whole search."""
LONG_ENOUGH = 1.5
"""Seconds of folds that say enough of how long one takes: some stop learning much earlier than others."""
WARM_ROWS = 64
"""Learned from first: a library's first fit takes longer than all that follow, in the run as well, and once."""
SETTLING = 3.0
"""Seconds for the winner's last fit, its columns' weights, the baselines, the report and the package."""


class TooLong(Exception):  # noqa: N818  no fault: the measurement ends
    pass


def estimate(job: Job, emit: Emit) -> dict[str, Any]:
    """Read the rows as the run does and fit one fold of the first candidate of each family."""
    started = time.monotonic()
    import sklearn.linear_model  # noqa: F401  its import is no part of a fit, but of the run

    families = families_of(job.spec.method, job.spec.model)
    rows = prepare(job)
    facts, known = facts_of(job, rows), rows.known("train", "validation")
    read = time.monotonic() - started
    emit("progress", stage="estimate", fraction=0.3)
    searching = search.Search(
        job, facts, rows.matrix[known], rows.truth[known], np.ones(len(known)), job.out / "candidates", rows.held_out
    )
    every = candidates(families, len(searching.truth), given_settings(job.params))
    first = {candidate.family: candidate for candidate in reversed(every)}
    timed = {family: seconds_of_one(job, searching, first[family]) for family in families}
    once = {family: fold for family, (_first, fold) in timed.items()}
    emit("progress", stage="estimate", fraction=0.7)
    spent = search_seconds(once, every, int(searching.folds.max()) + 1, job.params.search_seconds)
    rounds = 1 if rows.loaded.folds is None else int(rows.loaded.folds.max()) + 2  # one for each test, one to keep
    fixed = read + sum(first for first, _fold in timed.values()) + SETTLING
    fixed += rows.text_columns.foreseen_seconds if rows.text_columns else 0.0
    quickest = once[every[0].family]
    return {
        "expected": expected(job, rows, searching, every[0]) if quickest < MOST_SECONDS else None,
        "likely_seconds": fixed + rounds * spent,
        "memory_bytes": int(rows.matrix.nbytes * 4 + 400 * 2**20),
        "rows_per_second": round(len(known) / quickest, 1),
        "fixed_seconds": round(fixed, 1),
        "basis": f"Measured on one fit of each kind of model on {len(searching.truth):,} of these rows; the search ends after {job.params.search_seconds:g} seconds.",
    }


def seconds_of_one(job: Job, searching: search.Search, candidate: Candidate) -> tuple[float, float]:
    """(what a library's first fit takes, what a fold takes after that): the mean of as many folds as LONG_ENOUGH allows;
    infinite where one is not through after MOST_OF_ONE."""
    folds = int(searching.folds.max()) + 1
    spent: list[float] = []
    started = time.monotonic()

    def fit(learned: np.ndarray, tell: Callable[[], None], rounds: int = 0) -> None:
        model = KINDS[candidate.family](searching.facts, job.spec.hardware.threads or cores(), job.spec.seed)
        data = searching.matrix[learned], searching.truth[learned], searching.weights[learned]
        held = None if rounds else (searching.matrix[~learned], searching.truth[~learned])
        model.fit(candidate.settings, data, tell, held, rounds)

    def in_time() -> None:
        job.check_stop()
        if time.monotonic() - started > MOST_OF_ONE:
            raise TooLong

    fit(warm_rows(searching.truth, answers.of_file(searching.facts).labelled), job.check_stop, rounds=1)
    first = time.monotonic() - started
    while len(spent) < folds and sum(spent) < LONG_ENOUGH:
        started = time.monotonic()
        try:
            fit(searching.folds != len(spent), in_time)
        except TooLong:
            return first, float("inf")
        spent.append(time.monotonic() - started)
    return first, max(float(np.mean(spent)), 0.001)


def warm_rows(truth: np.ndarray, labelled: bool) -> np.ndarray:
    """(rows,) whether a row is one of the WARM_ROWS first ones, one of each label by turns: in a sorted table, or beside a rare
    label, the very first would all be of one, which nothing can be learned from."""
    turns = np.arange(len(truth))
    if labelled:
        order = np.argsort(truth, kind="stable")
        _values, begins, counts = np.unique(truth[order], return_index=True, return_counts=True)
        turns = np.empty(len(truth), dtype=int)
        turns[order] = np.arange(len(truth)) - np.repeat(begins, counts)
    chosen = np.zeros(len(truth), dtype=bool)
    chosen[np.argsort(turns, kind="stable")[:WARM_ROWS]] = True
    return chosen


def search_seconds(once: dict[str, float], every: list[Candidate], folds: int, limit: float) -> float:
    """The time of a search over `every` candidate, where one fold of a family takes `once`: none is begun after `limit`, and
    one that never ended in the trial is taken to reach it."""
    spent = 0.0
    for candidate in every:
        if spent >= limit:
            break
        seconds = once[candidate.family] * folds
        spent += seconds if seconds < float("inf") else max(limit - spent, MOST_OF_ONE * folds)
    return spent


def expected(job: Job, rows: TableRows, searching: search.Search, candidate: Candidate) -> dict[str, Any] | None:
    """The range of the run's headline, from the answers of the candidate across the search's own folds."""
    if len(searching.truth) < LEAST_ROWS:
        return None
    outputs, entry = searching.cross_validate(candidate)
    facts, count = searching.facts, len(searching.truth)
    metric = facts["headline"]
    if not rows.is_class:
        value = entry["score"]
    else:
        probabilities = softmax(finished(outputs, facts))
        right = float((probabilities.argmax(1) == searching.truth).mean())
        value = areas(searching.truth, probabilities)["roc_auc"] if metric == "roc_auc" else right
    tested = len(rows.part("test")) or count
    others = len(families_of(job.spec.method, job.spec.model)) > 1 or candidate.family != "linear"
    return range_of(metric, value, count, tested, learned=count, more=count, tuned=others)
