"""What an answer depends on: the parts of an input, each with a weight. Needs numpy alone.

One form for all kinds of inputs and answers, in the API, the command line and the pages (docs/answers.md). A method weighs the
parts that an engine names by asking it again without some of them (`occlusion`, `lime`), or exactly, where the model is a sum
(`sums`) or trees (`shap`), or tells the scores by which it chose them (`scores`), or by what the network is warm at (`trainer.engines.heat`).
"""

import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.words import PIECE

METHODS = ("shap", "sums", "scores", "occlusion", "lime", "grad_cam", "attention_rollout")
UNITS = ("probability", "log_odds", "number", "score", "share", "nats", "heat")
"""Of weights: how far a probability, its logit, a number, a score, the share of a text's characters or a log-likelihood falls; of
heat maps the share of the heat."""
UNBOUNDED = ("number", "log_odds", "nats")
MOST_PARTS, FEWEST_PARTS = 120, 4
"""Into which an input is divided; fewer where asking takes long."""
EXTRA_MASKS = 40
"""Of LIME, beyond one a part; of few parts four times as many as there are."""
PATIENCE = 3.0
"""Times as long as was allowed that the fewest parts may take."""
KERNEL_WIDTH = 0.75
"""Of LIME's weights by cosine distance; wider than the usual 0.25, as the masks are few."""
RIDGE = 0.01
Read = TypeVar("Read")
Falls = Callable[[Read, Iterable[Read]], np.ndarray]
"""How far the answer to an input falls in each of some others, which are made when they are asked: pictures are large."""


@dataclass(frozen=True)
class Parts(Generic[Read]):
    """Of one input: each part as it is told, with its `kind` (word, column, region, span), and the input `without` some of them,
    given by their places."""

    described: list[JsonObject]
    without: Callable[[Collection[int]], Read]


class Weighed(NamedTuple):
    """(parts,) weights, positive where a part speaks for the answer; `base`: what the answer is without any part, of methods
    whose weights add up to the answer. `calls`: how often the model was asked."""

    weights: np.ndarray
    unit: str
    calls: int
    base: float | None = None


def parts_allowed(method: str, answer: Callable[[], object], seconds: float | None) -> int:
    """Into how many parts an input is divided for a method that takes so many seconds, by how long one answer takes. `DataError`
    where the fewest would take much longer."""
    if seconds is None:
        return MOST_PARTS
    calls = seconds / time_of(answer)
    if calls * PATIENCE < calls_of(method, FEWEST_PARTS):  # perhaps the first answer of a model, which is slow
        calls = seconds / time_of(answer)
    if calls * PATIENCE < calls_of(method, FEWEST_PARTS):
        raise too_long_to_ask()
    allowed = (parts for parts in range(MOST_PARTS, FEWEST_PARTS, -1) if calls_of(method, parts) <= calls)
    return next(allowed, FEWEST_PARTS)


def too_long_to_ask() -> DataError:
    return DataError(
        _("An answer takes too long here to be asked for again and again."),
        code="no_explanation",
        hint=_("Explain it with “python -m trainer explain”, which takes the time that it needs."),
    )


def time_of(answer: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    answer()
    return max(time.perf_counter() - started, 1e-6)


def calls_of(method: str, parts: int) -> int:
    """How often a method asks the model about so many parts."""
    return 1 + (masks_of(parts) if method == "lime" else parts)


def masks_of(parts: int) -> int:
    return parts + min(EXTRA_MASKS, 4 * parts)


def occlusion(value: Read, parts: Parts[Read], falls: Falls[Read], unit: str) -> Weighed:
    """How far the answer falls when one part is left out."""
    count = len(parts.described)
    if not count:
        return Weighed(np.zeros(0), unit, 0)
    return Weighed(falls(value, (parts.without([place]) for place in range(count))), unit, count + 1)


def lime(value: Read, parts: Parts[Read], falls: Falls[Read], unit: str) -> Weighed:
    """A weighted ridge regression of the answer's fall on which parts are left out at random (Ribeiro et al. 2016)."""
    count = len(parts.described)
    if not count:
        return Weighed(np.zeros(0), unit, 0)
    masks = draw_masks(count, masks_of(count))
    fallen = falls(value, (parts.without(np.flatnonzero(mask).tolist()) for mask in masks))
    distance = 1 - np.sqrt(1 - masks.mean(axis=1))
    nearness = np.exp(-(distance**2) / KERNEL_WIDTH**2)
    weighted = masks * nearness[:, None]
    weights = np.linalg.solve(weighted.T @ masks + RIDGE * np.eye(count), weighted.T @ fallen)
    return Weighed(weights, unit, len(masks) + 1)


def draw_masks(parts: int, count: int) -> np.ndarray:
    """(count, parts) of 0 and 1 (left out): each leaves out a number of parts that is drawn evenly. Always the same."""
    generator = np.random.default_rng(0)
    masks = np.zeros((count, parts))
    for mask in masks:
        mask[generator.permutation(parts)[: generator.integers(1, parts + 1)]] = 1
    return masks


AGNOSTIC = {"occlusion": occlusion, "lime": lime}
"""Methods that only ask the model again."""


def explained(method: str, described: list[JsonObject], weighed: Weighed) -> JsonObject:
    """{method, unit, calls, parts}, and {base, value} where the weights lead from one to the other. Of more parts than
    MOST_PARTS the weightiest are told, in their order, and the rest as one."""
    weights = np.asarray(weighed.weights, dtype=float)
    strongest = np.sort(np.argsort(-np.abs(weights), kind="stable")[:MOST_PARTS])
    parts: list[JsonObject] = [
        described[place] | {"weight": rounded(weights[place], weighed.unit)} for place in strongest
    ]
    if len(strongest) < len(weights):
        rest = float(weights.sum() - weights[strongest].sum())
        parts.append({"kind": "rest", "count": len(weights) - len(strongest), "weight": rounded(rest, weighed.unit)})
    sums: JsonObject = {}
    if weighed.base is not None:
        sums = {
            "base": rounded(weighed.base, weighed.unit),
            "value": rounded(weighed.base + float(weights.sum()), weighed.unit),
        }
    return {"method": method, "unit": weighed.unit, "calls": weighed.calls, **sums, "parts": parts}


def rounded(value: float, unit: str) -> float:
    """To four places, or, of a number that may be of any size, to six digits."""
    return float(f"{value:.6g}") if unit in UNBOUNDED else round(float(value), 4)


def batched(values: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Lists of so many, the last one shorter."""
    iterator = iter(values)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


# The parts of texts


def word_parts(text: str, rebuilt: Callable[[str], Read], most: int = MOST_PARTS) -> Parts[Read]:
    """Words and signs with where they stand; of a longer text as many runs of neighbouring ones. `rebuilt`: the input with
    another text."""
    spans = join_spans([match.span() for match in PIECE.finditer(text)], most)
    described: list[JsonObject] = [
        {"kind": "word", "text": text[start:end], "start": start, "end": end} for start, end in spans
    ]
    return Parts(described, lambda places: rebuilt(cut_out(text, [spans[place] for place in sorted(places)])))


def join_spans(spans: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    if len(spans) <= most:
        return spans
    edges = np.linspace(0, len(spans), most + 1).astype(int).tolist()
    return [(spans[start][0], spans[end - 1][1]) for start, end in itertools.pairwise(edges)]


def cut_out(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without some of it; a blank where nothing is left, which every model reads."""
    pieces, place = [], 0
    for start, end in spans:
        pieces.append(text[place:start])
        place = end
    return ("".join(pieces) + text[place:]).strip() or " "
