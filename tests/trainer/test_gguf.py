"""A model as a file of GGUF: weights and tokens as llama.cpp keeps them. The file itself is read back by the library gguf, where it
is installed."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.trainer import tiny_writer, tiny_writers
from trainer import architectures
from trainer.errors import ModelError
from trainer.files import read_json
from trainer.packaging import gguf_file
from trainer.packaging.gguf_forms import FORMS, form_of
from trainer.packaging.gguf_tokens import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, cut_of, vocabulary
from trainer.writing.weights import read_weights

needs_gguf = pytest.mark.skipif(importlib.util.find_spec("gguf") is None, reason="the library gguf is not installed")
LLAMA = FORMS["llama"]
SCALED = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    tiny_writer.build(tmp_path).rename(tmp_path / "model")
    (tmp_path / "manifest.json").write_text(json.dumps({"task": "text-generation", "licence": "mit"}))
    return tmp_path


def rotated(rows: np.ndarray, angles: np.ndarray, *, halves: bool) -> np.ndarray:
    """A head's numbers (size,) turned pair by pair: those of both halves, or neighbours."""
    size = len(rows) // 2
    first, second = (rows[:size], rows[size:]) if halves else (rows[::2], rows[1::2])
    cos, sin = np.cos(angles), np.sin(angles)
    pairs = first * cos - second * sin, first * sin + second * cos
    return np.concatenate(pairs) if halves else np.stack(pairs, axis=1).ravel()


def test_neighbours_turned_give_the_scores_that_halves_gave() -> None:
    """Of queries and keys of two heads at two places: attention is the same."""
    generator, heads, size, width = np.random.default_rng(0), 2, 8, 6
    query, key = generator.normal(size=(2, heads * size, width))
    text, angles = generator.normal(size=(2, width)), np.array([1.0, 0.5, 0.2, 0.1])

    def turn(row: np.ndarray, place: int, halves: bool) -> np.ndarray:
        return rotated(row, place * angles, halves=halves)

    def score(query: np.ndarray, key: np.ndarray, *, halves: bool) -> list[float]:
        pairs = zip((query @ text[0]).reshape(heads, size), (key @ text[1]).reshape(heads, size), strict=True)
        return [float(turn(own, 3, halves) @ turn(other, 7, halves)) for own, other in pairs]

    changed = gguf_file.turned(query, heads), gguf_file.turned(key, heads)
    assert score(*changed, halves=False) == pytest.approx(score(query, key, halves=True))


def test_each_weight_has_its_place(artifact: Path) -> None:
    config, weights = read_json(artifact / "model/config.json"), read_weights(artifact / "model/model.safetensors")
    named = dict(gguf_file.tensors(config, weights, LLAMA))
    assert len(named) == len(weights)
    own = weights["model.layers.1.self_attn.k_proj.weight"]
    assert not np.array_equal(named["blk.1.attn_k.weight"], own)
    assert np.array_equal(np.sort(named["blk.1.attn_k.weight"], axis=0), np.sort(own, axis=0))
    assert np.array_equal(named["blk.0.ffn_down.weight"], weights["model.layers.0.mlp.down_proj.weight"])
    with pytest.raises(ModelError, match=r"no place for here: model\.layers\.0\.strange"):
        list(gguf_file.tensors(config, {"model.layers.0.strange.weight": own}, LLAMA))


def test_positions_that_llama_3_stretches_have_their_factors(artifact: Path) -> None:
    config = read_json(artifact / "model/config.json") | {"rope_parameters": {"rope_theta": 10_000.0, **SCALED}}
    factors = dict(gguf_file.tensors(config, {}, LLAMA))["rope_freqs.weight"]
    assert (factors[0], factors[-1]) == (1.0, 8.0)
    assert (np.diff(factors) >= 0).all()


@pytest.mark.parametrize(
    "config", [{"model_type": "gpt2"}, {"model_type": "llama", "rope_scaling": {"rope_type": "yarn"}}]
)
def test_what_has_no_form_is_told(config: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="cannot be written as GGUF") as raised:
        form_of(config)
    assert raised.value.code == "no_gguf_form"


