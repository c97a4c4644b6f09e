"""Memory that is foreseen from a configuration, against models that are really there."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    BertConfig,
    GPT2Config,
    LlamaConfig,
    PretrainedConfig,
    T5Config,
    ViTConfig,
)

from tests.trainer import command
from tests.trainer.test_hub_models import ASIDE, REF, Hub, of, size_of_model
from trainer.errors import ModelError
from trainer.learning import foreseen_memory
from trainer.learning.foreseen_memory import Foreseen, foresee, read_config, verdict
from trainer.learning.memory import row_bytes

LLAMA = LlamaConfig(
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=300,
    tie_word_embeddings=True,
    architectures=["LlamaForCausalLM"],
)
BERT = BertConfig(
    hidden_size=48, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96, vocab_size=200,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
MODELS: dict[str, tuple[PretrainedConfig, Any]] = {
    "llama": (LLAMA, AutoModelForCausalLM),
    "gpt2": (
        GPT2Config(n_embd=48, n_layer=2, n_head=2, vocab_size=200, bos_token_id=0, eos_token_id=0, architectures=["GPT2LMHeadModel"]),
        AutoModelForCausalLM,
    ),
    "bert": (BERT, AutoModel),
    "vit": (ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64), AutoModel),
    "t5": (
        T5Config(d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, vocab_size=200, architectures=["T5ForConditionalGeneration"]),
        AutoModelForSeq2SeqLM,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_counted_as_they_are(name: str) -> None:
    config, kind = MODELS[name]
    real = kind.from_config(config)
    shapes, methods = foresee(read_config(json.dumps(config.to_dict())), tokens=16, rank=4, half=False)
    assert shapes.parameters == sum(value.numel() for value in real.parameters())
    full = methods[0]
    assert (full.weights, full.gradients, full.optimizer) == tuple(n * shapes.parameters for n in (4, 4, 8))


@pytest.mark.parametrize("config", [LLAMA, BERT], ids=["llama", "bert"])
def test_what_a_row_keeps_is_what_a_real_step_keeps(config: PretrainedConfig) -> None:
    """The real one computes attention in blocks too, where nothing is masked."""
    shapes, _methods = foresee(config, tokens=128, rank=4, half=False)
    real = AutoModel.from_config(config)
    measured = row_bytes(real, (torch.zeros((1, 128), dtype=torch.long),))
    assert shapes.activations == pytest.approx(measured, rel=0.15)


def test_lora_adds_two_thin_matrices_to_each_layer() -> None:
    shapes, (full, lora, qlora) = foresee(LLAMA, tokens=16, rank=4, half=False)
    sides = [(64, 64), (64, 32), (64, 32), (64, 64), (64, 160), (64, 160), (160, 64)]
    assert shapes.linear == 3 * sum(a * b for a, b in sides)
    assert shapes.adapters == 3 * 4 * sum(a + b for a, b in sides)
    assert (lora.gradients, lora.optimizer) == (4 * shapes.adapters, 8 * shapes.adapters)
    assert qlora.weights < lora.weights / 3
    assert full.total(8) - full.total(4) == pytest.approx(4 * 1.3 * shapes.activations, abs=2)


def test_a_step_of_packed_rows_holds_their_tokens_alone(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 rows of 10 tokens hold as much as 1.25 of the longest, which has 128; never less than the longest row."""
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(models))
    config = {"tokens": 128, "rows": 16, "rank": 4}
    beside = foreseen_memory.describe("local:tiny-llama", **config)
    (full, *_others), (packed, *_more) = (
        each["methods"] for each in (beside, foreseen_memory.describe("local:tiny-llama", **config, mean_tokens=10))
    )
    assert packed["weights_bytes"] == full["weights_bytes"]
    assert packed["activations_bytes"] == pytest.approx(full["activations_bytes"] * 10 / 128, rel=1e-6)
    assert [foreseen_memory.rows_at_once(16, 128, mean) for mean in (None, 128, 1_000, 1)] == [16, 16, 16, 1]


GPU = {"kind": "gpu", "name": "L4", "memory_bytes": 24 << 30}
CPU = {"kind": "cpu", "name": "CPU", "memory_bytes": 8 << 30}


@pytest.mark.parametrize(
    ("gigabytes", "devices", "said"),
    [
        ((40, 12, 5), [GPU, CPU], "Fits on L4 (24.0 GB) at 2,048 tokens with lora, qlora, not with full."),
        ((20, 12, 5), [GPU, CPU], "Fits on L4 (24.0 GB) at 2,048 tokens with full, lora, qlora."),
        ((40, 30, 26), [GPU, CPU], "Does not fit on L4 (24.0 GB): at 2,048 tokens at least 26.0 GB are needed."),
        ((40, 12, 5), [CPU], "Does not fit on CPU (8.0 GB): at 2,048 tokens at least 12.0 GB are needed."),
    ],
)
def test_the_sentence_says_what_fits(gigabytes: tuple[int, ...], devices: list[dict[str, Any]], said: str) -> None:
    methods = [
        Foreseen(name, size << 30, 0, 0, 0) for name, size in zip(("full", "lora", "qlora"), gigabytes, strict=True)
    ]
    assert verdict(methods, 1, 2048, devices) == said


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 100_000, '{"model_type": "no-such-model"}', '{"model_type": 3}']
)
def test_a_configuration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        read_config(text)


@pytest.fixture
def hub(models: Path) -> Iterator[Hub]:
    with Hub({path.name: path.read_bytes() for path in (models / "tiny").iterdir()} | ASIDE) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_of_a_model_of_the_hub_the_configuration_alone_is_fetched(hub: Hub, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trainer", "foresee", REF, "--tokens", "32", "--rows", "4"],
        cwd=command.ROOT,
        env=command.environment(tmp_path, **of(hub, tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert hub.asked == ["config.json"]
    assert told["download_bytes"] == size_of_model(hub)
    assert [one["method"] for one in told["methods"]] == ["full", "lora", "qlora"]
    assert told["sentence"].startswith("Fits on ")
    assert not list((tmp_path / "home").rglob("snapshots")), "no snapshot that would look whole"
    assert set(told) > {"licence", "parameters", "devices", "cache_bytes"}
    assert foreseen_memory.SHAPES_ONLY not in done.stderr
