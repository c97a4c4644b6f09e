"""Models that write, of other architectures than the Llama, behind the model server: an encoder-decoder, and a GPT-2 by OpenAI's client."""

import json
from pathlib import Path
from typing import Any

import openai

from tests.serving.conftest import KEY, Redis, Serving
from tests.trainer import tiny_writers
from trainer.engines import open_engine
from trainer.files import sha256
from trainer.packaging.export import export

FRAME = {"prefix": "summarize: ", "before": [], "after": [1], "start": [0], "ends": [1]}


def packaged(folder: Path, name: str, **facts: Any) -> Path:
    artifact = folder / "artifact"
    artifact.mkdir()
    tiny_writers.build(folder, name).rename(artifact / "model")
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    (artifact / "manifest.json").write_text(json.dumps({"version": 1, "labels": [], "files": files, **facts}), "utf-8")
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


def test_a_t5_summarizes(redis_server: Redis, serving: Serving, tmp_path: Path) -> None:
    facts = {"task": "summarization", "form": "pairs", "max_length": 64, "most_tokens": 12, "frame": FRAME}
    artifact = packaged(tmp_path, "t5", **facts)
    redis_server.publish("t5", artifact)
    engine = open_engine(artifact)
    assert engine.engine == "encoder-decoder"
    texts = ["A lamp is in the hall.", "Where is the chair?"]
    asked = serving.ask(texts, "t5").json()
    right = engine.predict([engine.read(text) for text in texts])
    assert [answer["generated_text"] for answer in asked["outputs"]] == [answer["generated_text"] for answer in right]


def test_a_gpt2_answers_openais_client(redis_server: Redis, serving: Serving, tmp_path: Path) -> None:
    artifact = packaged(tmp_path, "gpt2", task="text-generation", form="corpus", max_length=64)
    redis_server.publish("gpt2", artifact)
    engine = open_engine(artifact)
    right = engine.predict([engine.read({"text": "Once", "max_tokens": 9})])[0]
    with openai.OpenAI(base_url=f"{serving.url}/e/gpt2/v1", api_key=KEY, max_retries=3) as client:
        answer = client.completions.create(model="any", prompt="Once", max_tokens=9, temperature=0)
    assert answer.choices[0].text == right["completion"]
