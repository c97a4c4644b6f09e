"""A model that writes as one file of GGUF, which llama.cpp, Ollama and LM Studio run, by the library gguf that llama.cpp keeps.

The form: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; which models, and how their parts are called: `gguf_forms`.
llama.cpp turns neighbouring numbers of a head where transformers turns those of its two halves, so the rows of Llama's queries and
keys change their order.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import ModelError
from trainer.families.text.chat_templates import source_of
from trainer.files import read_json
from trainer.licences import licence_of_artifact
from trainer.messages import _
from trainer.packaging.gguf_forms import Form, form_of, name_of
from trainer.packaging.gguf_tokens import vocabulary
from trainer.writing.decoders import FULL, head_size
from trainer.writing.named import frequencies_of, rope_kind, rope_of
from trainer.writing.prompts import TOKENIZER
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

FOLDER = "gguf"
QUANTIZE = "llama-quantize"
KINDS = {"f16": 1, "q8_0": 7}
"""Precision of the weights → its number of a file. q4_k_m is made by llama.cpp's own program."""
Q4 = "q4_k_m"
BLOCK = 32
"""Numbers that q8_0 has a scale for."""


def write_gguf(artifact: Path, kind: str) -> Path:
    """`artifact/gguf/model-KIND.gguf`; `ModelError` where the library, the program or a form for this model is missing."""
    target = artifact / FOLDER / f"model-{kind}.gguf"
    target.parent.mkdir(exist_ok=True)
    if kind != Q4:
        write(artifact, kind, target)
        return target
    program = shutil.which(QUANTIZE)
    if program is None:
        raise ModelError(
            _(
                "%(kind)s is written by llama.cpp's own program, and there is no %(program)s here.",
                kind=kind,
                program=QUANTIZE,
            ),
            code="no_quantizer",
            hint=_("Install llama.cpp so that llama-quantize is on the PATH, or take gguf-q8_0."),
        )
    whole = write_gguf(artifact, "f16")
    part = target.with_suffix(".part")
    done = subprocess.run([program, str(whole), str(part), Q4.upper()], capture_output=True, text=True, check=False)
    if done.returncode:
        part.unlink(missing_ok=True)
        raise ModelError(
            _("llama-quantize failed: %(error)s", error=done.stderr.strip()[-200:]),
            code="no_quantizer",
            hint=_("Take gguf-q8_0."),
        )
    part.rename(target)
    return target


def write(artifact: Path, kind: str, target: Path) -> None:
    gguf = library()
    folder = artifact / "model"
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    form = form_of(config)
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, form.name)
    writer.add_name(read_json(artifact / "manifest.json").get("task", "model"))
    writer.add_license(licence_of_artifact(artifact) or "unknown")
    add_shape(writer, config, KINDS[kind])
    add_own(writer, config, form)
    for key, value in vocabulary(json.loads((folder / TOKENIZER).read_text("utf-8")), config).items():
        getattr(writer, key)(value)
    if source := source_of(folder):
        writer.add_chat_template(source)
    for name, values in tensors(config, read_weights(folder / WEIGHTS), form):
        quantized, type_ = packed(gguf, values, kind)
        writer.add_tensor(name, quantized, raw_dtype=type_)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(target)


def library() -> Any:  # noqa: ANN401
    try:
        import gguf
    except ImportError as error:
        raise ModelError(
            _("The library gguf, which writes this file, is not installed."),
            code="no_gguf",
            hint=_("Install it where the trainer runs: pip install gguf."),
        ) from error
    return gguf


def add_shape(writer: Any, config: Mapping[str, Any], file_type: int) -> None:  # noqa: ANN401
    rope = rope_of(config, FULL)
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config.get("num_key_value_heads") or config["num_attention_heads"])
    writer.add_key_length(head_size(config))
    writer.add_value_length(head_size(config))
    writer.add_rope_dimension_count(int(head_size(config) * float(rope.get("partial_rotary_factor") or 1.0)))
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope_kind(rope) == "linear":
        writer.add_rope_scaling_type(library().RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


def add_own(writer: Any, config: Mapping[str, Any], form: Form) -> None:  # noqa: ANN401
    """What one kind of model has and others have not."""
    if form.epsilon == "rms_norm_eps":
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    else:
        writer.add_layer_norm_eps(config[form.epsilon])
    if form.name in ("gemma3", "phi3"):
        writer.add_sliding_window(config.get("sliding_window") or 0)
    if form.name == "phi3":
        whole = config["max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(config.get("original_max_position_embeddings") or whole)


def tensors(
    config: Mapping[str, Any], weights: Mapping[str, np.ndarray], form: Form
) -> Iterator[tuple[str, np.ndarray]]:
    """(llama.cpp's name, float32) of each; `ModelError` for one that has no place there."""
    heads = {
        "attn_q": config["num_attention_heads"],
        "attn_k": config.get("num_key_value_heads") or config["num_attention_heads"],
    }
    rope = rope_of(config, FULL)
    if rope_kind(rope) == "llama3":
        usual = frequencies_of({"rope_theta": rope["rope_theta"]}, head_size(config))
        yield "rope_freqs.weight", (usual / frequencies_of(rope, head_size(config))).astype(np.float32)
    for name, values in weights.items():
        own = name_of(name, form)
        part = own.split(".")[-2]
        if form.is_turned and part in heads:
            values = turned(values, heads[part])
        yield own, values + np.float32(form.more) if part.endswith("norm") else values


def turned(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows (heads × 2 halves × pairs) as (heads × pairs × 2)."""
    size = values.shape[0] // heads // 2
    return values.reshape(heads, 2, size, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def packed(gguf: Any, values: np.ndarray, kind: str) -> tuple[np.ndarray, Any]:  # noqa: ANN401
    """(as it is written, its type): norms and biases whole, and rows that q8_0 cannot divide in half precision."""
    types = gguf.GGMLQuantizationType
    form = types.F32 if values.ndim == 1 else types.F16
    if kind == "q8_0" and values.ndim > 1 and values.shape[-1] % BLOCK == 0:
        form = types.Q8_0
    return gguf.quants.quantize(np.ascontiguousarray(values), form), form
