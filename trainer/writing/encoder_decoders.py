"""Networks that read one text and write another, of the weights that transformers keeps: T5 and mT5 (Raffel et al. 2020; Xue et al.
2021), BART and mBART (Lewis et al. 2020; Liu et al. 2020), Marian (Junczys-Dowmunt et al. 2018), M2M100 and NLLB (Fan et al. 2021;
NLLB Team 2022), Pegasus (Zhang et al. 2020)."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.files import read_json
from trainer.writing.layers import (
    ACTIVATIONS,
    Attention,
    CrossAttention,
    Distances,
    Embedding,
    Feed,
    FullAttention,
    Norm,
    Residual,
    Step,
)
from trainer.writing.named import Config, Named, activation_of, knows_activation
from trainer.writing.network import EncoderDecoder, Network, Shape
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

Weights = Mapping[str, np.ndarray]
T5S = ("t5", "mt5", "umt5")
UNBOUNDED = 4_096
"""Tokens that are read or written, of a model whose positions have no end."""


def unsupported(config: Config) -> str:
    """What of a model's config.json is not computed here; empty where all of it is."""
    kind = str(config.get("model_type"))
    if kind not in BUILDERS:
        return kind
    if not config.get("share_encoder_decoder_embeddings", True):
        return "share_encoder_decoder_embeddings"
    return "" if knows_activation(config) else activation_of(config)


def build(config: Config, weights: Weights) -> EncoderDecoder:
    return BUILDERS[config["model_type"]](config, weights)


def load(folder: Path) -> EncoderDecoder:
    """Of a model's folder."""
    return build(read_json(folder / CONFIG), read_weights(folder / WEIGHTS))


def is_encoder_decoder(config: Config) -> bool:
    return config.get("model_type") in BUILDERS


# T5


def t5(config: Config, weights: Weights) -> EncoderDecoder:
    own = Named(weights)
    table, size, heads = own.array("shared.weight"), config["d_kv"], config["num_heads"]
    epsilon = config["layer_norm_epsilon"]
    reads = [t5_steps(config, own.under("encoder"), number) for number in range(config["num_layers"])]
    layers = config.get("num_decoder_layers") or config["num_layers"]
    writes = [t5_steps(config, own.under("decoder"), number) for number in range(layers)]
    is_scaled = config.get("tie_word_embeddings" if config["model_type"] == "umt5" else "scale_decoder_outputs")
    writer = Network(
        Embedding(table),
        [step for layer in writes for step in layer],
        own.under("decoder").norm("final_layer_norm", epsilon),
        own.head("lm_head", table, config["d_model"] ** -0.5 if is_scaled else 1.0),
        Shape(layers, heads, size),
        UNBOUNDED,
    )
    norm = own.under("encoder").norm("final_layer_norm", epsilon)
    return EncoderDecoder(
        Embedding(table), [step for layer in reads for step in layer], norm, writer, crossing(writer), UNBOUNDED
    )


def t5_steps(config: Config, stack: Named, number: int) -> list[Residual]:
    block, size, heads, epsilon = stack.under(f"block.{number}"), config["d_kv"], config["num_heads"], 0.0
    epsilon = config["layer_norm_epsilon"]
    writes = block.has("layer.1.EncDecAttention.q.weight")
    own, distances = block.under("layer.0.SelfAttention"), t5_distances(config, stack, number, both=not writes)
    qkv, out = own.linear("q", "k", "v"), own.linear("o")
    attend: Step = (
        Attention(number, qkv, out, heads, size, 1.0, distances=distances)
        if writes
        else FullAttention(qkv, out, size, 1.0, distances)
    )
    steps = [Residual(attend, block.norm("layer.0.layer_norm", epsilon))]
    if writes:
        cross = block.under("layer.1.EncDecAttention")
        across = CrossAttention(number, cross.linear("q"), cross.linear("k", "v"), cross.linear("o"), size, 1.0)
        steps.append(Residual(across, block.norm("layer.1.layer_norm", epsilon)))
    last = block.under(f"layer.{len(steps)}")
    dense = last.under("DenseReluDense")
    gated = dense.has("wi_0.weight")
    inner = dense.linear(*(("wi_0", "wi_1") if gated else ("wi",)))
    feed = Feed(inner, dense.linear("wo"), ACTIVATIONS[activation_of(config)], gated)
    return [*steps, Residual(feed, last.norm("layer_norm", epsilon))]


def t5_distances(config: Config, stack: Named, number: int, *, both: bool) -> Distances:
    """Those of the first layer for all of them, unless a layer has its own."""
    name = "layer.0.SelfAttention.relative_attention_bias.weight"
    layer = number if stack.has(f"block.{number}.{name}") else 0
    most = config.get("relative_attention_max_distance", 128)
    return Distances(stack.array(f"block.{layer}.{name}"), most, both)


# BART and its kin


