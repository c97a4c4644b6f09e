"""Texts written in the form of OpenAI's API, asked for with its own client."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from serving.chat import Refused, parse, read_prompt
from tests.serving import tiny_writer
from tests.serving.conftest import KEY, Redis, Serving, wait_for
from trainer.engines import open_engine

ASK: ChatCompletionUserMessageParam = {"role": "user", "content": "Where is the lamp?"}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def client(redis_server: Redis, serving: Serving, artifact: Path) -> Iterator[openai.OpenAI]:
    redis_server.publish("writer", artifact)
    with openai.OpenAI(base_url=f"{serving.url}/e/writer/v1", api_key=KEY, max_retries=3) as made:
        yield made


def test_a_chat_is_answered_as_the_engine_answers(client: openai.OpenAI, artifact: Path) -> None:
    engine = open_engine(artifact)
    answer = client.chat.completions.create(model="any", messages=[ASK], temperature=0, max_tokens=12)
    right = engine.predict([engine.read({"messages": [ASK], "max_tokens": 12})])[0]
    assert answer.choices[0].message.content == right["completion"]
    assert answer.choices[0].finish_reason == right["finish"]
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (right["prompt_tokens"], right["tokens"])


def test_a_streamed_answer_is_the_same(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "any", "messages": [ASK], "temperature": 1, "seed": 7, "max_tokens": 20}
    whole = client.chat.completions.create(**asked)
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert (
        "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        == whole.choices[0].message.content
    )
    assert chunks[-1].usage == whole.usage
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason


def test_tools_are_part_of_what_is_read(client: openai.OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "find"}}
    asked: list[dict[str, Any]] = [{}, {"tools": [tool]}]
    plain, tooled = (
        client.chat.completions.create(model="any", messages=[ASK], temperature=0, max_tokens=2, **more)
        for more in asked
    )
    assert plain.usage
    assert tooled.usage
    assert tooled.usage.prompt_tokens > plain.usage.prompt_tokens


def test_a_text_is_continued(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="any", prompt="Once", max_tokens=5, temperature=0)
    assert answer.object == "text_completion"
    assert answer.usage
    assert answer.usage.completion_tokens <= 5
    streamed = list(client.completions.create(model="any", prompt="Once", max_tokens=5, temperature=0, stream=True))
    assert "".join(chunk.choices[0].text for chunk in streamed) == answer.choices[0].text


def test_the_model_is_listed_by_its_slug(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["writer"]


def test_a_prompt_over_the_limit_is_refused_with_its_count(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"has [\d,]+ tokens; this model reads at most 127") as raised:
        client.chat.completions.create(model="any", messages=[{"role": "user", "content": "a" * 400}])
    assert raised.value.code == "context_length_exceeded"
    assert raised.value.param == "messages"


def test_refusals_are_those_of_the_client(client: openai.OpenAI, serving: Serving) -> None:
    owl: dict[str, Any] = {"model": "any", "messages": [{"role": "owl", "content": "a"}]}
    with pytest.raises(openai.BadRequestError, match="`n` must be 1"):
        client.chat.completions.create(model="any", messages=[ASK], n=2)
    with pytest.raises(openai.BadRequestError, match="role is none of"):
        client.chat.completions.create(**owl)
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(model="any", messages=[ASK])
    with (
        openai.OpenAI(base_url=f"{serving.url}/e/demo/v1", api_key=KEY) as other,
        pytest.raises(openai.BadRequestError, match="writes no texts"),
    ):
        other.chat.completions.create(model="any", messages=[ASK])


def test_many_clients_are_answered_as_each_alone(client: openai.OpenAI) -> None:
    def ask(seed: int) -> str | None:
        answer = client.chat.completions.create(model="any", messages=[ASK], seed=seed, max_tokens=10)
        return answer.choices[0].message.content

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [ask(seed) for seed in range(8)]


def test_who_hangs_up_ends_the_answer(client: openai.OpenAI, serving: Serving) -> None:
    """The next one is answered at once, though the model has one thread."""
    stream = client.chat.completions.create(model="any", messages=[ASK], stream=True, max_tokens=64)
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(model="any", messages=[ASK], max_tokens=2).usage
    assert httpx.get(f"{serving.url}/healthz").status_code == 200


@pytest.mark.parametrize("streams", [False, True])
def test_who_hangs_up_frees_a_place(
    streams: bool, redis_server: Redis, serving: Serving, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Long before the answer would have been whole, also where nothing of it was sent yet."""

    def writing() -> int:
        lines = httpx.get(f"{serving.url}/metrics").text.splitlines()
        return int(next(line for line in lines if line.startswith("maquette_serving_answers_writing ")).split()[1])

    redis_server.publish("endless", tiny_writer.build(tmp_path_factory.mktemp("endless"), positions=8_192, ends=False))
    body = {"messages": [ASK], "max_tokens": 8_000, "temperature": 2, "stream": streams}
    url, headers = f"{serving.url}/e/endless/v1/chat/completions", {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(headers=headers) as caller:
        wait_for(lambda: caller.post(url, json=body | {"max_tokens": 1, "stream": False}).status_code == 200)
        with suppress(httpx.ReadTimeout), caller.stream("POST", url, json=body, timeout=0.5) as answer:
            parts = answer.iter_bytes()
            next(parts)
            wait_for(lambda: writing() == 1, 5)
    wait_for(lambda: writing() == 0, 1)


CONTENT = "messages[0].content"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"messages": "a"}, "invalid_type", "messages"),
        ({"messages": []}, "invalid_type", "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "invalid_type", CONTENT),
        ({"messages": [{"role": "user", "content": None}]}, "invalid_type", CONTENT),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": "x"}]}, "invalid_type", CONTENT),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "invalid_type", CONTENT),
        ({"tools": [{}], "tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"tools": [{}], "tool_choice": []}, "invalid_value", "tool_choice"),
        ({"tools": {}}, "invalid_type", "tools"),
        ({"response_format": {"type": "json_schema"}}, "invalid_value", "response_format"),
        ({"response_format": "json"}, "invalid_value", "response_format"),
        ({"response_format": []}, "invalid_value", "response_format"),
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"best_of": 2}, "unsupported_parameter", "best_of"),
        ({"frequency_penalty": 0.5}, "unsupported_parameter", "frequency_penalty"),
        ({"top_logprobs": 2}, "unsupported_parameter", "top_logprobs"),
        ({"stream": "yes"}, "invalid_type", "stream"),
        ({"stream": True, "stream_options": "x"}, "invalid_type", "stream_options"),
        ({"temperature": -1}, "invalid_value", "temperature"),
        ({"top_p": "x"}, "invalid_value", "top_p"),
        ({"stop": [""]}, "invalid_value", "stop"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"max_completion_tokens": 10**6, "max_tokens": 5}, "invalid_value", "max_completion_tokens"),
        ({"tools": [{}] * 200}, "invalid_value", "tools"),
        ({"messages": [{"role": "owl", "content": "a"}]}, "invalid_value", "messages"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(
    fields: dict[str, Any], code: str, param: str, artifact: Path
) -> None:
    with pytest.raises(Refused) as raised:
        read_prompt(open_engine(artifact), parse(json.dumps({"messages": [ASK]} | fields).encode(), is_chat=True))
    assert (raised.value.code, raised.value.extra["param"]) == (code, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"frequency_penalty": 0, "presence_penalty": 0.0, "logprobs": False, "n": 1, "best_of": 1, "logit_bias": {}},
        {"function_call": "none", "functions": [], "tool_choice": None, "tools": None, "response_format": None},
        {"user": "ann", "store": True, "metadata": {"a": "b"}, "service_tier": "auto", "parallel_tool_calls": False},
        {"stop": ["a", "b", "c", "d"], "max_completion_tokens": 2, "top_p": 0, "stream": None, "stream_options": None},
    ],
)
def test_what_changes_nothing_is_taken(fields: dict[str, Any], artifact: Path) -> None:
    asked = parse(json.dumps({"messages": [ASK]} | fields).encode(), is_chat=True)
    assert len(read_prompt(open_engine(artifact), asked).ids) > 0


def test_an_assistants_message_may_be_a_refusal_or_a_call_of_before() -> None:
    refusal = {"role": "assistant", "content": None, "refusal": "No."}
    call = {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": "{}"}}
    asked = parse(json.dumps({"messages": [ASK, refusal, call]}).encode(), is_chat=True)
    said = [message["content"] for message in asked.value["messages"]]
    assert said[1] == "No."
    assert json.loads(said[2])["tool_calls"][0]["function"] == {"name": "find", "arguments": "{}"}


def test_parts_of_a_content_are_lines_of_it() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    asked = parse(json.dumps({"messages": [{"role": "developer", "content": parts}]}).encode(), is_chat=True)
    assert asked.value["messages"] == [{"role": "system", "content": "a\nb"}]
    assert asked.value["temperature"] == 1.0


def test_only_engines_of_texts_to_write_are_writers() -> None:
    """A transcript is written too, but not in answer to messages."""
    from trainer.engines.speech import SpeechEngine
    from trainer.engines.writing import WritingEngine

    assert WritingEngine.is_writer
    assert not SpeechEngine.is_writer
