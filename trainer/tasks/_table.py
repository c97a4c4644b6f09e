"""A run on a table: what its columns are, which model of several is best, and its figures on the test rows."""

import json
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from trainer import artifact, evaluation, tables
from trainer.columns import SPLIT_NAMES, SPLIT_VALUES
from trainer.data.loading import Loaded
from trainer.engines.table import areas, class_report, decided, finished
from trainer.hardware import cores
from trainer.tasks import _table_search as search
from trainer.tasks._folds import Rounds
from trainer.tasks._rows import Rows, truth_of
from trainer.tasks._supervised import kept
from trainer.tasks._table_models import KINDS, Boosting, Model, candidates
from trainer.tasks._table_task import families_of, net_layers
from trainer.training import Job

SKEW, HEADLINE_SHARE = 8, 0.8
LEAK, LEAK_ROWS = 0.98, 4_000
MOST_PERMUTED = 2_000


class TableRows(Rows):
    def __init__(self, loaded: Loaded, labels: list[str], truth: np.ndarray) -> None:
        super().__init__(loaded, labels, truth)
        self.target = loaded.columns[loaded.answer]
        self.described: list[dict[str, Any]] = []
        self.dropped: dict[str, str] = {}
        self.matrix = np.zeros((len(truth), 0))

    def describe_columns(self) -> None:
        """Learn the columns from the rows that are not tested on, and encode all rows."""
        known, parts = self.known("train", "validation"), []
        for name in self.loaded.table.column_names:
            if name == self.target:
                continue
            cells, indices = distinct(self.loaded.table.column(name))
            if tells_parts(name, cells):
                continue
            counts = np.bincount(indices[known], minlength=len(cells))
            description, why = tables.learn(name, cells, counts)
            if description is None:
                self.dropped[name] = why
                continue
            self.described.append(description)
            parts.append(tables.encode_column(description, cells)[indices])
        self.matrix = np.concatenate(parts, axis=1) if parts else self.matrix

    def features(self) -> list[dict[str, Any]]:
        return [feature for one in self.described for feature in tables.features_of(one)]

    def inputs(self, rows: np.ndarray) -> list[Any]:
        names = [one["name"] for one in self.described]
        return self.loaded.table.select(names).take(rows).to_pylist()

    def shown(self, rows: np.ndarray) -> list[str]:
        return [json.dumps(row, ensure_ascii=False) for row in self.inputs(rows)]

    def manifest(self) -> dict[str, Any]:
        return {"inputs": [declared(one) for one in self.described]}

    def card_facts(self) -> list[str]:
        return list(self.dropped.values())

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        test, answers = self.part("test"), self.loaded.answers
        chosen = list({answers[row]: row for row in test[::-1].tolist()}.values()) if self.labels else test.tolist()
        rows = np.array(sorted(chosen)[:6])
        return [{"input": one, "label": answers[row]} for one, row in zip(self.inputs(rows), rows, strict=True)]


def declared(column: dict[str, Any]) -> dict[str, Any]:
    """A column as a form draws it."""
    kept = {name: column[name] for name in ("choices", "min", "max", "typical") if name in column}
    return {"name": column["name"], "kind": column["kind"], "required": False, **kept, "example": column["typical"]}


def distinct(column: Any) -> tuple[list[str | None], np.ndarray]:
    """(distinct cells, each row's place among them); spellings of a missing value become None."""
    import pyarrow as pa

    found = column.cast(pa.string()).combine_chunks().dictionary_encode()
    found = pa.chunked_array([found]) if isinstance(found, pa.Array) else found
    found = found.unify_dictionaries().chunk(0)
    cells = [tables.cell_of(cell) for cell in found.dictionary.to_pylist()]
    return [*cells, None], found.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False).astype(np.int64)


def tells_parts(name: str, cells: list[str | None]) -> bool:
    """Whether a column only says which rows are learned from and which tested on."""
    there = [cell.strip().lower() for cell in cells if cell is not None]
    return name.strip().lower() in SPLIT_NAMES and bool(there) and set(there) <= set(SPLIT_VALUES)