class Kin(NamedTuple):
    """How one differs from another: norms `before` each step or after it; what stands for places."""

    before: bool
    places: Callable[[Config, Named, int], np.ndarray]


def bart(config: Config, weights: Weights) -> EncoderDecoder:
    kin = KINS[config["model_type"]]
    own = Named(weights).under("model")
    encoder, decoder = own.under("encoder"), own.under("decoder")
    width, layers, heads = config["d_model"], config["decoder_layers"], config["decoder_attention_heads"]
    reads = [bart_steps(config, encoder, number, kin) for number in range(config["encoder_layers"])]
    writes = [bart_steps(config, decoder, number, kin) for number in range(layers)]
    table = own.array("shared.weight")
    head = Named(weights).head("lm_head", table)
    if "final_logits_bias" in weights:
        head = head._replace(bias=weights["final_logits_bias"][0])
    most: int = config["max_position_embeddings"]
    writer = Network(
        bart_embedding(config, decoder, table, kin, most),
        [step for layer in writes for step in layer],
        last_norm(decoder),
        head,
        Shape(layers, heads, width // heads),
        most,
    )
    read = bart_embedding(config, encoder, table, kin, most)
    return EncoderDecoder(
        read, [step for layer in reads for step in layer], last_norm(encoder), writer, crossing(writer), most
    )


EPSILON = 1e-5
"""Of torch's `nn.LayerNorm`, where nothing else is said."""


def last_norm(stack: Named) -> Norm | None:
    return stack.norm("layer_norm", EPSILON) if stack.has("layer_norm.weight") else None


def bart_embedding(config: Config, stack: Named, table: np.ndarray, kin: Kin, most: int) -> Embedding:
    scale = math.sqrt(config["d_model"]) if config.get("scale_embedding") else 1.0
    name = "layernorm_embedding"
    norm = stack.norm(name, EPSILON) if stack.has(f"{name}.weight") else None
    return Embedding(table, scale, kin.places(config, stack, most), norm)


def bart_steps(config: Config, stack: Named, number: int, kin: Kin) -> list[Residual]:
    layer = stack.under(f"layers.{number}")
    writes = layer.has("encoder_attn.q_proj.weight")
    heads = config["decoder_attention_heads" if writes else "encoder_attention_heads"]
    size = config["d_model"] // heads
    own, scale = layer.under("self_attn"), size**-0.5
    qkv, out = own.linear("q_proj", "k_proj", "v_proj"), own.linear("out_proj")
    attend: Step = Attention(number, qkv, out, heads, size, scale) if writes else FullAttention(qkv, out, size, scale)
    feed = Feed(layer.linear("fc1"), layer.linear("fc2"), ACTIVATIONS[activation_of(config)], is_gated=False)
    named: list[tuple[str, Step]] = [("self_attn_layer_norm", attend), ("final_layer_norm", feed)]
    if writes:
        cross = layer.under("encoder_attn")
        key_value = cross.linear("k_proj", "v_proj")
        across = CrossAttention(number, cross.linear("q_proj"), key_value, cross.linear("out_proj"), size, scale)
        named.insert(1, ("encoder_attn_layer_norm", across))
    norms = [(layer.norm(name, EPSILON), step) for name, step in named]
    return [Residual(step, before=norm) if kin.before else Residual(step, after=norm) for norm, step in norms]


def learned_places(config: Config, stack: Named, most: int) -> np.ndarray:
    """The first two are not used."""
    return stack.array("embed_positions.weight")[2:]


def marian_places(config: Config, stack: Named, most: int) -> np.ndarray:
    """(places, width) of sines, then cosines (Vaswani et al. 2017); frequencies fall by pairs of numbers."""
    width = config["d_model"]
    angles = np.outer(np.arange(most), 10_000.0 ** (-2 * (np.arange(width) // 2) / width))
    return np.concatenate([np.sin(angles[:, 0::2]), np.cos(angles[:, 1::2])], axis=1).astype(np.float32)


def m2m_places(config: Config, stack: Named, most: int) -> np.ndarray:
    """The same with the last frequency at the lowest, counted from behind the token that pads."""
    first = int(config.get("pad_token_id") or 0) + 1
    half = config["d_model"] // 2
    frequencies = np.exp(np.arange(half) * -(math.log(10_000) / (half - 1))).astype(np.float32)
    angles = np.arange(first, most + first, dtype=np.float32)[:, None] * frequencies[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


KINS = {
    "bart": Kin(False, learned_places),
    "mbart": Kin(True, learned_places),
    "marian": Kin(False, marian_places),
    "pegasus": Kin(True, marian_places),
    "m2m_100": Kin(True, m2m_places),
}
BUILDERS: dict[str, Callable[[Config, Weights], EncoderDecoder]] = {
    **dict.fromkeys(T5S, t5),
    **dict.fromkeys(KINS, bart),
}


def crossing(writer: Network) -> Sequence[CrossAttention]:
    return [step.step for step in writer.steps if isinstance(step.step, CrossAttention)]
