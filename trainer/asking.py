"""Questions to a finished artifact: predict, evaluate, explain, bench."""

import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from trainer import evaluation
from trainer.engine import Engine, softmax
from trainer.errors import DataError

BATCH = 64
MOST_WORDS = 120
BENCH_SECONDS = 3.0


def predict(artifact: Path, inputs: list[str]) -> list[dict[str, Any]]:
    """One answer an input, as serving gives it; `DataError` names the first that cannot be used."""
    engine = Engine(artifact)
    for number, value in enumerate(inputs, 1):
        fault = engine.check(value)
        if fault:
            raise DataError(f"Input {number} {fault}", code="bad_input", hint="Mend or remove that line.")
    return [
        answer for start in range(0, len(inputs), BATCH) for answer in engine.predict(inputs[start : start + BATCH])
    ]


def evaluate(artifact: Path, data: Path) -> dict[str, Any]:
    """Scores on all rows of another file, read like a training's: {metrics, headline, rows, report}."""
    from trainer.artifact import read_manifest

    rows = rows_of(data / "data.parquet" if data.is_dir() else data, read_manifest(artifact)["columns"])
    engine = Engine(artifact)
    texts = rows.values["text"]
    logits = np.concatenate([engine.logits(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])
    index = {label: at for at, label in enumerate(engine.labels)}
    truth = np.array([index.get(label, -1) for label in rows.values["label"]])
    report = evaluation.report(truth, evaluation.softmax(logits), engine.labels, texts, rows.row_numbers)
    return {"metrics": report["metrics"], "headline": report["headline"], "rows": len(truth), "report": report}


def rows_of(data: Path, columns: dict[str, str]) -> Any:
    """Every row with a text and a label, by the columns of training or, where the file names them otherwise, by guess."""
    from trainer.data.content import read_files
    from trainer.data.loading import check_roles, usable

    try:
        content = read_files([data], columns=columns, fixed=["test"], task="text-classification")
    except DataError as error:
        if error.code != "no_column":
            raise
        content = read_files([data], fixed=["test"], task="text-classification")
    check_roles(content.roles, ["text", "label"], content.names)
    rows = usable(content.table, content.roles, content.split, [])
    if not rows.row_numbers:
        raise DataError(f"No row of {data.name} has both a text and a label.", code="no_rows", hint="Check the file.")
    return rows


def explain(artifact: Path, inputs: list[str]) -> list[dict[str, Any]]:
    """Which words carry each answer: how far its score falls when one word is left out (occlusion)."""
    engine = Engine(artifact)
    return [explain_one(engine, text) for text in inputs]


def explain_one(engine: Engine, text: str) -> dict[str, Any]:
    """{label, score, words [{text, start, end, weight}]}; weights above 0 speak for the label."""
    spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)][:MOST_WORDS]
    without = [(text[:start] + text[end:]).strip() or " " for start, end in spans]
    probabilities = softmax(engine.logits([text, *without]))
    top = int(probabilities[0].argmax())
    falls = probabilities[0, top] - probabilities[1:, top]
    words = [
        {"text": text[start:end], "start": start, "end": end, "weight": round(float(fall), 4)}
        for (start, end), fall in zip(spans, falls, strict=True)
    ]
    return {"label": engine.labels[top], "score": float(probabilities[0, top]), "words": words}


def bench(artifact: Path) -> dict[str, Any]:
    """Rows a second at batch 32 and milliseconds for one row, on the artifact's own test texts."""
    from trainer.export import read_predictions

    engine = Engine(artifact)
    texts = (read_predictions(artifact)["text"] or ["a short text to answer"]) * 32
    speed = {}
    for size in (1, 32):
        engine.predict(texts[:size])
        started, done = time.monotonic(), 0
        while time.monotonic() - started < BENCH_SECONDS:
            at = done % (len(texts) - size)
            engine.predict(texts[at : at + size])
            done += size
        speed[size] = done / (time.monotonic() - started)
    return {"engine": engine.engine, "rows_per_second": round(speed[32], 1), "ms_per_row": round(1000 / speed[1], 3)}
