"""A run from its specification to its artifact: what every task shares.

    spec → rows → model → train → evaluate → package

A family does the work in `Family.run(job)`; the `Job` gives it the rows, the device, the clock, the limits and the
words to speak with. The same command on the same folder goes on where the last one stopped.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import allowance, models, quantisation, tasks
from trainer.data.loading import Loaded, load
from trainer.errors import SpecError, Stopped
from trainer.events import STAGES, Emit
from trainer.files import write_json
from trainer.hardware import Device
from trainer.learning import defaults, trial
from trainer.messages import _, joined, restored, sources
from trainer.model_download import being_downloaded
from trainer.params import check_params
from trainer.remaining import Remaining
from trainer.spec import Spec

if TYPE_CHECKING:
    from trainer.learning.rows import Rows

TELL_SECONDS = 1.0
ENOUGH_TO_FORESEE = 0.03
"""Share of a stage from whose time the rest is foreseen; before it, the plan is told."""
FIRST_GUESS = {"prepare": 4.0, "load": 3.0, "train": 120.0, "evaluate": 5.0, "package": 25.0}
"""Seconds a stage takes before anything has been measured; each task corrects them with `expect`."""


class Job:
    """One run at work."""

    def __init__(self, spec: Spec, out: Path, emit: Emit) -> None:
        spec, self.content = defaults.complete(spec, out)
        self.spec, self.out, self.emit = spec, out, emit
        self.loaded: Loaded | None = None
        self.warnings: list[dict[str, Any]] = []
        """What was warned of, which a trial tells at its end."""
        self.task = tasks.get(spec.task)
        if spec.method not in {method.slug for method in self.task.methods}:
            names = ", ".join(method.slug for method in self.task.methods)
            raise SpecError(
                _("There is no method “%(method)s” for %(task)s.", method=spec.method, task=spec.task),
                code="bad_method",
                hint=_("Choose one of: %(names)s.", names=names),
            )
        self.params: Any = check_params(self.task.params, spec.params)
        self.trial = False  # an estimate: few rows are looked at, so nothing is worth computing for all
        self.artifact = out / "artifact"
        self.checkpoints = out / "checkpoints"
        self.cache = Path(os.environ.get("MAQUETTE_CACHE") or out / "cache")
        self.device = Device(spec.hardware.device, spec.hardware.threads, self.warn)
        if spec.method == quantisation.QLORA:
            quantisation.check(self.device.torch_device.type)
        self.started = time.monotonic()
        self.seconds_before = self._seconds_of_earlier_starts()
        self.plan = dict(FIRST_GUESS)
        self.shown_remaining = Remaining()
        self.timings: dict[str, float] = {}
        self.history: list[dict[str, Any]] = []
        self._stage, self._stage_started, self._stage_fraction = "prepare", time.monotonic(), 0.0
        self._from = (self._stage_started, 0.0)
        self._fraction = self._told = 0.0
        self._begun = ""
        self._stop = self._enough = self._waits = False
        self.is_trial = spec.evaluate_on == "validation"
        """Whether it is one of a search over settings, which is not tested (`trainer.learning.trial`)."""
        self.is_pruned = self.ended_early = False
        pruning = spec.pruning if self.is_trial else None
        self._watch = trial.Watch(pruning.metric, pruning.earlier) if pruning else None
        self._substage, self._substages = 0, 1
        self._paid_for: float | None = None  # seconds in all, as whoever pays last said
        self._asked_at = float("-inf")
        self.check_limits()

    # Model and rows

    def model_folder(self, ref: str) -> Path:
        """Where a base model's files are; one of the hub is downloaded first, and how far that is is told."""
        return models.resolve(ref, self.tell_download, self.wait_for_download)

    def tell_download(self, done: int, total: int) -> None:
        self.progress(
            done, total, unit="bytes", force=done in {0, total}
        )  # its start and end are told however quick it is
        self.check_stop()

    def wait_for_download(self) -> None:
        """Somebody else is downloading the same model. A run says once that it waits; a trial comes again later."""
        if self.trial:
            raise being_downloaded()
        if not self._waits:
            self._waits = True
            self.log(_("Waiting for another download of this model to finish."))
        self.check_stop()

    def check_rows(self) -> None:
        """Read the rows before libraries and models are loaded; `DataError` where the task cannot learn from them."""
        self.loaded = load(self.spec.dataset, self.task, media=self.out / "media", dataset=self.content)
        self.content = None  # read once, when the task was guessed

    def load_rows(self) -> Loaded:
        if self.loaded is None:
            self.check_rows()
        loaded, self.loaded = self.loaded, None
        assert loaded is not None
        for problem in loaded.problems:
            self.warn(problem["code"], restored(problem))
        return loaded

    def tell_rows(self, rows: "Rows", more: str = "") -> None:
        """How many rows do what, for the log."""
        train, validation, test = (len(rows.part(name)) for name in ("train", "validation", "test"))
        facts = [_("%(count)s labels", count=len(rows.labels))] if rows.labels else []
        split = _(
            "%(train)s training rows, %(validation)s for validation, %(test)s held out for the test",
            train=f"{train:,}",
            validation=f"{validation:,}",
            test=f"{test:,}",
        )
        if rows.loaded.folds is not None:
            split = _(
                "%(rows)s rows, each tested on once in %(folds)s folds",
                rows=f"{rows.count:,}",
                folds=int(rows.loaded.folds.max()) + 1,
            )
        self.log(joined([split, *facts, *([more] if more else [])], "; "))

    # Time and limits

    def _seconds_of_earlier_starts(self) -> float:
        try:
            return float(json.loads((self.out / "clock.json").read_text("utf-8"))["seconds"])
        except (FileNotFoundError, ValueError, KeyError):
            return 0.0

    def seconds(self) -> float:
        """Time used, earlier starts of the same folder included."""
        return self.seconds_before + time.monotonic() - self.started

    def save_clock(self) -> None:
        write_json(self.out / "clock.json", {"seconds": self.seconds()})

    def check_limits(self) -> None:
        if self.spec.limits.cost is not None and not self.spec.hardware.price_per_hour:
            self.warn(
                "no_price",
                _("The cost limit cannot be kept, since no price per hour is given."),
                _("Give hardware.price_per_hour, or limits.seconds."),
            )

    def time_limit(self) -> float | None:
        """Seconds allowed in all: the time limit, what the cost limit buys, or what is paid for by now, whichever is least."""
        limits, price = self.spec.limits, self.spec.hardware.price_per_hour
        allowed = [limits.seconds] if limits.seconds is not None else []
        if limits.cost is not None and price:
            allowed.append(limits.cost / price * 3600)
        if (paid_for := self.paid_for()) is not None:
            allowed.append(paid_for)
        return min(allowed, default=None)

    def paid_for(self) -> float | None:
        """Seconds in all for which there is money (`trainer.allowance`), asked for once a second; None where nobody says."""
        now = time.monotonic()
        if now - self._asked_at >= TELL_SECONDS:
            seconds_left = allowance.seconds_left(self.out)
            self._asked_at, self._paid_for = now, None if seconds_left is None else self.seconds() + seconds_left
        return self._paid_for

    def out_of_time(self) -> bool:
        """Whether training must end now, so that evaluation and packaging still fit under the limit."""
        if self._enough or self.is_pruned:
            self.ended_early = True
            return True
        limit = self.time_limit()
        after = 0.0 if self.is_trial else self.plan["evaluate"] + self.plan["package"]
        if limit is None or self.seconds() + after <= limit * (self._substage + 1) / self._substages:
            return False
        self.ended_early = True
        return True

    def end_early(self) -> None:
        """As if a limit were reached: learning ends, and its best is evaluated and kept."""
        self._enough = True

    def tell_limit(self) -> None:
        """Why learning ends before its plan, for the log."""
        if self.is_pruned:
            self.log(_("Pruned: at this epoch, half of the trials before it were better."))
            return
        if self._enough:
            self.warn("stopped_early", _("Training was stopped early and keeps the best checkpoint."))
        else:
            self.warn(
                "limit",
                _("A limit was reached: training stops here and keeps the best checkpoint."),
                _("To train longer, start another run with a higher limit."),
            )

    def request_stop(self) -> None:
        self._stop = True

    @property
    def stop_requested(self) -> bool:
        return self._stop

    def check_stop(self) -> None:
        """Leave at once where nothing needs saving."""
        if self._stop:
            self.save_clock()
            raise Stopped

    # Words

    def log(self, message: str) -> None:
        self.emit("log", message=message)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        self.warnings.append(
            {"code": code, "message": message, "hint": hint} | sources({"message": message, "hint": hint})
        )
        self.emit("warning", code=code, message=message, hint=hint)

    def metric(self, name: str, split: str, value: float, *, step: int, epoch: float | None, **basis: int) -> None:
        """`epoch`: passes over the data so far; None for what learns without them, of which nothing is to be drawn. `basis`: how many `rows` and `folds` a validation figure rests on, where that is not the validation split."""
        if self._substage + 1 < self._substages:  # the curves are of the last substage
            return
        epoch = None if epoch is None else round(epoch, 3)
        fields = {"name": name, "split": split, "step": step, "epoch": epoch, "value": round(float(value), 6)}
        self.history.append(fields)
        self.emit("metric", **fields, **basis)
        if split == "validation" and self._watch and self._watch.hear(name, epoch, float(value)):
            self.is_pruned = True

    # Stages and progress

    def expect(self, stage: str, seconds: float) -> None:
        """What a stage will take, as far as is known by now."""
        self.plan[stage] = max(seconds, 0.1) * (self._substages if stage == "train" else 1)

    def begin(self, name: str) -> None:
        """Begin a stage before the `with` that ends it."""
        self.check_stop()
        self._stage, self._stage_started = name, time.monotonic()
        self._begun = name
        self.go_on_from(0.0)
        self.emit("stage", name=name, state="start")
        self.progress(0, 1, force=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        if self._begun != name:
            self.begin(name)
        yield
        seconds = time.monotonic() - self._stage_started
        self.timings[name] = self.plan[name] = round(seconds, 2)
        self.progress(1, 1, force=True)
        self.emit("stage", name=name, state="done", seconds=round(seconds, 2))
        self.save_clock()

    @contextmanager
    def substage(self, number: int, count: int) -> Iterator[None]:
        """One of several equal turns of the stage, with checkpoints of its own and its share of the time allowed. A substage may have
        substages of its own."""
        before = self.checkpoints, self._substage, self._substages
        self._substage, self._substages = self._substage * count + number, self._substages * count
        self.checkpoints = self.checkpoints / f"lap-{number}"
        try:
            yield
        finally:
            self.checkpoints, self._substage, self._substages = before

    @contextmanager
    def as_method(self, slug: str, model: str = "") -> Iterator[None]:
        """As if the run were of this method, and of this base model where one is given: a step of several in one run."""
        spec = self.spec
        self.spec = spec.model_copy(update={"method": slug, "model": model or spec.model})
        try:
            yield
        finally:
            self.spec = spec

    def progress(
        self, done: float, total: float, *, unit: str = "", rows_per_second: float | None = None, force: bool = False
    ) -> None:
        """Tell how far the stage is, at most once a second; the whole run's fraction never falls."""
        now = time.monotonic()
        if not force and now - self._told < TELL_SECONDS:
            return
        self._told = now
        self._stage_fraction = (self._substage + (done / total if total else 1.0)) / self._substages
        remaining = self.remaining()
        elapsed = self.seconds()
        self._fraction = max(self._fraction, min(elapsed / (elapsed + remaining), 0.999))
        self.emit(
            "progress",
            stage=self._stage,
            fraction=round(self._fraction, 4),
            stage_fraction=round(self._stage_fraction, 4),
            done=done,
            total=total,
            unit=unit,
            eta_seconds=self.shown_remaining.update(remaining),
            forecast_seconds=round(remaining, 1),
            rows_per_second=None if rows_per_second is None else round(rows_per_second, 1),
        )

    def go_on_from(self, fraction: float) -> None:
        """The stage stands here without time spent on it in this process: at its start, or after a resume."""
        fraction = (self._substage + fraction) / self._substages
        self._stage_fraction, self._from = fraction, (time.monotonic(), fraction)

    def remaining(self) -> float:
        """Seconds left in this stage and all that follow."""
        index = STAGES.index(self._stage)
        since, before = self._from
        spent, made = time.monotonic() - since, self._stage_fraction - before
        if made > ENOUGH_TO_FORESEE:
            here = spent * (1 - self._stage_fraction) / made
        else:
            here = max(self.plan[self._stage] * (1 - before) - spent, 0)
        stages = STAGES[: STAGES.index("train") + 1] if self.is_trial else STAGES
        return here + sum(self.plan[name] for name in stages[index + 1 :])
