"""What the network of a picture or a spectrogram is warm at, without torch: for serving. What the graph tells of it was found when
the model was packaged (`trainer.packaging.heat`).

- `grad_cam`, of convolutional nets: the last map of features, each channel weighed by the mean slope of the answer's output by it;
  what speaks against the answer is cut off (Selvaraju et al. 2017). The slope is a central difference over what of the net follows
  the map: exact for one linear layer over the means of the map, which is class activation (Zhou et al. 2016).
- `attention_rollout`, of vision transformers with a token that sums up: how much of each patch reaches it when the attentions of all
  layers, averaged over heads and mixed half and half with the way around each, are multiplied (Abnar and Zuidema 2020). It says
  where the network looks, whatever the answer.

The plain answer is given by a session of its own, which knows nothing of this; the one here is opened when it is first asked for.
"""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from trainer.engines import ArrayEngine, Session, open_session
from trainer.engines.explanations import AGNOSTIC, Parts, Weighed, explained
from trainer.files import read_json
from trainer.json_types import JsonObject

GRAD_CAM, ROLLOUT = "grad_cam", "attention_rollout"
METHODS = (GRAD_CAM, ROLLOUT)
UNIT = "heat"
ANSWER = "logits"
TOLD, TAIL = "heat.json", "heat.tail.onnx"
"""Beside the graph: what it tells, and what of a convolutional net follows its last map."""
AROUND = 0.5
"""Of what a layer passes on, the part that goes around its attention."""
FINE = 224
"""Steps a side at which heat is interpolated."""
STEP = 0.02
"""Of a slope, in standard deviations of the map."""
MOST_VALUES = 4_000_000
"""In the changed maps that are asked about at once."""
GRAPH_OF_MODEL, OUTPUT_OF_GRAPH, NAME_OF_VALUE = 7, 12, 1
"""Fields of ONNX's protocol buffers (onnx.proto: ModelProto.graph, GraphProto.output, ValueInfoProto.name)."""


