"""`best`: a ladder of ways to learn, from what costs nothing to what costs most, in one run.

baseline (one answer for all rows, or what needs no reading) → zero-shot → words → probe → few-shot or full, as far as the task has them. Each step is a run of its own method,
with checkpoints of its own, and is compared with the best step so far, in pairs, on rows that neither learned from
(`Learned.held`); the test rows are not looked at. A step is kept where it is shown to be better, or, once one is shown to be
better than the baseline, likely so. The cheap steps are all taken. The last one costs most of the whole, and is
taken only where a cheap one has learned something, mistakes are left that it could mend, and time and money allow.

What a step came to is kept as soon as it ends, so that a run that goes on later takes it as done. The winner's weights come from its own
checkpoints and from cached vectors, or from the method's few seconds again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.answers.base_scoring import Given
from trainer.answers.metrics import named
from trainer.comparison import Comparison, compare, score
from trainer.errors import SpecError
from trainer.files import write_json
from trainer.learning import estimate
from trainer.learning.family import NetworkFamily, Way, family_of
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.objective import Held, Learned, Objective, Won, objective_of
from trainer.learning.rows import Rows
from trainer.learning.rungs import BASELINE, WORDS, Step, rungs, sentence_of
from trainer.messages import _, joined, sources
from trainer.outputs import Outputs, packed, unpacked

NO_ROOM = _("So few mistakes are left that even a model without any could not be shown to be better.")
LIKELY = 0.43
"""Of half its 95 % interval, that a difference is where chances are four in five that there is one (0.84 of 1.96 standard errors)."""
LEAST_SHARE = 0.5
"""Of what the last step is foreseen to take, that there must be time for: training cut shorter is seldom worth its price."""


class Ladder:
    """One climb. Folder `checkpoints/ladder`: `NAME.json` and `NAME.npz` of each step that was done."""

    def __init__(self, job: Job, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> None:
        family = family_of(job.task)
        assert isinstance(family, NetworkFamily), "a ladder has steps that are learned by networks"
        self.family, self.job, self.rows, self.objective = family, job, rows, objective
        self.epochs = epochs
        self.folder = job.checkpoints / "ladder"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.steps: list[Step] = []
        self.won: dict[str, Won] = {}
        """What was learned in this start of the run, of the best step so far."""
        self.learned: dict[str, Learned] = {}
        self.best = BASELINE
        self.cheap, self.last = rungs(job, rows, family)
        if not self.cheap and not self.last:
            raise SpecError(
                _("“Best” has nothing to try with this model."),
                code="bad_method",
                hint=_("Choose a pretrained model, or another method."),
            )
        self.order = [BASELINE, *self.cheap, *([self.last] if self.last else [])]

    def climb(self) -> str:
        """Take the steps; the sentence that says why it ended."""
        self.take(BASELINE)
        for method in self.cheap:
            if self.best != BASELINE and not self.has_room():
                return NO_ROOM
            self.take(method)
        sentence = self.reason_to_stop()
        if sentence is None:
            assert self.last is not None
            self.take(self.last)
            sentence = self.how_it_ended()
        return sentence

    def how_it_ended(self) -> str:
        """After the last step."""
        if self.best != self.last:
            return _("The last step is not shown to be better than the one kept, which costs less.")
        if self.steps[-1].outcome == "better":
            return _("All steps were taken; the last one is the best.")
        return _("All steps were taken; the last one is likely the best, though so few rows do not show it.")

    def reason_to_stop(self) -> str | None:
        """Before the last step; None where it is worth its price."""
        if self.last is None:
            return _("There is no further step for this task.")
        if self.cheap and self.best == BASELINE:
            return self.family.nothing_learned()
        if self.best == "zero-shot":
            return _("Learning from the rows is not shown to be better than what learned nothing from them.")
        if self.best == WORDS and (unread := self.family.unread(self.job, self.rows)):
            return joined([unread, _("Counted words are kept: they read any language.")], " ")
        if not self.has_room():
            return NO_ROOM
        return self.too_dear()

    def has_room(self) -> bool:
        """Whether a model without mistakes would be shown to be better than the best so far."""
        held = self.learned[self.best].held
        metric = self.objective.headline
        if held is None or named(metric).column == "probabilities":
            return True
        truth, flawless = (each(held.rows) for each in (self.objective.actual, self.objective.flawless))
        return self.compared(truth, flawless, self.answers(self.best, held)).outcome == "better"

    def too_dear(self) -> str | None:
        """Why time or money do not suffice for the last step; None where they do, or have no limit."""
        limit = self.job.time_limit()
        if limit is None or self.done(self.last or ""):
            return None
        left = limit - self.job.seconds() - self.job.plan["evaluate"] - self.job.plan["package"]
        needed = self.foresee(self.last or "")
        if left >= LEAST_SHARE * needed:
            return None
        return _(
            "The next step would take about %(needed)s seconds, for which the limit leaves %(left)s.",
            needed=round(needed),
            left=max(0, round(left)),
        )

    def foresee(self, method: str) -> float:
        """Seconds, from a trial on a few batches."""
        with self.job.as_method(method):
            model = self.job.device.place(self.family.build(self.job, self.rows))
            forward = estimate.time_forward(self.job, model, self.rows)
            return float(estimate.of_full(self.job, model, self.rows, forward)["train"])

    # One step

    def take(self, method: str) -> None:
        self.job.emit("step", method=method, state="start")
        done = self.done(method)
        if done is None:
            step, held = self.work(method)
        else:
            step, held = done
            self.learned.setdefault(method, Learned(0, held=held))
        self.steps.append(step)
        if is_ahead(step, self.best):
            self.won.pop(self.best, None)
            self.best = method
        elif method != self.best:
            self.won.pop(method, None)
        self.job.emit("step", state="done", **asdict(step))
        self.job.log(sentence_of(step, self.objective.headline))

    def work(self, method: str) -> tuple[Step, Held | None]:
        started = time.monotonic()
        spent = self.spent(method)
        try:
            self.learn(method)
        finally:
            seconds = spent + time.monotonic() - started
            write_json(self.path(method, ".spent.json"), {"seconds": seconds})
        step = Step(method, round(seconds, 2), cost=self.price(seconds))
        held = self.learned[method].held
        self.judge(step, held)
        self.keep(step, held)
        return step, held

    def learn(self, method: str) -> None:
        """Model and what was learned, by the method's own way."""
        with self.job.as_method(method), self.job.substage(self.order.index(method), len(self.order)):
            torch.manual_seed(self.job.spec.seed)
            way = self.way(method)
            model = self.job.device.place(way.family.build(self.job, way.rows))
            objective = objective_of(self.job, way.rows)
            learned = way.fit(self.job, model, way.rows, objective, self.epochs)
        if learned.held is not None:
            objective.hold(*learned.held)
        self.learned[method] = learned
        self.won[method] = Won(way.family, model, way.rows, objective, way.base)

    def way(self, method: str) -> Way:
        if method == BASELINE:
            return self.family.simplest(self.rows) or Way(self.family, self.rows, constant)
        return self.family.way(method, self.job, self.rows)

    def judge(self, step: Step, held: Held | None) -> None:
        """Beside the best step so far, on the rows that neither learned from."""
        if held is None:
            return
        if not self.steps:
            step.rows, step.score = len(held.rows), self.score(step.method, held)
            return
        other = self.learned[self.best].held
        if other is None:
            return
        shared = np.intersect1d(held.rows, other.rows)
        own, theirs = (Held(shared, at_rows(each, shared)) for each in (held, other))
        step.rows, step.against, step.score = len(shared), self.best, self.score(step.method, held)
        if not len(shared):
            return
        comparison = self.compared(
            self.objective.actual(shared), self.answers(step.method, own), self.answers(self.best, theirs)
        )
        step.score, step.difference, step.outcome = comparison.first, comparison.difference, comparison.outcome

    def compared(self, truth: Given, first: Given, second: Given) -> Comparison:
        return compare(self.objective.headline, truth, first, second, labels=range(len(self.rows.labels)))

    def score(self, method: str, held: Held) -> float:
        truth, labels = self.objective.actual(held.rows), range(len(self.rows.labels))
        return score(self.objective.headline, truth, self.answers(method, held), labels=labels)

    def answers(self, method: str, held: Held) -> Given:
        """As the step's own model decides, where that is still here."""
        objective = self.won[method].objective if method in self.won else self.objective
        return objective.answers(objective.headline, held.outputs, held.rows)

    # What was done

    def path(self, method: str, ending: str) -> Path:
        return self.folder / f"{method}{ending}"

    def spent(self, method: str) -> float:
        """Seconds of starts of this step that were cut short, as far as they could say so."""
        try:
            return float(json.loads(self.path(method, ".spent.json").read_text("utf-8"))["seconds"])
        except (OSError, ValueError, KeyError):
            return 0.0

    def price(self, seconds: float) -> float | None:
        price = self.job.spec.hardware.price_per_hour
        return None if price is None else round(seconds * price / 3600, 6)

    def keep(self, step: Step, held: Held | None) -> None:
        if held is not None:
            part = self.path(step.method, ".part.npz")
            np.savez(part, allow_pickle=False, rows=held.rows, **packed(held.outputs))
            part.replace(self.path(step.method, ".npz"))
        write_json(self.path(step.method, ".json"), asdict(step))
        self.job.save_clock()

    def done(self, method: str) -> tuple[Step, Held | None] | None:
        """What a step came to before this start; None where it did not end."""
        try:
            step = Step(**json.loads(self.path(method, ".json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        if not self.path(method, ".npz").exists():
            return step, None
        with np.load(self.path(method, ".npz")) as file:
            return step, Held(file["rows"], unpacked(file))

    def winner(self) -> Learned:
        """Of the best step; learned again from its checkpoints and caches where another start of the run did it."""
        if self.best not in self.won:
            self.learn(self.best)
        return self.learned[self.best]._replace(won=self.won[self.best])


def is_ahead(step: Step, best: str) -> bool:
    """Shown to be better than the best so far, or likely so once a step is shown to be better than the baseline: a few dozen rows
    show little, and what the step costs has been paid."""
    if step.outcome == "better" or best == BASELINE or not step.difference:
        return step.outcome == "better"
    value, low, high = (step.difference[name] for name in ("value", "low", "high"))
    return value > LIKELY * (high - low) / 2


def fit(job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None) -> Learned:
    """Climb; `Learned.won` is what is tested and packaged, `Learned.ladder` tells the steps. The `model` given stays as it is.

    After a cross-validation, in which each round climbed by itself, there is no row left to choose by: the method that won in most
    rounds learns from all rows, for `epochs`.
    """
    ladder = Ladder(job, rows, objective, epochs)
    before = rounds_before(job, rows)
    if before:
        result = winner_of_rounds(ladder, before)
    else:
        sentence = ladder.climb()
        job.log(sentence)
        result = {"steps": [asdict(step) for step in ladder.steps], "stopped": sentence, "winner": ladder.best}
        result |= sources({"stopped": sentence}) | {"metric": objective.headline}
    write_json(job.checkpoints / "ladder.json", result)
    return ladder.winner()._replace(ladder=result)


def rounds_before(job: Job, rows: Rows) -> list[dict[str, Any]]:
    """What the rounds of a cross-validation came to, where this is the model after them."""
    if rows.loaded.folds is None or len(rows.part("validation")):
        return []
    files = sorted(job.checkpoints.parent.glob("lap-*/ladder.json"))
    return [json.loads(file.read_text("utf-8")) for file in files if file.parent != job.checkpoints]


def winner_of_rounds(ladder: Ladder, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The method of most rounds, the cheapest of several; the steps are those of the first round that it won."""
    counts = Counter(each["winner"] for each in rounds)
    ladder.best = max(counts, key=lambda method: (counts[method], -ladder.order.index(method)))
    result = next(each for each in rounds if each["winner"] == ladder.best)
    return result | {"rounds": len(rounds), "won": counts[ladder.best]}


def constant(
    job: Job, model: TrainableModel, rows: Rows, objective: Objective[Any], epochs: int | None = None
) -> Learned:
    """One answer for all rows, as a head without weights."""
    family = family_of(job.task)
    assert isinstance(family, NetworkFamily), "as that of the ladder"
    known = rows.known("train", "validation")
    outputs = family.constant(rows, known)
    objective.prepare(model, known)
    with torch.no_grad():
        head = model.head
        bias = torch.from_numpy(np.asarray(outputs[0], dtype=np.float32).reshape(-1, len(head.bias))[0])
        shift, scale = getattr(head, "shift", 0.0), getattr(head, "scale", 1.0)
        head.weight.zero_()
        head.bias.copy_((bias.to(head.bias.device) - shift) / scale)
    held = Held(known, outputs)
    certainty = objective.certainty(*held) if objective.has_certainty else None
    name, key = objective.epoch_metrics[0]
    figure = objective.figures(*held)[key]
    job.metric(name, "validation", figure, step=1, epoch=None, rows=len(known))
    return Learned(len(known), certainty=certainty, source="out-of-fold", validated=figure, held=held)


def at_rows(held: Held, rows: np.ndarray) -> Outputs:
    """The outputs of these rows, which are among the held ones, in their order."""
    place = {row: index for index, row in enumerate(held.rows.tolist())}
    places = [place[row] for row in rows.tolist()]
    return held.outputs[places] if isinstance(held.outputs, np.ndarray) else [held.outputs[index] for index in places]
