"""The command `search`: one trial after the other until a limit, then the test of the best. Each trial is a run in a folder of
its own below `trials/`, which is all that a search which goes on later needs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer import tasks
from trainer.answers.metrics import named
from trainer.errors import SpecError, UserError
from trainer.events import Emit
from trainer.files import write_json
from trainer.hyperparameters import space, study
from trainer.learning import defaults, trial
from trainer.learning.run import run
from trainer.messages import _
from trainer.spec import SearchSpec, Spec

PARAMS, FAILED, CLOCK = "params.json", "failed.json", "clock.json"
FINISHING_SHARE = 0.1
"""Of the limits, kept for the test of the best."""
LEAST_SHARE = 0.5
"""Of what a trial has taken in the middle: with less time left, none is begun."""
MOST_FAILED = 3
"""Trials that fail before any succeeds: then something else is wrong than the settings."""


class Search:
    """`out/trials/NUMBER`: the run of each trial; `out/search.json`: what the search came to."""

    def __init__(self, spec: Spec, out: Path, emit: Emit) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.spec, _content = defaults.complete(spec, out)
        self.out, self.emit = out, emit
        self.task = tasks.get(self.spec.task)
        self.settings = self.spec.search or SearchSpec()
        self.space = space.dimensions(self.task, self.spec.method, self.settings.space, self.spec.params)
        self.first = space.recommended(self.task.params, self.space)

    def run(self) -> dict[str, Any]:
        """The fields of the result event: {best, params, stopped, trials, importance} and those of the best trial's run."""
        stopped = self.reason_to_stop()
        while stopped is None:
            self.run_trial()
            stopped = self.reason_to_stop()
        self.emit("log", message=stopped)
        trials = self.trials()
        best = self.best(trials)
        self.emit("log", message=_("Trial %(number)s is the best; it is tested now.", number=best))
        result = run(self.trial_spec(best, test=True), self.folder(best), self.emit)
        outcome = {
            "best": best,
            "params": trials[best].params,
            "stopped": stopped,
            "trials": [described(number, each) for number, each in trials.items()],
            "importance": self.importance(list(trials.values())),
        }
        write_json(self.out / "search.json", outcome)
        return result | outcome

    def run_trial(self) -> None:
        """Begin the next trial, or go on with the one that was cut short."""
        trials = self.trials()
        number = next((number for number, each in trials.items() if each.state == "running"), len(trials) + 1)
        folder = self.folder(number)
        if number not in trials:
            folder.mkdir(parents=True, exist_ok=True)
            seed = self.spec.seed
            params = study.propose(self.space, list(trials.values()), self.metric(), seed, self.first)
            write_json(folder / PARAMS, params)
        self.emit("trial", number=number, state="start", params=self.params_of(number))
        try:
            run(self.trial_spec(number), folder, self.listener(number))
        except UserError as error:
            write_json(folder / FAILED, error.as_dict())
        done = self.trials()[number]
        self.emit("trial", **described(number, done), importance=self.importance(list(self.trials().values())))

    def listener(self, number: int) -> Callable[..., None]:
        """Tells a trial's events on, and keeps its validation curve."""
        path = self.folder(number) / "curve.jsonl"

        def hear(type_: str, /, **fields: object) -> None:
            if type_ == "metric" and fields["split"] == "validation" and fields["epoch"] is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([fields["name"], fields["epoch"], fields["value"]]) + "\n")
            if type_ != "result":
                self.emit(type_, **fields)

        return hear

    def trial_spec(self, number: int, *, test: bool = False) -> Spec:
        """The specification of a trial, or of its test."""
        limits = self.spec.limits.model_copy(update=self.room(number, test=test))
        metric = self.metric()
        others = [each for other, each in self.trials().items() if other != number and each.state == "done"]
        pruning = {"metric": metric, "earlier": [sorted(each.curve.items()) for each in others]} if metric else None
        fields = self.spec.model_dump() | {
            "params": self.spec.params | self.params_of(number),
            "limits": limits.model_dump(),
            "evaluate_on": "test" if test else "validation",
            "pruning": None if test else pruning,
            "search": None,
        }
        return Spec.model_validate(fields)

    # Limits

    def allowed(self) -> float | None:
        """Seconds of all trials and the test."""
        limits, price = self.spec.limits, self.spec.hardware.price_per_hour
        seconds = [limits.seconds] if limits.seconds is not None else []
        if limits.cost is not None and price:
            seconds.append(limits.cost / price * 3600)
        return min(seconds, default=None)

    def room(self, number: int, *, test: bool) -> dict[str, float | None]:
        """Limits of one run, which count what it took before."""
        allowed = self.allowed()
        if allowed is None:
            return {"seconds": None, "cost": None}
        left = allowed - self.spent() - (0 if test else FINISHING_SHARE * allowed)
        return {"seconds": max(self.seconds(number) + left, 0.001), "cost": None}

    def spent(self) -> float:
        return sum(self.seconds(number) for number in self.numbers())

    def seconds(self, number: int) -> float:
        try:
            return float(json.loads((self.folder(number) / CLOCK).read_text("utf-8"))["seconds"])
        except (OSError, ValueError, KeyError):
            return 0.0

    def reason_to_stop(self) -> str | None:
        """In a sentence; None while there is to go on. Raises the error of trials that all fail."""
        trials = self.trials()
        if any(each.state == "running" for each in trials.values()):
            return None
        scored = [number for number, each in trials.items() if each.state == "done"]
        failed = [number for number, each in trials.items() if each.state == "failed"]
        if len(failed) >= MOST_FAILED and not scored:
            error = json.loads((self.folder(failed[-1]) / FAILED).read_text("utf-8"))
            raise SpecError(error["message"], code=error["code"], hint=error["hint"])
        if len(trials) >= self.settings.trials:
            return _("All %(count)s trials were made.", count=len(trials))
        allowed = self.allowed()
        if allowed is None or not scored:
            return None
        left = allowed * (1 - FINISHING_SHARE) - self.spent()
        usual = sorted(self.seconds(number) for number in scored)[len(scored) // 2]
        if left >= LEAST_SHARE * usual:
            return None
        return _(
            "The limit leaves %(left)s seconds for another trial, which takes about %(usual)s.",
            left=max(0, round(left)),
            usual=round(usual),
        )

    # The trials, from their folders

    def folder(self, number: int) -> Path:
        return self.out / "trials" / f"{number:03d}"

    def numbers(self) -> list[int]:
        return sorted(int(path.parent.name) for path in self.out.glob(f"trials/*/{PARAMS}"))

    def params_of(self, number: int) -> dict[str, Any]:
        params: dict[str, Any] = json.loads((self.folder(number) / PARAMS).read_text("utf-8"))
        return params

    def trials(self) -> dict[int, study.Trial]:
        return {number: self.trial(number) for number in self.numbers()}

    def trial(self, number: int) -> study.Trial:
        folder, params = self.folder(number), self.params_of(number)
        if (folder / FAILED).exists():
            return study.Trial(params, "failed")
        done = trial.done(folder)
        if done is None:
            return study.Trial(params, "running")
        curve = curve_of(folder / "curve.jsonl", done["validation"]["name"])
        return study.Trial(params, "pruned" if done["pruned"] else "done", done["validation"]["value"], curve)

    def metric(self) -> str | None:
        """By which trials are compared, as the first that ended tells."""
        done = (trial.done(self.folder(number)) for number in self.numbers())
        return next((each["validation"]["name"] for each in done if each), None)

    def best(self, trials: dict[int, study.Trial]) -> int:
        """The number of the trial with the best score, the first of several."""
        sign = -1 if named(self.metric() or "").lower_is_better else 1
        scored = {number: each.value for number, each in trials.items() if each.state == "done"}
        if not scored:
            raise SpecError(
                _("No trial came to a score within the limit."), code="no_score", hint=_("Search with a higher limit.")
            )
        return max(scored, key=lambda number: (sign * (scored[number] or 0.0), -number))

    def importance(self, trials: list[study.Trial]) -> dict[str, float]:
        return study.importance(self.space, trials, self.metric())


def curve_of(path: Path, metric: str) -> dict[int, float]:
    """{epoch: score}; of an epoch that was learned twice, after a resume, the last."""
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return {}
    return {max(1, round(epoch)): value for name, epoch, value in lines if name == metric}


def described(number: int, each: study.Trial) -> dict[str, Any]:
    return {"number": number, "state": each.state, "value": each.value, "params": dict(each.params)}


def search(spec: Spec, out: Path, emit: Emit) -> dict[str, Any]:
    """Search over the settings of this specification into `out`; the same command goes on where it was stopped."""
    return Search(spec, out, emit).run()
