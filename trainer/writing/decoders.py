"""Networks that write a text on, of the weights that transformers keeps: Llama (Touvron et al. 2023), Mistral (Jiang et al. 2023),
Qwen2 and Qwen3 (Yang et al. 2024, 2025), Gemma and Gemma 3 (Gemma Team 2024, 2025), Phi (Li et al. 2023), Phi-3 (Abdin et al.
2024) and GPT-2 (Radford et al. 2019)."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from trainer.files import read_json
from trainer.writing.layers import ACTIVATIONS, Attention, Both, Embedding, Feed, Norm, Residual
from trainer.writing.named import (
    ROPES,
    Config,
    Named,
    activation_of,
    frequencies_of,
    knows_activation,
    rope_kind,
    rope_of,
)
from trainer.writing.network import Network, Shape
from trainer.writing.shared import open_tuned
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

Weights = Mapping[str, np.ndarray]
SLIDING, FULL = "sliding_attention", "full_attention"
UNUSUAL = ("qk_layernorm", "use_bidirectional_attention", "scale_attn_by_inverse_layer_idx", "attn_logit_softcapping", "final_logit_softcapping")  # fmt: skip
"""Settings that change what is computed, and are not computed here."""


def unsupported(config: Config) -> str:
    """What of a model's config.json is not computed here; empty where all of it is."""
    kind = str(config.get("model_type"))
    if kind not in BUILDERS:
        return kind
    if not knows_activation(config):
        return activation_of(config)
    unusual = next((name for name in UNUSUAL if config.get(name)), "")
    ropes = (rope_kind(rope_of(config, layers)) for layers in (FULL, SLIDING))
    return unusual or next((f"rope_scaling {rope}" for rope in ropes if rope not in ROPES), "")


def positions_of(config: Config, usual: int) -> int:
    """Tokens that a model reads and writes together; `usual` where its positions have no end."""
    return int(config.get("max_position_embeddings") or config.get("n_positions") or usual)


def load(folder: Path) -> Network:
    """Of a model's folder; what it shares with others that were tuned from the same base is in memory once."""
    config, tuned = read_json(folder / CONFIG), open_tuned(folder)
    if tuned is None:
        return build(config, read_weights(folder / WEIGHTS))
    with tuned.base.lock:
        network = build(config, tuned)
    tuned.release()
    network.base, network.own_bytes = tuned.base, tuned.own_bytes
    return network


def build(config: Config, weights: Weights) -> Network:
    return BUILDERS[config["model_type"]](config, weights)


# Llamas and what came of them


def llama(config: Config, weights: Weights, more: float = 0.0, scale: float = 1.0) -> Network:
    """`more`: of every norm; `scale`: of what is embedded."""
    own = Named(weights).under("model")
    table = own.array("embed_tokens.weight")
    size = head_size(config)
    kinds = layer_kinds(config)
    steps = [step for number in range(len(kinds)) for step in llama_steps(config, own, number, kinds[number], more)]
    key_heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    return Network(
        Embedding(table, scale),
        steps,
        own.norm("norm", config["rms_norm_eps"], more),
        Named(weights).head("lm_head", table),
        Shape(len(kinds), key_heads, size),
        config["max_position_embeddings"],
        {kind: frequencies_of(rope_of(config, kind), size) for kind in sorted(set(kinds))},
    )


def llama_steps(config: Config, model: Named, number: int, kind: str, more: float) -> list[Residual]:
    layer, epsilon = model.under(f"layers.{number}"), config["rms_norm_eps"]
    attention, mlp = layer.under("self_attn"), layer.under("mlp")

    def norm(part: Named, name: str) -> Norm | None:
        return part.norm(name, epsilon, more) if part.has(f"{name}.weight") else None

    size = head_size(config)
    attend = Attention(
        number,
        attention.linear(*(("qkv_proj",) if attention.has("qkv_proj.weight") else ("q_proj", "k_proj", "v_proj"))),
        attention.linear("o_proj"),
        config["num_attention_heads"],
        size,
        (config.get("query_pre_attn_scalar") or size) ** -0.5,
        kind,
        config.get("sliding_window") if kind == SLIDING else None,
        norm(attention, "q_norm"),
        norm(attention, "k_norm"),
    )
    inner = ("gate_up_proj",) if mlp.has("gate_up_proj.weight") else ("gate_proj", "up_proj")
    feed = Feed(mlp.linear(*inner), mlp.linear("down_proj"), ACTIVATIONS[activation_of(config)], is_gated=True)
    if layer.has("pre_feedforward_layernorm.weight"):  # norms of what is added too
        before, added = norm(layer, "pre_feedforward_layernorm"), norm(layer, "post_feedforward_layernorm")
        first = Residual(attend, norm(layer, "input_layernorm"), norm(layer, "post_attention_layernorm"))
        return [first, Residual(feed, before, added)]
    return [
        Residual(attend, norm(layer, "input_layernorm")),
        Residual(feed, norm(layer, "post_attention_layernorm")),
    ]