def prepare(job: Job) -> TableRows:
    loaded = job.load_rows()
    labels, truth = truth_of(job, loaded)
    rows = TableRows(loaded, labels, truth)
    rows.describe_columns()
    if not rows.described:
        from trainer.errors import DataError

        raise DataError(
            "No column is left to learn from.", code="no_columns", hint="Give columns that differ from row to row."
        )
    for sentence in rows.dropped.values():
        job.log(sentence)
    warn_of_leaks(job, rows)
    job.tell_rows(rows, f"{len(rows.described)} columns")
    return rows


def warn_of_leaks(job: Job, rows: TableRows) -> None:
    """Columns that alone tell the answer nearly perfectly: often they are known only after it."""
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    known = rows.known("train", "validation")
    if len(known) < 50:
        return
    known = np.random.default_rng(0).permutation(known)[:LEAK_ROWS]
    truth = rows.truth[known]
    if rows.labels and np.bincount(truth)[np.unique(truth)].min() < 2:
        return
    kind: Any = DecisionTreeClassifier if rows.labels else DecisionTreeRegressor
    owners = np.array([one["column"] for one in rows.features()])
    for column in rows.described:
        values = np.nan_to_num(rows.matrix[np.ix_(known, owners == column["name"])], nan=-1e9)
        model = kind(max_leaf_nodes=64, min_samples_leaf=3, random_state=0)
        found = cross_val_score(model, values, truth, cv=2, scoring="balanced_accuracy" if rows.labels else "r2").mean()
        if found > LEAK:
            job.warn(
                "leakage",
                f"The column “{column['name']}” alone tells the answer nearly perfectly.",
                "If it is known only after the answer, leave it out of the table.",
            )


def facts_of(job: Job, rows: TableRows) -> dict[str, Any]:
    known = rows.known("train", "validation")
    features = rows.features()
    commonest = np.bincount(rows.truth[known]).max() / len(known) if rows.labels else 0
    return {
        "columns": rows.described,
        "dropped": list(rows.dropped),
        "features": features,
        "labels": rows.labels,
        "outputs": len(rows.labels) if len(rows.labels) > 2 else 1,
        "scales": tables.scales_of(features, rows.matrix[known]),
        "layers": net_layers(job.params),
        "epochs": job.params.epochs,
        "calibration": {"scale": 1.0, "bias": 0.0},
        "decision": None,
        "headline": "roc_auc" if len(rows.labels) == 2 and commonest > HEADLINE_SHARE else job.task.headline,
    }


def weights_of(job: Job, rows: TableRows, known: np.ndarray) -> np.ndarray:
    """Rare labels count for more (inverse root of frequency, mean one) when labels are skewed."""
    if not rows.labels:
        return np.ones(len(known))
    counts = np.bincount(rows.truth[known], minlength=len(rows.labels)).clip(min=1)
    if counts.max() < SKEW * counts.min():
        return np.ones(len(known))
    job.log("The labels are skewed, so mistakes on rare ones count for more.")
    weights = 1 / np.sqrt(counts[rows.truth[known]])
    return weights / weights.mean()


def baselines(rows: TableRows, facts: dict[str, Any], seed: int) -> dict[str, dict[str, Any]]:
    """The commonest answer or the mean, and logistic or ridge regression on the number columns alone."""
    from sklearn.linear_model import Ridge

    known, test = rows.known("train", "validation"), rows.part("test")
    known = np.random.default_rng(seed).permutation(known)[: evaluation.MOST_BASELINE_ROWS]
    scales = facts["scales"] | {"categories": []}
    numbers, asked = tables.scaled(scales, rows.matrix[known]), tables.scaled(scales, rows.matrix[test])
    if not numbers.shape[1]:
        numbers, asked = np.zeros((len(known), 1)), np.zeros((len(test), 1))
    truth = rows.truth[known]
    if not rows.labels:
        return evaluation.number_baselines(
            truth, rows.truth[test], "ridge", lambda: Ridge().fit(numbers, truth).predict(asked)
        )
    return evaluation.class_baselines(
        truth, rows.truth[test], rows.labels, "logistic", lambda: logistic(numbers, truth, asked)
    )


