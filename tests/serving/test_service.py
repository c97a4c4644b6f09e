"""What must hold while things break: right answers under concurrency, without Redis, after SIGKILL."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.serving import tiny
from tests.serving.conftest import KEY, REPO, TOKEN, Redis, Serving, wait_for
from trainer.engines import open_engine


def own_answers(packaged: Path, texts: list[str]) -> dict[str, dict[str, float]]:
    """The engine's own scores, one text at a time."""
    engine = open_engine(packaged)
    return {text: {one["label"]: one["score"] for one in engine.predict([text])[0]["scores"]} for text in texts}


def same(output: dict[str, list[dict[str, float]]], expected: dict[str, float]) -> bool:
    """int8 rounds by the largest activation of a batch: equal within that, and nearer to its own than to chance."""
    return all(abs(one["score"] - expected[one["label"]]) < 0.06 for one in output["scores"])


def test_each_caller_gets_its_own_answer(serving: Serving, packaged: Path) -> None:
    texts = tiny.texts(64)
    expected = own_answers(packaged, texts)

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(limits=limits, timeout=30) as client:
            url, headers = f"{serving.url}/e/demo/predict", {"Authorization": f"Bearer {KEY}"}
            return await asyncio.gather(*(client.post(url, json={"inputs": [text]}, headers=headers) for text in texts))

    for text, answer in zip(texts, asyncio.run(ask_all()), strict=True):
        assert same(answer.json()["outputs"][0], expected[text]), text


def test_many_inputs_keep_their_order(serving: Serving, packaged: Path) -> None:
    texts = tiny.texts(50)
    expected = own_answers(packaged, texts)
    outputs = serving.ask(texts).json()["outputs"]
    assert all(same(output, expected[text]) for text, output in zip(texts, outputs, strict=True))


def test_redis_may_go_and_come_back(serving: Serving, redis_server: Redis) -> None:
    serving.ask(["a"])
    redis_server.stop()
    try:
        time.sleep(1.2)
        assert [serving.ask(["a"]).status_code for _ in range(5)] == [200] * 5
        assert serving.ask(["a"], key="wrong").status_code == 401
        assert httpx.get(f"{serving.url}/readyz", timeout=10).status_code == 503
    finally:
        redis_server.start()
    wait_for(lambda: httpx.get(f"{serving.url}/readyz", timeout=10).status_code == 200, 10)

    def rows() -> int:
        entries = redis_server.client.xrange("maquette:usage")
        return sum(json.loads(fields["u"])["rows"] for _id, fields in entries)

    wait_for(lambda: rows() >= 6, 8)


def test_killed_under_load(redis_server: Redis, packaged: Path) -> None:
    redis_server.publish("demo", packaged)
    serving = Serving(redis_server.url)
    serving.start()
    texts = tiny.texts(40)
    expected = own_answers(packaged, texts)
    seen: Counter[str] = Counter()
    stop = threading.Event()

    def load(start: int) -> None:
        at = start
        with httpx.Client(timeout=10, headers={"Authorization": f"Bearer {KEY}"}) as client:
            while not stop.is_set():
                text = texts[at % len(texts)]
                at += 1
                try:
                    answer = client.post(f"{serving.url}/e/demo/predict", json={"inputs": [text]})
                except httpx.TransportError:
                    seen["broken"] += 1
                    time.sleep(0.05)
                    continue
                good = answer.status_code == 503 or same(answer.json()["outputs"][0], expected[text])
                seen["right" if good else "wrong"] += 1

    threads = [threading.Thread(target=load, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: seen["right"] > 20)
        serving.kill()
        killed = time.monotonic()
        serving.start()
        wait_for(lambda: serving.ask(["a"]).status_code == 200, 10)
        assert time.monotonic() - killed < 10
        before = seen["right"]
        wait_for(lambda: seen["right"] > before + 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
        serving.kill()
    assert seen["wrong"] == 0
    assert seen["broken"] > 0


def test_models_are_dropped_for_room(redis_server: Redis, packaged: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "run2" / "artifact"
    shutil.copytree(packaged, other)
    serving = Serving(redis_server.url, MAQUETTE_SERVING_MEMORY="1K")
    serving.start()
    try:
        for artifact in (packaged, other, packaged):
            answer = httpx.post(
                f"{serving.url}/internal/predict",
                json={"artifact": str(artifact), "inputs": ["my card"]},
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=30,
            )
            assert answer.status_code == 200
        figures = httpx.get(f"{serving.url}/metrics").text
        assert "maquette_serving_models 1\n" in figures
        assert "maquette_serving_models_evicted_total 0\n" not in figures
    finally:
        serving.kill()


def test_a_changed_file_is_not_served(serving: Serving, packaged: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "run3" / "artifact"
    shutil.copytree(packaged, other)
    with (other / "model" / "tokenizer.json").open("a") as file:
        file.write(" ")
    answer = httpx.post(
        f"{serving.url}/internal/predict",
        json={"artifact": str(other), "inputs": ["my card"]},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=30,
    )
    assert answer.status_code == 503
    assert "tokenizer.json" in answer.json()["detail"]


@pytest.mark.parametrize("module", ["serving.app", "serving.pool", "trainer.engines", "trainer.engines.text"])
def test_imports_stay_light(module: str) -> None:
    heavy = ["torch", "transformers", "django", "pandas", "sklearn", "PIL"]
    code = f"import sys, {module}; sys.exit(' '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