class HeatMaps:
    """Of one packaged model."""

    def __init__(self, path: Path, threads: int | None) -> None:
        """`path`: of the graph."""
        self.path, self.threads = path, threads
        self.facts = read_json(path.parent / TOLD)
        self.method = str(self.facts["method"])
        self.bytes = 0
        """Of what is open."""

    @cached_property
    def session(self) -> Session:
        """The graph that tells its `tensors` too."""
        self.bytes = self.path.stat().st_size
        return open_session(with_outputs(self.path.read_bytes(), self.facts["tensors"]), self.threads)

    @cached_property
    def tail(self) -> Session:
        return open_session(self.path.parent / TAIL, self.threads)

    def heat(self, value: np.ndarray, direction_of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """(height, width), 0 and more, of one read input. `direction_of` the outputs: the weights (outputs,) under which they say
        the answer."""
        argument = self.session.get_inputs()[0].name
        answer, *tensors = self.session.run([ANSWER, *self.facts["tensors"]], {argument: value[None]})
        if self.method == ROLLOUT:
            return rollout(tensors, *self.facts["patches"])
        return grad_cam(self.tail, tensors[0], direction_of(answer[0]))


def files_of(path: Path) -> tuple[Path, ...]:
    """What of heat maps stands beside a graph; none where it was packaged without, or has none."""
    return tuple(file for file in (path.parent / TOLD, path.parent / TAIL) if file.is_file())


class HeatEngine(ArrayEngine[np.ndarray]):
    """An engine of inputs (height, width, channels) whose network may have heat maps."""

    weighed_by_parts = (*AGNOSTIC, *METHODS)
    heat_maps: HeatMaps | None = None

    def open(self, threads: int | None) -> None:
        super().open(threads)
        if files_of(self.path):
            self.heat_maps = HeatMaps(self.path, threads)
            self.methods = (*self.methods, self.heat_maps.method)

    @property
    def opened_since(self) -> int:
        return self.heat_maps.bytes if self.heat_maps else 0

    def other_files(self) -> tuple[Path, ...]:
        return (*super().other_files(), *files_of(self.path))

    def boxes(self, described: Collection[JsonObject]) -> list[list[float]]:
        """Where parts lie in the map, [x, y, width, height] in shares of it."""
        return [part["box"] for part in described]

    def shown_heat(self, heat: np.ndarray) -> np.ndarray:
        """The map as it is told, (rows, columns)."""
        return heat

    def heat(self, method: str, value: np.ndarray) -> np.ndarray:
        """(height, width), 0 and more."""
        if self.heat_maps is None or method != self.heat_maps.method:
            raise KeyError(method)
        return self.heat_maps.heat(value, lambda answer: self.scoring.direction(answer, self.manifest))

    def weigh(self, method: str, value: np.ndarray, parts: Parts[np.ndarray]) -> Weighed:
        if method not in METHODS:
            return super().weigh(method, value, parts)
        return self.weighed(self.heat(method, value), parts)

    def weighed(self, heat: np.ndarray, parts: Parts[np.ndarray]) -> Weighed:
        return Weighed(shares_of(heat, self.boxes(parts.described)), UNIT, 1)

    def explain(self, value: np.ndarray, method: str = "", seconds: float | None = None) -> JsonObject:
        method = method or self.method
        if method not in METHODS:
            return super().explain(value, method, seconds)
        parts, heat = self.parts(value), self.heat(method, value)
        explanation = explained(method, parts.described, self.weighed(heat, parts)) | {
            "heat": told_heat(self.shown_heat(heat))
        }
        return explanation | ({"view": self.view} if self.view else {})


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """A graph that gives these tensors as well: what is appended to a protocol buffer is merged into it, so nothing of the file is
    parsed, and no second file of weights is kept."""
    outputs = b"".join(field(OUTPUT_OF_GRAPH, field(NAME_OF_VALUE, name.encode())) for name in names)
    return model + field(GRAPH_OF_MODEL, outputs)


def field(number: int, content: bytes) -> bytes:
    """A field of bytes in a protocol buffer."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def grad_cam(tail: Session, features: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(height, width) of features (1, channels, height, width)."""
    argument = tail.get_inputs()[0]
    is_pooled = len(argument.shape) == 2 or argument.shape[2:] == [1, 1]
    start = features.mean((2, 3), keepdims=len(argument.shape) == 4) if is_pooled else features
    slopes = slopes_of(tail, argument.name, start, direction)
    return np.maximum(np.tensordot(slopes, features[0], 1), 0)


def slopes_of(tail: Session, name: str, start: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """(channels,): how fast the answer rises with each channel of `start` (1, channels, …), everywhere in it at once."""
    channels, step = start.shape[1], STEP * max(float(start.std()), 1e-6)
    slopes = np.empty(channels)
    size = max(1, MOST_VALUES // start.size // 2)
    for first in range(0, channels, size):
        places = np.arange(first, min(first + size, channels))
        changed = np.repeat(start, 2 * len(places), axis=0)
        changed[np.arange(len(places)), places] += step
        changed[len(places) + np.arange(len(places)), places] -= step
        answers = tail.run(None, {name: changed})[0].astype(np.float64) @ direction
        slopes[places] = (answers[: len(places)] - answers[len(places) :]) / (2 * step)
    return slopes


def rollout(attentions: Sequence[np.ndarray], rows: int, columns: int) -> np.ndarray:
    """(rows, columns) of the patches, of each layer's (1, heads, tokens, tokens) in their order: what reaches the first token.
    Patches are the last tokens."""
    reached = np.eye(attentions[0].shape[-1])[0]
    for attention in reversed(attentions):
        mixed = (1 - AROUND) * attention[0].mean(0) + AROUND * np.eye(attention.shape[-1])
        reached = reached @ (mixed / mixed.sum(-1, keepdims=True))
    return np.asarray(reached[-rows * columns :].reshape(rows, columns))


def shares_of(heat: np.ndarray, boxes: Sequence[Sequence[float]]) -> np.ndarray:
    """(boxes,): how much of the heat lies in each [x, y, width, height], in shares of the whole; zeros where nothing is warm."""
    down, across = finer(heat.shape[0]), finer(heat.shape[1])
    total = float(down.sum(0) @ heat @ across.sum(0))
    if not np.isfinite(total) or total <= 0:
        return np.zeros(len(boxes))
    sums = [down[steps(y, tall)].sum(0) @ heat @ across[steps(x, wide)].sum(0) / total for x, y, wide, tall in boxes]
    return np.array(sums)


def steps(start: float, length: float) -> slice:
    return slice(round(start * FINE), round((start + length) * FINE))


def finer(size: int) -> np.ndarray:
    """(FINE, size): what linear interpolation between the middles of `size` cells gives at FINE places."""
    places = ((np.arange(FINE) + 0.5) * size / FINE - 0.5).clip(0, size - 1)
    low = places.astype(int)
    weights, rows = np.zeros((FINE, size)), np.arange(FINE)
    np.add.at(weights, (rows, low), 1 - (places - low))
    np.add.at(weights, (rows, np.minimum(low + 1, size - 1)), places - low)
    return weights


def told_heat(heat: np.ndarray) -> list[list[float]]:
    """Rows from the top, 1 where it is warmest."""
    most = float(heat.max(initial=0))
    return [[round(float(cell) / most, 3) if most > 0 else 0.0 for cell in row] for row in heat]
