"""Models that write, of each architecture that is offered, behind the model server: encoder-decoders and a Whisper by `/predict`, decoders
by OpenAI's client."""

import base64
import json
from pathlib import Path
from typing import Any

import openai
import pytest
import torch

from tests.serving.conftest import KEY, Redis, Serving
from tests.trainer import tiny_speech, tiny_writers
from tests.trainer.data_files import sound
from trainer.engines import open_engine
from trainer.families.audio.whisper import Whisper
from trainer.files import sha256
from trainer.packaging.export import export
from trainer.sounds import WHISPER, Hearing

FRAME = {"prefix": "summarize: ", "before": [], "after": [1], "start": [0], "ends": [1]}


def packaged(artifact: Path, **facts: Any) -> Path:
    """What is in its folder `model`, with a manifest of these facts."""
    files = {path.relative_to(artifact).as_posix(): sha256(path) for path in artifact.rglob("*") if path.is_file()}
    (artifact / "manifest.json").write_text(json.dumps({"version": 1, "labels": [], "files": files, **facts}), "utf-8")
    export(artifact, emit=lambda *_args, **_fields: None)
    return artifact


def written_by(folder: Path, name: str, **facts: Any) -> Path:
    artifact = folder / "artifact"
    artifact.mkdir()
    tiny_writers.build(folder, name).rename(artifact / "model")
    return packaged(artifact, **facts)


@pytest.mark.parametrize("name", ["t5", "bart", "marian"])
def test_an_encoder_decoder_summarizes(name: str, redis_server: Redis, serving: Serving, tmp_path: Path) -> None:
    facts = {"task": "summarization", "form": "pairs", "max_length": 64, "most_tokens": 12, "frame": FRAME}
    artifact = written_by(tmp_path, name, **facts)
    redis_server.publish(name, artifact)
    engine = open_engine(artifact)
    assert engine.engine == "encoder-decoder"
    texts = ["A lamp is in the hall.", "Where is the chair?"]
    asked = serving.ask(texts, name).json()
    right = engine.predict([engine.read(text) for text in texts])
    assert [answer["generated_text"] for answer in asked["outputs"]] == [answer["generated_text"] for answer in right]
    assert all(answer["tokens"] > 0 for answer in asked["outputs"])


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen3", "gemma3_text", "phi3"])
def test_a_decoder_answers_openais_client(name: str, redis_server: Redis, serving: Serving, tmp_path: Path) -> None:
    slug = name.replace("_", "-")
    artifact = written_by(tmp_path, name, task="text-generation", form="corpus", max_length=64)
    redis_server.publish(slug, artifact)
    engine = open_engine(artifact)
    right = engine.predict([engine.read({"text": "Once", "max_tokens": 9})])[0]
    with openai.OpenAI(base_url=f"{serving.url}/e/{slug}/v1", api_key=KEY, max_retries=3) as client:
        answer = client.completions.create(model="any", prompt="Once", max_tokens=9, temperature=0)
    assert answer.choices[0].text == right["completion"]
    assert answer.usage
    assert answer.usage.completion_tokens == right["tokens"] > 0


def test_a_whisper_writes_what_it_hears(redis_server: Redis, serving: Serving, tmp_path: Path) -> None:
    hearing = Hearing(WHISPER, seconds=1.0, mels=80, frames=100)
    model = Whisper.of(tiny_speech.build_whisper(tmp_path), hearing)
    with torch.no_grad():
        for value in model.encoder.parameters():
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(1)) * 0.12)
    model.begin("de", torch.zeros(1, 80, 100), 10)
    artifact = tmp_path / "artifact"
    (artifact / "model").mkdir(parents=True)
    model.save(artifact / "model")
    packaged(artifact, task="speech-recognition", writes=model.writes())
    redis_server.publish("whisper", artifact)
    engine = open_engine(artifact)
    data = sound(9)
    right = engine.predict([engine.read(data)])
    assert right[0]["text"]
    url = "data:audio/wav;base64," + base64.b64encode(data).decode()
    assert serving.ask([url], "whisper").json()["outputs"] == right
