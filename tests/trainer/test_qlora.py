"""QLoRA: refused in a sentence where it cannot be; what is learned is added to the weights as they were, not to those of four bits."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.trainer import command
from trainer import quantisation
from trainer.errors import SpecError
from trainer.events import silent
from trainer.learning import qlora
from trainer.learning.adapter import Adapter
from trainer.learning.job import Job
from trainer.learning.model import TrainableModel
from trainer.spec import Spec

HAS_LIBRARY = importlib.util.find_spec(quantisation.LIBRARY) is not None
FIELDS: dict[str, Any] = {"task": "text-generation", "method": "qlora", "model": "local:tiny-llama"}


def test_without_a_gpu_it_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    spec = Spec.model_validate({"dataset": {"path": str(tmp_path)}, "hardware": {"device": "cpu"}, **FIELDS})
    with pytest.raises(SpecError, match="NVIDIA GPU") as raised:
        Job(spec, tmp_path, silent)
    assert (raised.value.code, "lora" in str(raised.value.hint)) == ("no_qlora", True)


def test_without_the_library_it_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantisation, "LIBRARY", "no_such_library")
    with pytest.raises(SpecError, match="bitsandbytes") as raised:
        quantisation.check("cuda")
    assert "pip install bitsandbytes" in str(raised.value.hint)


@pytest.mark.parametrize("command_name", ["run", "estimate"])
def test_the_command_line_says_so(command_name: str, models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, [{"text": f"Row {n} of a text."} for n in range(20)], **FIELDS)
    out = ["--out", tmp_path / "out"] if command_name == "run" else []
    code, events = command.call(models, command_name, spec, *out)
    assert (code, events[-1]["code"]) == (2, "no_qlora")


class Small(TrainableModel):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64, bias=False))


def adapted(model: Small) -> dict[str, torch.Tensor]:
    """The model's layers as `pack` keeps them, with adapters that were learned; the weights that must come of it."""
    model.whole_weights = {
        name: (layer.weight.data.clone(), None if layer.bias is None else layer.bias.data.clone())
        for name, layer in model.encoder.named_modules()
        if isinstance(layer, nn.Linear)
    }
    layers = {name: (torch.randn(2, 64), torch.randn(64, 2)) for name in model.whole_weights}
    model.adapter = Adapter(2, False, layers)
    return {name: model.whole_weights[name][0] + 2 * second @ first for name, (first, second) in layers.items()}


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_what_is_learned_is_added_to_whole_weights(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    model = Small()
    wanted = adapted(model)
    qlora.restore(model, kind, torch.device("cpu"))
    for name, weight in wanted.items():
        own = model.encoder.get_submodule(name).weight
        assert own.dtype == kind
        assert torch.allclose(own.float(), weight, rtol=1e-2 if kind == torch.bfloat16 else 1e-6)
    assert model.encoder(torch.randn(3, 64)).dtype == torch.float32


@pytest.mark.skipif(not HAS_LIBRARY, reason="the library bitsandbytes is not installed")
def test_it_learns_where_the_library_computes(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """bitsandbytes computes on processors too, slowly: the same code as on a GPU."""
    from trainer.families.text.writing_model import WritingModel
    from trainer.writing.prompts import Template

    monkeypatch.setattr(quantisation, "check", lambda kind: None)
    folder = models / "tiny-llama"
    model = WritingModel.of(folder, Template.load(folder))
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    qlora.pack(model)
    assert model.whole_weights.keys() == {name.removesuffix(".weight") for name in before if "proj" in name}
    job = SimpleNamespace(params=SimpleNamespace(lora_rank=2), device=SimpleNamespace(torch_device=torch.device("cpu")))
    monkeypatch.setattr("trainer.learning.fine_tuning.fit", lambda *_all: None)
    qlora.fit(job, model, None, None)  # type: ignore[arg-type]
    model.save(tmp_path / "model")
    after = WritingModel.of(tmp_path / "model", model.template).encoder.state_dict()
    assert all(np.array_equal(after[name], value) for name, value in before.items()), "adapters begin with nothing"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_it_trains_on_a_gpu(models: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    rows = [{"prompt": f"Where is {n}?", "completion": f"In hall {n}."} for n in range(40)]
    spec = command.write_spec(tmp_path, rows, **FIELDS, params={"epochs": 2}, hardware={"device": "gpu"})
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    assert (tmp_path / "out" / "artifact" / "adapter" / "adapter_model.safetensors").exists()
