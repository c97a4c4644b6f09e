"""The model beside its baselines: all scored on the same test rows by the same code, and the best of them compared with it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from trainer.answers.base_scoring import Given
from trainer.answers.baselines import title_of
from trainer.answers.metrics import named
from trainer.comparison import Comparison, compare, interval
from trainer.learning.baselines import Baseline
from trainer.outputs import Outputs


class TestedRows(Protocol):
    """Rows with a test part; `labels` are those that a class is one of."""

    @property
    def labels(self) -> Sequence[str]: ...

    def part(self, name: str, /) -> np.ndarray: ...


OutputsT = TypeVar("OutputsT", bound=Outputs, contravariant=True)


class Judged(Protocol[OutputsT]):
    """What can be judged beside baselines: an `Objective`, or that of a table. `outputs` are of the form that it makes: a
    class's are an array, a text's may be a list of arrays (`trainer.outputs`)."""

    @property
    def headline(self) -> str: ...

    @property
    def rows(self) -> TestedRows: ...

    def simple(self, baseline: Baseline, /) -> "Judged[OutputsT]": ...

    def actual(self, rows: np.ndarray, /) -> Given: ...

    def answers(self, metric: str, outputs: OutputsT, /) -> Given: ...

    def metrics(self, outputs: OutputsT, /) -> Mapping[str, float]: ...


def judge(objective: Judged[Any], outputs: Outputs, baselines: dict[str, Baseline]) -> dict[str, Any]:
    """`baselines` and `compare_with_best` of report.json.

    Each baseline has every metric that the model has; `low` and `high` are the ends of the headline metric's 95 % interval.
    """
    figures = {name: score_baseline(objective.simple(baseline), baseline) for name, baseline in baselines.items()}
    return {"baselines": figures, "verdict": compare_with_best(objective, outputs, baselines, figures)}


def score_baseline(objective: Judged[Any], baseline: Baseline) -> dict[str, Any]:
    test = objective.rows.part("test")
    answers = objective.answers(objective.headline, baseline.outputs)
    scored_interval = interval(objective.headline, objective.actual(test), answers, labels=label_indices(objective))
    label = {} if baseline.label is None else {"label": baseline.label}
    metrics = objective.metrics(baseline.outputs)
    return {**metrics, "low": scored_interval.low, "high": scored_interval.high, **label, "seconds": baseline.seconds}


def compare_with_best(
    objective: Judged[Any], outputs: Outputs, baselines: dict[str, Baseline], figures: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """{against, outcome, difference, sentence}: the model beside the best of the baselines; None where there is none."""
    metric = objective.headline
    sign = -1 if named(metric).lower_is_better else 1
    listed = [name for name in figures if metric in figures[name]]
    if not listed:
        return None
    best = max(listed, key=lambda name: sign * figures[name][metric])
    comparison = compare(
        metric,
        objective.actual(objective.rows.part("test")),
        objective.answers(metric, outputs),
        objective.simple(baselines[best]).answers(metric, baselines[best].outputs),
        labels=label_indices(objective),
    )
    description = describe_comparison(comparison, title_of(best) or best)
    return {
        "against": best,
        "outcome": comparison.outcome,
        "difference": comparison.difference,
        "sentence": description,
    }


def label_indices(objective: Judged[Any]) -> range:
    """Labels are their places here."""
    return range(len(objective.rows.labels))


def describe_comparison(comparison: Comparison, opponent: str) -> str:
    """What was found, in English; `opponent` is what the model was compared with."""
    start = {
        "better": f"Better than {opponent}",
        "worse": f"Worse than {opponent}",
        "not shown": f"Not shown to be better than {opponent}",
    }[comparison.outcome]
    unit = " points" if named(comparison.metric).is_share else ""
    low, high = (format_score(end, comparison.metric, signed=True) for end in (comparison.low, comparison.high))
    return (
        f"{start}: {named(comparison.metric).within_sentence} {format_score(comparison.first, comparison.metric)}{'%' if unit else ''} against "
        f"{format_score(comparison.second, comparison.metric)}{'%' if unit else ''} on {comparison.rows:,} test rows, a difference of "
        f"{format_score(comparison.value, comparison.metric, signed=True)}{unit} (95% interval {low} to {high})."
    )


def format_score(value: float, metric: str, *, signed: bool = False) -> str:
    """Shares in percent, R² and the like by three places, sizes by three figures."""
    number, form = (
        (100 * value, ".1f") if named(metric).is_share else (value, ".3f" if named(metric).form == "score" else ".3g")
    )
    text = f"{number:{form}}"
    if float(text) == 0:
        return text.removeprefix("-")
    return f"+{text}" if signed and number > 0 else text
