"""Answers that must be JSON, asked for with OpenAI's own client: whatever the model would rather write."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pydantic
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from tests.serving import tiny_writer
from tests.serving.conftest import KEY, Redis, Serving
from trainer.engines import open_engine
from trainer.errors import DataError

ASK: ChatCompletionUserMessageParam = {"role": "user", "content": "Where is the lamp?"}


class Place(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    room: Literal["hall", "kitchen"]
    floor: Literal[0, 1, 2]
    is_lit: bool


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def client(redis_server: Redis, serving: Serving, artifact: Path) -> Iterator[openai.OpenAI]:
    redis_server.publish("json-writer", artifact)
    with openai.OpenAI(base_url=f"{serving.url}/e/json-writer/v1", api_key=KEY, max_retries=3) as made:
        yield made


def test_an_answer_keeps_to_a_schema(client: openai.OpenAI) -> None:
    """A model with random weights: without a grammar it never writes JSON."""
    asked: dict[str, Any] = {"model": "any", "messages": [ASK], "max_tokens": 80, "response_format": Place}
    for seed in range(3):
        choice = client.chat.completions.parse(**asked, seed=seed, temperature=1).choices[0]
        assert isinstance(choice.message.parsed, Place)
        assert choice.finish_reason == "stop"


def test_streamed_too(client: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": Place.model_json_schema()}}
    chunks = client.chat.completions.create(
        model="any", messages=[ASK], max_tokens=80, response_format=form, stream=True, temperature=0
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert Place.model_validate_json(text)


def test_any_object(client: openai.OpenAI) -> None:
    """It may be longer than the limit: then it is cut, as OpenAI's are, and says so."""
    form: Any = {"type": "json_object"}
    choice = client.chat.completions.create(
        model="any", messages=[ASK], max_tokens=60, response_format=form, seed=1
    ).choices[0]
    assert choice.message.content
    assert choice.message.content.startswith("{")
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content), dict)


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"type": "object", "properties": 3}, {"enum": 3}])
def test_a_schema_that_nothing_keeps_to(schema: dict[str, Any], client: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="any", messages=[ASK], response_format=form)
    assert raised.value.param == "response_format"


def test_each_answer_goes_its_own_way(artifact: Path) -> None:
    engine: Any = open_engine(artifact)
    schema = {"enum": ["a lamp", "a bed"]}
    prompt = engine.read({"messages": [ASK], "json_schema": schema, "max_tokens": 30})
    both = [each["completion"] for each in engine.predict([prompt, prompt])]
    assert both[0] == both[1]
    assert json.loads(both[0]) in schema["enum"]
    with pytest.raises(DataError, match="json_schema"):
        engine.read({"messages": [ASK], "json_schema": 3})
