"""A model that writes as one file of GGUF, which llama.cpp, Ollama and LM Studio run, by the library gguf that llama.cpp keeps.

The form: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Written are Llama, Mistral and Qwen2. llama.cpp turns neighbouring
numbers of a head where transformers turns those of its two halves, so the rows of Llama's queries and keys change their order.
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
from trainer.packaging.gguf_tokens import vocabulary
from trainer.writing.named import frequencies_of, rope_kind, rope_of
from trainer.writing.prompts import TOKENIZER
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

FOLDER = "gguf"
ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2"}
"""model_type → what llama.cpp calls it."""
QUANTIZE = "llama-quantize"
KINDS = {"f16": 1, "q8_0": 7}
"""Precision of the weights → its number of a file. q4_k_m is made by llama.cpp's own program."""
Q4 = "q4_k_m"
BLOCK = 32
"""Numbers that q8_0 has a scale for."""
WHOLE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


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
    done = subprocess.run([program, str(whole), str(target), Q4.upper()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(
            _("llama-quantize failed: %(error)s", error=done.stderr.strip()[-200:]),
            code="no_quantizer",
            hint=_("Take gguf-q8_0."),
        )
    return target


def write(artifact: Path, kind: str, target: Path) -> None:
    gguf = library()
    folder = artifact / "model"
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    architecture = architecture_of(config)
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, architecture)
    writer.add_name(read_json(artifact / "manifest.json").get("task", "model"))
    writer.add_license(licence_of_artifact(artifact) or "unknown")
    add_shape(writer, config, KINDS[kind])
    for key, value in vocabulary(json.loads((folder / TOKENIZER).read_text("utf-8")), config).items():
        getattr(writer, key)(value)
    if source := source_of(folder):
        writer.add_chat_template(source)
    for name, values in tensors(config, read_weights(folder / WEIGHTS), architecture):
        quantized, form = packed(gguf, values, kind)
        writer.add_tensor(name, quantized, raw_dtype=form)
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


def architecture_of(config: Mapping[str, Any]) -> str:
    kind = str(config.get("model_type"))
    if kind not in ARCHITECTURES or rope_kind(rope_of(config)) not in ("default", "linear", "llama3"):
        names = ", ".join(sorted(ARCHITECTURES))
        raise ModelError(
            _("This kind of model (%(kind)s) cannot be written as GGUF here.", kind=kind),
            code="no_gguf_form",
            hint=_("These can: %(names)s. llama.cpp's own converter takes the folder `model`.", names=names),
        )
    return ARCHITECTURES[kind]


def add_shape(writer: Any, config: Mapping[str, Any], file_type: int) -> None:  # noqa: ANN401
    rope = rope_of(config)
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
    writer.add_rope_dimension_count(head_size(config))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope_kind(rope) == "linear":
        writer.add_rope_scaling_type(library().RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


def head_size(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def tensors(
    config: Mapping[str, Any], weights: Mapping[str, np.ndarray], architecture: str
) -> Iterator[tuple[str, np.ndarray]]:
    """(llama.cpp's name, float32) of each; `ModelError` for one that has no place there."""
    heads = {
        "attn_q": config["num_attention_heads"],
        "attn_k": config.get("num_key_value_heads") or config["num_attention_heads"],
    }
    rope = rope_of(config)
    if rope_kind(rope) == "llama3":
        usual = frequencies_of({"rope_theta": rope["rope_theta"]}, head_size(config))
        yield "rope_freqs.weight", (usual / frequencies_of(rope, head_size(config))).astype(np.float32)
    for name, values in weights.items():
        if name in WHOLE:
            yield WHOLE[name], values
            continue
        number, _dot, rest = name.removeprefix("model.layers.").partition(".")
        own, _dot, last = rest.rpartition(".")
        if own not in LAYER or not number.isdigit():
            raise ModelError(
                _("The model has weights that GGUF has no place for here: %(name)s.", name=name),
                code="no_gguf_form",
                hint=_("llama.cpp's own converter takes the folder `model`."),
            )
        is_turned = architecture == "llama" and LAYER[own] in heads
        yield f"blk.{number}.{LAYER[own]}.{last}", turned(values, heads[LAYER[own]]) if is_turned else values


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
