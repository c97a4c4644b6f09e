"""`fewshot`: the encoder learns to bring texts of one label together and others apart, then a layer is learned over it.

In the manner of SetFit (Tunstall et al. 2022): pairs made of a few labelled rows are many more than the rows themselves, so
that a pretrained encoder can be tuned by a handful a label. All pairs of a batch are learned from at once, by the supervised
contrastive loss (Khosla et al. 2020).

- Of many labels (`MANY_LABELS`), each row of it is besides brought to the mean of its label among the means of all labels, as the
  encoder saw them at first (as proxies, Movshovitz-Attias et al. 2017), so that a step tells a row from the labels too that are not in
  its batch. Where a batch holds all labels, that teaches nothing.
- A batch has a few labels with a few rows of each, so that each label counts alike. Where there are more labels than a
  batch has room for, half of those in it are the likest to one of them: pairs that are easily taken for each other teach most.
- What is learned from is capped (`MOST_ROWS_SEEN`), however many pairs the rows could make; of many labels (`MANY_LABELS`) each row
  is seen less often, since it is compared with fewer of the others in a step and more passes taught nothing.
- The name of a label, where it says something (`NetworkFamily.named`), is one more row of it.
- Of many labels, the lower half of the encoder's layers stays as it is, unless `freeze_layers` says otherwise: that takes two thirds
  of the time and costs nothing there; with four labels it cost two points of accuracy (docs/benchmarks.md).
- From many rows, tuning rows say when to stop. A few are too few to be held out: there, cross-validation says after how many
  epochs to stop, and gives answers to rows that were not learned from; the model that is kept then learns from all.
- It also says whether the weights halfway back to the pretrained ones are better (Wortsman et al. 2022), as they are where
  there are many labels: what a few rows teach is kept, and less of what was known before is lost.
"""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.errors import SpecError
from trainer.learning import optimizers, probe
from trainer.learning.family import NetworkFamily, family_of
from trainer.learning.fine_tuning import FineTuning
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective, objective_of
from trainer.learning.passes import read_batches
from trainer.learning.rows import Mix, Rows
from trainer.messages import _
from trainer.outputs import Outputs

