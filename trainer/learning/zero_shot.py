"""`zero-shot`: nothing is learned from the rows; an input is answered with the label whose name or description is nearest to it.

The family says where the names stand (`NetworkFamily.label_vectors`). They are the weights of the head, so that the model is
packaged and served as any other. How sure a given nearness is (`SCALES`) is read off a few rows whose answers are known.
"""

from typing import Any

import numpy as np
import torch

from trainer.errors import SpecError
from trainer.learning.family import NetworkFamily, family_of
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective
from trainer.learning.passes import read_part
from trainer.learning.rows import Rows
from trainer.messages import _

SCALES = (5.0, 10.0, 20.0, 40.0)
"""Of cosines, to make them logits."""
USUAL_SCALE = 20.0
MOST_JUDGED = 500
"""Rows with answers that are looked at."""


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Put the labels' vectors into the head. Raises `SpecError` where labels are not words and nothing describes them."""
    family = family_of(job.task)
    vectors = family.label_vectors(job, model, rows) if isinstance(family, NetworkFamily) and rows.is_class else None
    if vectors is None:
        raise SpecError(
            _("The labels are not words, so their names say nothing about an input."),
            code="labels_not_words",
            hint=_("Describe each label in params.label_descriptions, or choose another method."),
        )
    with torch.no_grad():
        model.head.weight.copy_(vectors)
        model.head.bias.zero_()
    known = rows.known("train", "validation")
    judged = np.sort(np.random.default_rng(job.spec.seed).permutation(known)[:MOST_JUDGED])
    scale, held = USUAL_SCALE, None
    if len(judged):
        cosines = np.asarray(read_part(model, rows, judged, job.device))
        scale = max(SCALES, key=lambda each: objective.rank(objective.figures(judged, each * cosines)))
        held = Held(judged, scale * cosines)
    with torch.no_grad():
        model.head.weight.mul_(scale)
    if held is None:
        return Learned(0)
    name, key = objective.epoch_metrics[0]
    figure = objective.figures(*held)[key]
    job.metric(name, "validation", figure, step=1, epoch=None, rows=len(judged))
    certainty = objective.certainty(*held) if objective.has_certainty else None
    return Learned(len(judged), certainty=certainty, source="out-of-fold", validated=figure, held=held)
