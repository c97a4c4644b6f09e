"""Finished runs with all their files, to remove the models of."""

import json
from typing import Any

from django.utils import timezone

from tests import things
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run

MODEL = ("artifact/model/model.safetensors", "artifact/onnx/model.fp32.onnx", "artifact/onnx/export.json")
RESULTS = ("artifact/report.json", "artifact/predictions.parquet", "artifact/README.md", "artifact/manifest.json")


def trained(prototype: Prototype, number: int = 1, validated: float = 0.5, **fields: Any) -> Run:
    """A finished run with all its files; `validated` is its score on validation rows."""
    run = things.run(prototype, number, finished_at=timezone.now(), **fields)
    history = [{"name": "accuracy", "split": "validation", "step": 1, "epoch": 1, "value": validated}]
    report = {"labels": ["a", "b"], "history": history, "test_rows": 10, "metrics": {"accuracy": 0.9}}
    contents = {
        "artifact/model/model.safetensors": "m" * 4000,
        "artifact/onnx/model.fp32.onnx": "o" * 3000,
        "artifact/onnx/export.json": '{"engine": "onnx-fp32"}',
        "artifact/report.json": json.dumps(report),
        "artifact/predictions.parquet": "rows",
        "artifact/README.md": "# Card",
        "artifact/manifest.json": "{}",
        "artifact/examples.json": '["one"]',
        "checkpoints/1/state": "c" * 500,
    }
    for name, content in contents.items():
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text(content)
    return run
