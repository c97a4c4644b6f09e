"""How faithful explanations are: a deletion test on test rows.

The parts of an input are left out cumulatively in the order of their weights (Samek et al. 2017). A faithful order lets the answer
fall early: its area is the mean fall over the steps, and what it gains on a random order of the same parts is told with the
interval of the paired difference. An exact method that passes, else the most faithful one, is the usual one of the model. Needs numpy alone.
"""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from trainer.engines import Engine
from trainer.engines.explanations import AGNOSTIC, Parts
from trainer.intervals import draw_weights, percentile_interval
from trainer.json_types import JsonObject

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7)
"""Of the parts, left out at each step."""
MOST_ROWS, FEWEST_ROWS = 200, 12
FEWEST_PARTS, MOST_PARTS, MOST_MEDIA_PARTS = 3, 24, 9
"""An input with fewer has no order to speak of; one with more is divided into larger parts, pictures and sounds into a few."""
RANDOM_ORDERS, RANDOM_MEDIA_ORDERS = 2, 1
SECONDS, MEDIA_SECONDS = 5.0, 12.0
"""Of texts and rows, and of pictures and sounds, whose models are slower."""
DRAWS = 1_000


class Areas(NamedTuple):
    """Of rows: (rows, methods) and (rows,)."""

    methods: np.ndarray
    random: np.ndarray


def deletion_test(engine: Engine[Any, Any], inputs: Sequence[Any], seconds: float | None = None) -> JsonObject:
    """{method (the usual one from now on), rows, unit, random, methods [{method, area, gain, low, high}]}, of `inputs` as they
    were read. `rows` is 0 where it would take longer than so many seconds, or where too few rows have parts."""
    seconds = seconds or (MEDIA_SECONDS if engine.reads_slowly else SECONDS)
    result: JsonObject = {"method": engine.methods[0], "rows": 0}
    if not engine.is_explained_quickly or engine.methods == ("scores",):
        return result
    methods, areas = engine.methods, areas_of(engine, engine.methods, inputs, seconds)
    if len(areas.random) < FEWEST_ROWS and len(methods) > 1:  # all of them take too long, perhaps not the usual one
        methods, areas = engine.methods[:1], areas_of(engine, engine.methods[:1], inputs, seconds)
    if len(areas.random) < FEWEST_ROWS:
        return result
    return result | {
        "method": methods[usual_method(methods, areas)],
        "rows": len(areas.random),
        "unit": engine.scoring.falls_in,
        "random": rounded(areas.random.mean()),
        "methods": [
            {"method": method, "area": rounded(area.mean()), **gain_of(area, areas.random)}
            for method, area in zip(methods, areas.methods.T, strict=True)
        ],
    }


def areas_of(engine: Engine[Any, Any], methods: Sequence[str], inputs: Sequence[Any], seconds: float) -> Areas:
    """Of as many rows, drawn at random, as there is time for; of none where that is too few."""
    generator, started = np.random.default_rng(0), time.monotonic()
    rows: list[np.ndarray] = []
    for place in generator.permutation(len(inputs))[: 2 * MOST_ROWS]:
        row = row_areas(engine, methods, inputs[place], generator)
        if row is not None:
            rows.append(row)
        spent = time.monotonic() - started
        if len(rows) == MOST_ROWS or spent > seconds or spent > seconds * max(len(rows), 1) / FEWEST_ROWS:
            break
    areas = np.array(rows).reshape(len(rows), len(methods) + 1)
    return Areas(areas[:, :-1], areas[:, -1])


def row_areas(
    engine: Engine[Any, Any],
    methods: Sequence[str],
    value: Any,  # noqa: ANN401  as it was read
    generator: np.random.Generator,
) -> np.ndarray | None:
    """(methods + 1,): the area of each method's order, last of random ones; None for an input with too few parts."""
    most, drawn = (MOST_MEDIA_PARTS, RANDOM_MEDIA_ORDERS) if engine.reads_slowly else (MOST_PARTS, RANDOM_ORDERS)
    parts = engine.parts(value, most)
    count = len(parts.described)
    if count < FEWEST_PARTS:
        return None
    orders = [np.argsort(-weights_of(engine, method, value, parts), kind="stable") for method in methods]
    orders += [generator.permutation(count) for _order in range(drawn)]
    steps = sorted({max(1, round(share * count)) for share in SHARES})
    falls = engine.falls(value, (parts.without(order[:step].tolist()) for order in orders for step in steps))
    areas = falls.reshape(len(orders), len(steps)).mean(axis=1)
    return np.array([*areas[: len(methods)], areas[len(methods) :].mean()])


def weights_of(engine: Engine[Any, Any], method: str, value: Any, parts: Parts[Any]) -> np.ndarray:  # noqa: ANN401  as read
    """(parts,); exact weights of smaller parts are added up to those."""
    if method in engine.weighed_by_parts:
        return engine.weigh(method, value, parts).weights
    described, weighed = engine.exact(value)
    if len(described) == len(parts.described):
        return np.asarray(weighed.weights)
    starts = [part["start"] for part in parts.described]
    places = np.searchsorted(starts, [part["start"] for part in described], side="right") - 1
    return np.bincount(places.clip(min=0), weighed.weights, len(starts))


def usual_method(methods: Sequence[str], areas: Areas) -> int:
    """The place of the method to explain by. An exact one stays where it is shown to beat a random order: its weights lead from
    the base to the answer, and the test, which leaves parts out, is made of the same questions as the methods that ask again."""
    is_exact = methods[0] not in AGNOSTIC
    if is_exact and gain_of(areas.methods[:, 0], areas.random)["low"] > 0:
        return 0
    return most_faithful(areas.methods)


def most_faithful(areas: np.ndarray) -> int:
    """The place of the method with the largest area, if it is shown to be more faithful than the first; else the first."""
    best = int(areas.mean(axis=0).argmax())
    return best if gain_of(areas[:, best], areas[:, 0])["low"] > 0 else 0


def gain_of(first: np.ndarray, second: np.ndarray) -> JsonObject:
    """{gain, low, high}: the mean paired difference over rows and its 95 % bootstrap interval."""
    differences = first - second
    weights = draw_weights(len(differences), DRAWS, np.random.default_rng(0))
    low, high = percentile_interval([float(np.average(differences, weights=each)) for each in weights])
    return {"gain": rounded(differences.mean()), "low": rounded(low), "high": rounded(high)}


def rounded(value: float) -> float:
    return round(float(value), 4)