def test_the_site_offers_it_for_the_same_models() -> None:
    assert set(FORMS) == architectures.GGUF


def test_without_the_library_or_the_program_it_is_said(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match="llama-quantize") as raised:
        gguf_file.write_gguf(artifact, "q4_k_m")
    assert raised.value.code == "no_quantizer"
    monkeypatch.setitem(__import__("sys").modules, "gguf", None)
    with pytest.raises(ModelError, match="gguf") as missing:
        gguf_file.write_gguf(artifact, "f16")
    assert (missing.value.code, "pip install gguf" in str(missing.value.hint)) == ("no_gguf", True)


# Tokens

PIECES: dict[str, Any] = {
    "model": {
        "type": "BPE",
        "byte_fallback": True,
        "unk_token": "<unk>",
        "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x41>": 3, "▁": 4, "t": 5, "h": 6, "▁t": 7, "▁th": 8},
        "merges": [["▁", "t"], ["▁t", "h"]],
    },
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}]},
    "pre_tokenizer": None,
    "added_tokens": [
        {"id": number, "content": name, "special": True} for number, name in enumerate(("<unk>", "<s>", "</s>"))
    ],
}


def test_pieces_have_the_scores_of_their_merges() -> None:
    known = vocabulary(PIECES, {"vocab_size": 10, "bos_token_id": 1, "eos_token_id": [2]})
    assert known["add_token_types"] == [UNKNOWN, CONTROL, CONTROL, BYTE, *[NORMAL] * 5, UNUSED]
    assert known["add_token_scores"][7:9] == [0.0, -1.0]
    assert max(known["add_token_scores"][:7]) == -2.0
    assert known["add_add_space_prefix"] is True
    assert (known["add_bos_token_id"], known["add_eos_token_id"], known["add_unk_token_id"]) == (1, 2, 0)
    assert known["add_token_list"][9] == "[PAD9]"


def test_bytes_have_their_merges(artifact: Path) -> None:
    tokenizer = json.loads(Tokenizer.from_file(str(artifact / "model/tokenizer.json")).to_str())
    known = vocabulary(tokenizer, read_json(artifact / "model/config.json"))
    assert (known["add_tokenizer_model"], known["add_tokenizer_pre"]) == ("gpt2", "gpt-2")
    assert known["add_token_types"][:3] == [CONTROL, CONTROL, NORMAL]


