"""Learning from rows with answers, from the first row to the artifact: what text, picture and sound tasks share."""

from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch

from trainer import thresholds, verdict
from trainer.events import Emit
from trainer.learning import baselines, trial
from trainer.learning.estimate import measure
from trainer.learning.family import NetworkFamily, NetworkT, RowsT
from trainer.learning.folds import Round, Rounds, outputs_of, usual_epochs
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Fit, Learned, Objective, Won, objective_of
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows
from trainer.learning.rungs import prepared_for
from trainer.licences import NOTES, restrictions
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.packaging import artifact
from trainer.packaging.base_licence import licence_of

UNKNOWN_LICENCE = "unknown"


class SupervisedFamily(NetworkFamily[RowsT, NetworkT]):
    """A family that is run and estimated as all are whose models learn by gradient, or as one layer over what they see."""

    def run(self, job: Job) -> dict[str, Any]:
        return run(self, job)

    def report(self, job: Job, model: NetworkT, rows: RowsT) -> dict[str, Any]:
        """What report.json says of the model itself, whatever it answers with."""
        return {}

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        return measure(self, job, emit)

    def fit(self, slug: str) -> Fit:
        return method(slug)


def run(family: SupervisedFamily[RowsT, NetworkT], job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    torch.manual_seed(job.spec.seed)
    fit = family.fit(job.spec.method)
    with job.stage("prepare"):
        with job.as_method(prepared_for(job)):
            rows = family.prepare(job)
        rounds = None if rows.loaded.folds is None else Rounds(rows)
        simple = partial(family.baselines, job, rows)
        simple_baselines = (
            {}
            if job.is_trial
            else baselines.cached(job.out / "baselines", lambda: rounds.baselines(simple) if rounds else simple())
        )
    with job.stage("load"):
        model = job.device.place(family.build(job, rows))
        weights = sum(value.numel() for value in model.parameters())
        job.log(
            _(
                "%(model)s: %(value)s million weights, on %(name)s.",
                model=job.spec.model,
                value=f"{weights / 1e6:.2f}",
                name=job.device.name,
            )
        )
        tell_licence(job)
    with job.stage("train"):
        tested = rounds.run(family, job, fit, read_part) if rounds else []
        objective = objective_of(job, rows)
        name = objective.epoch_metrics[0][0]
        if job.is_trial and rounds:
            return trial.result(job, name, [each.validated for each in tested], usual_epochs(tested))
        with job.substage(rounds.count, rounds.count + 1) if rounds else nullcontext():
            learned = fit(job, model, rows, objective, usual_epochs(tested))
        if job.is_trial:
            return trial.result(job, name, [learned.validated], learned.epoch)
        won = learned.won or Won(family, model, rows, objective)
        won.objective.tune_threshold(tested)
    return conclude(job, won, learned, rounds, tested, simple_baselines)


def tell_licence(job: Job) -> None:
    """What the licence of the base model forbids, where it is known to."""
    for code in restrictions(licence_of(job.spec.model, job.task.models)):
        if code != UNKNOWN_LICENCE:
            job.warn("licence", _(NOTES[code]))


def conclude(
    job: Job,
    won: Won,
    learned: Learned,
    rounds: Rounds[Any] | None,
    tested: list[Round],
    simple_baselines: dict[str, baselines.Baseline],
) -> dict[str, Any]:
    """Test and package what was learned; the fields of the result event."""
    family, model, rows, objective, base = won
    with job.stage("evaluate"):
        if rounds:
            rounds.test_all()
        served = evaluate(job, model, rows)
        outputs = outputs_of(tested) if rounds else served
        report = objective.report(outputs) | {"history": job.history}
        report |= verdict.judge(objective, outputs, simple_baselines)
        report |= certain(objective, rows, outputs, learned, tested)
        report["evaluation"] = {"kind": "folds", "folds": rounds.count} if rounds else {"kind": "test"}
        report["validation"] = validation(
            objective.epoch_metrics[0][0], [each.validated for each in tested] or [learned.validated]
        )
        report["learned"] = {"rows": learned.rows, "validation": learned.validation, "epochs": learned.epoch}
        if learned.ladder:
            report["ladder"] = learned.ladder
        report |= family.report(job, model, rows)
        report |= objective.beside_base(report, outputs, simple_baselines)
        job.log(objective.sentence(report))
        job.log(report["verdict"]["sentence"] if report["verdict"] else "There is no baseline to compare with.")
    with job.stage("package"), job.as_method(job.spec.method, base):
        own = objective.predictions(served) if rounds else None
        artifact.write(family, job, model, rows, objective, outputs, report, own)
    return {name: report[name] for name in ("metrics", "headline", "baselines", "verdict")}


def validation(name: str, values: list[float | None]) -> dict[str, Any] | None:
    """{name, value}: how good what was kept is on validation rows, by which runs may be chosen; in a cross-validation the mean
    over the rounds. None where nothing was validated."""
    measured = [value for value in values if value is not None]
    return {"name": name, "value": float(np.mean(measured))} if measured and len(measured) == len(values) else None


def certain(
    objective: Objective[Any], rows: Rows, outputs: Outputs, learned: Learned, tested: list[Round]
) -> dict[str, Any]:
    """How sure an answer must be (`trainer.thresholds.report`); nothing where answers have no probability."""
    test = objective.certainty(rows.part("test"), outputs)
    if test is None:
        return {}
    rounds = [
        (each.certainty, certainty)
        for each in tested
        if each.certainty is not None and (certainty := objective.certainty(each.rows, each.outputs)) is not None
    ]
    validation, source = learned.certainty, learned.source
    if validation is None and rounds:
        validation = thresholds.joined([own for own, _test in rounds])
    return thresholds.report(test, validation, source, rounds)


def method(slug: str) -> Fit:
    from trainer.learning import fewshot, fine_tuning, ladder, lora, probe, qlora, zero_shot

    fits: dict[str, Fit] = {
        "probe": probe.fit,
        "full": fine_tuning.fit,
        "scratch": fine_tuning.fit,
        "lora": lora.fit,
        "qlora": qlora.fit,
        "fewshot": fewshot.fit,
        "zero-shot": zero_shot.fit,
        "best": ladder.fit,
    }
    return fits[slug]


def evaluate(job: Job, model: TrainableModel, rows: Rows) -> Outputs:
    """Outputs of the test rows: the only time that they are looked at."""
    test = rows.part("test")

    def tell(done: int) -> None:
        job.progress(done, len(test), unit="rows")
        job.check_stop()

    return read_part(model, rows, test, job.device, tell)
