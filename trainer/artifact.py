"""What a run leaves behind: weights, report, predictions, examples, model card, manifest (docs/architecture.md)."""

import hashlib
import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from trainer.baselines import TITLES
from trainer.errors import ModelError
from trainer.events import now
from trainer.training import write_json
from trainer.verdict import NAMES, SHARES, shown

LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "onnxruntime", "lightgbm", "numpy")


def write(
    job: Any,
    model: Any,
    rows: Any,
    objective: Any,
    outputs: np.ndarray,
    report: dict[str, Any],
    served: dict[str, list[Any]] | None = None,
) -> None:
    """Build the artifact beside its place and move it there whole; then package it for serving.

    `outputs` of the test rows are those that were scored; `served`: this model's own predictions, where they differ.
    """
    from trainer.export import MOST_ROWS, Saved, export

    target = job.artifact.with_name("artifact.part")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    job.task.save(model, rows, target / "model")
    found = objective.predictions(outputs)
    write_predictions(target, rows, found)
    write_json(target / "examples.json", rows.examples(target))
    facts = rows.manifest() | {"error_p90": report.get("error", {}).get("p90")}
    write_manifest(target, job, rows, facts)
    job.progress(0.2, 1, force=True)
    job.check_stop()
    own = found if served is None else served
    test = rows.part("test")[:MOST_ROWS]
    saved = Saved(rows.inputs(test), own["truth"][:MOST_ROWS], own["predicted"][:MOST_ROWS])
    report["export"] = export(target, emit=job.emit, saved=saved)
    finish(job, target, rows, objective.card(report), report, facts)


def finish(job: Any, target: Path, rows: Any, figures: str, report: dict[str, Any], facts: dict[str, Any]) -> None:
    """Report, model card, manifest; then the artifact is moved to its place."""
    report["timings"], report["hardware"] = dict(job.timings), job.device.name
    write_json(target / "report.json", report)
    (target / "README.md").write_text(model_card(job, rows, figures, report), "utf-8")
    write_manifest(target, job, rows, facts)
    shutil.rmtree(job.artifact, ignore_errors=True)
    target.rename(job.artifact)


def write_predictions(folder: Path, rows: Any, found: dict[str, list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    test = rows.part("test")
    table = pa.table(
        {
            "row": rows.numbers(test),
            "split": ["test"] * len(test),
            **rows.asked(test),
            **found,
        }
    )
    pq.write_table(table, folder / "predictions.parquet", compression="zstd")


def write_manifest(folder: Path, job: Any, rows: Any, facts: dict[str, Any]) -> None:
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


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "manifest.json").read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            f"{folder} is no artifact.", code="no_artifact", hint="Give the artifact folder that a run wrote."
        ) from error
    except ValueError as error:
        raise ModelError(
            f"The manifest of {folder} is damaged.", code="damaged_artifact", hint="Copy the artifact again."
        ) from error


def model_card(job: Any, rows: Any, figures: str, report: dict[str, Any]) -> str:
    """README.md of the artifact: what it does, how well, against what, and how to use it without Maquette.

    `figures`: how good it is, as Markdown (`Objective.card`).
    """
    base = job.spec.model.partition(":")[2]
    known = next((card for card in job.task.models if card.ref == job.spec.model), None)
    licence = known.licence if known else "see the base model"
    facts = [
        f"Base model: {base} (licence: {licence}), method `{job.spec.method}`, seed {job.spec.seed}.",
        rows_used(rows, report),
        *rows.card_facts(),
    ]
    listed = "\n".join(f"- {fact}" for fact in facts)
    title = f"{job.task.title}: {len(rows.labels)} labels" if rows.labels else job.task.title
    what = f"{job.task.summary}\n"
    if rows.labels:
        what += f"\nLabels: {', '.join(rows.labels[:30])}{' …' if len(rows.labels) > 30 else ''}.\n"
    return f"""# {title}

{what}
{listed}

## How good it is

{figures}
## What to beware of

{beware(job, rows)}

## Use it without Maquette

```python
{job.task.snippet().strip()}
```
"""


