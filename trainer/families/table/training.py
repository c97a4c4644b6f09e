"""A run on a table: what its columns are, which model of several is best, and its figures on the test rows."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer import evaluation, leaks, tables, thresholds, verdict
from trainer.columns import SPLIT_NAMES, SPLIT_VALUES
from trainer.data.loading import Loaded
from trainer.engines.table import finished
from trainer.families.table import search
from trainer.families.table.models import KINDS, Model
from trainer.families.table.objective import TableObjective, certainty_of, importance
from trainer.hardware import cores
from trainer.learning.baselines import MOST_BASELINE_ROWS, Baseline, cached, class_baselines, logistic, number_baselines
from trainer.learning.folds import Rounds
from trainer.learning.job import Job
from trainer.learning.rows import Rows, truth_of
from trainer.packaging import artifact
from trainer.roles import INPUT
from trainer.tasks.table import FAMILIES, FAMILY_TITLES, families_of, net_layers
from trainer.thresholds import Certainty

SKEW, HEADLINE_SHARE = 8, 0.8


LEFT_OUT = {
    "ignore": "The column “{name}” is ignored.",
    "id": "The column “{name}” only numbers or names the rows and was left out.",
    "group": "The column “{name}” keeps rows together in the split and is not an input.",
    "time": "The column “{name}” orders the rows for the split and is not an input.",
    "answer": "The column “{name}” is the answer of another task and was left out.",
}


class TableRows(Rows):
    def __init__(self, loaded: Loaded, labels: list[str], truth: np.ndarray) -> None:
        super().__init__(loaded, labels, truth)
        self.target = loaded.columns[loaded.answer]
        self.described: list[dict[str, Any]] = []
        self.dropped: dict[str, str] = {}
        self.leaks: list[dict[str, Any]] = []
        self.leaks_not_looked_at: list[str] = []
        self.matrix = np.zeros((len(truth), 0))
        self.winner: dict[str, str] = {}
        """What won the search: {family, name, model, title}."""

    def describe_columns(self) -> None:
        """Learn the columns from the rows that are not tested on now, and encode all rows.

        Where these rows leave no column to learn from, an earlier description stays.
        """
        known, parts = self.known("train", "validation"), []
        described, dropped = [], {}
        for name in self.loaded.table.column_names:
            if name == self.target:
                continue
            cells, indices = distinct(self.loaded.table.column(name))
            role = self.loaded.roles.get(name, INPUT)
            if role != INPUT and any(cell is not None for cell in cells):
                dropped[name] = LEFT_OUT[role].format(name=name)
                continue
            if tells_parts(name, cells):
                continue
            counts = np.bincount(indices[known], minlength=len(cells))
            description, why = tables.learn(name, cells, counts, is_input=name in self.loaded.roles)
            if description is None:
                dropped[name] = why
                continue
            described.append(description)
            parts.append(tables.encode_column(description, cells)[indices])
        if parts:
            self.matrix = np.concatenate(parts, axis=1)
        if parts or not self.described:
            self.described, self.dropped = described, dropped

    def features(self) -> list[dict[str, Any]]:
        return [feature for one in self.described for feature in tables.features_of(one)]

    def inputs(self, rows: np.ndarray) -> list[Any]:
        names = [one["name"] for one in self.described]
        return self.loaded.table.select(names).take(rows).to_pylist()

    def shown(self, rows: np.ndarray) -> list[str]:
        return [json.dumps(row, ensure_ascii=False) for row in self.inputs(rows)]

    def manifest(self) -> dict[str, Any]:
        return {"inputs": [declared(one) for one in self.described], "chosen": self.winner}

    def card_facts(self) -> list[str]:
        won = [f"Chosen by cross-validation: {self.winner['title']}."] if self.winner else []
        return [*won, *self.dropped.values()]

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
    known = rows.known("train", "validation")
    kinds = {one["name"]: one["kind"] for one in rows.described}
    truth = np.full(len(rows.truth), -1 if rows.labels else np.nan)
    truth[known] = rows.truth[known]
    rows.leaks = leaks.find(rows.loaded.table, kinds, truth, rows.labels)
    rows.leaks_not_looked_at = leaks.not_looked_at(kinds, truth, rows.labels)
    for sentence in rows.leaks_not_looked_at:
        job.log(sentence)
    for one in rows.leaks:
        job.warn(
            "leakage",
            f"The column “{one['column']}” decides alone. Was it known at the time?",
            "If it is known only after the answer, give it the role “ignore” and train again.",
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


def baselines(job: Job, rows: TableRows) -> dict[str, Baseline]:
    """The commonest answer or the mean, and logistic or ridge regression on the number columns alone."""
    from sklearn.linear_model import Ridge

    known, test = rows.known("train", "validation"), rows.part("test")
    known = np.random.default_rng(job.spec.seed).permutation(known)[:MOST_BASELINE_ROWS]
    scales = facts_of(job, rows)["scales"] | {"categories": []}
    numbers, asked = tables.scaled(scales, rows.matrix[known]), tables.scaled(scales, rows.matrix[test])
    if not numbers.shape[1]:
        numbers, asked = np.zeros((len(known), 1)), np.zeros((len(test), 1))
    truth = rows.truth[known]
    if not rows.labels:
        return number_baselines(truth, len(test), "ridge", lambda: Ridge().fit(numbers, truth).predict(asked))
    return class_baselines(
        truth,
        len(test),
        rows.labels,
        "logistic",
        lambda: logistic(numbers, truth, asked, len(rows.labels), max_iter=1000),
    )


def train(task: Any, job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    families = families_of(job.spec.method, job.spec.model)
    job.expect("train", job.params.search_seconds)
    job.expect("package", 2)
    with job.stage("prepare"):
        rows = prepare(job)
        rounds = None if rows.loaded.folds is None else Rounds(rows)
        beside = cached(job.out / "baselines", lambda: beside_of(job, rows, rounds))
    with job.stage("load"):
        pass
    with job.stage("train"):
        tested = in_rounds(job, rows, families, rounds) if rounds else []
        with job.lap(rounds.count, rounds.count + 1) if rounds else nullcontext():
            chosen = learn(job, rows, families)
    with job.stage("evaluate"):
        if rounds:
            rounds.test_all()
        objective = TableObjective(job, rows, chosen.model)
        served = objective.outputs(rows.matrix[rows.part("test")])
        outputs, alone = served, objective
        if rounds:
            outputs, objective = pooled_of(job, rows, chosen.model, tested)
        report = objective.report(outputs) | {"history": job.history}
        report |= verdict.judged(objective, outputs, beside)
        if rows.labels:
            test = objective.certainty(rows.part("test"), outputs)
            halves = [(one.certainty, one.tested) for one in tested]
            report |= thresholds.report(test, chosen.certainty, "out-of-fold", halves)
        report["evaluation"] = {"kind": "folds", "folds": rounds.count} if rounds else {"kind": "test"}
        scores = [one.score for one in tested] or [chosen.candidates[0]["score"]]
        report["validation"] = {"name": "score", "value": float(np.mean(scores))}
        report["learned"] = {"rows": chosen.rows, "validation": 0, "epochs": None}
        names = ("family", "name", "score", "seconds")
        report["candidates"] = [{name: one[name] for name in names} for one in chosen.candidates]
        report |= {"leaks": rows.leaks, "leaks_not_looked_at": rows.leaks_not_looked_at}
        report["chosen"] = rows.winner
        report["importance"] = averaged(tested) if rounds else importance(rows, objective, chosen.model)
        headline = report["headline"]
        job.log(f"{headline['name']} {headline['value']:.3f} on {report['test_rows']:,} test rows.")
        job.log(report["verdict"]["sentence"])
    with job.stage("package"):
        own = alone.predictions(served) if rounds else None
        artifact.write(job, chosen.model, rows, objective, outputs, report, own)
    return {name: report[name] for name in ("metrics", "headline", "baselines", "verdict")}


class Chosen(NamedTuple):
    """The model chosen for the rows to learn from, `rows` many; what each candidate reached; how sure the winner's
    out-of-fold answers are, where they are labels."""

    model: Model
    candidates: list[dict[str, Any]]
    certainty: Certainty | None
    rows: int


def learn(job: Job, rows: TableRows, families: tuple[str, ...], lap: str = "all") -> Chosen:
    facts, known = facts_of(job, rows), rows.known("train", "validation")
    weights = weights_of(job, rows, known)
    folder = job.out / "candidates" / lap
    searching = search.Search(job, facts, rows.matrix[known], rows.truth[known], weights, folder)
    found = searching.run(families)
    model, certainty = settle(job, rows, facts, searching, found)
    return Chosen(model, found, certainty, len(known))


class Tested(NamedTuple):
    """A round of the cross-validation: `outputs` of the rows tested on, what was chosen for them on other rows, how certain
    the answers to those and to these are, and the `score` by which it was chosen."""

    rows: np.ndarray
    outputs: np.ndarray
    facts: dict[str, Any]
    certainty: Certainty | None
    tested: Certainty | None
    importance: list[dict[str, Any]]
    score: float


def in_rounds(job: Job, rows: TableRows, families: tuple[str, ...], rounds: Rounds) -> list[Tested]:
    """Columns are described, and a model is chosen, anew in each round, without the rows that it is tested on."""
    found = []
    for fold in range(rounds.count):
        rounds.begin(fold)
        rows.describe_columns()
        test = rows.part("test")
        with job.lap(fold, rounds.count + 1):
            chosen = learn(job, rows, families, str(fold))
        objective = TableObjective(job, rows, chosen.model)
        outputs = objective.outputs(rows.matrix[test])
        tested = objective.certainty(test, outputs) if rows.labels else None
        weighed = importance(rows, objective, chosen.model)
        found.append(
            Tested(test, outputs, chosen.model.facts, chosen.certainty, tested, weighed, chosen.candidates[0]["score"])
        )
    rounds.learn_all()
    rows.describe_columns()
    return found


def pooled_of(job: Job, rows: TableRows, model: Model, tested: list[Tested]) -> tuple[np.ndarray, "TableObjective"]:
    """(outputs of every row by the round that tested on it, the objective that decides each by its round's threshold)."""
    decision = model.facts["decision"]
    outputs = np.zeros((len(rows.truth), tested[0].outputs.shape[1]))
    limits = np.zeros(len(rows.truth)) if decision else None
    for one in tested:
        outputs[one.rows] = one.outputs
        if limits is not None:
            own = one.facts["decision"]
            same = own["positive_index"] == decision["positive_index"]
            limits[one.rows] = own["threshold"] if same else 1 - own["threshold"]
    return outputs, TableObjective(job, rows, model, limits)


def averaged(tested: list[Tested]) -> list[dict[str, Any]]:
    """Importance over all rounds, each on its own test rows; 0 where a round left a column out."""
    total = sum(len(one.rows) for one in tested)
    found: dict[str, dict[str, Any]] = {}
    for one in tested:
        for column in one.importance:
            into = found.setdefault(column["column"], {"column": column["column"]})
            for name in ("permutation", "gain"):
                if name in column:
                    into[name] = into.get(name, 0.0) + column[name] * len(one.rows) / total
    return sorted(found.values(), key=lambda one: -one["permutation"])


def beside_of(job: Job, rows: TableRows, rounds: Rounds | None) -> dict[str, Baseline]:
    def described() -> dict[str, Baseline]:
        rows.describe_columns()
        return baselines(job, rows)

    if rounds is None:
        return baselines(job, rows)
    found = rounds.baselines(described)
    rows.describe_columns()
    return found


def settle(
    job: Job, rows: TableRows, facts: dict[str, Any], searching: Any, found: list[dict[str, Any]]
) -> tuple[Model, Certainty | None]:
    """Calibration and threshold by the winner's out-of-fold outputs, whose certainty is told; then it learns from all rows."""
    best, known = found[0], rows.known("train", "validation")
    rows.winner = named(best)
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
    certainty = certainty_of(outputs, searching.truth, facts) if rows.labels else None
    model = KINDS[best["family"]](facts, (job.spec.hardware.threads or cores()), job.spec.seed)
    data = rows.matrix[known], rows.truth[known], weights_again(searching, job, rows, known)
    return model.fit(best["settings"], data, job.check_stop, rounds=best["rounds"]), certainty


def named(candidate: dict[str, Any]) -> dict[str, str]:
    """A candidate for people and programs, such as {…, title: "LightGBM (medium trees)"}."""
    family, name = candidate["family"], candidate["name"]
    title, more = FAMILY_TITLES[family], name.removeprefix("linear, ")
    title += f" ({more})" if more != "small net" else ""
    return {"family": family, "name": name, "model": FAMILIES[family], "title": title}


def weights_again(searching: Any, job: Job, rows: TableRows, known: np.ndarray) -> np.ndarray:
    return searching.weights if len(searching.weights) == len(known) else weights_of(job, rows, known)
