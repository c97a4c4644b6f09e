"""Ways to answer questions that leave the encoder as it is: by shared words alone, and by one layer over it (`probe`)."""

from typing import Any, cast

import numpy as np
import torch

from trainer.families.text.question_model import QuestionModel
from trainer.learning.fine_tuning import FineTuning, split_rows
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective
from trainer.learning.passes import read_batches
from trainer.learning.rows import Rows


def by_words(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
) -> Learned:
    """The passage around the words that question and context share. Nothing is learned, and the encoder reads nothing."""
    asked = cast("QuestionModel", model)
    with torch.no_grad():
        asked.head.weight.zero_()
        asked.head.bias.zero_()
    train, validation = split_rows(rows, job.spec.seed)
    objective.prepare(asked, train)
    if not len(validation):
        return Learned(len(train))
    batches = rows.sorted_batches(validation, rows.read_batch)
    by_row = {
        row: output.numpy()
        for batch, outputs in read_batches(asked, rows, batches, job.device, asked.without_reading)
        for row, output in zip(batch.tolist(), outputs, strict=True)
    }
    held = Held(validation, np.stack([by_row[row] for row in validation.tolist()]))
    figure = objective.figures(*held)["passage_f1"]
    job.metric("passage_f1", "validation", figure, step=1, epoch=None, rows=len(validation))
    return Learned(len(train), len(validation), validated=figure, held=held)


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """In steps as `full`, but for the encoder, which has no gradient and so takes a third of the time."""
    model.encoder.requires_grad_(False)
    tuning = FineTuning(job, model, rows, objective, epochs)
    tuning.run()
    return tuning.learned()
