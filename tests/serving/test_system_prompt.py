"""What an owner tells a model before each conversation: part of what it reads, and no part of what anybody gets."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.chat import instructed, told_first
from tests.serving import tiny_writer
from tests.serving.conftest import KEY, Redis, Serving, wait_for
from trainer.engines import open_engine

SECRET = "Answer as a lighthouse keeper."
USER, SYSTEM = {"role": "user", "content": "Where?"}, {"role": "system", "content": "Be brief."}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"))


def ask(serving: Serving, slug: str, path: str, **fields: Any) -> Any:
    url, headers = f"{serving.url}/e/{slug}/{path}", {"Authorization": f"Bearer {KEY}"}
    answer = httpx.post(url, headers=headers, json=fields, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_is_read_before_what_is_said(serving: Serving, redis_server: Redis, artifact: Path) -> None:
    redis_server.publish("told", artifact, system_prompt=SECRET)
    engine: Any = open_engine(artifact)
    right = engine.predict([engine.read({"messages": [{"role": "system", "content": SECRET}, USER], "max_tokens": 8})])
    answer = ask(serving, "told", "v1/chat/completions", messages=[USER], temperature=0, max_tokens=8)
    assert answer["choices"][0]["message"]["content"] == right[0]["completion"]
    assert answer["usage"]["prompt_tokens"] == right[0]["prompt_tokens"]
    asked = [{"prompt": "Where?", "max_tokens": 8}, {"messages": [USER], "max_tokens": 8}]
    assert ask(serving, "told", "predict", inputs=asked)["outputs"] == right * 2
    plain = ask(serving, "told", "v1/completions", prompt="Where?", max_tokens=8, temperature=0)
    assert plain["usage"]["prompt_tokens"] == len(engine.read({"text": "Where?"}).ids)


def test_tokens_are_counted_of_every_answer(serving: Serving, redis_server: Redis, artifact: Path) -> None:
    redis_server.publish("tokens", artifact)
    asked: dict[str, Any] = {"messages": [USER], "temperature": 0, "max_tokens": 8}
    usage = ask(serving, "tokens", "v1/chat/completions", **asked)["usage"]
    ask(serving, "tokens", "predict", inputs=[{"messages": [USER], "max_tokens": 8}])
    client: Any = redis_server.client

    def counted() -> tuple[int, ...]:
        entries = [json.loads(fields["u"]) for _id, fields in client.xrange("maquette:usage")]
        own = [entry for entry in entries if entry["slug"] == "tokens"]
        return tuple(sum(entry[name] for entry in own) for name in ("requests", "prompt_tokens", "completion_tokens"))

    wait_for(lambda: counted() == (2, 2 * usage["prompt_tokens"], 2 * usage["completion_tokens"]), 8)


def test_what_the_caller_says_first_follows_it() -> None:
    assert told_first([SYSTEM, USER], SECRET) == [{"role": "system", "content": f"{SECRET}\n\nBe brief."}, USER]
    assert told_first([USER], "") == [USER]


@pytest.mark.parametrize(
    "value", [3, {"text": "Once"}, {"messages": 3}, {"messages": [{"role": "owl"}]}, {"prompt": 3}]
)
def test_odd_inputs_are_left_to_the_engine(value: object, artifact: Path) -> None:
    assert instructed(open_engine(artifact), value, SECRET) in (value, {"messages": value})
