"""How far the answers of a packaged model fall where its test rows are made worse, step by step. Without torch.

Every kind of change has five strengths; at each the same rows are asked again, and the fall against the rows as they are has the
95 % interval of the paired bootstrap. The rows are as many as there is time for.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer import answers
from trainer.answers.base import Metric
from trainer.data.media import UnreadableError
from trainer.engines import Engine, open_engine
from trainer.errors import DataError
from trainer.events import Emit, silent
from trainer.intervals import percentile_interval
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.robustness.changes import KINDS, Change, Kind
from trainer.tested_inputs import AskedAgain, read_asked_again, report_of

MOST_ROWS, FEWEST_ROWS = 200, 20
SECONDS = 60.0
BATCH = 16
TIMED_ROWS = 4
MOST_DRAWS = 200


def robustness(artifact: Path, version: Path, emit: Emit = silent, seconds: float = SECONDS) -> JsonObject:
    """{metric, rows, of (test, or folds), score, without_effect [name], changes [{name, unit, strengths, scores, falls [{value, low,
    high}]}]}, of a packaged artifact and the version that it was trained on. `DataError` (`no_robustness`) for a task whose inputs
    cannot be changed so that the answers stay right."""
    engine = open_engine(artifact)
    kind = changes_of(engine)
    rows = read_asked_again(artifact, version, MOST_ROWS)
    card = Card(engine, kind, rows)
    card.fit_rows(seconds)
    results = [card.measure(change, emit, number) for number, change in enumerate(kind.changes)]
    return {
        "metric": card.metric.name,
        "rows": len(card.inputs),
        "of": report_of(artifact).get("evaluation", {}).get("kind", "test"),
        "score": rounded(card.score(card.clean)),
        "without_effect": [change.name for change, result in zip(kind.changes, results, strict=True) if result is None],
        "changes": [result for result in results if result is not None],
    }


def changes_of(engine: Engine[Any, Any]) -> Kind:
    """Texts only where an answer is about the text as a whole: of one within it the place would no longer be right."""
    task, answer = engine.task, answers.get(engine.task.answer)
    kind = KINDS.get(task.modality)
    is_whole = answer.cells in ("label", "labels", "number")
    if kind is None or engine.is_writer or len(task.shape().reads) > 1 or (task.modality == "text" and not is_whole):
        raise DataError(
            _("What changed inputs do to this kind of model cannot be measured."),
            code="no_robustness",
            hint=_("It can for texts, pictures, sounds and tables that are answered with labels or a number."),
        )
    changes = [change for change in kind.changes if answer.cells != "boxes" or not change.moves]
    return Kind(changes, kind.opened)


class Card:
    """`clean`: the answers to the rows as they are, all as predictions.parquet keeps them."""

    def __init__(self, engine: Engine[Any, Any], kind: Kind, rows: AskedAgain) -> None:
        self.engine, self.kind = engine, kind
        self.inputs, self.truth = rows.inputs, rows.answers
        self.metric: Metric = answers.get(engine.task.answer).metrics[0]
        self.clean: list[Any] = []

    def fit_rows(self, seconds: float) -> None:
        """Keep as many rows as there is time for, by how long a few take; and answer them as they are."""
        timed = self.inputs[:TIMED_ROWS]
        self.answered(timed)
        started = time.perf_counter()
        for change in self.kind.changes[:2]:
            self.answered([self.changed(value, change, 2, row) for row, value in enumerate(timed)])
        each = (time.perf_counter() - started) / (len(timed) * len(self.kind.changes[:2]))
        asked = sum(len(change.strengths) for change in self.kind.changes) + 1
        most = max(FEWEST_ROWS, int(seconds / max(each * asked, 1e-6)))
        self.inputs, self.truth = self.inputs[:most], self.truth[:most]
        self.clean = self.answered(self.inputs)

    def answered(self, inputs: Sequence[Any]) -> list[Any]:
        """A few at a time, as pictures fill the memory."""
        predicted: list[Any] = []
        for start in range(0, len(inputs), BATCH):
            read = [self.engine.read(value) for value in inputs[start : start + BATCH]]
            predicted += self.engine.answers(read, BATCH)
        return predicted

    def changed(self, value: Any, change: Change, strength: int, row: int) -> Any:  # noqa: ANN401  as a task gives it
        """The same every time; an input that nothing is left of stays as it is."""
        generator = np.random.default_rng((strength, row))
        try:
            worse = change.change(self.kind.opened(value), change.strengths[strength], generator)
        except (UnreadableError, OSError):
            return value
        return value if self.engine.task.check_input(worse) else worse

    def changed_inputs(self, change: Change, strength: int) -> list[Any]:
        return [self.changed(value, change, strength, row) for row, value in enumerate(self.inputs)]

    def measure(self, change: Change, emit: Emit, number: int) -> JsonObject | None:
        """None where it changes none of the rows."""
        scores, falls = [], []
        if self.changed_inputs(change, len(change.strengths) - 1) == self.inputs:
            return None
        for strength in range(len(change.strengths)):
            predicted = self.answered(self.changed_inputs(change, strength))
            scores.append(rounded(self.score(predicted)))
            falls.append(self.fall(predicted))
            done = (number + (strength + 1) / len(change.strengths)) / len(self.kind.changes)
            emit("progress", stage="robustness", fraction=round(done, 3))
        return {
            "name": change.name,
            "unit": change.unit,
            "strengths": list(change.strengths),
            "scores": scores,
            "falls": falls,
        }

    def score(self, predicted: Sequence[Any], rows: Sequence[int] | None = None) -> float:
        """By the first metric of the kind of answer, of all or of some rows."""
        truth = self.truth if rows is None else [self.truth[row] for row in rows]
        given = predicted if rows is None else [predicted[row] for row in rows]
        right = self.engine.score(given, truth)
        return 1 - right if self.metric.lower_is_better else right

    def fall(self, predicted: Sequence[Any]) -> JsonObject:
        """{value, low, high}: how much worse than the rows as they are, positive where it is worse."""
        sign = -1 if self.metric.lower_is_better else 1
        value = sign * (self.score(self.clean) - self.score(predicted))
        generator, count = np.random.default_rng(0), len(self.truth)
        drawn = (generator.integers(0, count, count).tolist() for _draw in range(self.draws))
        values = [sign * (self.score(self.clean, rows) - self.score(predicted, rows)) for rows in drawn]
        low, high = percentile_interval(values)
        return {"value": rounded(value), "low": rounded(low), "high": rounded(high)}

    @property
    def draws(self) -> int:
        return min(MOST_DRAWS, self.metric.most_draws // 4)


def rounded(value: float) -> float:
    return round(float(value), 4)
