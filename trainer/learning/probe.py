"""`probe`: the model stays as it is; a regression over its vectors, its strength chosen by cross-validation."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer import cache
from trainer.learning import checkpoint
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Learned, Objective
from trainer.learning.passes import read_batches
from trainer.learning.rows import Rows, digest_of, digest_weights
from trainer.messages import _

BATCH = 64
CHECKPOINT_SECONDS = 30.0
STRENGTHS = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
"""L2 penalties per row, from loose to tight."""
RIDGES = (0.1, 1.0, 10.0, 100.0, 1_000.0, 10_000.0)
FOLDS = 3
MOST_FOLD_ROWS = 6_000
ITERATIONS, FOLD_ITERATIONS = 200, 60


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Learn the head in place, from the validation rows too: the penalty is chosen by cross-validation. There are no epochs."""
    vectors, read = embed(job, model, rows)
    features = torch.from_numpy(vectors)
    known = read[rows.truth[read] >= 0] if rows.is_class else read
    mean, scale = features[known].mean(0), features[known].std(0).clamp(min=1e-6)
    standard = (features - mean) / scale
    objective.prepare(model, known)
    worse = worse_vectors(job, model, rows, known)
    further = None if worse is None else (worse - mean) / scale
    weight, bias, validated, certainty, held = objective.regress(standard, known, further)
    with torch.no_grad():
        model.head.weight.copy_(weight / scale)
        model.head.bias.copy_(bias - (weight * (mean / scale)).sum(1))
        outputs = model.head(features[known].to(model.head.weight.device)).float().cpu().numpy()
    name, key = objective.epoch_metrics[0]
    job.metric(name, "train", objective.figures(known, outputs)[key], step=1, epoch=None)
    return Learned(len(known), certainty=certainty, source="out-of-fold", validated=validated, held=held)


def worse_vectors(job: Job, model: TrainableModel, rows: Rows, known: np.ndarray) -> Tensor | None:
    """(known, features) of these rows made worse, where they are learned from too."""
    made = rows.made_worse(known)
    if made is None:
        return None
    further, places = made
    vectors = torch.zeros(int(places.max()) + 1, model.head.in_features)
    for batch, read in read_batches(
        model, further, further.sorted_batches(places, further.read_batch), job.device, model.reader(job)
    ):
        vectors[batch] = read
        job.check_stop()
    return vectors[places]


def learn_numbers(
    job: Job, standard: Tensor, rows: Rows, known: np.ndarray, further: Tensor | None = None
) -> tuple[Tensor, Tensor, float, np.ndarray]:
    """Ridge regression in the answer's standard units: weight (1, features), bias (1), R² with each row left out in turn, by which
    the penalty is chosen, and what each row was then answered with (rows, 1), in the answer's own units."""
    from sklearn.linear_model import Ridge, RidgeCV

    answers = rows.truth[known]
    mean, scale = answers.mean(), answers.std() or 1.0
    ridge = RidgeCV(RIDGES, scoring="neg_mean_squared_error", store_cv_results=True)
    model = ridge.fit(standard[known].double().numpy(), (answers - mean) / scale)
    r2 = 1 + float(model.best_score_)  # minus the mean squared error, of answers whose variance is 1
    job.metric("r2", "validation", r2, step=1, epoch=None, rows=len(known), folds=len(known))
    job.log(
        _(
            "Regularization %(alpha)s, of %(count)s tried, was best: R² %(r2)s in leave-one-out cross-validation.",
            alpha=f"{model.alpha_:g}",
            count=len(RIDGES),
            r2=f"{r2:.3f}",
        )
    )
    left_out = model.cv_results_[:, RIDGES.index(model.alpha_)]
    outputs = (mean + scale * left_out)[:, None]
    if further is not None:
        both = torch.cat([standard[known], further]).double().numpy()
        model = Ridge(model.alpha_).fit(both, np.tile((answers - mean) / scale, 2))
        return torch.from_numpy(model.coef_).float()[None], torch.tensor([float(model.intercept_)]), r2, outputs
    return torch.from_numpy(model.coef_).float()[None], torch.tensor([float(model.intercept_)]), r2, outputs


