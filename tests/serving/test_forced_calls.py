"""Tools that must be called, asked for with OpenAI's own client, of a model with random weights that never would."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]
import openai
import pydantic
import pytest

from serving.chat import Refused, parse
from tests.serving import tiny_writer
from tests.serving.conftest import KEY, Redis, Serving
from trainer.writing.called_tools import calls_schema
from trainer.writing.tools import read_answer

ASK: Any = {"role": "user", "content": "Where is the lamp?"}


class Spot(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    floor: Literal[0, 1]


class Find(pydantic.BaseModel):
    """Where something is."""

    model_config = pydantic.ConfigDict(extra="forbid")
    room: Literal["hall", "kitchen"]
    spots: list[Spot] = pydantic.Field(max_length=2)


class Buy(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    count: Literal[1, 2, 3]


TOOLS: Any = [
    {"type": "function", "function": {"name": kind.__name__, "parameters": kind.model_json_schema()}}
    for kind in (Find, Buy)
]


@pytest.fixture(scope="module")
def client(redis_server: Redis, serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    artifact: Path = tiny_writer.build(tmp_path_factory.mktemp("caller"), 1024)
    redis_server.publish("caller", artifact)
    with openai.OpenAI(base_url=f"{serving.url}/e/caller/v1", api_key=KEY, max_retries=3) as made:
        yield made


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "Find"}}], ids=["any", "named"]
)
def test_a_tool_is_called_as_its_schema_says(choice: Any, client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "any", "messages": [ASK], "tools": TOOLS, "tool_choice": choice}
    asked |= {"max_tokens": 400, "parallel_tool_calls": False}
    for seed in range(2):
        answer = client.chat.completions.create(**asked, seed=seed, temperature=1).choices[0]
        assert answer.finish_reason == "tool_calls"
        assert answer.message.tool_calls is not None
        (call,) = answer.message.tool_calls
        assert call.type == "function"
        kinds: dict[str, type[pydantic.BaseModel]] = {"Find": Find, "Buy": Buy}
        kind = kinds[call.function.name]
        assert kind.model_validate_json(call.function.arguments)
        assert choice == "required" or kind is Find


def test_a_call_comes_whole_where_it_is_streamed(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(
        model="any", messages=[ASK], tools=TOOLS[1:], tool_choice="required", max_tokens=400, stream=True, temperature=0
    )
    deltas = [chunk.choices[0].delta for chunk in chunks]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    assert calls
    assert all(call.function and Buy.model_validate_json(call.function.arguments or "") for call in calls)
    assert not "".join(delta.content or "" for delta in deltas)


def test_a_schema_that_nothing_keeps_to_is_the_tools(client: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": {"name": "x", "parameters": {"type": "nonsense"}}}]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="any", messages=[ASK], tools=tools, tool_choice="required")
    assert raised.value.param == "tools"


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": "sometimes"},
        {"tools": TOOLS, "tool_choice": {"type": "function"}},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "Sell"}}},
        {"tools": [{"type": "function", "function": {}}], "tool_choice": "required"},
    ],
)
def test_a_choice_that_cannot_be_kept(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused) as raised:
        parse(json.dumps({"messages": [ASK]} | fields).encode(), is_chat=True)
    assert (raised.value.code, raised.value.extra["param"]) == ("invalid_value", "tool_choice")


def test_definitions_of_two_tools_stay_apart() -> None:
    schema = calls_schema([*TOOLS, TOOLS[0] | {"function": {**TOOLS[0]["function"], "name": "Other"}}])
    assert sorted(schema["$defs"]) == ["0.Spot", "2.Spot"]
    call = {
        "id": "a",
        "type": "function",
        "function": {"name": "Other", "arguments": {"room": "hall", "spots": [{"floor": 1}]}},
    }
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"tool_calls": [call]})
    call["function"]["arguments"]["spots"] = [{"floor": 7}]  # type: ignore[index]
    assert not validator.is_valid({"tool_calls": [call]})
    assert not validator.is_valid({"tool_calls": []})
    assert read_answer(json.dumps({"tool_calls": [call]})).calls == [call]


def test_a_tool_without_parameters_takes_any_object() -> None:
    schema = calls_schema([{"type": "function", "function": {"name": "now"}}])
    function = schema["properties"]["tool_calls"]["items"]["properties"]["function"]
    assert function["properties"]["arguments"] == {"type": "object"}
