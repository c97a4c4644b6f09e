"""Every architecture that writes, tiny and with random weights: numpy scores and writes what torch does, and each goes the whole way:
learn, package, answer, with the tokens, languages and prefixes that it wants."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command
from tests.trainer.tiny_writers import BEGIN, END, PAD, SPECIAL, build, decoder_networks, encoder_decoder_networks
from trainer import architectures
from trainer.engines import open_engine
from trainer.errors import ModelError
from trainer.families.text.encoder_decoder import EncoderDecoderModel
from trainer.families.text.frames import frame_of
from trainer.families.text.writing_model import WritingModel, check_architecture
from trainer.learning.lora import adaptable
from trainer.tasks.text_to_text import TextToTextParams
from trainer.writing import decoders, encoder_decoders
from trainer.writing.drafts import write
from trainer.writing.frames import Frame, FramedTemplate, read_tokenizers
from trainer.writing.layers import Distances, gelu
from trainer.writing.prompts import Template
from trainer.writing.reader import Part
from trainer.writing.sampling import Options

LANGUAGES = {"source_language": "eng", "target_language": "deu"}
PROMPTS = [f"Where is lamp {number}?" for number in range(10)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name in (*decoder_networks(), *encoder_decoder_networks()):
        build(root, name)
    return root


def params_of(name: str) -> dict[str, Any]:
    own = {"mbart": {"source_language": "en", "target_language": "de"}, "m2m_100": LANGUAGES}
    return own.get(name, {})


def framed(folder: Path) -> FramedTemplate:
    return FramedTemplate.framed(folder, wanted(folder, **params_of(folder.name)))


def wanted(folder: Path, task: str = "translation", **params: Any) -> Frame:
    return frame_of(folder, read_tokenizers(folder)[0], task, TextToTextParams(**params))


# The same as torch


@pytest.mark.parametrize("name", decoder_networks())
def test_a_decoder_scores_and_writes_as_torch_does(name: str, models: Path) -> None:
    template = Template.load(models / name)
    model, network = WritingModel.of(models / name, template), decoders.load(models / name)
    ids = np.random.default_rng(0).integers(len(SPECIAL), 200, 24)
    with torch.inference_mode():
        right = model.whole[0].scores(model.whole[0].hidden(torch.from_numpy(ids)[None]))[0].numpy()
    cache = network.cache(30)
    scores = [network.logits(network.read(part, cache)) for part in (ids[:7], ids[7:8], ids[8:])]
    assert np.allclose(np.concatenate(scores), right, atol=2e-3)
    prompts = [template.begun(text) for text in PROMPTS]
    for prompt, torch_ids in zip(prompts, model.greedy(prompts, 20), strict=True):
        pieces = list(write(network, template, prompt, Options(20), prompt[:0]))
        assert "".join(piece.text for piece in pieces) == template.decode(torch_ids)
        assert pieces[-1].tokens == len(torch_ids)


@pytest.mark.parametrize("name", encoder_decoder_networks())
def test_an_encoder_decoder_scores_and_writes_as_torch_does(name: str, models: Path) -> None:
    template = framed(models / name)
    model, whole = EncoderDecoderModel.of(models / name, template), encoder_decoders.load(models / name)
    sources = [template.asked([{"role": "user", "content": text}]) for text in PROMPTS]
    ids = np.array([*template.frame.start, *range(10, 30)])
    with torch.inference_mode():
        source = torch.from_numpy(sources[0])[None]
        right = model.network.scored(source, torch.ones_like(source), torch.from_numpy(ids)[None])[0].numpy()
    reader = whole.of(sources[0])
    cache = reader.cache(30)
    scores = [reader.logits(reader.read(part, cache)) for part in (ids[:7], ids[7:8], ids[8:])]
    assert np.allclose(np.concatenate(scores), right, atol=2e-3)
    start = np.array(template.frame.start)
    for source_ids, torch_ids in zip(sources, model.greedy(sources, 20), strict=True):
        pieces = list(write(whole.of(source_ids), template, start, Options(20), start[:0]))
        assert "".join(piece.text for piece in pieces) == template.decode(torch_ids)
        assert pieces[-1].tokens == len(torch_ids)


def test_texts_of_other_sources_are_written_together(models: Path) -> None:
    whole = encoder_decoders.load(models / "bart")
    ids = [np.array([END, BEGIN, 20]), np.array([END, BEGIN])]
    readers = [whole.of(np.arange(10, 10 + count)) for count in (5, 9)]
    together = whole.writer.read_together(
        [Part(*pair) for pair in zip(ids, (r.cache(9) for r in readers), strict=True)]
    )
    for own, reader, part in zip(together, readers, ids, strict=True):
        assert np.allclose(own, reader.read(part, reader.cache(9)), atol=1e-5)


def test_what_is_added_by_distance_is_torchs() -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    away = np.arange(-300, 301)
    for both in (True, False):
        right = T5Attention._relative_position_bucket(torch.from_numpy(away), both, 32, 128).numpy()
        assert np.array_equal(Distances(np.zeros((32, 1)), 128, both).buckets(away), right)


def test_the_error_function() -> None:
    values = np.linspace(-6, 6, 1001, dtype=np.float32)
    assert np.allclose(gelu(values), torch.nn.functional.gelu(torch.from_numpy(values)).numpy(), atol=1e-6)


# What each wants


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("t5", Frame("translate English to German: ", (), (END,), (PAD,), (END,))),
        ("bart", Frame("", (BEGIN,), (END,), (END, BEGIN), (END,))),
        ("marian", Frame("", (), (END,), (PAD,), (END,))),
        ("m2m_100", Frame("", (3,), (END,), (END, 4), (END,))),
        ("mbart", Frame("", (5,), (END,), (END, 6), (END,))),
    ],
)
def test_tokens_around_a_text(name: str, frame: Frame, models: Path) -> None:
    params = params_of(name) or {"source_language": "English", "target_language": "German"}
    assert wanted(models / name, **params) == frame
    assert Frame.of(json.loads(json.dumps(frame.manifest()))) == frame


def test_an_mbart_of_two_languages_reads_its_language_last(models: Path, tmp_path: Path) -> None:
    for path in (models / "mbart").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "MBartTokenizer"}', "utf-8")
    frame = wanted(tmp_path, **params_of("mbart"))
    assert (frame.before, frame.after, frame.start) == ((), (END, 5), (6,))


def test_a_prefix_is_chosen_and_can_be_left_out(models: Path) -> None:
    prefixes = [
        wanted(models / "t5", task, prefix=prefix).prefix
        for task, prefix in (
            ("summarization", None),
            ("translation", None),
            ("translation", " "),
            ("translation", "de:"),
        )
    ]
    assert prefixes == ["summarize: ", "", "", "de: "]


def test_languages_are_asked_for_by_name(models: Path) -> None:
    with pytest.raises(ModelError, match="which languages") as raised:
        wanted(models / "m2m_100")
    assert "deu_Latn, en_XX, eng_Latn" in str(raised.value.hint)
    with pytest.raises(ModelError, match="no language “xx”"):
        wanted(models / "m2m_100", source_language="xx")


def test_layers_that_lora_adapts(models: Path) -> None:
    gpt2 = WritingModel.of(models / "gpt2", Template.load(models / "gpt2"))
    assert {name.split(".", 2)[2] for name in adaptable(gpt2.encoder)} == {
        "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj",
    }  # fmt: skip
    t5 = EncoderDecoderModel.of(models / "t5-gated", framed(models / "t5-gated"))
    assert "lm_head" not in adaptable(t5.encoder)
    assert any("EncDecAttention.q" in name for name in adaptable(t5.encoder))


def test_the_kinds_that_are_offered_are_those_that_are_answered() -> None:
    assert set(decoders.BUILDERS) == architectures.WRITERS
    assert set(encoder_decoders.BUILDERS) == architectures.REWRITERS


@pytest.mark.parametrize(
    ("config", "other"),
    [
        ({"model_type": "bloom"}, "bloom"),
        ({"model_type": "phi", "qk_layernorm": True}, "qk_layernorm"),
        ({"model_type": "phi3", "rope_scaling": {"type": "longrope"}}, "rope_scaling longrope"),
        ({"model_type": "marian", "share_encoder_decoder_embeddings": False}, "share_encoder_decoder_embeddings"),
    ],
)
def test_another_kind_is_refused_with_those_that_are_trained(
    config: dict[str, Any], other: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    kinds = architectures.WRITERS | architectures.REWRITERS
    with pytest.raises(ModelError) as raised:
        check_architecture(tmp_path, kinds)
    assert f"({other})" in str(raised.value)
    assert "bart, gemma, gemma3_text, gpt2, llama" in str(raised.value.hint)


# The whole way


@pytest.mark.parametrize(
    ("name", "task", "method"),
    [
        ("gpt2", "text-generation", "lora"),
        ("qwen3", "text-generation", "full"),
        ("gemma3_text", "text-generation", "lora"),
        ("phi3", "summarization", "full"),
        ("t5", "summarization", "lora"),
        ("bart", "summarization", "full"),
        ("marian", "translation", "full"),
        ("m2m_100", "translation", "lora"),
        pytest.param("phi", "text-generation", "lora", marks=pytest.mark.slow),
        pytest.param("qwen2", "text-generation", "lora", marks=pytest.mark.slow),
        pytest.param("gemma", "text-generation", "full", marks=pytest.mark.slow),
        pytest.param("mistral", "text-generation", "full", marks=pytest.mark.slow),
        pytest.param("mt5", "translation", "full", marks=pytest.mark.slow),
        pytest.param("umt5", "translation", "lora", marks=pytest.mark.slow),
        pytest.param("mbart", "translation", "full", marks=pytest.mark.slow),
        pytest.param("pegasus", "summarization", "lora", marks=pytest.mark.slow),
    ],
)
def test_the_whole_way(name: str, task: str, method: str, models: Path, tmp_path: Path) -> None:
    asked, answered = {"text-generation": ("prompt", "completion"), "summarization": ("document", "summary")}.get(
        task, ("source", "target")
    )
    rows = [{asked: f"Where is lamp {number}?", answered: f"In hall {number}."} for number in range(20)]
    params = {"epochs": 1, **(params_of(name) if task == "translation" else {})}
    fields = {"task": task, "method": method, "model": f"local:{name}", "params": params}
    code, events = command.call(models, "run", command.write_spec(tmp_path, rows, **fields), "--out", tmp_path / "out")
    assert code == 0, events[-1]
    artifact = tmp_path / "out" / "artifact"
    kept = json.loads((artifact / "report.json").read_text("utf-8"))
    assert kept["export"]["agreement"] == 1.0, "the packaged model writes what torch writes"
    assert kept["export"]["engine"] == ("encoder-decoder" if name in encoder_decoders.BUILDERS else "numpy")
    assert (artifact / "README.md").exists()
    engine = open_engine(artifact, verify=True)
    text = engine.read("Where is lamp 3?")
    assert engine.predict([text, text])[0] == engine.predict([text])[0]
    assert engine.explain(text)["parts"]
