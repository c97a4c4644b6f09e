"""A run on a table: what its columns are, which model of several is best, and its figures on the test rows."""

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np

from trainer import thresholds, verdict
from trainer.activations import softmax
from trainer.engines.table import finished
from trainer.families.table import search
from trainer.families.table.models import KINDS, Model
from trainer.families.table.objective import TableObjective, certainty_of, importance
from trainer.families.table.rows import TableRows, baselines, facts_of, prepare, weights_of
from trainer.learning import trial
from trainer.learning.baselines import Baseline, cached
from trainer.learning.family import Family
from trainer.learning.folds import Rounds
from trainer.learning.job import Job
from trainer.machine import cores
from trainer.messages import _
from trainer.packaging import artifact
from trainer.tasks.table import FAMILIES, FAMILY_TITLES, families_of
from trainer.thresholds import Certainty


def run(family: Family[TableRows, Model], job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    families = families_of(job.spec.method, job.spec.model)
    job.expect("train", job.params.search_seconds)
    job.expect("package", 2)
    with job.stage("prepare"):
        rows = prepare(job)
        rounds = None if rows.loaded.folds is None else Rounds(rows)
        simple = {} if job.is_trial else cached(job.out / "baselines", lambda: beside_of(job, rows, rounds))
    with job.stage("load"):
        pass
    with job.stage("train"):
        tested = in_rounds(job, rows, families, rounds) if rounds else []
        if job.is_trial:
            scores = [each.score for each in tested]
            return trial.result(job, "score", scores or [searched(job, rows, families)[1][0]["score"]], None)
        with job.substage(rounds.count, rounds.count + 1) if rounds else nullcontext():
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
        report |= verdict.judge(objective, outputs, simple)
        if rows.is_class:
            test = objective.certainty(rows.part("test"), outputs)
            halves = [
                (each.certainty, each.tested)
                for each in tested
                if each.certainty is not None and each.tested is not None
            ]
            report |= thresholds.report(test, chosen.certainty, "out-of-fold", halves)
        report["evaluation"] = {"kind": "folds", "folds": rounds.count} if rounds else {"kind": "test"}
        scores = [each.score for each in tested] or [chosen.candidates[0]["score"]]
        report["validation"] = {"name": "score", "value": float(np.mean(scores))}
        report["learned"] = {"rows": chosen.rows, "validation": 0, "epochs": None}
        names = ("family", "name", "score", "seconds")
        report["candidates"] = [{name: candidate[name] for name in names} for candidate in chosen.candidates]
        report |= {"leaks": rows.leaks, "leaks_not_looked_at": rows.leaks_not_looked_at}
        report["chosen"] = rows.winner
        report["importance"] = averaged(tested) if rounds else importance(rows, objective, chosen.model)
        headline = report["headline"]
        job.log(
            _(
                "%(headline)s %(headline2)s on %(report)s test rows.",
                headline=headline["name"],
                headline2=f"{headline['value']:.3f}",
                report=f"{report['test_rows']:,}",
            )
        )
        job.log(report["verdict"]["sentence"])
    with job.stage("package"):
        own = alone.predictions(served) if rounds else None
        artifact.write(family, job, chosen.model, rows, objective, outputs, report, own)
    return {name: report[name] for name in ("metrics", "headline", "baselines", "verdict")}


class Chosen(NamedTuple):
    """The model chosen for the rows to learn from, `rows` many; what each candidate reached; how sure the winner's
    out-of-fold answers are, where they are labels."""

    model: Model
    candidates: list[dict[str, Any]]
    certainty: Certainty | None
    rows: int


def learn(job: Job, rows: TableRows, families: tuple[str, ...], fold_name: str = "all") -> Chosen:
    searching, entries = searched(job, rows, families, fold_name)
    model, certainty = fit_winner(job, rows, searching.facts, searching, entries)
    return Chosen(model, entries, certainty, len(rows.known("train", "validation")))


def searched(
    job: Job, rows: TableRows, families: tuple[str, ...], fold_name: str = "all"
) -> tuple[search.Search, list[dict[str, Any]]]:
    """(the search, what each candidate reached, the best first)."""
    facts, known = facts_of(job, rows), rows.known("train", "validation")
    weights = weights_of(job, rows, known)
    folder = job.out / "candidates" / fold_name
    searching = search.Search(job, facts, rows.matrix[known], rows.truth[known], weights, folder, rows.held_out)
    return searching, searching.run(families)


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


def in_rounds(job: Job, rows: TableRows, families: tuple[str, ...], rounds: Rounds[TableRows]) -> list[Tested]:
    """Columns are described, and a model is chosen, anew in each round, without the rows that it is tested on."""
    tested_rounds = []
    for fold in range(rounds.count):
        rounds.begin(fold)
        rows.describe_columns()
        test = rows.part("test")
        with job.substage(fold, rounds.count + 1):
            chosen = learn(job, rows, families, str(fold))
        objective = TableObjective(job, rows, chosen.model)
        outputs = objective.outputs(rows.matrix[test])
        tested = objective.certainty(test, outputs) if rows.is_class else None
        weighed = importance(rows, objective, chosen.model)
        tested_rounds.append(
            Tested(test, outputs, chosen.model.facts, chosen.certainty, tested, weighed, chosen.candidates[0]["score"])
        )
    rounds.learn_all()
    rows.describe_columns()
    return tested_rounds


def pooled_of(job: Job, rows: TableRows, model: Model, tested: list[Tested]) -> tuple[np.ndarray, "TableObjective"]:
    """(outputs of every row by the round that tested on it, the objective that decides each by its round's threshold)."""
    decision = model.facts["decision"]
    outputs = np.zeros((len(rows.truth), tested[0].outputs.shape[1]))
    limits = np.zeros(len(rows.truth)) if decision else None
    for each in tested:
        outputs[each.rows] = each.outputs
        if limits is not None:
            own = each.facts["decision"]
            same = own["positive_index"] == decision["positive_index"]
            limits[each.rows] = own["threshold"] if same else 1 - own["threshold"]
    return outputs, TableObjective(job, rows, model, limits)


def averaged(tested: list[Tested]) -> list[dict[str, Any]]:
    """Importance over all rounds, each on its own test rows; 0 where a round left a column out."""
    total = sum(len(each.rows) for each in tested)
    by_column: dict[str, dict[str, Any]] = {}
    for each in tested:
        for column in each.importance:
            into = by_column.setdefault(column["column"], {"column": column["column"]})
            for name in ("permutation", "gain"):
                if name in column:
                    into[name] = into.get(name, 0.0) + column[name] * len(each.rows) / total
    return sorted(by_column.values(), key=lambda entry: -entry["permutation"])


def beside_of(job: Job, rows: TableRows, rounds: Rounds[TableRows] | None) -> dict[str, Baseline]:
    def described() -> dict[str, Baseline]:
        rows.describe_columns()
        return baselines(job, rows)

    if rounds is None:
        return baselines(job, rows)
    by_name = rounds.baselines(described)
    rows.describe_columns()
    return by_name


def fit_winner(
    job: Job, rows: TableRows, facts: dict[str, Any], searching: search.Search, entries: list[dict[str, Any]]
) -> tuple[Model, Certainty | None]:
    """Calibration and threshold by the winner's out-of-fold outputs, whose certainty is told; then it learns from all rows."""
    best, known = entries[0], rows.known("train", "validation")
    rows.winner = named(best)
    others = [entry for entry in entries if entry["family"] != best["family"]]
    behind = f", ahead of {others[0]['name']} by {best['score'] - others[0]['score']:.4f}" if others else ""
    job.log(_("Chosen by cross-validation: %(best)s%(behind)s.", best=best["name"], behind=behind))
    outputs = np.load(best["outputs"])
    facts["family"] = best["family"]
    facts["calibration"] = search.calibrate(outputs, searching.truth, facts)
    if len(rows.labels) == 2:
        probabilities = softmax(finished(outputs, facts))
        positive = 0 if (searching.truth == 0).sum() < (searching.truth == 1).sum() else 1
        facts["decision"] = search.decide(probabilities, searching.truth, job.params, rows.labels, positive)
    certainty = certainty_of(outputs, searching.truth, facts) if rows.is_class else None
    model = KINDS[best["family"]](facts, (job.spec.hardware.threads or cores()), job.spec.seed)
    data = rows.matrix[known], rows.truth[known], weights_again(searching, job, rows, known)
    return model.fit(best["settings"], data, job.check_stop, rounds=best["rounds"]), certainty


def named(candidate: dict[str, Any]) -> dict[str, str]:
    """A candidate for people and programs, such as {…, title: "LightGBM (medium trees)"}."""
    family, name = candidate["family"], candidate["name"]
    title, more = FAMILY_TITLES[family], name.removeprefix("linear, ")
    title += f" ({more})" if more != "small net" else ""
    return {"family": family, "name": name, "model": FAMILIES[family], "title": title}


def weights_again(searching: search.Search, job: Job, rows: TableRows, known: np.ndarray) -> np.ndarray:
    return searching.weights if len(searching.weights) == len(known) else weights_of(job, rows, known)
