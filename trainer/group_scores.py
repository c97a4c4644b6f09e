"""How good a run is on each group of its test rows, and whether the groups differ. Needs numpy alone.

One rule for every metric, and for the rates of two classes:

- a group has its score with a 95 % interval, computed as that of the whole test: Wilson's for shares of rows, otherwise the
  percentiles of a bootstrap over the group's rows. Of fewer than `LEAST_ROWS` rows nothing is said;
- the gap lies between the best and the worst group. Its interval follows from theirs (Newcombe 1998, method 10; for other
  figures than shares Zou and Donner 2008);
- the best and the worst were chosen because they differ, so a permutation test goes with it: how often as wide a gap appears
  where the rows are dealt out to the groups at random. Where chance cannot be excluded (p ≥ 0.05), the interval is stretched
  to include 0, and no difference is claimed.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from trainer import answers
from trainer.answers.base_scoring import Cells, scoring_of
from trainer.answers.metrics import named, owners
from trainer.comparison import count_draws, prepare_cells, read_predictions
from trainer.errors import UserError
from trainer.groups import NEITHER, Division, split_by
from trainer.intervals import LEVEL, MAX_EXCHANGES, draw_weights, percentile_interval, wilson_interval
from trainer.messages import _

LEAST_ROWS = 20
"""Of a group whose score is judged, and of the rows of a class whose rate is."""
MAX_DEALT, LEAST_DEALS = 20_000_000, 100
"""Rows over all deals of the permutation test and all groups: of large tests there are fewer deals."""
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")
Reason = Literal["", "few_rows", "one_answer"]
Scores = Callable[[np.ndarray], list[float]]
"""(the place of each row's group) → the score of each group that is judged."""


class Figure(NamedTuple):
    """A score, or a rate of so many `rows`, with its 95 % interval."""

    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Group:
    """`name` None: the rows without a cell. `reason`: why it has no `score`."""

    name: str | None
    rows: int
    score: Figure | None
    reason: Reason
    rates: dict[str, Figure | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """How far two groups are apart, the widest of all; never negative. `first` and `second`: their places in the groups, `first`
    the better one, of rates the higher."""

    first: int
    second: int
    value: float
    low: float
    high: float
    p: float

    @property
    def is_shown(self) -> bool:
        return self.low > 0


@dataclass(frozen=True)
class Found:
    """`rows`: test rows of all groups. `positive`: of two classes that whose rates are told, else None. `gap` and `gaps` (those of
    `RATES`): None where fewer than two groups are judged."""

    metric: str
    groups: list[Group]
    rows: int
    others: int
    is_condition: bool
    gap: Gap | None
    positive: Any = None
    gaps: dict[str, Gap | None] = field(default_factory=dict)


class Answers(NamedTuple):
    """An artifact's answers to its test rows: `numbers` of the rows, and what its metric needs of each."""

    metric: str
    numbers: list[int]
    truth: list[Any]
    predicted: list[Any]
    labels: list[str]
    cells: Cells


def find_groups(
    artifact: Path,
    version: Path,
    columns: Sequence[Mapping[str, Any]],
    kind: str,
    metric: str,
    by: str,
    positive: str = "",
) -> Found:
    """The test rows of an artifact by a column of the dataset version (`columns` of its profile), or by a condition. `kind`: that
    of its answers; `positive`: of two classes that whose rates are told, the rarer one where it is left out. Raises `UserError`."""
    labels = labels_of(artifact)
    given = read_answers(artifact, metric, labels)
    if given is None:
        raise answers_gone()
    division = split_by(version, columns, given.numbers, by)
    scores = score_groups(given, division)
    predicted = predicted_labels(artifact, given.numbers) if has_rates(kind, labels) else None
    if predicted is None:
        return scores
    if positive and positive not in labels:
        raise UserError(
            _("“%(label)s” is not one of the two answers.", label=positive[:60]),
            code="unknown_label",
            hint=_("The answers are: %(names)s.", names=", ".join(labels)),
        )
    return add_rates(scores, division.places, given.truth, predicted, positive or rarer(given.truth, labels))


def labels_of(artifact: Path) -> list[str]:
    try:
        return list(json.loads((artifact / "manifest.json").read_text("utf-8"))["labels"])
    except (OSError, ValueError, KeyError) as error:
        raise answers_gone() from error


def answers_gone() -> UserError:
    return UserError(
        _("Its answers to the test rows were not kept."),
        code="answers_gone",
        hint=_("Train again with the same settings."),
    )


def read_answers(artifact: Path, metric: str, labels: Sequence[str]) -> Answers | None:
    """None where they were not kept, or not as the metric needs them."""
    column, kind = named(metric).column, owners().get(metric)
    try:
        rows = read_predictions(artifact, metric)
        if kind is None or not rows:
            return None
        numbers, every = sorted(rows), sorted(labels)
        truth = [rows[number]["truth"] for number in numbers]
        predicted = [rows[number][column] for number in numbers]
    except (OSError, ValueError, KeyError):
        return None
    scoring = scoring_of(kind.key)
    given = scoring.read_predicted(metric, predicted, list(labels), every)
    cells = prepare_cells(metric, scoring.read_truth(truth, every), (given, given), every)
    return Answers(metric, numbers, truth, predicted, every, cells)


def predicted_labels(artifact: Path, numbers: Sequence[int]) -> list[Any] | None:
    """What was answered, where the headline's metric looks at something else."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(artifact / "predictions.parquet", columns=["row", "predicted"])
    except (OSError, ValueError, KeyError):
        return None
    by_row = dict(zip(*(table.column(name).to_pylist() for name in ("row", "predicted")), strict=True))
    return [by_row.get(number) for number in numbers]


def score_groups(given: Answers, division: Division, *, seed: int = 0) -> Found:
    """The score of every group of `division`, whose places are those of the rows of `given`, and the gap between them."""
    places = np.array(division.places)
    groups = [judged(given, division.names[place], places == place, seed) for place in range(len(division.names))]
    cells, _same, measure = given.cells

    def scores(dealt: np.ndarray) -> list[float]:
        return [measure(cells, (dealt == place).astype(float)) for place, group in enumerate(groups) if group.score]

    facts = named(given.metric)
    figures = {place: group.score for place, group in enumerate(groups) if group.score}
    most = min(MAX_EXCHANGES, facts.most_draws // 2, MAX_DEALT // (len(places) * len(groups)))
    gap = gap_of(figures, scores, places, max(most, LEAST_DEALS), seed, lower_is_better=facts.lower_is_better)
    rows = int((places != NEITHER).sum())
    return Found(given.metric, groups, rows, division.others, division.is_condition, gap)


def judged(given: Answers, name: str | None, members: np.ndarray, seed: int) -> Group:
    rows = int(members.sum())
    if rows < LEAST_ROWS:
        return Group(name, rows, None, "few_rows")
    facts = named(given.metric)
    own = np.flatnonzero(members)
    if facts.contrasts and len({str(given.truth[row]) for row in own}) < 2:
        return Group(name, rows, None, "one_answer")
    cells, _same, measure = given.cells
    value = measure(cells, members.astype(float)) + 0.0
    if facts.counts_rows:
        return Group(name, rows, Figure(value, *wilson_interval(value, rows), rows), "")
    draws = draw_weights(rows, count_draws(given.metric, len(members)), np.random.default_rng(seed))
    drawn = np.zeros(len(members))
    values = []
    for weights in draws:
        drawn[own] = weights
        values.append(measure(cells, drawn))
    low, high = percentile_interval(values)
    if low == high and facts.bounded and value in (0, 1):
        low, high = wilson_interval(value, rows)
    return Group(name, rows, Figure(value, min(low, value) + 0.0, max(high, value) + 0.0, rows), "")


def gap_of(
    figures: dict[int, Figure],
    scores: Scores,
    places: np.ndarray,
    exchanges: int,
    seed: int,
    *,
    lower_is_better: bool = False,
) -> Gap | None:
    """Between the best and the worst of `figures` {place of the group: its figure}; None of fewer than two."""
    if len(figures) < 2:
        return None
    order = sorted(figures, key=lambda place: (figures[place].value, -place))
    top, bottom = figures[order[-1]], figures[order[0]]
    value = top.value - bottom.value
    low = value - math.hypot(top.value - top.low, bottom.high - bottom.value)
    high = value + math.hypot(top.high - top.value, bottom.value - bottom.low)
    p = permutation_test(scores, places, list(figures), value, exchanges, np.random.default_rng(seed))
    low = 0.0 if p >= 1 - LEVEL else max(low, 0.0)
    first, second = (order[0], order[-1]) if lower_is_better else (order[-1], order[0])
    return Gap(first, second, value + 0.0, low + 0.0, high + 0.0, p)


def permutation_test(
    scores: Scores,
    places: np.ndarray,
    judged: Sequence[int],
    observed: float,
    draws: int,
    generator: np.random.Generator,
) -> float:
    """p: the share of random deals of the judged groups' rows among them, each of its size, after which their scores are at least
    as far apart. Ended once chance can no longer be excluded (Besag and Clifford 1991)."""
    rows = np.flatnonzero(np.isin(places, judged))
    dealt, beyond = places.copy(), 1
    enough = max(20, (1 - LEVEL) * (draws + 1))
    for made in range(1, draws + 1):
        dealt[rows] = generator.permutation(places[rows])
        values = scores(dealt)
        beyond += max(values) - min(values) >= observed - 1e-12
        if beyond > enough:
            return beyond / (made + 1)
    return beyond / (draws + 1)


# Two classes


def has_rates(kind: str, labels: Sequence[str]) -> bool:
    """Whether answers of this kind are one of two classes."""
    return answers.get(kind).labelled and len(labels) == 2


def rarer(truth: Sequence[Any], labels: Sequence[str]) -> str:
    """The class that fewer rows have, as costs of mistakes name the positive one."""
    return min(labels, key=lambda label: (sum(each == label for each in truth), label))


def add_rates(
    scores: Found,
    places: Iterable[int],
    truth: Sequence[Any],
    predicted: Sequence[Any],
    positive: str,
    *,
    seed: int = 0,
) -> Found:
    """With the rates of each group: `selection_rate`, how often it is answered `positive`, and equalised odds, how often of the
    rows that are (`true_positive_rate`) and of those that are not (`false_positive_rate`); and the widest gap of each."""
    dealt = np.array(list(places))
    chosen = np.array([each == positive for each in predicted])
    actual = np.array([each == positive for each in truth])
    among = dict(zip(RATES, (np.ones(len(actual), bool), actual, ~actual), strict=True))
    rates = {name: shares(chosen, counted, dealt, len(scores.groups)) for name, counted in among.items()}
    groups = [
        replace(group, rates={name: rates[name].get(place) for name in RATES})
        for place, group in enumerate(scores.groups)
    ]
    gaps = {name: gap_of_shares(rates[name], chosen[among[name]], dealt[among[name]], seed) for name in RATES}
    return replace(scores, groups=groups, positive=positive, gaps=gaps)


def shares(chosen: np.ndarray, counted: np.ndarray, places: np.ndarray, groups: int) -> dict[int, Figure]:
    """{place: share of the `counted` rows of a group that are chosen}, of the groups with enough of them."""
    by_name = {}
    for place in range(groups):
        own = chosen[counted & (places == place)]
        if len(own) >= LEAST_ROWS:
            share = float(own.mean())
            by_name[place] = Figure(share, *wilson_interval(share, len(own)), len(own))
    return by_name


def gap_of_shares(figures: dict[int, Figure], chosen: np.ndarray, places: np.ndarray, seed: int) -> Gap | None:
    hits = chosen.astype(float)

    def scores(dealt: np.ndarray) -> list[float]:
        return [float(hits[dealt == place].mean()) for place in figures]

    return gap_of(figures, scores, places, MAX_EXCHANGES, seed)


# As JSON


def described(scores: Found) -> dict[str, Any]:
    """{metric, rows, least_rows, groups [{name, rows, score, reason, rates}], others, gap, positive, rates {name: gap},
    equalised_odds} as the command and the API give them; a gap names its groups."""
    odds = [gap.value for name in RATES[1:] if (gap := scores.gaps.get(name))]
    return {
        "metric": scores.metric,
        "rows": scores.rows,
        "least_rows": LEAST_ROWS,
        "groups": [group_of(group) for group in scores.groups],
        "others": scores.others,
        "gap": gap_described(scores, scores.gap),
        "positive": scores.positive,
        "rates": {name: gap_described(scores, gap) for name, gap in scores.gaps.items()},
        "equalised_odds": max(odds) if len(odds) == len(RATES[1:]) else None,
    }


def group_of(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "rows": group.rows,
        "score": group.score and group.score._asdict(),
        "reason": group.reason,
        "rates": {name: rate and rate._asdict() for name, rate in group.rates.items()},
    }


def gap_described(scores: Found, gap: Gap | None) -> dict[str, Any] | None:
    if gap is None:
        return None
    names = {"first": scores.groups[gap.first].name, "second": scores.groups[gap.second].name}
    interval = {"value": gap.value, "low": gap.low, "high": gap.high, "p": gap.p}
    return names | interval | {"verdict": "gap" if gap.is_shown else "not shown"}
