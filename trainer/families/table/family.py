"""The family of tables."""

import json
from pathlib import Path
from typing import Any

from trainer import table_texts
from trainer.events import Emit
from trainer.families.table import estimate, training
from trainer.families.table.models import Model
from trainer.families.table.rows import TableRows, baselines, prepare
from trainer.learning.baselines import Baseline
from trainer.learning.family import Family
from trainer.learning.job import Job


class TableFamily(Family[TableRows, Model]):
    """Learns by a search among several kinds of models, not by the supervised loop."""

    def prepare(self, job: Job) -> TableRows:
        return prepare(job)

    def baselines(self, job: Job, rows: TableRows) -> dict[str, Baseline]:
        return baselines(job, rows)

    def run(self, job: Job) -> dict[str, Any]:
        return training.run(self, job)

    def estimate(self, job: Job, emit: Emit) -> dict[str, Any]:
        return estimate.estimate(job, emit)

    def save(self, model: Model, rows: TableRows, folder: Path) -> None:
        model.save(folder)
        for column in rows.described:
            if reader := rows.encoded.readers.get(column["name"]):
                reader.save(table_texts.folder_of(folder, column))
        if rows.encoded.encoder and rows.text_columns is not None:
            rows.text_columns.vectors.save(folder / table_texts.ENCODER)

    def native(self, folder: Path) -> str | None:
        kind = json.loads((folder / "columns.json").read_text("utf-8"))["family"]
        return {"boosting": "lightgbm", "linear": "linear"}.get(kind)

    def write_onnx(self, folder: Path, target: Path) -> None:
        from trainer.families.table import net  # torch nets are of no use to trees and sums

        net.write_onnx(folder, target)

    def quantises(self, folder: Path) -> bool:
        return False
