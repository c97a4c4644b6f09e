"""What a packaged graph has to tell for heat maps (`trainer.engines.heat`): found when a model is packaged, where onnx and torch are.

Nothing is added to the graph. `heat.json` names the tensors in it, and of a convolutional net a small graph beside it has what
follows its last map of features.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.engines import Session, open_session
from trainer.engines.heat import ANSWER, GRAD_CAM, ROLLOUT, TAIL, TOLD, with_outputs
from trainer.files import write_json

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

LAST_NODES = 80
"""Among whose outputs the last map of features is looked for."""


class Seen(NamedTuple):
    """A tensor of the graph for an example: (1, channels, …)."""

    name: str
    value: np.ndarray


def write_heat(graph: Path, example: np.ndarray, method: str, patches: tuple[int, int] = (0, 0)) -> bool:
    """Whether the `graph` has heat maps by the `method`: then `heat.json` and the tail are beside it. `example` (1, …): an input."""
    written = write_rollout(graph, example, patches) if method == ROLLOUT else write_grad_cam(graph, example)
    if not written:
        for name in (TOLD, TAIL):
            (graph.parent / name).unlink(missing_ok=True)
    return written


def write_rollout(graph: Path, example: np.ndarray, patches: tuple[int, int]) -> bool:
    """The attentions of all layers, each (1, heads, tokens, tokens)."""
    import onnx

    nodes = onnx.load(str(graph)).graph.node
    names = [node.output[0] for node in nodes if node.op_type == "Softmax"]
    seen = run_graph(graph, names, example)
    tokens = {tensor.value.shape[-2:] for tensor in seen if tensor.value.ndim == 4}
    fits = len(tokens) == 1 and len({*next(iter(tokens))}) == 1 and len(seen) == len(names)
    if not fits or next(iter(tokens))[0] <= patches[0] * patches[1]:
        return False
    write_json(graph.parent / TOLD, {"method": ROLLOUT, "tensors": names, "patches": list(patches)})
    return True


def write_grad_cam(graph: Path, example: np.ndarray) -> bool:
    """The last map with more than one place through which everything goes, and what follows its means or itself."""
    import onnx

    model = onnx.load(str(graph))
    names = [name for node in model.graph.node[-LAST_NODES:] for name in node.output if name and name != ANSWER]
    seen = run_graph(graph, names, example)
    for place, tensor in reversed([*enumerate(seen)]):
        if tensor.value.ndim == 4 and tensor.value.shape[2] * tensor.value.shape[3] > 1:
            start = next((later for later in seen[place + 1 :] if are_means(later.value, tensor.value)), tensor)
            nodes, whole = following(model.graph, start.name), following(model.graph, tensor.name)
            if nodes and whole and convolves(model.graph.node) > convolves(whole):
                onnx.save(tail_of(model, nodes, start), str(graph.parent / TAIL))
                write_json(graph.parent / TOLD, {"method": GRAD_CAM, "tensors": [tensor.name]})
                return answers_alike(graph, example, start)
    return False


def convolves(nodes: "Iterable[NodeProto]") -> int:
    """How often. Before a map of features it is done at least once."""
    return sum(node.op_type == "Conv" for node in nodes)


def run_graph(graph: Path, names: Sequence[str], example: np.ndarray) -> list[Seen]:
    """The tensors of these names that hold floats."""
    session = open_session(with_outputs(graph.read_bytes(), names), 1)
    values = session.run(list(names), {session.get_inputs()[0].name: example})
    return [
        Seen(name, np.asarray(value))
        for name, value in zip(names, values, strict=True)
        if getattr(value, "dtype", None) == np.float32
    ]


def answer_of(session: Session, example: np.ndarray) -> np.ndarray:
    return session.run([ANSWER], {session.get_inputs()[0].name: example})[0]


def are_means(value: np.ndarray, features: np.ndarray) -> bool:
    means = features.mean((2, 3))
    return value.size == means.size and np.allclose(value.ravel(), means.ravel(), rtol=1e-3, atol=1e-5)


def following(graph: "GraphProto", start: str) -> "list[NodeProto]":
    """The nodes from a tensor to the answer, in order; none where they need the input in another way too."""
    names, nodes = {ANSWER}, []
    given = {start, *(weight.name for weight in graph.initializer)}
    for node in reversed(graph.node):
        if names.intersection(node.output) and not given.issuperset(node.output):
            nodes.append(node)
            names.update(name for name in node.input if name not in given)
    made = {name for node in nodes for name in node.output}
    needs = {name for node in nodes for name in node.input if name}
    return [] if needs - made - given or start not in needs else nodes[::-1]


def tail_of(model: "ModelProto", nodes: "list[NodeProto]", start: Seen) -> "ModelProto":
    from onnx import TensorProto, helper

    needs = {name for node in nodes for name in node.input}
    shape: list[Any] = ["batch", *start.value.shape[1:]]
    graph = helper.make_graph(
        nodes,
        "tail",
        [helper.make_tensor_value_info(start.name, TensorProto.FLOAT, shape)],
        [model.graph.output[0]],
        [weight for weight in model.graph.initializer if weight.name in needs],
    )
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def answers_alike(graph: Path, example: np.ndarray, start: Seen) -> bool:
    """Whether the tail answers as the whole does, of one input and of several."""
    answer = answer_of(open_session(graph, 1), example)
    tail = open_session(graph.parent / TAIL, 1)
    outputs = tail.run(None, {start.name: np.repeat(start.value, 3, axis=0)})[0]
    return outputs.shape == (3, *answer.shape[1:]) and np.allclose(
        outputs, np.repeat(answer, 3, axis=0), rtol=1e-3, atol=1e-4
    )
