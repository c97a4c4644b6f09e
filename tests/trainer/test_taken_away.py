"""What an artifact holds for other programs: the adapter for peft, the Modelfile for Ollama."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tests.trainer import command, tiny_writer
from tests.trainer.test_rows_of_writing import CHAT, rows_of
from trainer.packaging.ollama import common_system, go_template, modelfile
from trainer.writing.prompts import Template

IDS = torch.tensor([[0, 5, 6, 7, 8, 9]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("writer"), 256)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # peft asks for it
def test_the_adapter_on_the_base_is_the_merged_model(models: Path, tmp_path: Path) -> None:
    """Also of a model whose last layer has weights of its own, which learned as a whole."""
    rows = [{"prompt": f"Where is {n}?", "completion": f"In hall {n}."} for n in range(24)]
    fields = {"task": "text-generation", "method": "lora", "model": "local:tiny-llama", "params": {"epochs": 1}}
    spec = command.write_spec(tmp_path, rows, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    artifact = tmp_path / "out" / "artifact"
    base = AutoModelForCausalLM.from_pretrained(models / "tiny-llama", dtype=torch.float32)
    before = base(IDS).logits.detach().numpy()
    adapted = PeftModel.from_pretrained(base, artifact / "adapter")(IDS).logits.detach().numpy()
    merged = AutoModelForCausalLM.from_pretrained(artifact / "model", dtype=torch.float32)(IDS).logits.detach().numpy()
    assert np.abs(adapted - merged).max() < 1e-4 < np.abs(before - merged).max()
    config = json.loads((artifact / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "tiny-llama"
    assert str(tmp_path) not in json.dumps(config)
    text = (artifact / "Modelfile").read_text("utf-8")
    assert text.startswith('FROM ./model\nTEMPLATE """')
    assert 'PARAMETER stop "</s>"' in text
    assert "Base model: tiny-llama, licence: not known." in text
    described = json.loads((artifact / "manifest.json").read_text("utf-8"))["files"]
    assert {"Modelfile", "adapter/adapter_model.safetensors"} <= described.keys()


def filled(template: str, messages: list[tuple[str, str]]) -> str:
    """A template of this form, as Go would fill it."""
    head, _range, rest = template.partition("{{- range .Messages }}{{ ")
    chain, _end, last = rest.partition(" }}{{ end }}{{ .Content }}{{- $before = .Role }}{{- end }}")
    assert head == '{{- $before := "" }}'
    text, before = "", ""
    for role, content in messages:
        for case in chain.split(" }}{{ else "):
            condition, _middle, value = case.rpartition(" }}{{ ")
            wanted = f'if (and (eq $before "{before}") (eq .Role "{role}"))'
            usual = {'if eq .Role "assistant"': role == "assistant", "if $before": bool(before), "": True}
            if condition == wanted or usual.get(condition):
                text += json.loads(value or case)
                break
        text, before = text + content, role
    return text + str(json.loads(last.removeprefix("{{ ").removesuffix(" }}")))


GAPS = {
    ">user": "<s>[user]\n",
    ">system": "<s>[sys]\n",
    "system>user": "[/sys]\n[user]\n",
    "user>assistant": '[/user]\n["assistant"]\n',
    "assistant>user": "</s>\n[user]\n",
    "assistant>": "</s>",
}


@pytest.mark.parametrize("gaps", [{}, GAPS], ids=["markers", "own template"])
def test_ollama_s_template_writes_what_the_model_learned(folder: Path, gaps: dict[str, str]) -> None:
    template = Template.load(folder, gaps)
    for messages in (
        [("user", "Where?")],
        [("system", "Be brief."), ("user", "Where?")],
        [("user", "Where?"), ("assistant", "Here."), ("user", "And?")],
    ):
        turns = [{"role": role, "content": content} for role, content in messages]
        text = filled(go_template(template), messages)
        encoded = template.tokenizer
        encoded.encode_special_tokens = False
        ids = [0, *encoded.encode(text, add_special_tokens=False).ids]
        assert ids == template.asked(turns).tolist(), messages


def test_a_system_message_that_all_rows_share_comes_along(folder: Path) -> None:
    system = {"role": "system", "content": "Be brief."}
    asked = {"role": "user", "content": "Where?"}
    assert common_system([[system, asked], [system, asked]]) == "Be brief."
    assert common_system([[system, asked], [asked]]) == ""
    rows = rows_of(Template.load(folder), folder, [([("system", "Be brief."), *turns], text) for turns, text in CHAT])
    rows.licence = "cc-by-nc-4.0"
    text = modelfile(folder, rows)
    assert 'SYSTEM """Be brief."""' in text
    assert "forbids commercial use" in text
    assert "{{ .Prompt }}" in modelfile(folder, rows_of(Template.load(folder), folder, [([], "A text.")]))


def test_an_architecture_that_ollama_does_not_know_has_no_modelfile(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "lstm"}))
    assert modelfile(tmp_path, rows_of(Template.load(folder), folder, CHAT)) == ""
