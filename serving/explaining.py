"""`?explain=1`, or `?explain=METHOD`: what an answer depends on, beside the answer (docs/serving.md)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from serving.pool import Model
from serving.problems import Problem
from trainer.errors import UserError

if TYPE_CHECKING:
    from trainer.engines import Engine

SECONDS = 1.0
"""About how long explaining one input may take."""
MOST_INPUTS = 8
"""Explained in one request."""


def wants(query: QueryParams, engine: "Engine[Any, Any]", count: int) -> bool:
    """Whether so many inputs are to be explained; `Problem` 422 where they cannot be."""
    asked = query.get("explain", "0")
    if asked == "0":
        return False
    if not engine.is_explained_quickly:
        raise no_explanation("A model that writes its answers word by word is not explained here.")
    if not asked:
        hint = "Send ?explain=1, or the name of a method, or leave it out."
        raise Problem(422, "bad_form", "`explain` must be 0, 1 or a method.", hint)
    if count > MOST_INPUTS:
        sentence = f"At most {MOST_INPUTS} inputs are explained in one request; there are {count}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    check_method(method_of(query), engine)
    return True


def method_of(query: QueryParams) -> str:
    """Empty for the usual one."""
    asked = query.get("explain", "1")
    return query.get("method", "") if asked in ("0", "1") else asked


def check_method(method: str, engine: "Engine[Any, Any]") -> None:
    if method and method not in engine.methods:
        sentence = f"This model is not explained by “{method[:40]}”."
        raise Problem(422, "no_explanation", sentence, f"There are: {', '.join(engine.methods)}.")


def no_explanation(detail: str) -> Problem:
    hint = "Leave ?explain out; `python -m trainer explain` takes the time that it needs."
    return Problem(422, "no_explanation", detail, hint)


async def explain(model: Model, inputs: Sequence[object], method: str = "") -> list[dict[str, Any]]:
    """By a `method`, or the usual one. Of each input what its answer depends on; `Problem` 422 for one that has no explanation, 503 where many wait."""
    try:
        explanations = await model.batcher.explain(inputs, SECONDS, method)
    except UserError as error:
        raise no_explanation(error.message) from error
    return [explanation | {"methods": list(model.engine.methods)} for explanation in explanations]


def calls_of(explanations: Sequence[dict[str, Any]]) -> int:
    """How often models were asked for them."""
    return sum(int(explanation["calls"]) for explanation in explanations)
