"""A trained model as ONNX for the processor: float32, and int8 with its agreement measured.

What the graph takes is the task's matter; its one output is `logits` (batch, outputs). See `trainer.packaging.graphs`.
"""

import contextlib
import io
import json
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trainer import answers, tasks
from trainer.engines import FILES, Engine, open_engine
from trainer.errors import ModelError
from trainer.events import Emit
from trainer.files import sha256, write_json
from trainer.learning.family import family_of
from trainer.messages import _
from trainer.packaging.manifest import read_manifest

FP32, INT8 = "model.fp32.onnx", "model.int8.onnx"
TOLD, PART = "export.json", ".part"
MOST_LOSS = 0.005
"""Accuracy, or R², that int8 may lose against the trained model before float32 is served instead."""
MOST_ROWS = 2_000
BATCH = 64


class Saved(NamedTuple):
    """Test rows: what was asked (as `Engine.read` leaves it), what is true, what the trained model said."""

    inputs: Sequence[Any]
    truth: list[Any]
    predicted: list[Any]


def export(
    artifact: Path,
    *,
    emit: Emit,
    formats: tuple[str, ...] = ("onnx", "onnx-int8"),
    saved: Saved | None = None,
) -> dict[str, Any]:
    """Write `onnx/` into an artifact and measure it on test rows; what onnx/export.json says.

    `saved`: the test rows; otherwise those that the artifact keeps. `export.json` is the first to go and the last to come:
    while it is there, all that the manifest describes is there too, whoever is killed and whatever disk is full.
    """
    if not (artifact / "model").is_dir():
        raise ModelError(
            _("%(artifact)s is not an artifact.", artifact=artifact),
            code="no_artifact",
            hint=_("Give the artifact folder that a run wrote."),
        )
    family = family_of(tasks.get(read_manifest(artifact)["task"]))
    folder = artifact / "onnx"
    (folder / TOLD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    native = family.native(artifact / "model")
    if native:
        packaged = keep_native(artifact, native, saved)
    else:
        with quiet():
            family.write_onnx(artifact / "model", folder / FP32)
        int8 = "onnx-int8" in formats and family.quantises(artifact / "model")
        packaged = choose(artifact, saved, int8=int8)
        with quiet():
            family.write_heat(artifact / "model", folder / FILES[packaged["engine"]])
    part = folder / f"{TOLD}{PART}"
    part.write_text(json.dumps(packaged, ensure_ascii=False, indent=1), "utf-8")
    note_files(artifact)
    part.rename(folder / TOLD)
    emit("log", message=packaged["reason"])
    return packaged


def note_files(artifact: Path, folder: str = "onnx") -> None:
    """Bring the manifest's SHA-256 of `onnx/`, or of another folder, up to date: serving opens only what the manifest describes. What is about to get
    its name is described under it."""
    manifest = read_manifest(artifact)
    others = {name: digest for name, digest in manifest.get("files", {}).items() if not name.startswith(f"{folder}/")}
    packaged = {
        f"{folder}/{path.name.removesuffix(PART)}": sha256(path) for path in sorted((artifact / folder).iterdir())
    }
    write_json(artifact / "manifest.json", manifest | {"files": others | packaged})


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The exporters print and warn a great deal; none of it is for the reader of a run's log."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def write_int8(source: Path, target: Path, *, careful: bool = False) -> None:
    """Dynamic int8 with a scale per output channel, of everything but the head, which is tiny and whose rounding would
    reach the answer unsoftened, and convolutions, which lose more and are no quicker. Weights keep to seven bits, because processors without VNNI saturate sums of full-range
    ones: an artifact must answer alike wherever it is served.

    `careful` also spares the layers that narrow, where activations have the widest range.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(source, load_external_data=False).graph
    spared = [
        node.name for node in graph.node if "logits" in node.output or "/head/" in node.name or node.op_type == "Conv"
    ]
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


def choose(artifact: Path, saved: Saved | None, *, int8: bool) -> dict[str, Any]:
    """Score each engine on test rows: int8, then careful int8, and float32 when both lose too much."""
    engine = open_engine(artifact, "onnx-fp32")
    saved = saved or read_saved(artifact, engine)
    figures: dict[str, Any] = {"engine": "onnx-fp32", "rows": len(saved.inputs), "bytes": {}}
    figures["accuracy_trained"] = engine.score(saved.predicted, saved.truth)
    score(engine, "fp32", saved, figures)
    folder = artifact / "onnx"
    for careful in (False, True) if int8 else ():
        with quiet():
            write_int8(folder / FP32, folder / INT8, careful=careful)
        score(open_engine(artifact, "onnx-int8"), "int8", saved, figures)
        if figures["accuracy_int8"] >= figures["accuracy_trained"] - MOST_LOSS:
            figures["engine"] = "onnx-int8"
            break
    figures["agreement"] = figures["agreement_int8" if figures["engine"] == "onnx-int8" else "agreement_fp32"]
    return figures | {"reason": reason(figures, int8, answers.get(engine.task.answer).scored_as)}


def keep_native(artifact: Path, name: str, saved: Saved | None) -> dict[str, Any]:
    """A model that answers without a graph, asked the test rows."""
    engine = open_engine(artifact, name)
    saved = saved or read_saved(artifact, engine)
    figures: dict[str, Any] = {"engine": name, "rows": len(saved.inputs), "bytes": {}}
    figures["accuracy_trained"] = engine.score(saved.predicted, saved.truth)
    score(engine, name, saved, figures)
    figures["agreement"] = figures[f"agreement_{name}"]
    agreement = f"the same answer as the trained model on {figures['agreement']:.1%} of {len(saved.inputs):,} test rows"
    return figures | {"reason": f"Answers straight from the model's own file ({name}): {agreement}."}


def score(engine: Engine[Any, Any], name: str, saved: Saved, figures: dict[str, Any]) -> None:
    predicted = engine.answers(saved.inputs, BATCH)
    figures["bytes"][name] = engine.bytes
    figures[f"agreement_{name}"] = engine.agreement(predicted, saved.predicted)
    figures[f"accuracy_{name}"] = engine.score(predicted, saved.truth)


def reason(figures: dict[str, Any], int8: bool, right: str) -> str:
    rows, agreement = figures["rows"], figures["agreement"]
    if not int8:
        return f"Packaged as ONNX float32: the same answer as the trained model on {percent(agreement)} of {rows:,} test rows."
    if figures["engine"] == "onnx-int8":
        return f"Packaged as ONNX int8, {figures['bytes']['int8'] / 1e6:.0f} MB: the same answer as the trained model on {percent(agreement)} of {rows:,} test rows."
    return (
        f"int8 {right} {percent(figures['accuracy_int8'])} of {rows:,} test rows, the trained model {percent(figures['accuracy_trained'])}: "
        "more than half a point is lost, so float32 is served."
    )


def percent(share: float) -> str:
    """“98.5 %”, as the pages that show the reason write it."""
    return f"{100 * share:.1f}\u00a0%"


def read_saved(artifact: Path, engine: Engine[Any, Any]) -> Saved:
    """The test rows that an artifact keeps, at most MOST_ROWS: texts and tables whole, of pictures and sounds the examples."""
    import pyarrow.parquet as pq

    path = artifact / "predictions.parquet"
    if not path.exists():
        return Saved([], [], [])
    table = pq.read_table(path).slice(0, MOST_ROWS)
    truth, predicted = table.column("truth").to_pylist(), table.column("predicted").to_pylist()
    inputs = engine.task.saved_inputs(artifact, table)
    available = [row for row, value in enumerate(inputs) if value is not None]
    read = [engine.read(inputs[row]) for row in available]
    return Saved(read, [truth[row] for row in available], [predicted[row] for row in available])