def layer_kinds(config: Config) -> list[str]:
    """Of each layer: whether it sees all tokens before, or but the last ones."""
    count = config["num_hidden_layers"]
    if config.get("layer_types"):
        return [str(kind) for kind in config["layer_types"]]
    slides = config.get("sliding_window") and config["model_type"] in ("mistral", "phi3")
    return [SLIDING if slides else FULL] * count


def head_size(config: Config) -> int:
    size: int = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    return size


def gemma(config: Config, weights: Weights) -> Network:
    return llama(config, weights, 1.0, config["hidden_size"] ** 0.5)


# Phi and GPT-2


def phi(config: Config, weights: Weights) -> Network:
    own = Named(weights).under("model")
    table, size, epsilon = own.array("embed_tokens.weight"), head_size(config), config["layer_norm_eps"]
    steps = []
    for number in range(config["num_hidden_layers"]):
        layer = own.under(f"layers.{number}")
        attention, mlp = layer.under("self_attn"), layer.under("mlp")
        qkv, out = attention.linear("q_proj", "k_proj", "v_proj"), attention.linear("dense")
        attend = Attention(number, qkv, out, config["num_attention_heads"], size, size**-0.5, FULL)
        feed = Feed(mlp.linear("fc1"), mlp.linear("fc2"), ACTIVATIONS[activation_of(config)], is_gated=False)
        steps.append(Residual(Both(attend, feed), layer.norm("input_layernorm", epsilon)))
    key_heads = config.get("num_key_value_heads") or config["num_attention_heads"]
    return Network(
        Embedding(table),
        steps,
        own.norm("final_layernorm", epsilon),
        Named(weights).head("lm_head", table),
        Shape(len(steps), key_heads, size),
        config["max_position_embeddings"],
        {FULL: frequencies_of(rope_of(config), size)},
    )


def gpt2(config: Config, weights: Weights) -> Network:
    own = Named(weights, is_turned=True).under("transformer")
    table, places = own.array("wte.weight"), own.array("wpe.weight")
    heads, epsilon = config["n_head"], config["layer_norm_epsilon"]
    size = config["n_embd"] // heads
    scale = size**-0.5 if config.get("scale_attn_weights", True) else 1.0
    steps = []
    for number in range(config["n_layer"]):
        layer = own.under(f"h.{number}")
        attention, mlp = layer.under("attn"), layer.under("mlp")
        attend = Attention(number, attention.linear("c_attn"), attention.linear("c_proj"), heads, size, scale)
        feed = Feed(mlp.linear("c_fc"), mlp.linear("c_proj"), ACTIVATIONS[activation_of(config)], is_gated=False)
        steps += [Residual(attend, layer.norm("ln_1", epsilon)), Residual(feed, layer.norm("ln_2", epsilon))]
    return Network(
        Embedding(table, places=places),
        steps,
        own.norm("ln_f", epsilon),
        Named(weights).head("lm_head", table),
        Shape(config["n_layer"], heads, size),
        config["n_positions"],
    )


BUILDERS: dict[str, Callable[[Config, Weights], Network]] = {
    "llama": llama,
    "mistral": llama,
    "qwen2": llama,
    "qwen3": llama,
    "phi3": llama,
    "gemma": gemma,
    "gemma3_text": gemma,
    "phi": phi,
    "gpt2": gpt2,
}
