"""What optuna says: the settings of the next trial, whether one is pruned, and how much each setting matters.

A study lives in memory for one question, made from the trials. Settings are proposed by the tree-structured Parzen estimator
(Bergstra et al. 2011), trials are pruned by the median rule (Golovin et al. 2017), and the importance of settings is that of
PED-ANOVA (Watanabe et al. 2023).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from trainer.answers.metrics import named
from trainer.hyperparameters.space import Dimension

RANDOM_TRIALS = 5
"""Whose settings are drawn at random, before what they came to says where to look."""
UNPRUNED_TRIALS, FIRST_PRUNED_EPOCH = 4, 2
"""So many trials are not compared with any, and the others from this epoch on."""
LEAST_FOR_IMPORTANCE = 6
"""Trials with a score, below which importance would be noise."""
DIGITS = 4
"""Of a number that is proposed."""
STATES = {
    "done": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}
optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Trial:
    """One run of a search. `value`: its score on validation rows, of one that is done; `curve`: {epoch: score}."""

    params: Mapping[str, Any]
    state: Literal["done", "pruned", "failed", "running"]
    value: float | None = None
    curve: Mapping[int, float] = field(default_factory=dict)


def propose(
    space: Sequence[Dimension], trials: Sequence[Trial], metric: str | None, seed: int, first: Mapping[str, Any]
) -> dict[str, Any]:
    """The settings of the next trial. `first`: those that the first one tries; what they leave open is drawn."""
    sampler = optuna.samplers.TPESampler(
        seed=(seed * 1_000_003 + len(trials)) % 2**32,
        n_startup_trials=RANDOM_TRIALS,
        multivariate=True,
        constant_liar=True,
    )
    with quiet():
        study = study_of(space, trials, metric, sampler=sampler)
        if not trials and first:
            study.enqueue_trial(dict(first))
        params = study.ask(distributions(space)).params
    return {each.name: rounded(params[each.name], each.low, each.high) for each in space}


def importance(space: Sequence[Dimension], trials: Sequence[Trial], metric: str | None) -> dict[str, float]:
    """{setting: its share of the differences between scores}, the most important first; empty while too few trials are done."""
    done = [trial for trial in trials if trial.state == "done"]
    if len(done) < LEAST_FOR_IMPORTANCE or len({trial.value for trial in done}) < 2:
        return {}
    with quiet():
        return dict(optuna.importance.get_param_importances(study_of(space, trials, metric)))


def should_prune(
    metric: str, earlier: Sequence[Sequence[tuple[int, float]]], curve: Sequence[tuple[int, float]]
) -> bool:
    """Whether a trial with this validation curve so far is worse than half of the earlier ones."""
    pruner = optuna.pruners.MedianPruner(UNPRUNED_TRIALS, FIRST_PRUNED_EPOCH)
    with quiet():
        study = study_of(
            [], [Trial({}, "done", each[-1][1], dict(each)) for each in earlier if each], metric, pruner=pruner
        )
        trial = study.ask()
        for epoch, value in curve:
            trial.report(value, epoch)
        return bool(trial.should_prune())


def study_of(
    space: Sequence[Dimension],
    trials: Sequence[Trial],
    metric: str | None,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    is_loss = bool(metric) and named(metric or "").lower_is_better
    study = optuna.create_study(direction="minimize" if is_loss else "maximize", sampler=sampler, pruner=pruner)
    known = distributions(space)
    study.add_trials([frozen(trial, known) for trial in trials])
    return study


def frozen(trial: Trial, known: Mapping[str, BaseDistribution]) -> FrozenTrial:
    params = {name: value for name, value in trial.params.items() if name in known}
    return optuna.trial.create_trial(
        params=params,
        distributions={name: known[name] for name in params},
        state=STATES[trial.state],
        value=trial.value if trial.state == "done" else None,
        intermediate_values=dict(trial.curve),
    )


def distributions(space: Sequence[Dimension]) -> dict[str, BaseDistribution]:
    return {each.name: distribution(each) for each in space}


def distribution(each: Dimension) -> BaseDistribution:
    if each.choices:
        return CategoricalDistribution(each.choices)
    if each.whole:
        return IntDistribution(int(each.low), int(each.high), log=each.log)
    return FloatDistribution(each.low, each.high, log=each.log)


def rounded(value: object, low: float, high: float) -> object:
    """A number as a person would write it, within its bounds."""
    if not isinstance(value, float):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)


@contextmanager
def quiet() -> Iterator[None]:
    """optuna warns of what it calls experimental; which parts of it are used is our choice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
