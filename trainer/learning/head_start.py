"""Where a new head begins: each label at the mean of the vectors of its rows.

The nearest mean is a fair classifier from the first step on (Mensink et al. 2013; Snell et al. 2017), so the layers below
learn from its mistakes, where a head drawn at random would first pull them about.
"""

import numpy as np
import torch
from torch import Tensor

from trainer.learning.heads import DirectionHead
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.passes import read_batches
from trainer.learning.rows import Rows

MOST_A_LABEL, MOST_ROWS = 64, 10_000
"""A mean of so many rows is near enough."""


def begin_at_means(job: Job, model: TrainableModel, rows: Rows, train: np.ndarray) -> None:
    """Set a head of directions; any other stays as it is."""
    if not isinstance(getattr(model, "head", None), DirectionHead):
        return
    chosen = some_of_each(rows.truth[train], len(rows.labels), job.spec.seed)
    if len(chosen):
        means = means_of(job, model, rows, train[chosen])
        with torch.no_grad():
            model.head.weight.copy_(means)
            model.head.bias.zero_()


def some_of_each(truth: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """Places in `truth` of rows drawn at random, as many of each label as there are, up to a bound."""
    most = max(1, min(MOST_A_LABEL, MOST_ROWS // max(labels, 1)))
    places = np.random.default_rng(seed).permutation(len(truth))
    places = places[truth[places] >= 0]
    places = places[np.argsort(truth[places], kind="stable")]
    own = truth[places]
    return np.sort(places[np.arange(len(places)) - np.searchsorted(own, own) < most])


def means_of(job: Job, model: TrainableModel, rows: Rows, chosen: np.ndarray) -> Tensor:
    """(labels, features): the direction of each label's mean; zero of a label without rows."""
    sums = torch.zeros(len(rows.labels), model.head.in_features)
    batches = rows.sorted_batches(chosen, rows.read_batch)
    for batch, vectors in read_batches(model, rows, batches, job.device, model.features):
        sums.index_add_(0, torch.from_numpy(rows.truth[batch]), vectors)
        job.check_stop()
    return torch.nn.functional.normalize(sums, dim=1)
