"""What a run leaves behind: weights, report, predictions, examples, model card, manifest (docs/architecture.md)."""

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from trainer.engines import open_engine
from trainer.events import now
from trainer.faithfulness import deletion_test
from trainer.files import sha256, write_json
from trainer.learning.family import Family, ModelT, RowsT
from trainer.learning.job import Job
from trainer.learning.rows import Rows
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.packaging.base_licence import licence_of
from trainer.packaging.card import model_card
from trainer.packaging.export import MOST_ROWS, Saved, export

LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "onnxruntime", "lightgbm", "numpy")


OutputsT = TypeVar("OutputsT", bound=Outputs, contravariant=True)


class Described(Protocol[OutputsT]):
    """What tells the answers to the test rows: a `trainer.learning.objective.Objective`, or that of a table."""

    def predictions(self, outputs: OutputsT, /) -> dict[str, list[Any]]: ...

    def card(self, report: dict[str, Any], /) -> str: ...

    def manifest(self) -> dict[str, Any]: ...


def write(
    family: Family[RowsT, ModelT],
    job: Job,
    model: ModelT,
    rows: RowsT,
    objective: Described[Any],
    outputs: Outputs,
    report: dict[str, Any],
    served: dict[str, list[Any]] | None = None,
) -> None:
    """Build the artifact beside its place and move it there whole; then package it for serving.

    `outputs` of the test rows are those that were scored; `served`: this model's own predictions, where they differ.
    """
    target = job.artifact.with_name("artifact.part")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    family.save(model, rows, target / "model")
    predictions = objective.predictions(outputs)
    write_predictions(target, rows, predictions)
    write_json(target / "examples.json", rows.examples(target))
    facts = rows.manifest() | objective.manifest() | {"error_p90": report.get("error", {}).get("p90")}
    if ladder := report.get("ladder"):
        facts["winner"] = ladder["winner"]
    write_manifest(target, job, rows, facts)
    job.progress(0.2, 1, force=True)
    job.check_stop()
    own = predictions if served is None else served
    compared = slice(rows.most_compared or MOST_ROWS)
    saved = Saved(rows.inputs(rows.part("test")[compared]), own["truth"][compared], own["predicted"][compared])
    report["export"] = export(target, emit=job.emit, saved=saved)
    report["explanations"] = tested_explanations(job, target, saved.inputs)
    facts["explained_by"] = report["explanations"]["method"]
    finish(job, target, rows, objective.card(report), report, facts)


def tested_explanations(job: Job, artifact: Path, inputs: Sequence[Any]) -> dict[str, Any]:
    """The deletion test. It tells something more of a model that is trained, so a fault in it is no reason to lose the model."""
    engine = open_engine(artifact)
    try:
        return deletion_test(engine, inputs)
    except Exception as error:
        job.warn(
            "explanations_not_tested",
            _(
                "How faithful the explanations are could not be measured: %(error)s.",
                error=f"{type(error).__name__}: {error}",
            ),
        )
        return {"method": engine.methods[0], "rows": 0}


def finish(job: Job, target: Path, rows: Rows, figures: str, report: dict[str, Any], facts: dict[str, Any]) -> None:
    """Report, model card, manifest; then the artifact is moved to its place."""
    report["timings"], report["hardware"] = dict(job.timings), job.device.name
    write_json(target / "report.json", report)
    (target / "README.md").write_text(model_card(job, rows, figures, report), "utf-8")
    write_manifest(target, job, rows, facts)
    shutil.rmtree(job.artifact, ignore_errors=True)
    target.rename(job.artifact)


def write_predictions(folder: Path, rows: Rows, predictions: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    test = rows.part("test")
    table = pa.table(
        {
            "row": rows.numbers(test),
            "split": ["test"] * len(test),
            **rows.asked(test),
            **predictions,
        }
    )
    pq.write_table(table, folder / "predictions.parquet", compression="zstd")


def write_manifest(folder: Path, job: Job, rows: Rows, facts: dict[str, Any]) -> None:
    """Everything needed to serve, and the SHA-256 of every other file."""
    files = {
        str(path.relative_to(folder)): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }
    manifest = {
        "version": 1,
        "task": job.spec.task,
        "model": job.spec.model,
        "licence": licence_of(job.spec.model, job.task.models),
        "method": job.spec.method,
        "labels": rows.labels,
        "inputs": [
            {"name": role.name, "kind": role.kind} for role in job.task.roles if role.name != job.task.answer_role
        ],
        "columns": rows.loaded.columns,
        **facts,
        "seed": job.spec.seed,
        "params": job.params.model_dump(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "created": now(),
        "files": files,
    }
    write_json(folder / "manifest.json", manifest)
