"""`?explain=1`: what an answer depends on, from the serving process, bounded and counted."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from serving.batcher import COPIES, MAX_EXPLAINING, Batcher
from serving.memory import Ledger
from serving.problems import Problem
from tests.serving import tiny, tiny_writer
from tests.serving.conftest import KEY, TOKEN, Redis, Serving, wait_for
from trainer.engines import open_engine

TWENTY = " ".join(tiny.WORDS[:20])


def ask(serving: Serving, inputs: Any, slug: str = "demo", key: str = KEY, **query: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{serving.url}/e/{slug}/predict"
    return httpx.post(url, params={"explain": "1"} | query, json={"inputs": inputs}, headers=headers, timeout=30)


def test_each_answer_says_what_it_depends_on(serving: Serving, packaged: Path) -> None:
    texts = ["my card was lost", "refund the money"]
    answer = ask(serving, texts).json()
    engine = open_engine(packaged)
    for text, output in zip(texts, answer["outputs"], strict=True):
        explanation = output.pop("explanation")
        wanted = engine.explain(text)
        assert output["label"] == engine.predict([text])[0]["label"]
        assert (explanation["method"], explanation["unit"]) == ("occlusion", "probability")
        assert explanation["calls"] == 1 + len(text.split())
        assert [part["text"] for part in explanation["parts"]] == text.split()
        weights = [part["weight"] for part in explanation["parts"]]
        assert weights == pytest.approx([part["weight"] for part in wanted["parts"]], abs=0.06)
    assert answer["timing_ms"]["explanation"] > 0


def test_answers_are_as_they_were_where_nothing_is_asked(serving: Serving) -> None:
    for query in ({"explain": "0"}, {"explain": ""}):
        refused = ask(serving, ["my card"], **query)
        assert refused.status_code == (200 if query["explain"] else 422)
    answer = serving.ask(["my card"]).json()
    assert "explanation" not in answer["outputs"][0]
    assert "explanation" not in answer["timing_ms"]


def test_a_text_of_twenty_words_takes_a_fifth_of_a_second(serving: Serving) -> None:
    ask(serving, [TWENTY])
    times = [ask(serving, [TWENTY]).json()["timing_ms"]["explanation"] for _again in range(3)]
    assert min(times) < 200


def test_the_longest_text_takes_no_longer_than_is_told(serving: Serving) -> None:
    started = time.monotonic()
    explanation = ask(serving, [" ".join([TWENTY] * 150)]).json()["outputs"][0]["explanation"]
    assert time.monotonic() - started < 5
    assert len(explanation["parts"]) <= 120


def test_every_call_of_the_model_is_counted(serving: Serving, redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("why", packaged)
    calls = ask(serving, ["my card was lost"], slug="why").json()["outputs"][0]["explanation"]["calls"]

    def rows() -> int:
        entries = [json.loads(fields["u"]) for _id, fields in redis_server.client.xrange("maquette:usage")]
        return sum(entry["rows"] for entry in entries if entry["slug"] == "why")

    wait_for(lambda: rows() == 1 + calls, 6)


def test_another_method_is_asked_for_by_its_name(serving: Serving) -> None:
    explanation = ask(serving, ["my card was lost"], method="lime").json()["outputs"][0]["explanation"]
    assert (explanation["method"], len(explanation["parts"])) == ("lime", 4)
    assert ask(serving, ["my card was lost"], explain="lime").json()["outputs"][0]["explanation"]["method"] == "lime"
    assert ask(serving, ["my card"], explain="grad_cam").json()["code"] == "no_explanation"
    refused = ask(serving, ["my card"], method="shap").json()
    assert (refused["code"], refused["hint"]) == ("no_explanation", "There are: occlusion, lime.")


def test_the_site_may_ask_about_any_run_and_nobody_else(serving: Serving, packaged: Path) -> None:
    def internal(token: str) -> httpx.Response:
        body = {"artifact": str(packaged), "inputs": ["my card"]}
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(f"{serving.url}/internal/predict?explain=1", json=body, headers=headers, timeout=30)

    assert internal(TOKEN).json()["outputs"][0]["explanation"]["parts"][0]["text"] == "my"
    assert internal(KEY).status_code == 401


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"blocked": "budget"}, 402, "budget_spent"),
        ({"status": "off"}, 503, "paused"),
        ({"limits": {"requests_per_minute": 0}}, 429, "rate_limit"),
    ],
)
def test_the_gates_of_answers_are_those_of_explanations(
    changes: dict[str, Any], status: int, code: str, serving: Serving, redis_server: Redis, packaged: Path
) -> None:
    redis_server.publish("shut", packaged, **changes)
    wait_for(lambda: ask(serving, ["a"], slug="shut").status_code == status, 5)
    assert ask(serving, ["a"], slug="shut").json()["code"] == code
    assert ask(serving, ["a"], slug="shut", key="wrong").status_code == 401


def test_more_inputs_than_are_explained_at_once(serving: Serving) -> None:
    refused = ask(serving, ["a"] * 9)
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_inputs")
    assert "8 inputs are explained" in refused.json()["detail"]
    assert ask(serving, ["a"] * 9, explain="0").status_code == 200


def test_a_model_that_writes_is_refused_in_words(
    serving: Serving, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> None:
    redis_server.publish("writer", tiny_writer.build(tmp_path_factory.mktemp("runs") / "writer"))
    wait_for(lambda: ask(serving, ["a"], slug="writer").status_code == 422)
    refused = ask(serving, ["a"], slug="writer").json()
    assert refused["code"] == "no_explanation"
    assert "word by word" in refused["detail"]
    assert refused["hint"]


# The queue


class Slow:
    """Explains when it is let, and notes in which order it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, inputs: list[Any]) -> list[dict[str, Any]]:
        self.asked.append("predict")
        return [{} for _input in inputs]

    def explain(self, value: object, method: str, seconds: float | None) -> dict[str, Any]:
        self.asked.append("explain")
        time.sleep(0.02)
        return {"calls": 3, "of": value, "seconds": seconds}


def test_answers_take_turns_with_explanations() -> None:
    engine = Slow()

    async def both() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(engine, executor, Ledger(1 << 20))
            explaining = asyncio.create_task(batcher.explain(["a", "b", "c"], 1.0))
            await asyncio.sleep(0.01)
            await batcher.predict(["d"])
            told = await explaining
            assert [each["of"] for each in told] == ["a", "b", "c"]
            assert {each["seconds"] for each in told} == {1.0}

    asyncio.run(both())
    assert engine.asked.index("predict") < 3, "not behind all three"


def test_too_many_that_wait_are_told_to_come_back_and_leave_nothing_held() -> None:
    arrays = Ledger(1 << 20)

    async def crowd() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(Slow(), executor, arrays)
            picture = np.zeros(1_000, dtype=np.uint8)
            waiting = [asyncio.create_task(batcher.explain([picture], 1.0)) for _each in range(MAX_EXPLAINING)]
            await asyncio.sleep(0)
            assert arrays.used == MAX_EXPLAINING * COPIES * picture.nbytes
            with pytest.raises(Problem) as refused:
                await batcher.explain(["one more"], 1.0)
            assert refused.value.code == "busy"
            waiting[3].cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert (batcher.explaining, arrays.used) == (0, 0)

    asyncio.run(crowd())
