"""What a run on a table will take, and how good it is likely to be: some folds of the quickest candidate."""

import time
from typing import Any

import numpy as np

from trainer import evaluation
from trainer.engines.table import finished
from trainer.expecting import LEAST_ROWS, MOST_SECONDS, range_of
from trainer.hardware import cores
from trainer.tasks import _table_search as search
from trainer.tasks._table import TableRows, facts_of, prepare
from trainer.tasks._table_models import KINDS, Candidate, candidates
from trainer.tasks._table_task import families_of
from trainer.training import Job


def estimate(job: Job, emit: Any) -> dict[str, Any]:
    """Read the rows as the run does and fit one fold of the quickest candidate."""
    started = time.monotonic()
    import sklearn.linear_model  # noqa: F401  its import is no part of a fit, but of the run

    rows = prepare(job)
    facts, known = facts_of(job, rows), rows.known("train", "validation")
    read = time.monotonic() - started
    emit("progress", stage="estimate", fraction=0.5)
    searching = search.Search(
        job, facts, rows.matrix[known], rows.truth[known], np.ones(len(known)), job.out / "candidates"
    )
    every = candidates(families_of(job.spec.method, job.spec.model), len(searching.truth))
    started = time.monotonic()
    data = searching.matrix, searching.truth, searching.weights
    model = KINDS[every[0].family](facts, (job.spec.hardware.threads or cores()), job.spec.seed)
    model.fit(every[0].settings, data, job.check_stop, rounds=20)
    once = max(time.monotonic() - started, 0.01)
    rounds = {"linear": 1, "boosting": 20, "net": 1}[every[0].family]
    search_time = min(once * (searching.folds.max() + 1) * len(every) * rounds, job.params.search_seconds * 1.3)
    if rows.loaded.folds is not None:  # a search for each round of tests, and one for the model that is kept
        search_time *= int(rows.loaded.folds.max()) + 2
    fixed = read + 3
    return {
        "expected": expected(job, rows, searching, every[0]) if once < MOST_SECONDS else None,
        "likely_seconds": fixed + search_time,
        "memory_bytes": int(rows.matrix.nbytes * 4 + 400 * 2**20),
        "rows_per_second": round(len(known) / once, 1),
        "fixed_seconds": round(fixed, 1),
        "basis": f"Measured on one fit of {len(searching.truth):,} of these rows; the search ends after {job.params.search_seconds:g} seconds.",
    }


def expected(job: Job, rows: TableRows, searching: Any, candidate: Candidate) -> dict[str, Any] | None:
    """The range of the run's headline, from the answers of the candidate across the search's own folds."""
    if len(searching.truth) < LEAST_ROWS:
        return None
    outputs, found = searching.cross_validate(candidate)
    facts, count = searching.facts, len(searching.truth)
    metric = facts["headline"]
    if not rows.labels:
        value = found["score"]
    else:
        probabilities = evaluation.softmax(finished(outputs, facts))
        right = float((probabilities.argmax(1) == searching.truth).mean())
        value = evaluation.areas(searching.truth, probabilities)["roc_auc"] if metric == "roc_auc" else right
    tested = len(rows.part("test")) or count
    others = len(families_of(job.spec.method, job.spec.model)) > 1 or candidate.family != "linear"
    return range_of(metric, value, count, tested, learned=count, more=count, tuned=others)
