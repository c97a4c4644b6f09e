"""Suggestions of a finished model, for answers that are not one label out of a few: several labels, numbers, passages, transcripts,
boxes. The command `suggest` with an `artifact` in its request.

They lie in `suggestions.parquet` as those of classes do (`trainer.labelling.suggest`); `label` is the answer in JSON. Rows that are
reserved for the test have none: what a model says must not lead those who say what it is tested on.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.data.dataset import Dataset
from trainer.data.pool import is_drawn_for_test, keys_to_divide, pool_rows, takes_test
from trainer.data.version import read_version
from trainer.engines import Engine, open_engine
from trainer.errors import DataError
from trainer.events import Emit
from trainer.json_types import JsonObject
from trainer.labelling.asking import RANDOM, TEST, UNCERTAIN
from trainer.labelling.request import Request
from trainer.tagging.units import text_of, words_of

ANSWERS = "answers.parquet"
"""What the model said so far, in the same folder."""
MOST_ROWS, AT_ONCE = 600, 8
"""Rows that are answered at most, and together."""
TEN = (UNCERTAIN, RANDOM, UNCERTAIN, TEST, UNCERTAIN, RANDOM, UNCERTAIN, UNCERTAIN, UNCERTAIN, UNCERTAIN)
"""What each of ten rows in the order of asking is for."""
Said = tuple[object, float | None]
"""An answer as the API takes it, and how sure the model is of it, 0 to 1; None where it does not say."""


@dataclass(frozen=True)
class Pool:
    """`numbers`: rows that wait for an answer, from 0, in an order drawn at random; `is_reserved`: they join the test."""

    dataset: Dataset
    numbers: np.ndarray
    is_reserved: np.ndarray


def suggest_predicted(request: Request, out: Path, write: Callable[[Path, pa.Table], None], emit: Emit) -> JsonObject:
    """As `suggest`; `unread`: rows that the next request of the same goes on with."""
    assert request.artifact is not None
    pool = read_pool(request)
    asked = pool.numbers[~pool.is_reserved][:MOST_ROWS]
    known = read_answers(out / ANSWERS, request.model)
    known |= predict_rows(request, pool.dataset, [row for row in asked.tolist() if row not in known], emit)
    write(out / ANSWERS, answers_table(known, request.model))
    write(out / "suggestions.parquet", ordered_table(pool, known))
    unread = sum(row not in known for row in asked.tolist())
    facts: JsonObject = {"reader": "model", "model": request.model, "unread": unread, "score": None, "change": None}
    return facts | {"labels": len(request.decisions), "rows": len(pool.numbers), "thin": []}


def read_pool(request: Request) -> Pool:
    dataset = read_version(Path(request.version), None, None)
    waiting = pool_rows(dataset)
    waiting[[decision.row - 1 for decision in request.decisions if 0 < decision.row <= dataset.rows]] = False
    numbers = np.random.default_rng(request.seed).permutation(np.flatnonzero(waiting))
    drawn = takes_test(dataset) & is_drawn_for_test(keys_to_divide(dataset).texts, dataset.split_spec.seed)
    return Pool(dataset, numbers, drawn[numbers])


def predict_rows(request: Request, dataset: Dataset, rows: list[int], emit: Emit) -> dict[int, Said]:
    """Answers to as many of these rows as the time allows; (None, None) for one that the model cannot read."""
    if not rows or request.artifact is None:
        return {}
    began = time.monotonic()
    predicted: dict[int, Said] = {}
    engine = open_engine(request.artifact)
    for start in range(0, len(rows), AT_ONCE):
        numbers = rows[start : start + AT_ONCE]
        if request.seconds is not None and time.monotonic() - began > request.seconds:
            break
        predicted |= dict(zip(numbers, answer_some(engine, [input_of(dataset, row) for row in numbers]), strict=True))
        emit("progress", stage="read", fraction=round(len(predicted) / len(rows), 3), done=len(predicted), unit="rows")
    has_words = dataset.mapped_shape.reads[:1] == ("tokens",)
    return {row: in_words(dataset, row, answer) if has_words else answer for row, answer in predicted.items()}


def input_of(dataset: Dataset, row: int) -> object:
    """A row as `Engine.read` takes it; None where it has none."""
    shape = dataset.mapped_shape
    if not shape.reads:
        answer = dataset.roles[shape.answer]
        return {name: dataset.column(name)[row].as_py() for name in dataset.names if name != answer}
    role = shape.reads[0]
    cell = dataset.column(dataset.roles[role])[row].as_py()
    if role in ("image", "audio"):
        return dataset.media / cell if dataset.media is not None and cell else None
    if role == "tokens":
        words = words_of(cell)
        return text_of(words)[0] if words else None
    return cell


def answer_some(engine: Engine[Any, Any], inputs: Sequence[object]) -> list[Said]:
    read: dict[int, Any] = {}
    for place, value in enumerate(inputs):
        try:
            read[place] = engine.read(value)
        except (DataError, OSError):
            continue
    outputs = dict(zip(read, engine.predict(list(read.values())), strict=True))
    return [value_of(outputs[place]) if place in outputs else (None, None) for place in range(len(inputs))]


def value_of(output: JsonObject) -> Said:
    """An answer as serving gives it (`trainer.answers.base.Answer.output`)."""
    if "objects" in output:
        boxes = output["objects"]
        return [{"label": box["label"], "box": box["box"]} for box in boxes], least(boxes)
    if "labels" in output:
        doubts = [abs(score["score"] - 0.5) for score in output.get("scores", [])]
        return [label["label"] for label in output["labels"]], 0.5 + min(doubts) if doubts else None
    if "entities" in output:
        return output["entities"], least(output["entities"])
    if "value" in output:
        return float(f"{output['value']:.4g}"), None
    return (output["text"], None) if output.get("text") else (None, None)


def least(objects: Sequence[JsonObject]) -> float | None:
    """How sure the model is of what it is least sure of."""
    return min((float(each["score"]) for each in objects if each.get("score") is not None), default=None)


def in_words(dataset: Dataset, row: int, answer: Said) -> Said:
    """Passages by the words that they touch, not by characters; of those that share a word the first."""
    words = words_of(dataset.column(dataset.roles["tokens"])[row].as_py()) or []
    if answer[0] is None:
        return answer
    places, spans, end = text_of(words)[1], [], 0
    for entity in answer[0] if isinstance(answer[0], list) else []:
        touched = [index for index, (low, high) in enumerate(places) if low < entity["end"] and entity["start"] < high]
        if touched and touched[0] >= end:
            end = touched[-1] + 1
            spans.append({"start": touched[0], "end": end, "label": entity["label"]})
    return spans, answer[1]


def answers_table(known: dict[int, Said], model: str) -> pa.Table:
    values = [None if value is None else json.dumps(value, ensure_ascii=False) for value, _sure in known.values()]
    columns = {
        "row": pa.array(known, pa.int64()),
        "value": pa.array(values, pa.string()),
        "sure": pa.array([sure for _value, sure in known.values()], pa.float64()),
    }
    return pa.table(columns).replace_schema_metadata({"model": model})


def read_answers(path: Path, model: str) -> dict[int, Said]:
    """None of another model's."""
    if not path.exists():
        return {}
    table = pq.read_table(path)
    if (table.schema.metadata or {}).get(b"model") != model.encode():
        return {}
    cells = zip(*(table.column(name).to_pylist() for name in ("row", "value", "sure")), strict=True)
    return {row: (None if value is None else json.loads(value), sure) for row, value, sure in cells}