EPOCHS, EPOCHS_OF_MANY = 4, 2
"""Times that it is looked at how good the model is; the rows learned from are shared out among them."""
PASSES, PASSES_OF_MANY = 12, 4
"""Over each row, of a few rows; where there are many labels."""
MANY_LABELS = 32
LEAST_LAYERS = 4
"""Of an encoder whose lower half stays as it is."""
WAYS = 2
"""Weights that are tried after each epoch of a fold: those that were learned, and those halfway back."""
LEAST_ROWS_SEEN, MOST_ROWS_SEEN = 640, 16_000
"""In all, rows read again counted again."""
ROWS_A_LABEL = 4
"""Of a batch, at least: each then has three others of its label to be brought to."""
PIECES = 4
"""Of like length, in which a batch is read."""
TEMPERATURE, MEANS_TEMPERATURE = 0.1, 0.05
"""Of the likeness to other rows, and to the means of labels."""
STRENGTH = 3e-2
"""L2 penalty per row of the layer: its rows were learned from before, so cross-validation cannot choose it. On rows of the train files
that were not learned from, a looser one was worse (docs/benchmarks.md)."""
MOST_CROSSED = 1_000
"""Rows up to which cross-validation is used in place of tuning rows."""
FOLDS = 2


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Tune the encoder on pairs and learn the head over it, in place; with `epochs`, after so many of those planned.

    Raises `SpecError` where rows are not answered with one label each.
    """
    if not rows.is_class:
        raise SpecError(
            _("Few-shot learning needs rows with one label each."), code="bad_method", hint=_("Choose another method.")
        )
    known = rows.known("train", "validation")
    if epochs is None and len(known) > MOST_CROSSED:
        return learn(ContrastiveTuning(job, model, rows, objective)).learned()
    held = None
    family = family_of(job.task)
    named, names = family.named(job, rows) if isinstance(family, NetworkFamily) else (rows, known[:0])
    own = objective if named is rows else objective_of(job, named)
    is_halfway = False
    if epochs is None:
        held, epochs, is_halfway = cross_validate(job, model, named, own, known, names)
    with job.substage(FOLDS, FOLDS + 1) if held else nullcontext():
        parts = np.concatenate([known, names]), known[:0]
        learn(ContrastiveTuning(job, model, named, own, epochs, parts), is_halfway=is_halfway)
    if held is None:
        return Learned(len(known), epoch=epochs)
    name, key = objective.epoch_metrics[0]
    figures = objective.figures(*held)
    job.metric(name, "validation", figures[key], step=epochs, epoch=epochs, rows=len(known), folds=FOLDS)
    certainty = objective.certainty(*held) if objective.has_certainty else None
    return Learned(len(known), 0, epochs, certainty, "out-of-fold", figures[key], held)


def learn(tuning: "ContrastiveTuning", *, is_halfway: bool = False) -> "ContrastiveTuning":
    tuning.run()
    if is_halfway:
        tuning.go_halfway_back()
    tuning.learn_head()
    return tuning


def cross_validate(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], known: np.ndarray, names: np.ndarray
) -> tuple[Held, int, bool]:
    """(outputs of each row by a model that did not learn from it, after how many epochs they are best, whether with the weights
    halfway back). The model is as before in the end. Folds done before a restart are read. `names`: rows that are learned from
    in each fold."""
    start = {name: value.detach().clone() for name, value in model.state_dict().items()}
    folds = probe.stratified_folds(known, rows.truth, np.random.default_rng(job.spec.seed), FOLDS)
    by_fold = []
    for number, held in enumerate(folds):
        path = job.checkpoints / f"held-{number}.npy"
        if not path.exists():
            others = [fold for index, fold in enumerate(folds) if index != number]
            parts = np.sort(np.concatenate([*others, names])), held
            with job.substage(number, FOLDS + 1):
                tuning = ContrastiveTuning(job, model, rows, objective, parts=parts)
                tuning.run()
            save(path, torch.stack(tuning.held).numpy())
            model.load_state_dict(start)
        by_fold.append(np.load(path))
    planned = min(len(outputs) for outputs in by_fold)  # fewer where a limit ended one
    together, order = (
        [np.concatenate([outputs[epoch] for outputs in by_fold]) for epoch in range(planned)],
        np.concatenate(folds),
    )
    best = max(range(planned), key=lambda epoch: objective.rank(objective.figures(order, together[epoch])))
    epoch, is_halfway = best // WAYS + 1, best % WAYS == 1
    job.log(
        _(
            "Few-shot learning: after %(epochs)s epochs %(words)s in %(folds)s-fold cross-validation.",
            epochs=epoch,
            words=objective.describe(objective.figures(order, together[best])),
            folds=FOLDS,
        )
    )
    return Held(order, together[best]), epoch, is_halfway


def save(path: Path, outputs: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npy")
    np.save(part, outputs)
    part.replace(path)


class ContrastiveTuning(FineTuning):
    """Steps over batches of pairs. `held[WAYS * i + w]`: outputs of the tuning rows after epoch i + 1, by a head learned at that
    point, with the weights as they are (w = 0) and halfway back."""

    held: list[Tensor]

    def __init__(
        self,
        job: Job,
        model: TrainableModel,
        rows: Rows,
        objective: Objective[Any],
        last: int | None = None,
        parts: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.held = []
        self.first = {name: value.detach().clone() for name, value in model.state_dict().items()}
        super().__init__(job, model, rows, objective, last, parts)
        self.is_fold = parts is not None
        """All epochs are learned, since what other folds say counts too."""
        self.truth = torch.from_numpy(rows.truth)
        self.by_label = [self.train[rows.truth[self.train] == label] for label in np.unique(rows.truth[self.train])]
        self.place = torch.searchsorted(torch.from_numpy(np.unique(rows.truth[self.train])), self.truth)
        """Of each row's label among those that are learned."""
        self.kept_means: Tensor | None = None

    def prepare_model(self) -> None:
        super().prepare_model()
        layers = len(optimizers.layers_of(self.model))
        if self.is_many and not self.params.freeze_layers and layers >= LEAST_LAYERS:
            optimizers.freeze(self.model, layers // 2)

    @property
    def is_many(self) -> bool:
        return len(self.rows.labels) > MANY_LABELS

    def plan(self) -> tuple[int, int]:
        epochs = self.params.epochs or (EPOCHS_OF_MANY if self.is_many else EPOCHS)
        passes = PASSES_OF_MANY if self.is_many else PASSES
        seen = np.clip(passes * len(self.train), LEAST_ROWS_SEEN, MOST_ROWS_SEEN)
        return epochs, max(1, round(seen / epochs / self.size))

    def batches(self) -> list[np.ndarray]:
        """Of each step: a few labels, some rows of each, likely to be confused."""
        self.means()  # before the first step
        generator = np.random.default_rng([self.job.spec.seed, self.epoch])
        labels = max(2, min(len(self.by_label), self.size // ROWS_A_LABEL))
        each = max(2, self.size // labels)
        return [self.batch(generator, labels, each) for _step in range(self.steps_an_epoch)]

    def batch(self, generator: np.random.Generator, labels: int, each: int) -> np.ndarray:
        chosen = generator.permutation(len(self.by_label))[:labels]
        if labels < len(self.by_label):
            likest = np.argsort(-self.likenesses()[chosen[0]], kind="stable")[: labels // 2]
            others = chosen[~np.isin(chosen, likest)]
            chosen = np.concatenate([likest, others])[:labels]
        drawn = [
            generator.choice(self.by_label[label], min(each, len(self.by_label[label])), replace=False)
            for label in chosen.tolist()
        ]
        rows = np.concatenate(drawn)
        return rows[np.argsort(self.rows.lengths[rows], kind="stable")]

    def likenesses(self) -> np.ndarray:
        """(labels, labels): cosines of the mean vectors of each label, itself the highest."""
        unit = self.means()
        return (unit @ unit.T).numpy()

    def means(self) -> Tensor:
        """(labels, features): the mean vectors of each label by the encoder as it was given, of length one."""
        if self.kept_means is None:
            vectors = self.vectors(self.train)
            place = {row: index for index, row in enumerate(self.train.tolist())}
            means = [vectors[[place[row] for row in rows.tolist()]].mean(0) for rows in self.by_label]
            self.kept_means = torch.nn.functional.normalize(torch.stack(means), dim=1)
        return self.kept_means

    def loss(self, vectors: Tensor, batch: np.ndarray) -> Tensor:
        """Of the rows of a batch, `vectors` (rows, features) of length one."""
        device = vectors.device
        others = contrast(vectors, self.truth[batch].to(device), TEMPERATURE)
        if not self.is_many:
            return others
        likeness = vectors @ self.means().to(device).T / MEANS_TEMPERATURE
        return others + torch.nn.functional.cross_entropy(likeness, self.place[batch].to(device))

    def gradients(
        self, inputs: tuple[Any, ...], batch: np.ndarray, mix: Mix | None, parts: int, is_apart: bool = False
    ) -> Tensor:
        """The rows of a batch are compared with each other, yet they are read in pieces of like length (the batch is sorted), so
        that little is computed on padding. In several parts, for want of memory, each piece is read twice: for the loss, then
        for the gradient of its own vectors (Gao et al. 2021)."""
        pieces = np.array_split(batch, min(max(PIECES, parts), len(batch)))
        if parts <= 1:
            loss = self.loss(torch.cat([self.features(piece) for piece in pieces]), batch)
            self.scaler.scale(loss).backward()
            return loss.detach()
        with torch.no_grad():
            vectors = torch.cat([self.features(piece) for piece in pieces])
        loss = self.loss(vectors.requires_grad_(), batch)
        (gradient,) = torch.autograd.grad(self.scaler.scale(loss), vectors)
        start = 0
        for piece in pieces:
            self.features(piece).backward(gradient[start : start + len(piece)])
            start += len(piece)
        return loss.detach()

    def features(self, rows: np.ndarray) -> Tensor:
        with self.job.device.autocast():
            vectors = self.model.features(*self.rows.batch(rows, self.job.device.torch_device))
        return vectors.float()

    def vectors(self, part: np.ndarray) -> Tensor:
        """(rows, features) of these rows by the encoder as it is."""
        by_row: dict[int, Tensor] = {}
        batches = self.rows.sorted_batches(part, self.rows.read_batch)
        for batch, vectors in read_batches(self.model, self.rows, batches, self.job.device, self.model.features):
            by_row |= dict(zip(batch.tolist(), vectors, strict=True))
        return torch.stack([by_row[row] for row in part.tolist()])

    def learn_head(self) -> None:
        """A logistic regression over the vectors of the rows learned from, in place."""
        features, truth = self.vectors(self.train), self.truth[self.train]
        mean, scale = features.mean(0), features.std(0).clamp(min=1e-6)
        weight, bias = probe.logistic(
            (features - mean) / scale, truth, len(self.rows.labels), STRENGTH, probe.ITERATIONS
        )
        with torch.no_grad():
            self.model.head.weight.copy_(weight / scale)
            self.model.head.bias.copy_(bias - (weight * (mean / scale)).sum(1))

    def has_stalled(self) -> bool:
        return not self.is_fold and super().has_stalled()

    def validation_outputs(self) -> Outputs:
        self.learn_head()
        outputs = super().validation_outputs()
        if self.is_fold:
            now = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            self.go_halfway_back()
            self.learn_head()
            for each in (outputs, super().validation_outputs()):
                self.held.append(torch.from_numpy(np.asarray(each, dtype=np.float32)))
            self.model.load_state_dict(now)
        return outputs

    def go_halfway_back(self) -> None:
        """To the weights that it began with, in place."""
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(self.first[name], 0.5)

    def more_to_keep(self) -> dict[str, Tensor]:
        tensors = {f"held.{index}": outputs for index, outputs in enumerate(self.held)}
        return tensors if self.kept_means is None else tensors | {"means": self.kept_means}

    def take_back(self, tensors: dict[str, Tensor]) -> None:
        names = [name for name in tensors if name.startswith("held.")]
        self.held = [tensors[f"held.{index}"] for index in range(len(names))]
        self.kept_means = tensors.get("means")


def contrast(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The supervised contrastive loss (Khosla et al. 2020, equation 2) of a batch: `vectors` (rows, features) of length one,
    `labels` (rows,). Rows that are alone with their label are only pushed away from."""
    alone = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    likeness = (vectors @ vectors.T / temperature).masked_fill(alone, float("-inf"))
    log_share = (likeness - likeness.logsumexp(1, keepdim=True)).masked_fill(alone, 0.0)
    same = (labels[:, None] == labels[None]) & ~alone
    count = same.sum(1)
    rows = -(log_share * same).sum(1) / count.clamp(min=1)
    return rows[count > 0].mean() if bool((count > 0).any()) else rows.sum() * 0.0
