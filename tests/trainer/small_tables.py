"""Small packaged models of tables, fitted at once and written as the family writes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainer import tables
from trainer.engines.table import TableEngine
from trainer.families.table.models import Boosting, Linear, Model

ROWS = 240
LABELS = {1: [], 2: ["leaves", "stays"], 3: ["leaves", "moves", "stays"]}
KINDS: dict[str, type[Model]] = {"lightgbm": Boosting, "linear": Linear}
SETTINGS = {
    "lightgbm": {"num_leaves": 6, "min_data_in_leaf": 8, "learning_rate": 0.2},
    "linear": {"strength": 1.0},
}


def rows(seed: int = 0) -> list[dict[str, Any]]:
    """Numbers with gaps, a date that makes five features, and a category."""
    generator = np.random.default_rng(seed)
    return [
        {
            "age": None if number % 11 == 0 else int(generator.integers(18, 80)),
            "since": f"20{generator.integers(10, 24)}-0{generator.integers(1, 10)}-15",
            "plan": str(generator.choice(["monthly", "yearly", "free"])),
            "calls": int(generator.integers(0, 9)),
        }
        for number in range(ROWS)
    ]


def truth_of(row: dict[str, Any], outputs: int) -> float:
    """By plan and age; the other columns say little."""
    score = (row["age"] or 40) / 20 + 2 * (row["plan"] == "monthly") + 0.2 * row["calls"]
    if outputs == 1:
        return float(score)
    return float(score < 4) if outputs == 2 else float(np.digitize(score, [3, 5]))


def description(name: str, cells: list[str | None]) -> dict[str, Any]:
    known = sorted({cell for cell in cells if cell is not None})
    counts = np.array([cells.count(cell) for cell in known])
    learned, _reason = tables.learn(name, known, counts, is_input=True)
    assert learned is not None
    return learned


def build(folder: Path, kind: str, outputs: int, **changes: Any) -> TableEngine:
    """The engine of a fitted model; `outputs`: 1 for a number, else so many labels. `changes` of its facts."""
    given = rows()
    columns = [description(name, [tables.cell_of(row[name]) for row in given]) for name in given[0]]
    features = [feature for column in columns for feature in tables.features_of(column)]
    matrix = tables.encode(columns, given)
    facts = {
        "columns": columns,
        "encoder": None,
        "dropped": [],
        "features": features,
        "answer": "class" if outputs > 1 else "number",
        "labels": LABELS[outputs],
        "scales": tables.scales_of(features, matrix),
        "calibration": {"scale": 0.8, "bias": 0.3},
        "decision": None,
        "headline": "accuracy",
        **changes,
    }
    model = KINDS[kind](facts, 1, 0)
    truth = np.array([truth_of(row, outputs) for row in given])
    model.fit(SETTINGS[kind], (matrix, truth, np.ones(len(matrix))), lambda: None, rounds=12)
    model.save(folder / "model")
    return opened(folder, kind, outputs)


def opened(folder: Path, kind: str, outputs: int) -> TableEngine:
    task = "tabular-classification" if outputs > 1 else "tabular-regression"
    manifest = {"task": task, "labels": LABELS[outputs], "error_p90": 1.0, "files": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return TableEngine(folder, manifest, kind, 1)
