"""The command `suggest`: fits the model to all labels by now, and writes `suggestions.parquet` into its folder, and `alike.parquet`
(`trainer.labelling.alike`).

A row of it is a row of the version without a label: `row` (from 1), `label` and `confidence` (null before there are two labels),
`place` (from 0, of those that are asked about next; else null) and `reason`, what it is asked for. In the order of `place`, the
others after them. `reserved`: it joins the test once it has a label.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer import answers
from trainer.answers.base import Answer
from trainer.dotted import load_class
from trainer.events import Emit, silent
from trainer.labelling import progress
from trainer.labelling.alike import ALIKE, write_alike
from trainer.labelling.asking import order_rows
from trainer.labelling.classifier import Fitted, Space, fit
from trainer.labelling.predicted import suggest_predicted
from trainer.labelling.probes import Probe, cells_of, measure
from trainer.labelling.request import Request, read_request
from trainer.labelling.rows import PartlyLabelled, read_rows
from trainer.labelling.vectors import Vectors, vectors_of

SUGGESTIONS = "suggestions.parquet"
ROW_GROUP = 2_000
"""Rows that are unpacked together: a page asks about few."""


def suggest(path: Path, out: Path, emit: Emit = silent) -> dict[str, Any]:
    """{reader, vectors, unread, labels, rows, score, thin, change} of the request in this file; `reader`: what suggests; `vectors`: by
    what is measured; null where nothing reads the rows, and then nothing is written. `out` may hold what was written before."""
    request = read_request(path)
    cached = Path(os.environ.get("MAQUETTE_CACHE") or out / "cache")
    out.mkdir(parents=True, exist_ok=True)
    rows = read_rows(request)
    answer = answers.get(rows.dataset.mapped_shape.kind)
    by_model = answer_by_model(request, answer, out, emit) if request.artifact is not None else None
    if by_model is not None and not answer.probe:
        return by_model
    counts = counts_of(rows) | ({"thin": []} if answer.probe else {})
    vectors = vectors_of(rows, cached, out, request.seconds, emit) if len(rows.numbers) else None
    if vectors is None or not len(vectors.matrix):  # nothing reads them, or nothing was read in time
        for name in (ALIKE, *(() if by_model else (SUGGESTIONS,))):
            (out / name).unlink(missing_ok=True)
        facts = (
            {"reader": vectors.reader if vectors else None, "score": None, "change": None} | counts | (by_model or {})
        )
        unread = (vectors.unread if vectors else 0) + (by_model["unread"] if by_model else 0)
        return facts | {"vectors": None, "unread": unread}
    space = Space.of(vectors.matrix, vectors.names)
    if answer.probe:
        probe = load_class(answer.probe, Probe)(rows, cells_of(rows, request), vectors.matrix, space.unit)
        return measured(probe, space, vectors, request, out, by_model)
    model = fit(space, rows.learned, rows.codes, rows.labels)
    corrected = last_corrected(rows, request, out / SUGGESTIONS)
    order = order_rows(rows, space.unit, model, corrected, request.count, request.seed)
    write_alike(out / ALIKE, rows, space.unit, [place for place, _reason in order])
    write(out / SUGGESTIONS, rows, space.unit, model, order)
    score = progress.score_of(rows, space, model) if model else None
    change = progress.last_change(rows, space, model) if model else None
    facts = {"reader": vectors.reader, "vectors": vectors.reader, "unread": vectors.unread}
    return facts | {"score": score, "change": change} | counts_of(rows)


def answer_by_model(request: Request, answer: Answer, out: Path, emit: Emit) -> dict[str, Any]:
    """The facts of a finished model's suggestions, which are made here where they are not there yet."""
    if request.suggested and answer.probe and (out / SUGGESTIONS).exists():
        return {"reader": "model", "model": request.model, "unread": 0}
    return suggest_predicted(request, out, put, emit)


def measured(
    probe: Probe, space: Space, vectors: Vectors, request: Request, out: Path, by_model: dict[str, Any] | None
) -> dict[str, Any]:
    """The same of answers whose kind has a probe. It suggests nothing: a finished model does, where there is one."""
    model, figures = measure(probe)
    rows = probe.rows
    order = order_rows(rows, space.unit, model, None, request.count, request.seed)
    write_alike(out / ALIKE, rows, space.unit, [place for place, _reason in order])
    facts: dict[str, Any] = {"reader": vectors.reader, "unread": 0, "suggests": False}
    if by_model is None:
        write(out / SUGGESTIONS, rows, space.unit, None, order)
    facts |= by_model or {}
    more = {"vectors": vectors.reader, "unread": facts["unread"] + vectors.unread, "rows": len(rows.asked)}
    return facts | more | {"labels": len(rows.learned) + len(rows.tested)} | figures


def counts_of(rows: PartlyLabelled) -> dict[str, Any]:
    return {
        "labels": len(rows.learned) + len(rows.tested),
        "rows": len(rows.asked),
        "thin": progress.thin_labels(rows)[: progress.MOST_THIN],
    }


def last_corrected(rows: PartlyLabelled, request: Request, path: Path) -> int | None:
    """The place of the row decided last that had another label suggested before; None where there is none."""
    if not path.exists():
        return None
    before = pq.read_table(path, columns=["row", "label"]).to_pydict()
    suggested = dict(zip(before["row"], before["label"], strict=True))
    for decision in reversed(request.decisions):
        if decision.value is not None and suggested.get(decision.row) not in (None, decision.value):
            places = np.flatnonzero(rows.numbers == decision.row - 1)
            return int(places[0]) if len(places) else None
    return None


def write(
    path: Path, rows: PartlyLabelled, unit: np.ndarray, model: Fitted | None, order: list[tuple[int, str]]
) -> None:
    """One file, put in place whole."""
    first = [place for place, _reason in order]
    rest = rows.asked[~np.isin(rows.asked, first)]
    places = np.concatenate([np.array(first, dtype=np.int64), rest])
    shares = model.probabilities(unit[places]) if model is not None else None
    labels = [rows.labels[code] for code in model.codes] if model is not None else []
    best = shares.argmax(axis=1) if shares is not None else None
    table = pa.table(
        {
            "row": pa.array(rows.numbers[places] + 1, pa.int64()),
            "label": pa.array(
                [labels[index] for index in best] if best is not None else [None] * len(places), pa.string()
            ),
            "confidence": pa.array(
                shares.max(axis=1).tolist() if shares is not None else [None] * len(places), pa.float64()
            ),
            "place": pa.array([*range(len(first)), *[None] * len(rest)], pa.int64()),
            "reserved": pa.array(rows.is_reserved[places].tolist(), pa.bool_()),
            "reason": pa.array([*(reason for _place, reason in order), *[None] * len(rest)], pa.string()),
        }
    )
    put(path, table)


def put(path: Path, table: pa.Table) -> None:
    part = path.with_suffix(".part")
    pq.write_table(table, part, compression="zstd", row_group_size=ROW_GROUP)
    part.replace(path)