def cache_path(job: Job, rows: Rows, known: np.ndarray, features_name: str = "") -> Path:
    """Where these vectors are kept: named by weights and rows, so another run of the same rows finds them."""
    kinds = [*(["fp16"] if job.device.fp16 else []), *([features_name] if features_name else [])]
    digest = digest_of(job.spec.model, job.device.bf16, job.device.torch_device.type, *kinds)
    digest_weights(digest, rows.folder)
    rows.fingerprint(digest, known)
    return job.cache / "embeddings" / f"{digest.hexdigest()[:32]}.npy"


def embed(job: Job, model: TrainableModel, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """(vectors (rows, features), the rows that have one): all rows but the test's, or fewer where a limit ended it."""
    known = np.sort(np.concatenate([rows.part("train"), rows.part("validation")]))
    path = cache_path(job, rows, known, model.features_name)
    features = np.zeros((rows.count, model.head.in_features), dtype=np.float32)
    if (cached := load_vectors(path, (len(known), features.shape[1]))) is not None:
        job.log(_("The embeddings of these rows are cached and used again."))
        features[known] = cached
        return features, known
    read = Reading(job, rows, known, features).run(model)
    if len(read) == len(known):
        save_vectors(job, path, features[known])
    return features, read


def load_vectors(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """What an earlier run kept; None where it is not there, or spoiled."""
    try:
        with os.fdopen(cache.open_entry(path), "rb") as file:
            vectors = np.load(file)
    except (FileNotFoundError, EOFError, ValueError):
        return None
    return vectors if vectors.shape == shape else None


def save_vectors(job: Job, path: Path, vectors: np.ndarray) -> None:
    """For the next run of the same rows; a disk without room is no reason to fail this one."""
    if cache.make_disk_room(job.cache, vectors.nbytes):
        with cache.writing(job.cache, path) as part, part.open("wb") as file:
            np.save(file, vectors)


class Reading:
    """The model's pass over the rows, in batches of like rows in random order, so that wherever a limit ends it the
    rows read are a fair sample; its checkpoints hold the vectors so far."""

    def __init__(self, job: Job, rows: Rows, known: np.ndarray, features: np.ndarray) -> None:
        self.job, self.rows, self.features = job, rows, features
        self.batches = rows.training_batches(known, BATCH, job.spec.seed, 0)
        self.save_every = float(os.environ.get("MAQUETTE_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS))
        self.batch_index = 0

    def run(self, model: TrainableModel) -> np.ndarray:
        self.resume()
        work = [int(self.rows.lengths[batch].sum()) for batch in self.batches]
        started, done, saved = time.monotonic(), 0, time.monotonic()
        output = read_batches(
            model, self.rows, self.batches[self.batch_index :], self.job.device, model.reader(self.job)
        )
        for batch, vectors in output:
            self.features[batch] = vectors.numpy()
            self.batch_index += 1
            done += len(batch)
            speed = done / (time.monotonic() - started)
            self.job.expect("evaluate", 1 + len(self.rows.part("test")) / speed)
            self.job.progress(
                0.85 * sum(work[: self.batch_index]), sum(work), unit=self.rows.work_unit, rows_per_second=speed
            )
            if self.job.stop_requested or time.monotonic() - saved > self.save_every:
                self.save()
                saved = time.monotonic()
                self.job.check_stop()
            if self.job.out_of_time() and self.batch_index < len(self.batches):
                self.tell_limit()
                break
        self.job.log(
            _(
                "%(done)s rows embedded, %(value)s a second.",
                done=f"{done:,}",
                value=f"{done / max(time.monotonic() - started, 1e-6):.0f}",
            )
        )
        return np.sort(np.concatenate(self.batches[: self.batch_index]))

    def tell_limit(self) -> None:
        share = self.batch_index / len(self.batches)
        self.job.warn(
            "limit",
            _(
                "A limit was reached: the model is trained on %(share)s of the rows.",
                share=f"{share:.0%}",
            ),
            _("To train on all of them, start another run with a higher limit."),
        )

    def save(self) -> None:
        read = np.concatenate(self.batches[: self.batch_index])
        tensors = {"rows": torch.from_numpy(read), "vectors": torch.from_numpy(self.features[read])}
        state = {"at": self.batch_index, "history": self.job.history}
        written = checkpoint.save(self.job.checkpoints, self.batch_index, tensors, state)
        self.job.save_clock()
        self.job.emit("checkpoint", step=self.batch_index, epoch=self._epoch(), bytes=written, resumed=False)

    def resume(self) -> None:
        newest = checkpoint.latest(self.job.checkpoints)
        if newest is None:
            return
        tensors, state = newest
        self.features[tensors["rows"].numpy()] = tensors["vectors"].numpy()
        self.batch_index = state["at"]
        self.job.history[:] = state["history"]
        self.job.go_on_from(0.85 * self._epoch())
        self.job.emit("checkpoint", step=self.batch_index, epoch=self._epoch(), bytes=0, resumed=True)

    def _epoch(self) -> float:
        return round(self.batch_index / len(self.batches), 3)


def choose_strength(
    job: Job, features: Tensor, truth: Tensor, known: np.ndarray, classes: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """(the penalty with the best cross-validated likelihood, rows, their logits (rows, classes) by the models of that
    penalty that did not learn from them)."""
    generator = np.random.default_rng(job.spec.seed)
    rows = generator.permutation(known)[:MOST_FOLD_ROWS]
    folds = stratified_folds(rows, truth.numpy(), generator)
    losses = np.zeros(len(STRENGTHS))
    rights = np.zeros(len(STRENGTHS))
    outputs = np.zeros((len(STRENGTHS), len(rows), classes), dtype=np.float32)
    place = np.zeros(len(truth), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    for number, held in enumerate(folds):
        others = torch.from_numpy(np.concatenate([fold for index, fold in enumerate(folds) if index != number]))
        held_rows = torch.from_numpy(held)
        start: tuple[Tensor, Tensor] | None = None
        for index in reversed(range(len(STRENGTHS))):
            start = logistic(features[others], truth[others], classes, STRENGTHS[index], FOLD_ITERATIONS, start)
            logits = features[held_rows] @ start[0].T + start[1]
            outputs[index, place[held]] = logits.numpy()
            losses[index] += torch.nn.functional.cross_entropy(logits, truth[held_rows], reduction="sum").item()
            rights[index] += (logits.argmax(1) == truth[held_rows]).sum().item()
            job.check_stop()
        job.progress(0.85 + 0.1 * (number + 1) / FOLDS, 1)
    best = int(np.argmin(losses))
    basis = {"rows": len(rows), "folds": FOLDS}
    job.metric("accuracy", "validation", rights[best] / len(rows), step=1, epoch=None, **basis)
    job.metric("loss", "validation", losses[best] / len(rows), step=1, epoch=None, **basis)
    job.log(
        _(
            "Regularization %(strengths)s, of %(count)s tried, was best: %(value)s accuracy in %(folds)s-fold cross-validation.",
            strengths=f"{STRENGTHS[best]:g}",
            count=len(STRENGTHS),
            value=f"{rights[best] / len(rows):.1%}",
            folds=FOLDS,
        )
    )
    return STRENGTHS[best], rows, outputs[best]


def stratified_folds(
    rows: np.ndarray, truth: np.ndarray, generator: np.random.Generator, count: int = FOLDS
) -> list[np.ndarray]:
    """`count` parts with the same mix of labels."""
    order = rows[np.lexsort((generator.random(len(rows)), truth[rows]))]
    return [order[start::count] for start in range(count)]


def logistic(
    features: Tensor,
    truth: Tensor,
    classes: int,
    strength: float,
    iterations: int,
    start: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by L-BFGS: weight (classes, features), bias (classes).

    Minimises mean cross-entropy + strength · |weight|² / 2 · classes-independent; standardised features are assumed.
    """
    weight = (start[0] if start else torch.zeros(classes, features.shape[1])).clone().requires_grad_()
    bias = (start[1] if start else torch.zeros(classes)).clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, history_size=10, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        solver.zero_grad()
        loss = (
            torch.nn.functional.cross_entropy(features @ weight.T + bias, truth) + strength * weight.square().sum() / 2
        )
        loss.backward()
        return loss

    solver.step(closure)
    return weight.detach(), bias.detach()
