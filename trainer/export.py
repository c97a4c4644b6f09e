"""A trained model as ONNX for the processor: float32, and int8 with its agreement measured.

The graph is exported with plain attention, fused by ONNX Runtime's transformer optimizer and only then quantised:
fused int8 graphs answer about a third faster than quantised raw ones. Architectures that the optimizer does not know
stay unfused. Inputs `input_ids`, `attention_mask` (batch, length); output `logits` (batch, labels).
"""

import contextlib
import io
import json
import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import ModelError
from trainer.events import Emit

FP32, INT8 = "model.fp32.onnx", "model.int8.onnx"
MOST_LOSS = 0.005
"""Accuracy that int8 may lose against the trained model before float32 is served instead."""
FUSED = {"bert": "bert", "roberta": "bert", "xlm-roberta": "bert", "camembert": "bert", "distilbert": "bert"}
MOST_ROWS = 2_000
BATCH = 64


def export(artifact: Path, *, emit: Emit, formats: tuple[str, ...] = ("onnx", "onnx-int8")) -> dict[str, Any]:
    """Write `onnx/` into an artifact and measure it on the saved test predictions; what onnx/export.json says."""
    if not (artifact / "model" / "head.json").is_file():
        raise ModelError(
            f"{artifact} is no artifact.", code="no_artifact", hint="Give the artifact folder that a run wrote."
        )
    folder = artifact / "onnx"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with quiet():
        write_fp32(artifact / "model", folder / FP32)
    found = choose(artifact, int8="onnx-int8" in formats)
    (folder / "export.json").write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
    note_files(artifact)
    emit("log", message=found["reason"])
    return found


def note_files(artifact: Path) -> None:
    """Bring the manifest's SHA-256 of `onnx/` up to date: serving opens only what the manifest describes."""
    from trainer.artifact import read_manifest, sha256
    from trainer.training import write_json

    manifest = read_manifest(artifact)
    kept = {name: digest for name, digest in manifest.get("files", {}).items() if not name.startswith("onnx/")}
    packaged = {path.relative_to(artifact).as_posix(): sha256(path) for path in sorted((artifact / "onnx").iterdir())}
    write_json(artifact / "manifest.json", manifest | {"files": kept | packaged})


@contextlib.contextmanager
def quiet() -> Any:
    """The exporters print and warn a great deal; none of it is for the reader of a run's log."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def write_fp32(model_folder: Path, target: Path) -> None:

    from trainer.tasks._encoder import EncoderClassifier

    model = EncoderClassifier.load(model_folder, attention="eager")
    raw = target.with_suffix(".raw.onnx")
    known = model.encoder.config.model_type in FUSED
    (trace if known else capture)(model, raw)
    fuse(raw, target, model.encoder.config)
    for path in (raw, raw.with_suffix(".onnx.data")):
        path.unlink(missing_ok=True)


def example() -> tuple[Any, Any]:
    import torch

    ids = torch.arange(18).view(2, 9)  # small, as a vocabulary may be
    return ids, torch.ones_like(ids)


def trace(model: Any, target: Path) -> None:
    """By tracing: the graph whose attention the optimizer recognises."""
    import torch

    axes = {0: "batch", 1: "length"}
    torch.onnx.export(
        model,
        example(),
        str(target),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "batch"}},
        dynamo=False,
        opset_version=17,
    )


def capture(model: Any, target: Path) -> None:
    """By torch.export: for every other architecture."""
    import torch

    shape = {0: torch.export.Dim("batch", min=1, max=4096), 1: torch.export.Dim("length", min=2, max=8192)}
    program = torch.onnx.export(
        model,
        example(),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes=(shape, shape),
        dynamo=True,
        opset_version=18,
        verbose=False,
    )
    program.save(str(target), external_data=False)


def fuse(raw: Path, target: Path, config: Any) -> None:
    """Fuse attention, layer norms and activations where the architecture is known; otherwise take the graph as it is."""
    kind = FUSED.get(config.model_type)
    if kind is None:
        raw.replace(target)
        return
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    options = FusionOptions(kind)
    options.enable_embed_layer_norm = False
    fused = optimizer.optimize_model(
        str(raw),
        kind,
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        optimization_options=options,
        opt_level=0,
    )
    fused.save_model_to_file(str(target))


def write_int8(source: Path, target: Path, *, careful: bool = False) -> None:
    """Dynamic int8 with a scale per output channel, of everything but the head: that is tiny, and its rounding would
    reach the answer unsoftened. Weights keep to seven bits, because processors without VNNI saturate sums of full-range
    ones: an artifact must answer alike wherever it is served.

    `careful` also spares the layers that narrow, where activations have the widest range.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source, load_external_data=False).graph
    spared = [node.name for node in graph.node if "logits" in node.output or "/head/" in node.name]
    if careful:
        shapes = {weight.name: tuple(weight.dims) for weight in graph.initializer}
        spared += [node.name for node in graph.node if node.op_type == "MatMul" and narrows(shapes, node.input[1])]
    quantize_dynamic(
        str(source),
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=[*spared, *(f"{name}_MatMul" for name in spared)],  # a Gemm is renamed before it is looked up
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )


def narrows(shapes: dict[str, tuple[int, ...]], weight: str) -> bool:
    shape = shapes.get(weight, ())
    return len(shape) == 2 and shape[0] > shape[1]


def choose(artifact: Path, int8: bool) -> dict[str, Any]:
    """Score each engine on the saved test predictions: int8, then careful int8, and float32 when both lose too much."""
    saved = read_predictions(artifact)
    found: dict[str, Any] = {"engine": "onnx-fp32", "rows": len(saved["text"]), "bytes": {}}
    found["accuracy_trained"] = share(saved["predicted"], saved["truth"])
    score(artifact, "fp32", FP32, saved, found)
    folder = artifact / "onnx"
    for careful in (False, True) if int8 else ():
        with quiet():
            write_int8(folder / FP32, folder / INT8, careful=careful)
        score(artifact, "int8", INT8, saved, found)
        if found["accuracy_int8"] >= found["accuracy_trained"] - MOST_LOSS:
            found["engine"] = "onnx-int8"
            break
    found["agreement"] = found["agreement_int8" if found["engine"] == "onnx-int8" else "agreement_fp32"]
    return found | {"reason": reason(found, int8)}


def score(artifact: Path, engine: str, file: str, saved: dict[str, list[str]], found: dict[str, Any]) -> None:
    from trainer.engine import Engine

    answers = Engine(artifact, f"onnx-{engine}").labels_of(saved["text"], BATCH) if saved["text"] else []
    found["bytes"][engine] = (artifact / "onnx" / file).stat().st_size
    found[f"agreement_{engine}"] = share(answers, saved["predicted"])
    found[f"accuracy_{engine}"] = share(answers, saved["truth"])


def reason(found: dict[str, Any], int8: bool) -> str:
    rows, agreement = found["rows"], found["agreement"]
    if not int8:
        return (
            f"Packaged as ONNX float32: the same answer as the trained model on {agreement:.1%} of {rows:,} test rows."
        )
    if found["engine"] == "onnx-int8":
        return f"Packaged as ONNX int8, {found['bytes']['int8'] / 1e6:.0f} MB: the same answer as the trained model on {agreement:.1%} of {rows:,} test rows."
    return (
        f"int8 was right on {found['accuracy_int8']:.1%} of {rows:,} test rows, the trained model on {found['accuracy_trained']:.1%}: "
        "more than half a point is lost, so float32 is served."
    )


def share(one: list[str], other: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(one, other, strict=True)])) if one else 1.0


def read_predictions(artifact: Path) -> dict[str, list[str]]:
    """Text, truth and answer of the test rows, at most MOST_ROWS of them."""
    import pyarrow.parquet as pq

    path = artifact / "predictions.parquet"
    if not path.exists():
        return {"text": [], "truth": [], "predicted": []}
    table = pq.read_table(path, columns=["text", "truth", "predicted"]).slice(0, MOST_ROWS)
    return {name: table.column(name).to_pylist() for name in table.column_names}