def rows_used(rows: Any, report: dict[str, Any]) -> str:
    """What this model learned from, and what it was tested on."""
    learned, tested = report["learned"], report["test_rows"]
    count = learned["epochs"]
    epochs = f" for {count} epoch{'s' if count > 1 else ''}" if count else ""
    if report["evaluation"]["kind"] == "folds":
        how = ", the median of what was best in the rounds" if epochs else ""
        return (
            f"Rows: {tested:,}, each tested on once in {report['evaluation']['folds']} rounds by a model that had not seen it; "
            f"this model learned from all {learned['rows']:,} of them{epochs}{how}."
        )
    kept = f", {learned['validation']:,} for validation" if learned["validation"] else ""
    return f"Rows: {learned['rows']:,} learned from{epochs}{kept}, {tested:,} held out for the test and looked at once."


BEWARE_CLASSES = """It knows only these labels and inputs like those it learned from; on anything else it still gives one of them. Figures of
labels with few test rows are rough. Check what matters by hand."""
BEWARE_NUMBERS = """It knows only inputs like those it learned from; on anything else it still gives a number, and outside the range of the
answers it saw it cannot be trusted. Check what matters by hand."""


BEWARE_SPEECH = """It hears what it knows: other voices, microphones, noises and words cost mistakes, and it writes something even where nobody
speaks. Check what matters by hand."""


def beware(job: Any, rows: Any) -> str:
    if job.task.answer == "text":
        return BEWARE_SPEECH
    return BEWARE_CLASSES if rows.labels else BEWARE_NUMBERS


def class_figures(report: dict[str, Any]) -> str:
    per_class = "\n".join(
        f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
        for row in sorted(report["per_class"], key=lambda row: row["f1"])
    )
    metrics = report["metrics"]
    return f"""Accuracy **{metrics["accuracy"]:.1%}** on {report["test_rows"]:,} test rows, macro F1 {metrics["macro_f1"]:.1%}. {interval_of(report)}

{beside(report, *dict.fromkeys((report["headline"]["name"], "accuracy", "macro_f1")))}

| label | test rows | precision | recall | F1 |
|---|---|---|---|---|
{per_class}
"""


def number_figures(report: dict[str, Any]) -> str:
    metrics = report["metrics"]
    return f"""R² **{metrics["r2"]:.3f}**, off by {metrics["mae"]:.4g} on average (root mean square {metrics["rmse"]:.4g}); nine of ten test rows
within {report["error"]["p90"]:.4g}. {interval_of(report)}

{beside(report, "r2", "mae")}
"""


def beside(report: dict[str, Any], *metrics: str) -> str:
    """The verdict, and this model in a table with its baselines."""
    models = {"**this model**": report["metrics"]}
    models |= {f"{TITLES.get(name, name)}{quoted(found)}": found for name, found in report["baselines"].items()}
    lines = [
        f"| | {' | '.join(NAMES[name] for name in metrics)} |",
        f"|---|{'---|' * len(metrics)}",
        *(f"| {title} | {' | '.join(written(one[name], name) for name in metrics)} |" for title, one in models.items()),
    ]
    told = [report["verdict"]["sentence"], ""] if report["verdict"] else []
    if names := [one["column"].replace("|", "/") for one in report.get("leaks", [])]:
        listed = ", ".join(f"“{name}”" for name in names)
        told += [f"Alone {listed} decides nearly every answer: the score holds only where that is known in time.", ""]
    return "\n".join([*told, *lines])


def written(value: float, metric: str) -> str:
    return f"{shown(value, metric)}{'%' if metric in SHARES else ''}"


def interval_of(report: dict[str, Any]) -> str:
    one, how = report["headline"], report["interval"]
    method = "Wilson" if how["method"] == "wilson" else f"bootstrap of {how['resamples']:,} draws"
    low, high = written(one["low"], one["name"]), written(one["high"], one["name"])
    return f"The 95% confidence interval of {NAMES[one['name']]} is {low} to {high} ({method})."


def quoted(found: dict[str, Any]) -> str:
    return f" “{found['label']}”" if "label" in found else ""
