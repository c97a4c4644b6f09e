"""Vectors of texts in the form of OpenAI's API."""

import base64
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serving.embeddings import as_openai, check_embeds, parse_texts
from serving.problems import Problem


@pytest.mark.parametrize(("given", "texts"), [("a", ["a"]), (["a", "b"], ["a", "b"])])
def test_texts_are_read(given: Any, texts: list[str]) -> None:
    question = parse_texts(json.dumps({"input": given, "model": "any"}).encode(), 4)
    assert question.inputs([]) == [{"embed": text} for text in texts]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "bad_json"),
        (b"[]", "no_inputs"),
        (b"{}", "no_inputs"),
        (b'{"input": []}', "no_inputs"),
        (b'{"input": [1]}', "no_inputs"),
        (b'{"input": ["a", "b", "c"]}', "too_many_inputs"),
        (b'{"input": "a", "encoding_format": "hex"}', "bad_form"),
    ],
)
def test_what_cannot_be_read(body: bytes, code: str) -> None:
    with pytest.raises(Problem) as raised:
        parse_texts(body, 2)
    assert raised.value.code == code


def test_answers_as_numbers_and_in_base64() -> None:
    outputs = [{"embedding": [0.5, -1.0], "tokens": 3}, {"embedding": [0.0, 0.25], "tokens": 4}]
    plain = json.loads(as_openai(outputs, "search", "float"))
    assert plain["object"] == "list"
    assert plain["data"][1] == {"object": "embedding", "index": 1, "embedding": [0.0, 0.25]}
    assert plain["usage"] == {"prompt_tokens": 7, "total_tokens": 7}
    packed = json.loads(as_openai(outputs, "search", "base64"))
    vector = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), dtype="<f4")
    assert vector.tolist() == [0.5, -1.0]


def test_a_model_without_vectors_says_so() -> None:
    with pytest.raises(Problem, match="no embeddings"):
        check_embeds(SimpleNamespace(embeds=False))  # type: ignore[arg-type]
