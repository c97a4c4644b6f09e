"""Learning from rows with answers, from the first row to the artifact: what text, picture and sound tasks share."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer import artifact
from trainer.tasks._folds import Rounds
from trainer.tasks._objectives import Objective
from trainer.tasks._rows import Rows
from trainer.training import Job, write_json


def train(task: Any, job: Job) -> dict[str, Any]:
    """The whole of a run; the fields of the result event."""
    torch.manual_seed(job.spec.seed)
    fit = method(job.spec.method)
    with job.stage("prepare"):
        rows = task.prepare(job)
        rounds = None if rows.loaded.folds is None else Rounds(rows)
        beside = partial(task.baselines, job, rows)
        baselines = kept(
            job,
            "baselines",
            lambda: rounds.baselines(beside) if rounds else beside(),
        )
    with job.stage("load"):
        model = task.build(job, rows).to(job.device.torch_device)
        weights = sum(value.numel() for value in model.parameters())
        job.log(f"{job.spec.model}: {weights / 1e6:.2f} million weights, on {job.device.name}.")
    with job.stage("train"):
        outputs = rounds.outputs(task, job, fit, read_part) if rounds else None
        objective = task.objective(job, rows)
        with job.lap(rounds.count, rounds.count + 1) if rounds else nullcontext():
            fit(job, model, rows, objective)
        objective.settle()
    with job.stage("evaluate"):
        if rounds:
            rounds.test_all()
        served = evaluate(job, model, rows)
        outputs = served if outputs is None else outputs
        report = objective.report(outputs) | {"baselines": baselines, "history": job.history}
        report["evaluation"] = {"kind": "folds", "folds": rounds.count} if rounds else {"kind": "test"}
        job.log(objective.sentence(report))
    with job.stage("package"):
        artifact.write(job, model, rows, objective, outputs, report, served)
    return {name: report[name] for name in ("metrics", "headline", "baselines")}


def method(slug: str) -> Callable[[Job, Any, Rows, Objective], None]:
    from trainer.tasks import _fine_tuning, _lora, _probe

    return {"probe": _probe.fit, "full": _fine_tuning.fit, "scratch": _fine_tuning.fit, "lora": _lora.fit}[slug]


def kept(job: Job, name: str, compute: Callable[[], Any]) -> Any:
    """Computed once a folder: a resumed run reads it again."""
    path = job.out / f"{name}.json"
    if not path.exists():
        write_json(path, compute())
    return json.loads(path.read_text("utf-8"))


def evaluate(job: Job, model: Any, rows: Rows) -> np.ndarray:
    """Outputs of the test rows, (test rows, outputs …): the only time that they are looked at."""
    test = rows.part("test")

    def tell(done: int) -> None:
        job.progress(done, len(test), unit="rows")
        job.check_stop()

    return read_part(model, rows, test, job.device, tell)


def read_part(
    model: Any, rows: Rows, part: np.ndarray, device: Any, tell: Callable[[int], None] = lambda _done: None
) -> np.ndarray:
    """The model's outputs of these rows, in their order. `tell` hears how many are read."""
    found: dict[int, np.ndarray] = {}
    for batch, outputs in read_batches(model, rows, rows.sorted_batches(part, rows.read_batch), device, model):
        found |= dict(zip(batch.tolist(), outputs.numpy(), strict=True))
        tell(len(found))
    return np.stack([found[row] for row in part.tolist()])


def read_batches(
    model: Any, rows: Rows, batches: list[np.ndarray], device: Any, call: Any
) -> Iterator[tuple[np.ndarray, Tensor]]:
    """(rows, outputs in float32 on the CPU) batch by batch, without gradients."""
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            with device.autocast():
                outputs = call(*rows.batch(batch, device.torch_device))
            yield batch, outputs.float().cpu()
