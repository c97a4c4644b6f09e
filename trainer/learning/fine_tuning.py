"""`full`: every layer learns, read top to bottom.

What makes it quick on a processor: bfloat16 where the processor has it, batches of like rows, no work on what stays as
it is, and one fused optimizer step. Early stopping, label smoothing and weight decay do the work of dropout.
"""

import os
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer import team
from trainer.answers.metrics import named
from trainer.errors import SpecError
from trainer.learning import optimizers, sharding, tuning_state
from trainer.learning.head_start import begin_at_means
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective
from trainer.learning.passes import read_part
from trainer.learning.recovery import Recovery
from trainer.learning.rows import Mix, Rows
from trainer.learning.step import Step, load_of
from trainer.messages import _
from trainer.outputs import Outputs

CHECKPOINT_SECONDS = 30.0
METRIC_STEPS = 10
MOST_TUNING_ROWS = 500
PACKAGE_SECONDS = 15.0
"""Of the export alone, before its answers are compared on the test rows."""
ROWS_PER_SECOND = 50
"""Before the first step has been timed."""


def default_epochs(rows: int) -> int:
    """Small sets need more passes; from a few thousand rows on, a handful."""
    return (
        int(np.clip(round(40_000 / max(rows, 1)), 3, 15))
        if rows > 8_000
        else int(np.clip(round(24_000 / max(rows, 1)), 5, 15))
    )


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Fine-tune in place and leave the best weights in the model; with `epochs`, those after so many of the epochs planned."""
    with job.device.team.together(order_of(job, rows, epochs), model):
        tuning = FineTuning(job, model, rows, objective, epochs)
        tuning.run()
        return tuning.learned()


def order_of(job: Job, rows: Rows, epochs: int | None) -> dict[str, Any]:
    """What the other processes of a run on several devices need to know, to do the same (`trainer.learning.followers`)."""
    folders = {"out": str(job.out), "cache": str(job.cache), "checkpoints": str(job.checkpoints)}
    chosen = {"method": job.spec.method, "params": job.params, "split": rows.loaded.split, "epochs": epochs}
    return {"do": "learn"} | folders | chosen


def split_rows(rows: Rows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows to learn from, rows to tune with): a few hundred tell epochs apart, so tuning rows beyond them are learned from."""
    train, tuning = rows.part("train"), rows.known("validation")
    most = max(MOST_TUNING_ROWS, 5 * len(rows.labels))
    if len(tuning) > most:
        tuning = np.random.default_rng(seed).permutation(tuning)
        train, tuning = np.concatenate([train, tuning[most:]]), np.sort(tuning[:most])
    return train, tuning


