"""`probe` for units: the model stays as it is; a regression over what it sees of each unit."""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from trainer.families.text.taggers import IGNORED, Tagger
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective
from trainer.learning.passes import read_part
from trainer.learning.probe import FOLD_ITERATIONS, ITERATIONS, logistic
from trainer.learning.rows import Rows
from trainer.messages import _

STRENGTHS = (3e-6, 3e-5, 3e-4)
"""L2 penalties, from loose to tight."""
MOST_UNITS = 150_000
"""That are kept; of more units, some that are outside are left out at random."""
BATCH = 32


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Learn the head in place; the penalty is chosen on the validation rows, where there are some. There are no epochs."""
    tagger = cast("Tagger", model)
    objective.prepare(model, rows.part("train"))
    train, validation = rows.part("train"), rows.part("validation")
    features, targets = embed(job, tagger, rows, train)
    mean, scale = features.mean(0), features.std(0).clamp(min=1e-6)
    features = (features - mean) / scale
    strengths = STRENGTHS if len(validation) else STRENGTHS[1:2]
    best: tuple[float, float] = (-1.0, strengths[0])
    start: tuple[Tensor, Tensor] | None = None
    for number, strength in enumerate(reversed(strengths)):
        job.check_stop()
        start = logistic(features, targets, tagger.head.out_features, strength, FOLD_ITERATIONS, start)
        put(tagger, start, mean, scale)
        if len(validation):
            f1 = validated(job, tagger, rows, objective, validation)
            best = max(best, (f1, strength))
        job.progress(0.6 + 0.3 * (number + 1) / len(strengths), 1)
    start = logistic(features, targets, tagger.head.out_features, best[1], ITERATIONS, start)
    put(tagger, start, mean, scale)
    if not len(validation):
        return Learned(len(train))
    held = Held(validation, read_part(tagger, rows, validation, job.device))
    final = objective.figures(*held)["entity_f1"]
    job.metric("entity_f1", "validation", final, step=1, epoch=None)
    return Learned(len(train), len(validation), validated=final, held=held)


def put(tagger: Tagger, layer: tuple[Tensor, Tensor], mean: Tensor, scale: Tensor) -> None:
    """A layer over features in standard units as one over features as they are."""
    weight, bias = layer
    with torch.no_grad():
        tagger.head.weight.copy_(weight / scale)
        tagger.head.bias.copy_(bias - (weight * (mean / scale)).sum(1))


def validated(job: Job, tagger: Tagger, rows: Rows, objective: Objective[Any], validation: np.ndarray) -> float:
    figures = objective.figures(validation, read_part(tagger, rows, validation, job.device))
    return figures["entity_f1"]


def embed(job: Job, tagger: Tagger, rows: Rows, train: np.ndarray) -> tuple[Tensor, Tensor]:
    """(features (units, hidden), tags (units,)) of the rows learned from, in batches at random."""
    batches = rows.training_batches(train, BATCH, job.spec.seed, 0)
    generator = np.random.default_rng(job.spec.seed)
    units = int(sum((tagger_targets(rows, batch) != IGNORED).sum() for batch in batches))
    share = min(1.0, MOST_UNITS / max(units, 1))
    seen, tags = [], []
    tagger.eval()
    with torch.inference_mode():
        for number, batch in enumerate(batches):
            targets = tagger_targets(rows, batch)
            chosen = (targets != IGNORED) & ((targets > 0) | (generator.random(targets.shape) < share))
            with job.device.autocast():
                features = tagger.features(*rows.batch(batch, job.device.torch_device))
            seen.append(features[torch.from_numpy(chosen)].float().cpu())
            tags.append(torch.from_numpy(targets[chosen]))
            job.progress(0.6 * (number + 1), len(batches), unit=rows.work_unit)
            job.check_stop()
            if job.out_of_time():
                job.tell_limit()
                break
    job.log(_("%(units)s units embedded.", units=f"{sum(map(len, tags)):,}"))
    return torch.cat(seen).clone(), torch.cat(tags)


def tagger_targets(rows: Rows, batch: np.ndarray) -> np.ndarray:
    targets: np.ndarray = cast("Any", rows).targets(batch)
    return targets