@pytest.mark.parametrize(
    ("cutter", "name"),
    [
        ({"type": "ByteLevel", "use_regex": True}, "gpt-2"),
        (
            {
                "type": "Sequence",
                "pretokenizers": [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel"}],
            },
            "smollm",
        ),
        (
            {
                "type": "Sequence",
                "pretokenizers": [
                    {
                        "type": "Split",
                        "pattern": {"Regex": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?x"},
                    },
                    {"type": "ByteLevel", "use_regex": False},
                ],
            },
            "qwen2",
        ),
        ({"type": "ByteLevel", "use_regex": False}, ""),
        ({"type": "Whitespace"}, ""),
    ],
)
def test_how_words_are_cut_has_a_name_or_is_refused(cutter: dict[str, Any], name: str) -> None:
    if name:
        assert cut_of(cutter) == name
        return
    with pytest.raises(ModelError, match="tokens of this model"):
        cut_of(cutter)


def test_tokens_of_another_kind_are_refused() -> None:
    with pytest.raises(ModelError, match="Unigram"):
        vocabulary({"model": {"type": "Unigram"}}, {})


# The file


@needs_gguf
@pytest.mark.parametrize(("kind", "most"), [("f16", 2e-3), ("q8_0", 2e-2)])
def test_a_file_is_read_back_as_it_was(artifact: Path, kind: str, most: float) -> None:
    import gguf

    reader = gguf.GGUFReader(gguf_file.write_gguf(artifact, kind))
    config, weights = read_json(artifact / "model/config.json"), read_weights(artifact / "model/model.safetensors")
    wanted = dict(gguf_file.tensors(config, weights, LLAMA))
    read = {each.name: gguf.quants.dequantize(each.data, each.tensor_type) for each in reader.tensors}
    assert read.keys() == wanted.keys()
    assert all(np.abs(read[name].reshape(own.shape) - own).max() < most for name, own in wanted.items())
    assert reader.fields["llama.attention.head_count_kv"].contents() == 2
    assert reader.fields["tokenizer.ggml.tokens"].contents()[:2] == ["<s>", "</s>"]
    assert reader.fields["general.license"].contents() == "mit"


QUANTIZER = """#!/bin/sh
printf '%s' "$3 " > "$2" && cat "$1" >> "$2"
[ -z "$REFUSES" ] || { echo "$REFUSES" >&2; exit 1; }
"""
"""Stands in for llama.cpp's program: called as that is, it writes what it was asked for, or refuses."""


@needs_gguf
def test_four_bits_are_written_by_llama_cpp_s_program(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = artifact / "bin/llama-quantize"
    program.parent.mkdir()
    program.write_text(QUANTIZER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    written = gguf_file.write_gguf(artifact, "q4_k_m")
    assert written == artifact / "gguf/model-q4_k_m.gguf"
    assert written.read_bytes() == b"Q4_K_M " + (artifact / "gguf/model-f16.gguf").read_bytes()
    written.unlink()
    monkeypatch.setenv("REFUSES", "no room left")
    with pytest.raises(ModelError, match=r"llama-quantize failed: no room left") as raised:
        gguf_file.write_gguf(artifact, "q4_k_m")
    assert raised.value.code == "no_quantizer"
    assert [path.name for path in written.parent.iterdir()] == ["model-f16.gguf"], "nothing half written"


def made(artifact: Path, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A tiny one of these in the artifact; its config and weights. Gemma 3 as its kind has it: each sixth layer sees all."""
    shutil.rmtree(artifact / "model")
    source = tiny_writers.build(artifact, name)
    source.rename(artifact / "model")
    config = read_json(artifact / "model/config.json")
    if name == "gemma3_text":
        config |= {"layer_types": ["sliding_attention"] * 2, "query_pre_attn_scalar": 8}
        (artifact / "model/config.json").write_text(json.dumps(config))
    return config, dict(read_weights(artifact / "model/model.safetensors"))


@needs_gguf
@pytest.mark.parametrize("name", ["qwen2", "qwen3", "gemma", "gemma3_text", "phi", "phi3"])
def test_other_kinds_are_read_back_under_llama_cpp_s_names(artifact: Path, name: str) -> None:
    import gguf

    config, weights = made(artifact, name)
    reader = gguf.GGUFReader(gguf_file.write_gguf(artifact, "f16"))
    read = {each.name: (each.data.astype(np.float32), each.shape) for each in reader.tensors}
    architecture = reader.fields["general.architecture"].contents()
    kind = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    assert len(read) == len(weights)
    for own, values in weights.items():
        theirs = names.get_name(own, try_suffixes=(".weight", ".bias"))
        data, shape = read.pop(theirs)
        more = 1.0 if name.startswith("gemma") and own.endswith("norm.weight") else 0.0
        assert list(reversed(shape.tolist())) == list(values.shape), own
        assert np.abs(data.reshape(values.shape) - values - more).max() < 5e-3, own
    told = {
        key: reader.fields[f"{architecture}.{key}"].contents() for key in ("block_count", "attention.head_count_kv")
    }
    assert told == {"block_count": 2, "attention.head_count_kv": config.get("num_key_value_heads")}
    assert f"{architecture}.attention.layer_norm{'' if name == 'phi' else '_rms'}_epsilon" in reader.fields
    turns = reader.fields[f"{architecture}.rope.dimension_count"].contents()
    assert turns == (4 if name == "phi" else 8)


def test_a_gemma_3_that_llama_cpp_would_read_otherwise_is_refused(artifact: Path) -> None:
    config, _weights = made(artifact, "gemma3_text")
    assert form_of(config).name == "gemma3"
    other = {
        "layer_types": ["sliding_attention", "full_attention"],
        "query_pre_attn_scalar": 256,
        "final_logit_softcapping": 30.0,
    }
    for key, value in other.items():
        with pytest.raises(ModelError, match="cannot be written as GGUF"):
            form_of(config | {key: value})
