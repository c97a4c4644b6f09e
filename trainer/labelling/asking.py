"""Which rows are asked about next. Of ten: one for the test and two to learn from at random, five of the most uncertain, spread
by a weighted k-centre (Sener and Savarese 2018), and two of those like the last one whose suggestion was corrected. Rows that are reserved for the
test are asked about at their own turn alone, at random: what the model is unsure of has no say in what it is tested on."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from trainer.labelling.rows import PartlyLabelled

TEST, RANDOM, UNCERTAIN, LIKE, SPREAD = "test", "random", "uncertain", "like", "spread"
TEN = (UNCERTAIN, RANDOM, UNCERTAIN, LIKE, TEST, UNCERTAIN, RANDOM, UNCERTAIN, LIKE, UNCERTAIN)
"""What each of ten questions is for, by how many rows have a label."""
FEW_EACH = 8
"""Rows a label, below which typical rows are preferred."""
ALIKE = 10
"""Times as many rows like the last one corrected as are asked about, of which the most uncertain ones are."""
SAMPLE, NEIGHBOURS = 2_000, 10
"""Rows among which the nearest ones of a row are looked for."""


class Doubting(Protocol):
    """A model, as far as it says what it is unsure of."""

    @property
    def codes(self) -> np.ndarray:
        """The labels that it knows."""

    def probabilities(self, unit: np.ndarray, /) -> np.ndarray:
        """(rows, labels)."""


class Turns:
    """Rows that are not asked about yet, taken one by one. Places are those of `rows`."""

    def __init__(self, rows: PartlyLabelled, unit: np.ndarray, generator: np.random.Generator) -> None:
        self.rows, self.unit = rows, unit
        order = generator.permutation(rows.asked)
        self.reserved = [place for place in order.tolist() if rows.is_reserved[place]]
        self.free = [place for place in order.tolist() if not rows.is_reserved[place]]
        self.is_free = np.zeros(len(rows.numbers), dtype=bool)
        self.is_free[self.free] = True

    def take(self, place: int) -> int:
        self.is_free[place] = False
        return place

    def random(self) -> int | None:
        while self.free:
            if self.is_free[place := self.free.pop()]:
                return self.take(place)
        return None

    def test(self) -> int | None:
        return self.reserved.pop() if self.reserved else None

    def first(self, ordered: Iterator[int]) -> int | None:
        """The first of these that is still free."""
        return next((self.take(place) for place in ordered if self.is_free[place]), None)


def order_rows(
    rows: PartlyLabelled, unit: np.ndarray, model: Doubting | None, corrected: int | None, count: int, seed: int
) -> list[tuple[int, str]]:
    """(place, what for) of the next `count`; `corrected`: the place of the last row that was answered otherwise than suggested."""
    labelled = np.concatenate([rows.learned, rows.tested])
    generator = np.random.default_rng([seed, len(labelled)])
    turns = Turns(rows, unit, generator)
    count = min(count, len(turns.reserved) + len(turns.free))
    if model is None:
        spread = spread_out(unit, np.array(turns.free, dtype=np.int64), unit[labelled], count)
        return fill(turns, [SPREAD] * count, {SPREAD: iter(spread)})
    kinds = [TEN[(len(labelled) + number) % len(TEN)] for number in range(count)]
    if corrected is None:
        kinds = [UNCERTAIN if kind == LIKE else kind for kind in kinds]
    free = np.flatnonzero(turns.is_free)
    like = nearest(turns, corrected, ALIKE * kinds.count(LIKE)) if corrected is not None else free[:0]
    ordered = {
        UNCERTAIN: uncertain_rows(turns, free, model, rows.learned, count),
        LIKE: uncertain_rows(turns, like, model, rows.learned, len(like)),
    }
    return fill(turns, kinds, {kind: iter(places) for kind, places in ordered.items()})


def fill(turns: Turns, kinds: list[str], ordered: dict[str, Iterator[int]]) -> list[tuple[int, str]]:
    """A row for each turn; where there is none of its kind, one at random, at last one of those reserved."""
    chosen: list[tuple[int, str]] = []
    for kind in kinds:
        place = turns.test() if kind == TEST else turns.first(ordered.get(kind, iter(())))
        for other, take in ((RANDOM, turns.random), (TEST, turns.test)):
            if place is None:
                place, kind = take(), other
        if place is None:
            break
        chosen.append((place, kind))
    return chosen


def uncertain_rows(turns: Turns, places: np.ndarray, model: Doubting, learned: np.ndarray, count: int) -> list[int]:
    """`count` of `places`, by greedy k-centre, weighted: each is the one with the largest product of doubt (how close its two
    likeliest labels are) and distance from all that were learned from or chosen before. As long as labels have few rows, typical
    rows count for more than odd ones (Hacohen, Dekel and Weinshall 2022)."""
    if not len(places):
        return []
    unit = turns.unit[places]
    shares = np.partition(model.probabilities(unit), -2, axis=1)
    weight = 1 - (shares[:, -1] - shares[:, -2])
    if len(learned) < FEW_EACH * len(model.codes):
        weight *= density(turns.unit, places) ** 2
    distance = 1 - (unit @ turns.unit[learned].T).max(axis=1)
    chosen: list[int] = []
    is_chosen = np.zeros(len(places))
    for _number in range(min(count, len(places))):
        index = int((weight * distance.clip(0) - is_chosen).argmax())
        chosen.append(int(places[index]))
        distance = np.minimum(distance, 1 - unit @ unit[index])
        is_chosen[index] = True
    return chosen


def density(unit: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How close the nearest ones are, of a sample: the mean of their cosines, above 0."""
    sample = np.random.default_rng(0).permutation(len(unit))[:SAMPLE]
    near = np.partition(unit[places] @ unit[sample].T, -min(NEIGHBOURS, len(sample)), axis=1)
    dense: np.ndarray = near[:, -NEIGHBOURS:].mean(axis=1).clip(0.01)
    return dense


def spread_out(unit: np.ndarray, places: np.ndarray, known: np.ndarray, count: int) -> list[int]:
    """`count` of `places`, each the farthest from all before it and from `known` (vectors); the first is the most typical
    one where nothing is known."""
    if not len(places):
        return []
    candidates = unit[places]
    nearest_cosine = (candidates @ known.T).max(axis=1) if len(known) else -(candidates @ candidates.mean(axis=0))
    chosen: list[int] = []
    for _number in range(min(count, len(places))):
        index = int(nearest_cosine.argmin())
        chosen.append(int(places[index]))
        cosines = candidates @ candidates[index]
        nearest_cosine = np.maximum(nearest_cosine, cosines) if len(chosen) > 1 or len(known) else cosines
        nearest_cosine[index] = np.inf
    return chosen


def nearest(turns: Turns, place: int, count: int) -> np.ndarray:
    """The free rows that are most like it."""
    free = np.flatnonzero(turns.is_free)
    order: np.ndarray = free[np.argsort(-(turns.unit[free] @ turns.unit[place]), kind="stable")[:count]]
    return order
