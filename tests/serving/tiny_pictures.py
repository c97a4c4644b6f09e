"""A tiny real artifact that looks at pictures: the mean colour against a few weights, as an ONNX graph made by hand."""

import json
from pathlib import Path

import numpy as np

from trainer.files import sha256
from trainer.pictures import Preprocess

LABELS = ["dark", "light"]


def build(folder: Path, side: int = 224) -> Path:
    """`artifact/` that calls a picture light where its mean is above the middle."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    artifact = folder / "artifact"
    for part in ("model", "onnx"):
        (artifact / part).mkdir(parents=True)
    weights = np.array([[-1.0, 1.0]] * 3, dtype=np.float32) / 3
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["colour"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["logits"]),
    ]
    values = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(np.array([127.5, -127.5], dtype=np.float32), "bias"),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", side, side, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(artifact / "onnx" / "model.fp32.onnx"))
    (artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}')
    Preprocess(side, side).save(artifact / "model")
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    manifest = {"version": 1, "task": "image-classification", "labels": LABELS, "files": files}
    (artifact / "manifest.json").write_text(json.dumps(manifest))
    return artifact