def logistic(numbers: np.ndarray, truth: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000).fit(numbers, truth).predict(asked)


def train(task: Any, job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    families = families_of(job.spec.method, job.spec.model)
    job.expect("train", job.params.search_seconds)
    job.expect("package", 2)
    with job.stage("prepare"):
        rows = prepare(job)
        rounds = None if rows.loaded.folds is None else Rounds(rows)
        facts = facts_of(job, rows)
        beside = kept(job, "baselines", lambda: beside_of(job, rows, facts, rounds))
    with job.stage("load"):
        pass
    with job.stage("train"):
        outputs = in_rounds(job, rows, families, rounds) if rounds else None
        with job.lap(rounds.count, rounds.count + 1) if rounds else nullcontext():
            model, found = learn(job, rows, families)
    with job.stage("evaluate"):
        if rounds:
            rounds.test_all()
        objective = TableObjective(job, rows, model)
        served = objective.outputs(rows.matrix[rows.part("test")])
        outputs = served if outputs is None else outputs
        report = objective.report(outputs) | {"baselines": beside, "history": job.history}
        report["evaluation"] = {"kind": "folds", "folds": rounds.count} if rounds else {"kind": "test"}
        report["candidates"] = [{name: one[name] for name in ("family", "name", "score", "seconds")} for one in found]
        report["importance"] = importance(rows, objective, model)
        headline = report["headline"]
        job.log(f"{headline['name']} {headline['value']:.3f} on {report['test_rows']:,} test rows.")
    with job.stage("package"):
        artifact.write(job, model, rows, objective, outputs, report, served)
    return {name: report[name] for name in ("metrics", "headline", "baselines")}


def learn(job: Job, rows: TableRows, families: tuple[str, ...], lap: str = "all") -> tuple[Model, list[dict[str, Any]]]:
    """(the model chosen for the rows to learn from, what each candidate reached)."""
    facts, known = facts_of(job, rows), rows.known("train", "validation")
    weights = weights_of(job, rows, known)
    folder = job.out / "candidates" / lap
    searching = search.Search(job, facts, rows.matrix[known], rows.truth[known], weights, folder)
    found = searching.run(families)
    return settle(job, rows, facts, searching, found), found


def in_rounds(job: Job, rows: TableRows, families: tuple[str, ...], rounds: Rounds) -> np.ndarray:
    """Outputs of every row by the model of the round that tested on it, chosen anew in each."""
    found: dict[int, np.ndarray] = {}
    for fold in range(rounds.count):
        rounds.begin(fold)
        test = rows.part("test")
        with job.lap(fold, rounds.count + 1):
            model, _candidates = learn(job, rows, families, str(fold))
        outputs = TableObjective(job, rows, model).outputs(rows.matrix[test])
        found |= dict(zip(test.tolist(), outputs, strict=True))
    rounds.learn_all()
    return np.stack([found[row] for row in range(len(rows.truth))])


def beside_of(job: Job, rows: TableRows, facts: dict[str, Any], rounds: Rounds | None) -> dict[str, dict[str, Any]]:
    if rounds is None:
        return baselines(rows, facts, job.spec.seed)
    return rounds.baselines(lambda: baselines(rows, facts, job.spec.seed))


def settle(job: Job, rows: TableRows, facts: dict[str, Any], searching: Any, found: list[dict[str, Any]]) -> Model:
    """Calibration and threshold by the winner's out-of-fold outputs; then it learns from all rows."""
    best, known = found[0], rows.known("train", "validation")
    others = [one for one in found if one["family"] != best["family"]]
    behind = f", ahead of {others[0]['name']} by {best['score'] - others[0]['score']:.4f}" if others else ""
    job.log(f"Chosen by cross-validation: {best['name']}{behind}.")
    outputs = np.load(best["outputs"])
    facts["family"] = best["family"]
    facts["calibration"] = search.calibrate(outputs, searching.truth, facts)
    if len(rows.labels) == 2:
        probabilities = evaluation.softmax(finished(outputs, facts))
        positive = 0 if (searching.truth == 0).sum() < (searching.truth == 1).sum() else 1
        facts["decision"] = search.decide(probabilities, searching.truth, job.params, rows.labels, positive)
    model = KINDS[best["family"]](facts, (job.spec.hardware.threads or cores()), job.spec.seed)
    data = rows.matrix[known], rows.truth[known], weights_again(searching, job, rows, known)
    return model.fit(best["settings"], data, job.check_stop, rounds=best["rounds"])


def weights_again(searching: Any, job: Job, rows: TableRows, known: np.ndarray) -> np.ndarray:
    return searching.weights if len(searching.weights) == len(known) else weights_of(job, rows, known)


class TableObjective:
    """Figures and predictions of the test rows (as `trainer.tasks._objectives.Objective` gives them)."""

    def __init__(self, job: Job, rows: TableRows, model: Model) -> None:
        self.job, self.rows, self.model, self.facts = job, rows, model, model.facts

    def outputs(self, matrix: np.ndarray) -> np.ndarray:
        return finished(self.model.raw(matrix), self.facts)

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        shown, numbers, truth = self.rows.shown(test), self.rows.numbers(test), self.rows.truth[test]
        if not self.rows.labels:
            return evaluation.number_report(truth, outputs[:, 0], shown, numbers, "input")
        return class_report(truth, evaluation.softmax(outputs), self.rows.labels, shown, numbers, self.facts)

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        if not self.rows.labels:
            return {"truth": self.rows.truth[test].tolist(), "predicted": outputs[:, 0].tolist()}
        probabilities = evaluation.softmax(outputs)
        said = decided(probabilities, self.facts)
        return {
            "truth": [self.rows.loaded.answers[row] for row in test],
            "predicted": [self.rows.labels[at] for at in said],
            "score": probabilities[np.arange(len(said)), said].tolist(),
            "probabilities": list(probabilities.astype(np.float32)),
        }

    def card(self, report: dict[str, Any]) -> str:
        return artifact.class_figures(report) if self.rows.labels else artifact.number_figures(report)


def importance(rows: TableRows, objective: TableObjective, model: Model) -> list[dict[str, Any]]:
    """[{column, permutation, gain}], the weightiest first.

    `permutation`: how far the score (area, or R²) falls when the column is shuffled among test rows; `gain`: its share
    of what the trees' splits won.
    """
    test = rows.part("test")[:MOST_PERMUTED]
    if rows.labels:
        test = test[rows.truth[test] >= 0]
    matrix, truth = rows.matrix[test], rows.truth[test]
    owners = np.array([one["column"] for one in rows.features()])
    generator, own = np.random.default_rng(0), quality(objective, matrix, truth)
    gains = model.gains() if isinstance(model, Boosting) else None
    found = []
    for column in rows.described:
        places = np.flatnonzero(owners == column["name"])
        shuffled = matrix.copy()
        shuffled[:, places] = matrix[np.ix_(generator.permutation(len(matrix)), places)]
        one = {"column": column["name"], "permutation": own - quality(objective, shuffled, truth)}
        if gains is not None:
            one["gain"] = float(gains[places].sum() / max(gains.sum(), 1e-12))
        found.append(one)
    return sorted(found, key=lambda one: -one["permutation"])


def quality(objective: TableObjective, matrix: np.ndarray, truth: np.ndarray) -> float:
    outputs = objective.outputs(matrix)
    if not objective.rows.labels:
        return evaluation.number_scores(truth, outputs[:, 0])["r2"]
    return areas(truth, evaluation.softmax(outputs))["roc_auc"]


def estimate(job: Job, emit: Any) -> dict[str, Any]:
    """Read the rows as the run does and fit one fold of the quickest candidate."""
    started = time.monotonic()
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
    fixed = read + 3
    return {
        "likely_seconds": fixed + search_time,
        "memory_bytes": int(rows.matrix.nbytes * 4 + 400 * 2**20),
        "rows_per_second": round(len(known) / once, 1),
        "fixed_seconds": round(fixed, 1),
        "basis": f"Measured on one fit of {len(searching.truth):,} of these rows; the search ends after {job.params.search_seconds:g} seconds.",
    }
