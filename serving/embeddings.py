"""`POST /e/SLUG/v1/embeddings`: vectors of texts, asked for and answered in the form of OpenAI's API, so that its clients can be used."""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from serving.forms import Question
from serving.problems import Problem

if TYPE_CHECKING:
    from trainer.engines import Engine

EXAMPLE = 'Send {"input": ["a text"]}.'
FORMATS = ("float", "base64")


def parse_texts(body: bytes, limit: int) -> Question:
    """`input`: a text or a list of 1 to `limit`; `Problem` 422. `encoding_format` is float or base64."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "bad_json", "The request is not valid JSON.", EXAMPLE) from error
    if not isinstance(fields, dict):
        raise Problem(422, "no_inputs", "`input` must be a text or a list of texts.", EXAMPLE)
    given = fields.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Problem(422, "no_inputs", "`input` must be a text or a list of texts.", EXAMPLE)
    if len(texts) > limit:
        sentence = f"At most {limit} inputs fit into one request; there are {len(texts)}."
        raise Problem(422, "too_many_inputs", sentence, "Send several requests.")
    if fields.get("encoding_format", "float") not in FORMATS:
        raise Problem(422, "bad_form", "`encoding_format` must be float or base64.", "Leave it out for numbers.")
    return Question([{"embed": text} for text in texts], fields)


def check_embeds(engine: "Engine[Any, Any]") -> None:
    """`Problem` for a model without vectors of texts."""
    if not engine.embeds:
        raise Problem(
            422,
            "no_embeddings",
            "This model gives no embeddings.",
            "Models of sentence similarity do; ask this one with POST /e/SLUG/predict.",
        )


def as_openai(outputs: Sequence[dict[str, Any]], name: str, encoding: str) -> bytes:
    """The body of the answer."""
    tokens = sum(output["tokens"] for output in outputs)
    data = [
        {"object": "embedding", "index": index, "embedding": encoded(output["embedding"], encoding)}
        for index, output in enumerate(outputs)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "data": data, "model": name, "usage": usage})


def encoded(vector: list[float], encoding: str) -> list[float] | str:
    """Numbers, or as little-endian float32 in base64."""
    return vector if encoding == "float" else base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode()
