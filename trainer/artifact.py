"""What a run leaves behind: weights, report, predictions, examples, model card, manifest (docs/architecture.md)."""

import hashlib
import importlib.metadata
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import ModelError
from trainer.events import now
from trainer.training import write_json

LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn", "onnxruntime", "numpy")
EXAMPLES, EXAMPLE_CHARACTERS = 8, 200


def write(job: Any, model: Any, rows: Any, probabilities: np.ndarray, report: dict[str, Any]) -> None:
    """Build the artifact beside its place and move it there whole; then package it for serving."""
    target = job.artifact.with_name("artifact.part")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    model.save(target / "model", rows.tokenizer, rows.max_length)
    write_predictions(target, rows, probabilities)
    write_json(target / "examples.json", examples(rows))
    write_manifest(target, job, rows)
    job.progress(0.2, 1, force=True)
    job.check_stop()
    from trainer.export import export

    report["export"] = export(target, emit=job.emit)
    report["timings"], report["hardware"] = dict(job.timings), job.device.name
    write_json(target / "report.json", report)
    (target / "README.md").write_text(model_card(job, rows, report), "utf-8")
    write_manifest(target, job, rows)
    shutil.rmtree(job.artifact, ignore_errors=True)
    target.rename(job.artifact)


def write_predictions(folder: Path, rows: Any, probabilities: np.ndarray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    test = rows.part("test")
    labels = rows.labels
    table = pa.table(
        {
            "row": [rows.loaded.row_numbers[row] for row in test],
            "split": ["test"] * len(test),
            "text": [rows.texts[row] for row in test],
            "truth": [rows.loaded.values["label"][row] for row in test],
            "predicted": [labels[at] for at in probabilities.argmax(1)],
            "score": probabilities.max(1),
            "probabilities": list(probabilities.astype(np.float32)),
        }
    )
    pq.write_table(table, folder / "predictions.parquet", compression="zstd")


def examples(rows: Any) -> list[dict[str, str]]:
    """A few short test texts, each of another label: {input, label}."""
    found: dict[str, dict[str, str]] = {}
    for row in sorted(rows.part("test"), key=lambda row: abs(len(rows.texts[row]) - 60)):
        label, text = rows.loaded.values["label"][row], rows.texts[row].strip()
        if label not in found and len(text) <= EXAMPLE_CHARACTERS:
            found[label] = {"input": text, "label": label}
    return list(found.values())[:EXAMPLES]


def write_manifest(folder: Path, job: Any, rows: Any) -> None:
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
        "inputs": [{"name": "text", "kind": "text"}],
        "columns": rows.loaded.columns,
        "max_length": rows.max_length,
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


def model_card(job: Any, rows: Any, report: dict[str, Any]) -> str:
    """README.md of the artifact: what it does, how well, against what, and how to use it without Maquette."""
    headline, simple = report["headline"], report["baselines"]
    base = job.spec.model.partition(":")[2]
    known = next((card for card in job.task.models if card.ref == job.spec.model), None)
    licence = known.licence if known else "see the base model"
    word = simple["tfidf_logistic"]
    per_class = "\n".join(
        f"| {row['label'].replace('|', '/')} | {row['rows']} | {row['precision']:.1%} | {row['recall']:.1%} | {row['f1']:.1%} |"
        for row in sorted(report["per_class"], key=lambda row: row["f1"])
    )
    parts = {name: len(rows.part(name)) for name in ("train", "validation", "test")}
    return f"""# Text classifier: {len(rows.labels)} labels

Reads a text and answers with one of: {", ".join(rows.labels[:30])}{" …" if len(rows.labels) > 30 else ""}.

- Base model: {base} (licence: {licence}), method `{job.spec.method}`, seed {job.spec.seed}.
- Rows: {parts["train"]:,} learned from, {parts["validation"]:,} tuned with, {parts["test"]:,} kept apart and looked at once.
- Texts longer than {rows.max_length} tokens are cut.

## How good it is

Right on **{headline["value"]:.1%}** of the test rows; rows like these would give between {headline["low"]:.1%} and {headline["high"]:.1%}, \
nineteen times in twenty. Macro F1 {report["metrics"]["macro_f1"]:.1%}.

| beside it | right |
|---|---|
| counting words (TF-IDF, logistic regression) | {word["accuracy"]:.1%} |
| always “{simple["majority"]["label"]}” | {simple["majority"]["accuracy"]:.1%} |

| label | test rows | precision | recall | F1 |
|---|---|---|---|---|
{per_class}

## What to beware of

It knows only these labels and texts like those it learned from; on anything else it still gives one of them. Figures of
labels with few test rows are rough. Check what matters by hand.

## Use it without Maquette

```python
import numpy as np, onnxruntime, tokenizers, json
labels = json.load(open("manifest.json"))["labels"]
tokenizer = tokenizers.Tokenizer.from_file("model/tokenizer.json")
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
one = tokenizer.encode("your text")
feed = {{"input_ids": np.array([one.ids]), "attention_mask": np.array([one.attention_mask])}}
print(labels[session.run(None, feed)[0].argmax()])
```
"""