class FineTuning:
    def __init__(
        self,
        job: Job,
        model: TrainableModel,
        rows: Rows,
        objective: Objective[Any],
        last: int | None = None,
        parts: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """`parts`: the rows to learn from and to tune with, where they are not those of `split_rows`."""
        self.job, self.model, self.rows, self.objective, self.params = job, model, rows, objective, job.params
        self.team = job.device.team.present()
        self.train, self.validation = parts or split_rows(rows, job.spec.seed)
        self.size = self.params.batch_size
        self.epochs, self.steps_an_epoch = self.plan()
        self.steps = self.epochs * self.steps_an_epoch
        """Over which the learning rate rises and falls."""
        self.last = min(last or self.epochs, self.epochs)
        self.planned = self.last * self.steps_an_epoch
        self.step = self.epoch = self.batch_index = 0
        self.best: dict[str, Tensor] = {}
        self.best_score: tuple[float, ...] = ()
        self.best_epoch = self.bad_epochs = self.drops = 0
        """`drops`: how often the schedule “plateau” lowered the rate."""
        self.best_figure: float | None = None
        self.rows_seen, self.seconds_learning = 0, 0.0
        self.losses: list[Tensor] = []
        self.proven_load = 0
        """The largest load of a batch that all devices had memory for."""
        self.saved_at = time.monotonic()
        self.save_every = float(os.environ.get("MAQUETTE_CHECKPOINT_SECONDS", CHECKPOINT_SECONDS))
        model.prepare_to_learn(job.params)
        self.prepare_model()
        begin_at_means(job, model, rows, self.train)
        self.plain, self.is_sharded = model, sharding.is_needed(job, model, self.team)
        """`plain`: the model that is given back."""
        self.model, self.call = self.shared()
        objective.prepare(self.model, self.train)
        self.schedule = optimizers.Schedule(self.params, self.steps, self.steps_an_epoch)
        self.optimizer = self.make_optimizer()
        self.scaler = torch.amp.GradScaler(job.device.torch_device.type, enabled=job.device.fp16)
        """Of float16, whose smallest gradients would vanish; without it, it does nothing."""
        self.recovery = Recovery(self)
        job.expect("train", self.planned * self.size / ROWS_PER_SECOND)

    def shared(self) -> tuple[TrainableModel, nn.Module]:
        """(the model that learns, the call of a step), shared out over the team's devices."""
        if self.is_sharded:
            step = sharding.shard(Step(sharding.copy_of(self.plain, self.team), self.objective), self.team)
            return step.model, step
        step = Step(self.plain, self.objective)
        return self.plain, team.share(step, self.team) if self.team.size > 1 else step

    def plan(self) -> tuple[int, int]:
        """(epochs, steps of each)."""
        return self.params.epochs or default_epochs(len(self.train)), -(-len(self.train) // self.size)

    def batches(self) -> list[np.ndarray]:
        """The rows of each step of the present epoch, the same again after a resume."""
        return self.rows.training_batches(self.train, self.size, self.job.spec.seed, self.epoch)

    def learning(self) -> dict[str, nn.Parameter]:
        return {name: value for name, value in self.model.named_parameters() if value.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """What learning changes: the learning weights, and running figures such as a batch norm's means."""
        running = {name: value for name, value in self.model.named_buffers() if "running_" in name}
        return {**self.learning(), **running}

    def prepare_model(self) -> None:
        """What the settings change in it before it learns."""
        optimizers.freeze(self.model, self.params.freeze_layers)
        optimizers.drop(self.model, self.params.dropout)
        if self.params.gradient_checkpointing and not optimizers.checkpoint_gradients(self.model):
            self.job.warn(
                "no_gradient_checkpointing", _("This model cannot use gradient checkpointing: it learns without.")
            )

    def make_optimizer(self) -> torch.optim.Optimizer:
        rates = self.params.learning_rate, self.params.head_learning_rate
        return optimizers.make(self.params, optimizers.parameter_groups(self.model, self.params, *rates))

    def rate(self) -> float:
        """Share of the peak learning rate at this step."""
        return self.schedule.share(self.step, self.drops) * self.recovery.share

    def run(self) -> None:
        self.resume()
        self.job.log(
            _(
                "%(last)s epochs of %(steps_an_epoch)s steps, %(size)s rows a step.",
                last=self.last,
                steps_an_epoch=self.steps_an_epoch,
                size=self.size,
            )
        )
        while self.epoch < self.last and not self.has_stalled():
            if not self.one_epoch():
                break
            self.end_epoch()
        self.give_back()
        if self.best:
            which = "The best" if len(self.validation) else "The last"
            self.job.log(
                _("%(kept)s epoch was %(best_epoch)s; its weights are kept.", kept=which, best_epoch=self.best_epoch)
            )

    def give_back(self) -> None:
        """The best weights, else those of the moment, in the model that was given."""
        if self.is_sharded:
            sharding.gather(self.best or self.state(), self.plain)
            self.model = self.plain
            self.objective.prepare(self.model, self.train)
        elif self.best:
            self.model.load_state_dict(self.best, strict=False)
        self.model.prepare_to_answer()

    def has_stalled(self) -> bool:
        return self.bad_epochs >= self.params.patience

    def learned(self) -> Learned:
        """After `run`: what was learned from, and the validation rows' answers by the weights that were kept."""
        certainty = held = None
        if len(self.validation):
            held = Held(self.validation, self.validation_outputs())
            if self.objective.has_certainty:
                certainty = self.objective.certainty(*held)
        facts = (len(self.train), len(self.validation), self.best_epoch, certainty)
        return Learned(*facts, validated=self.best_figure, held=held)

    def one_epoch(self) -> bool:
        """Learn from every row once, from where a checkpoint left off; False when a limit ended it."""
        batches = self.batches()
        self.model.train()
        for index in range(self.batch_index, len(batches)):
            started = time.monotonic()
            self.losses.append(
                self.learn(batches[index], np.random.default_rng([self.job.spec.seed, self.epoch, index]))
            )
            self.step += 1
            self.seconds_learning += time.monotonic() - started
            self.rows_seen += len(batches[index])
            if self.step % METRIC_STEPS == 0:
                self.tell_loss()
            speed = self.rows_seen / max(self.seconds_learning, 1e-6)
            self.expect()
            self.job.progress(self.step, self.planned, unit="steps", rows_per_second=speed)
            self.pause(index + 1)
            if self.team.flag(self.job.out_of_time()):
                self.job.tell_limit()
                if not self.best:
                    self.keep(self.validate())
                return False
        self.batch_index = 0
        return True

    def tell_loss(self) -> None:
        """The mean over the steps since it was last told: fewer than METRIC_STEPS after a resume."""
        loss = self.mean_loss()
        self.losses.clear()
        self.recovery.hear(loss)
        self.job.metric("loss", "train", loss, step=self.step, epoch=self.step / self.steps_an_epoch)

    def mean_loss(self) -> float:
        """Over the last steps, and over all devices, of which each has its share."""
        return self.team.mean(torch.stack(self.losses).mean().item())

    def expect(self) -> None:
        """What this stage and those after it take at the speed so far; reading a row is a third of learning from it."""
        step = self.seconds_learning / max(self.step, 1)
        tuning = self.last * len(self.validation) / self.size / 3
        test = len(self.rows.part("test")) / self.size / 3
        self.job.expect("train", step * (self.planned + tuning))
        self.job.expect("evaluate", 1 + step * test)
        self.job.expect("package", PACKAGE_SECONDS + 1.5 * step * test)

    def learn(self, batch: np.ndarray, generator: np.random.Generator) -> Tensor:
        """One step; the loss. `generator` decides what is changed at random in these rows."""
        share = self.rate()
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        self.team.draw_apart(self.job.spec.seed, self.step)
        inputs, mix = self.rows.learning_batch(batch, self.job.device.torch_device, generator)
        loss = self.computed(inputs, batch, mix)
        self.scaler.unscale_(self.optimizer)
        optimizers.add_l1(self.learning().values(), self.params.l1)
        if self.params.max_grad_norm:
            nn.utils.clip_grad_norm_(self.learning().values(), self.params.max_grad_norm, foreach=True)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return loss

    def computed(self, inputs: tuple[Any, ...], batch: np.ndarray, mix: Mix | None) -> Tensor:
        """The batch's loss and gradients, in as many parts as memory wants. On several devices a batch larger than those before
        is computed by each for itself until all have said that it fits: one that tries again while the others wait for its
        gradients would wait for ever."""
        if self.team.size == 1:
            return self.recovery.with_less_memory(partial(self.gradients, inputs, batch, mix), len(batch))
        load = load_of(inputs)
        if self.is_sharded or load <= self.proven_load:
            return self.recovery.with_less_memory(partial(self.gradients, inputs, batch, mix), len(batch), None)
        apart = partial(self.gradients, inputs, batch, mix, is_apart=True)
        loss = self.recovery.with_less_memory(apart, len(batch), self.team.any)
        self.team.average_gradients(self.learning().values())
        self.proven_load = load
        return loss

    def gradients(
        self, inputs: tuple[Any, ...], batch: np.ndarray, mix: Mix | None, parts: int, is_apart: bool = False
    ) -> Tensor:
        """The batch's loss, and its gradient in the weights, computed in so many parts on each device. On several, the loss is
        that of this one's share, such that the mean over all of them, as that of the gradients, is the batch's; with `is_apart`
        no gradients are exchanged."""
        size = self.team.size
        call = Step(self.model, self.objective) if is_apart else self.call
        pieces = optimizers.split(inputs, len(batch), parts * size) if parts * size > 1 else None
        if pieces is None:  # one batch, or one that cannot be parted: each device computes all of it
            loss: Tensor = call(inputs, batch, mix)
            self.scaler.scale(loss).backward()
            return loss.detach()
        whole = torch.zeros((), device=self.job.device.torch_device)
        every, count = self.objective.weight(batch), -(-len(pieces) // size)
        for number in range(
            self.team.rank, count * size, size
        ):  # as many on each device; one beyond the last counts nothing
            piece, arguments = pieces[number % len(pieces)]
            share = self.objective.weight(batch[piece]) / every * size if number < len(pieces) else 0.0
            others = None if mix is None else mix._replace(others=mix.others[piece])
            with team.summed(call, number >= (count - 1) * size):
                loss = call(arguments, batch[piece], others) * share
                self.scaler.scale(loss).backward()
            whole += loss.detach()
        return whole

    def end_epoch(self) -> None:
        self.epoch += 1
        if self.losses:
            self.recovery.hear(self.mean_loss())
        figures = self.validate()
        improved = self.keep(figures)
        self.bad_epochs = 0 if improved else self.bad_epochs + 1
        self.drops += self.schedule.falls(self.bad_epochs)
        if self.team.size == 1:
            self.objective.show(self.model, self.step, self.step / self.steps_an_epoch)
        description = f", {self.objective.describe(figures)} on the validation rows" if figures else ""
        self.job.log(
            _(
                "Epoch %(epoch)s of %(last)s%(words)s, %(value)s rows a second.",
                epoch=self.epoch,
                last=self.last,
                words=description,
                value=f"{self.rows_seen / max(self.seconds_learning, 1e-6):.0f}",
            )
        )
        self.save()

    def validate(self) -> dict[str, float]:
        """Scores on the tuning rows; nothing where there are none."""
        if not len(self.validation):
            return {}
        outputs = self.validation_outputs()
        self.model.train()
        figures = self.objective.figures(self.validation, outputs)
        self.recovery.check_epoch(self.objective.is_collapsed(self.validation, outputs))
        epoch = self.step / self.steps_an_epoch
        for name, key in self.objective.epoch_metrics:
            self.job.metric(name, "validation", figures[key], step=self.step, epoch=epoch)
        return figures

    def validation_outputs(self) -> Outputs:
        call = self.call if self.model is not self.plain else None
        return read_part(self.model, self.rows, self.validation, self.job.device, call=call)

    def keep(self, figures: dict[str, float]) -> bool:
        """Take the present weights as the best if they are; without tuning rows the newest are."""
        score = self.rank(figures) if figures else (float(self.step),)
        if self.best and score <= self.best_score:
            return False
        self.best_score, self.best_epoch = score, self.epoch
        self.best_figure = float(figures[self.objective.epoch_metrics[0][1]]) if figures else None
        self.best = {name: value.detach().clone() for name, value in self.state().items()}
        return True

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        """Greater is better: by the metric that was asked for, else by the task's own."""
        name = self.params.early_stopping_metric
        if not name:
            return self.objective.rank(figures)
        key = dict(self.objective.epoch_metrics).get(name, name)
        if key not in figures:
            names = sorted({*dict(self.objective.epoch_metrics), *figures})
            raise SpecError(
                _("There is no validation metric “%(name)s” here.", name=name),
                code="bad_params",
                hint=_("Choose one of: %(names)s.", names=", ".join(names)),
            )
        return (-figures[key] if named(key).lower_is_better else figures[key], *self.objective.rank(figures))

    # Checkpoints

    def pause(self, next_at: int) -> None:
        """Save now and then; save and leave when the run was asked to stop."""
        if self.team.flag(self.job.stop_requested):
            self.job.request_stop()
            self.save(next_at)
            self.job.check_stop()
        elif self.team.flag(time.monotonic() - self.saved_at > self.save_every):
            self.save(next_at)

    def save(self, next_at: int = 0) -> None:
        tuning_state.save(self, next_at)

    def more_to_keep(self) -> dict[str, Tensor]:
        """What a way to learn keeps in its checkpoints besides."""
        return {}

    def take_back(self, tensors: dict[str, Tensor]) -> None:
        """The same from a checkpoint."""

    def resume(self) -> None:
        tuning_state.resume(self)