def ordered_table(pool: Pool, known: dict[int, Said]) -> pa.Table:
    """`suggestions.parquet`."""
    reserved = set(pool.numbers[pool.is_reserved].tolist())
    order = list(order_rows(pool, known))
    answers = [known.get(row, (None, None)) for row, _reason in order]
    return pa.table(
        {
            "row": pa.array([row + 1 for row, _reason in order], pa.int64()),
            "label": pa.array([None if v is None else json.dumps(v, ensure_ascii=False) for v, _sure in answers], pa.string()),
            "confidence": pa.array([sure for _value, sure in answers], pa.float64()),
            "place": pa.array(range(len(order)), pa.int64()),
            "reserved": pa.array([row in reserved for row, _reason in order], pa.bool_()),
            "reason": pa.array([reason for _row, reason in order], pa.string()),
        }
    )  # fmt: skip


def order_rows(pool: Pool, known: dict[int, Said]) -> Iterator[tuple[int, str]]:
    """(row from 0, what for) of all that wait: those of the test at their turn, the others by how unsure the model is, or at random."""
    reserved = iter(pool.numbers[pool.is_reserved].tolist())
    free = pool.numbers[~pool.is_reserved].tolist()
    unsure = sorted(
        (row for row in free if known.get(row, (None, None))[1] is not None), key=lambda row: known[row][1] or 0
    )
    queues = {TEST: reserved, RANDOM: iter(free), UNCERTAIN: iter(unsure)}
    taken: set[int] = set()
    for turn in range(len(pool.numbers)):
        for kind in (TEN[turn % len(TEN)], RANDOM, TEST):
            row = next((number for number in queues[kind] if number not in taken), None)
            if row is not None:
                taken.add(row)
                yield row, kind
                break
