"""Labels as probabilities: a column for each class whose values sum to 1, “positive (0.93)”, or the labels and scores of a model's answer
as JSON. The likeliest becomes the label; what the others have stays beside it."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from trainer.columns import is_missing, number_of
from trainer.data.cells import iterate_slices
from trainer.data.dataset import Dataset
from trainer.data.readings import Choice, Choices, Reading
from trainer.messages import Message, _

SAMPLE = 2_000
ARGMAX, SURE, KEEP = "argmax", "at_least_half", "keep"
LEAST = 0.5
"""What the likeliest label must have under `SURE`; a row below it has no label."""
LABELS = {
    ARGMAX: _("The likeliest label"),
    SURE: _("The likeliest label where it has at least 0.5, else none"),
    KEEP: _("Keep the values"),
}
GLANCE = 20
"""Cells that rule most columns out."""
SUM_IS_ONE, MOST_CLASSES = 0.02, 500
PREFIX = re.compile(r"^(p|prob|proba|probability|score|conf|confidence|pred|softmax)[ _.:-]+(?=\S)|[ _.:-]+(prob|proba|probability|score|confidence)$", re.IGNORECASE)  # fmt: skip
NAMED = re.compile(r"(.{1,60}?)\s*[(:=\[]\s*([01](?:\.\d+)?|\.\d+|\d{1,3}(?:\.\d+)?\s?%)\s*[)\]]?")
LABEL_KEYS, SCORE_KEYS = ("label", "class", "name", "category"), ("score", "probability", "prob", "confidence")
Scores = dict[str, float]


def read_probabilities(dataset: Dataset, choices: Choices) -> list[Reading]:
    """Change what is of these forms into labels; at most one set of columns, and each column whose cells hold scores."""
    before = dataset.names
    readings = read_columns(dataset, choices)
    for name in [name for name in before if name in dataset.names]:
        if name in dataset.kinds or not may_hold_scores(dataset.column(name).slice(0, GLANCE).to_pylist()):
            continue
        sample = [cell.strip() for cell in dataset.column(name).slice(0, SAMPLE).to_pylist() if not is_missing(cell)]
        parse = parser_of(sample)
        if parse is not None:
            readings += replace_scores(dataset, name, parse, choices)
    return readings


def may_hold_scores(cells: Sequence[str | None]) -> bool:
    """Whether any of the first cells says labels with scores, or there is none to say anything."""
    present = [cell.strip() for cell in cells if cell and not is_missing(cell)]
    return not present or any(parse(cell) is not None for cell in present for parse in (parse_named, parse_json))


def parser_of(sample: Sequence[str]) -> Callable[[str], Scores | None] | None:
    """How the cells of a column say labels with scores; None where they do not."""
    if len(sample) < 3:
        return None
    for parse in (parse_named, parse_json):
        read = [parse(cell) for cell in sample[:200]]
        if sum(scores is not None for scores in read) >= 0.95 * len(read):
            labels = {label for scores in read if scores for label in scores}
            if 2 <= len(labels) <= MOST_CLASSES:
                return parse
    return None


def parse_named(cell: str) -> Scores | None:
    """“positive (0.93)”, “positive: 93 %”."""
    match = NAMED.fullmatch(cell.strip())
    if match is None or number_of(match[1]) is not None or cell.lstrip().startswith(("{", "[")):
        return None
    score = number_of(match[2].rstrip("% ")) or 0.0
    score = score / 100 if match[2].endswith("%") else score
    return {match[1].strip(): score} if 0 <= score <= 1 else None


def parse_json(cell: str) -> Scores | None:
    """[{"label": "positive", "score": 0.9}, …], one of these, [["positive", 0.9], …], or {"positive": 0.9, …}."""
    if cell[:1] not in "[{":
        return None
    try:
        value: Any = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    entries = value if isinstance(value, list) else [value]
    scores: Scores = {}
    for entry in entries:
        label = next((entry[key] for key in LABEL_KEYS if key in entry), None) if isinstance(entry, dict) else None
        score = next((entry[key] for key in SCORE_KEYS if key in entry), None) if isinstance(entry, dict) else None
        if isinstance(entry, list) and len(entry) == 2:
            label, score = entry
        if isinstance(label, str) and isinstance(score, int | float) and is_share(score):
            scores[label] = float(score)
    if scores and len(scores) == len(entries):
        return scores
    if isinstance(value, dict) and len(value) > 1 and all(map(is_share, value.values())):
        return {label: float(score) for label, score in value.items()} if is_one(value.values()) else None
    return None


def is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def is_one(values: Iterable[float]) -> bool:
    return abs(sum(values) - 1) <= SUM_IS_ONE


def best_of(scores: Scores, chosen: str) -> str | None:
    best = max(scores, key=lambda label: scores[label])
    return best if chosen == ARGMAX or scores[best] >= LEAST else None


def reading_of(sentence: Message, asked: str | None, column: str = "") -> Reading:
    chosen = asked or ARGMAX
    others = [Choice(other, label) for other, label in LABELS.items() if other != chosen]
    confidence = 1.0 if asked else 0.85
    return Reading("probabilities", chosen, sentence, others, confidence, column=column, is_asked=asked is not None)


def replace_scores(
    dataset: Dataset, name: str, parse: Callable[[str], Scores | None], choices: Choices
) -> list[Reading]:
    asked = choices.pick("probabilities", LABELS, column=name)
    chosen = asked or ARGMAX
    if chosen == KEEP:
        return [reading_of(_("Scores in “%(column)s” are kept as they are", column=name), asked, name)]
    labels: list[str | None] = []
    soft: list[str | None] = []
    for cells in iterate_slices(dataset.column(name)):
        for cell in cells:
            scores = None if cell is None or is_missing(cell) else parse(cell.strip())
            labels.append(best_of(scores, chosen) if scores else cell)
            soft.append(json.dumps(scores, ensure_ascii=False) if scores else None)
    place = dataset.names.index(name)
    dataset.table = dataset.table.set_column(place, name, text_column(labels))
    dataset.table = dataset.table.append_column(free(dataset, f"{name} probabilities"), text_column(soft))
    sentence = _("“%(column)s” holds labels with scores; the likeliest is the label", column=name)
    if chosen == SURE:
        sentence = _(
            "“%(column)s” holds labels with scores; the likeliest is the label where it has at least 0.5", column=name
        )
    return [reading_of(sentence, asked, name)]


def read_columns(dataset: Dataset, choices: Choices) -> list[Reading]:
    columns = share_columns(dataset)
    asked = choices.pick("probabilities", LABELS) if columns else None
    if not columns:
        return []
    chosen = asked or ARGMAX
    classes = class_names(columns)
    shown = ", ".join(list(classes.values())[:4]) + (" …" if len(classes) > 4 else "")
    if chosen == KEEP:
        return [reading_of(_("Columns of probabilities are kept: %(names)s", names=shown), asked)]
    labels: list[str | None] = []
    soft: list[str | None] = []
    for slices in zip(*(iterate_slices(dataset.column(name)) for name in columns), strict=True):
        for row in zip(*slices, strict=True):
            values = [share_of(cell) for cell in row]
            scores = {classes[name]: value for name, value in zip(columns, values, strict=True) if value is not None}
            labels.append(best_of(scores, chosen) if scores else None)
            soft.append(json.dumps(scores, ensure_ascii=False) if scores else None)
    name = free(dataset, "label")
    dataset.table = dataset.table.drop_columns(columns)
    dataset.table = dataset.table.append_column(name, text_column(labels))
    dataset.table = dataset.table.append_column(free(dataset, f"{name} probabilities"), text_column(soft))
    dataset.suggested = dataset.suggested or {"label": name}
    sentence = _("The likeliest of %(names)s is the label", names=shown)
    if chosen == SURE:
        sentence = _("The likeliest of %(names)s is the label where it has at least 0.5", names=shown)
    return [reading_of(sentence, asked)]


def class_names(columns: Sequence[str]) -> dict[str, str]:
    """{column: its class}: without a word such as “prob”, and without the object that all of them come from."""
    before = {name.rpartition(".")[0] for name in columns}
    inner = {name: name.rpartition(".")[2] if len(before) == 1 else name for name in columns}
    return {name: PREFIX.sub("", short.strip()) or name for name, short in inner.items()}


def share_columns(dataset: Dataset) -> list[str]:
    """Columns of values from 0 to 1 that sum to 1 in every row; none where all are 0 or 1, which are no probabilities."""
    listed, cells = [], []
    for name in dataset.names:
        column = dataset.column(name)
        if name in dataset.kinds or not are_shares(map(share_of, column.slice(0, GLANCE).to_pylist())):
            continue
        values = [share_of(cell) for cell in column.slice(0, SAMPLE).to_pylist()]
        if len(values) > 2 and are_shares(values):
            listed.append(name)
            cells.append(values)
    if not 2 <= len(listed) <= MOST_CLASSES:
        return []
    rows = list(zip(*cells, strict=True))
    is_soft = any(0 < (value or 0) < 1 for row in rows for value in row)
    return listed if is_soft and all(is_one([value or 0 for value in row]) for row in rows) else []


def are_shares(values: Iterable[float | None]) -> bool:
    return all(value is not None and 0 <= value <= 1 for value in values)


def share_of(cell: str | None) -> float | None:
    """A number, or per cent of one."""
    bare = (cell or "").strip()
    value = number_of(bare.rstrip("% ")) if bare else None
    return value / 100 if value is not None and bare.endswith("%") else value


def free(dataset: Dataset, name: str) -> str:
    return (
        name
        if name not in dataset.names
        else next(f"{name} ({n})" for n in range(2, 100) if f"{name} ({n})" not in dataset.names)
    )


def text_column(cells: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(cells, pa.string())])
