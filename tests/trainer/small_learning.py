"""A whole piece of learning that takes milliseconds: a real job, rows that are points, and a net of two layers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.data.loading import Loaded
from trainer.events import Emit, silent
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.learning.rows import Rows
from trainer.spec import Spec


def job_of(out: Path, params: dict[str, Any] | None = None, emit: Emit = silent, **fields: Any) -> Job:
    """Of text classification: the rows it would read do not matter here, points are learned from."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "rows.jsonl"
    lines = [{"text": f"text number {number}", "label": "ab"[number % 2]} for number in range(20)]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    fields = {
        "method": "full",
        "model": "local:none",
        "task": "text-classification",
        "hardware": {"threads": 1},
    } | fields
    spec = Spec.model_validate({"dataset": {"path": str(path)}, "params": params or {}} | fields)
    return Job(spec, out / "out", emit)


class Points(Rows):
    """`features` (rows, n) are what the model is given."""

    def __init__(self, features: np.ndarray, truth: np.ndarray, split: np.ndarray, labels: list[str]) -> None:
        answers = [labels[at] if at >= 0 else "unknown" for at in truth] if labels else truth.tolist()
        loaded = Loaded({"label": answers}, split, list(range(1, len(truth) + 1)), {}, [])
        super().__init__(loaded, labels, truth)
        self.features = torch.from_numpy(features.astype(np.float32))

    def batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, ...]:
        return (self.features[rows].to(device),)


def points(rows: int = 90, labels: int = 3, width: int = 6, seed: int = 0, noise: float = 0.6) -> Points:
    """Clouds of points, one a label, shared out 6 : 2 : 2."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, labels, rows)
    truth[:labels] = np.arange(labels)
    features = generator.normal(size=(labels, width))[truth] + noise * generator.normal(size=(rows, width))
    split = np.where(np.arange(rows) % 5 == 3, "validation", np.where(np.arange(rows) % 5 == 4, "test", "train"))
    return Points(features, truth, split, [f"label {at}" for at in range(labels)])


class Net(TrainableModel):
    """As a model for `probe`, `lora` and `full` is: an encoder whose `features` a `head` reads."""

    def __init__(self, width: int = 6, hidden: int = 16, outputs: int = 3, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, hidden))
        self.head = nn.Linear(hidden, outputs)

    def features(self, inputs: Tensor) -> Tensor:
        return self.encoder(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.features(inputs))
