"""Models tuned from one base share its weights in memory, and answer as their merged weights do."""

import gc
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import AutoModelForCausalLM

from tests.trainer import tiny_writers
from trainer.files import write_json
from trainer.learning import lora
from trainer.packaging.adapters import save_adapter
from trainer.writing import decoders, shared
from trainer.writing.network import Network

IDS = np.array([1, 5, 6, 7, 8, 9])


@pytest.fixture(autouse=True)
def share_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "SHARED_FROM", 0)


def tuned(base: Path, artifact: Path, seed: int) -> Path:
    """An artifact of the base with an adapter of random weights, merged; its folder `model`."""
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    body = network.base_model
    lora.adapt(body, 2)
    for name, value in body.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(value, std=0.2)
    adapter = lora.taken(body, 2)
    lora.fold(body)
    network.save_pretrained(artifact / "model")
    under = f"{network.base_model_prefix}."
    is_tied = network.get_output_embeddings().weight is network.get_input_embeddings().weight
    last = None if is_tied else network.get_output_embeddings().weight.data.add_(0.1)
    network.save_pretrained(artifact / "model")
    save_adapter(adapter, artifact / "adapter", under=under, base=None, last=last)
    write_json(artifact / "manifest.json", {"base_sha256": f"of {base.name}"})
    return artifact / "model"


def scores(network: Network) -> np.ndarray:
    return network.logits(network.read(IDS, network.cache(len(IDS))))


def merged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    with monkeypatch.context() as alone:
        alone.setattr(shared, "SHARED_FROM", 1 << 40)
        return scores(decoders.load(folder))


@pytest.mark.parametrize("name", ["llama", "gpt2", "phi3", "phi", "qwen2", "gemma"])
def test_each_answers_as_its_merged_weights_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tiny_writers.build(tmp_path, name)
    folders = [tuned(base, tmp_path / str(seed), seed) for seed in range(3)]
    networks = [decoders.load(folder) for folder in folders]
    for folder, network in zip(folders, networks, strict=True):
        wanted = merged(folder, monkeypatch)
        assert np.abs(scores(network) - wanted).max() < 1e-3 * np.abs(wanted).max()
    first, second, _third = networks
    assert first.base is second.base
    assert first.embedding.table is second.embedding.table
    assert np.abs(scores(first) - scores(second)).max() > 1e-2


def test_a_base_is_in_memory_once_and_goes_with_its_last_model(tmp_path: Path) -> None:
    base = tiny_writers.build(tmp_path, "llama")
    networks = [decoders.load(tuned(base, tmp_path / str(seed), seed)) for seed in range(3)]
    (own,) = {id(network.base) for network in networks}
    assert own
    assert networks[0].base is not None
    assert networks[0].own_bytes < networks[0].base.bytes
    assert list(shared.BASES) == ["of llama"]
    del networks
    gc.collect()
    assert not list(shared.BASES)


def test_a_model_without_an_adapter_or_a_known_base_keeps_its_own(tmp_path: Path) -> None:
    folder = tuned(tiny_writers.build(tmp_path, "llama"), tmp_path / "one", 1)
    (tmp_path / "one" / "manifest.json").write_text(json.dumps({}))
    assert decoders.load(folder).base is None
    assert shared.base_of(tmp_path / "llama") == ""


def test_injecting_is_what_peft_does() -> None:
    """The names under which adapters are found."""
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    inject_adapter_in_model(LoraConfig(r=1, target_modules=["0"]), network)
    assert {name for name, _value in network.named_parameters()} >= {"0.lora_A.default.weight"}
