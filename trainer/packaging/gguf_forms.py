"""What llama.cpp calls the parts of a model, and what it wants to know of it, by transformers' kind of model.

Gemma keeps what its norms have above 1, which llama.cpp adds to the file; Gemma and Phi turn the halves of a head there as here, so
that nothing of theirs changes its order. What llama.cpp takes for granted (every sixth layer of Gemma 3 sees all tokens) is checked.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from trainer.errors import ModelError
from trainer.messages import _
from trainer.writing.decoders import FULL, SLIDING, head_size, layer_kinds
from trainer.writing.named import rope_kind, rope_of

Config = Mapping[str, Any]
WHOLE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "model.final_layernorm": "output_norm",
    "lm_head": "output",
}
ATTENTION = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
}
LLAMA = ATTENTION | {
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
HEAD_NORMS = {"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"}
GEMMA3 = {
    **LLAMA,
    **HEAD_NORMS,
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
PHI = ATTENTION | {"self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down"}
PHI3 = LLAMA | {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}
LONG, LOCAL_THETA, EVERY = ("default", "linear", "llama3"), 10_000.0, 6
"""Positions that are written; of Gemma 3 the base of layers that see the last tokens alone, and which layers see all."""


class Form(NamedTuple):
    """`name`: llama.cpp's; `layer`: transformers' name within a layer → llama.cpp's. `is_turned`: rows of queries and keys change
    their order. `more` is added to norms; `ropes`: kinds of rotary positions that it has; `fits`: what else must hold."""

    name: str
    layer: Mapping[str, str]
    is_turned: bool = False
    more: float = 0.0
    ropes: tuple[str, ...] = ("default", "linear")
    fits: Callable[[Config], bool] = lambda config: True
    has_output: bool = True
    epsilon: str = "rms_norm_eps"


def fits_gemma3(config: Config) -> bool:
    kinds = layer_kinds(config)
    usual = [FULL if (number + 1) % EVERY == 0 else SLIDING for number in range(len(kinds))]
    local = rope_of(config, SLIDING)
    theta = config.get("rope_local_base_freq") or local["rope_theta"]
    scale = config.get("query_pre_attn_scalar") or head_size(config)
    capped = config.get("attn_logit_softcapping") or config.get("final_logit_softcapping")
    plain = rope_kind(local) == "default" or "rope_local_base_freq" in config
    return kinds == usual and float(theta) == LOCAL_THETA and plain and scale == head_size(config) and not capped


def fits_phi(config: Config) -> bool:
    return not config.get("qk_layernorm")


FORMS = {
    "llama": Form("llama", LLAMA, is_turned=True, ropes=LONG),
    "mistral": Form("llama", LLAMA, is_turned=True, ropes=LONG),
    "qwen2": Form("qwen2", LLAMA),
    "qwen3": Form("qwen3", LLAMA | HEAD_NORMS),
    "gemma": Form("gemma", LLAMA, more=1.0, has_output=False),
    "gemma3_text": Form("gemma3", GEMMA3, more=1.0, fits=fits_gemma3),
    "phi": Form("phi2", PHI, ropes=("default",), fits=fits_phi, epsilon="layer_norm_eps"),
    "phi3": Form("phi3", PHI3, ropes=("default",)),
}
"""By model_type."""


def form_of(config: Config) -> Form:
    """`ModelError` `no_gguf_form` for a model that llama.cpp would not answer with as it answers here."""
    kind = str(config.get("model_type"))
    form = FORMS.get(kind)
    if form is None or rope_kind(rope_of(config, FULL)) not in form.ropes or not form.fits(config):
        names = ", ".join(sorted(FORMS))
        raise ModelError(
            _("This kind of model (%(kind)s) cannot be written as GGUF here.", kind=kind),
            code="no_gguf_form",
            hint=_("These can: %(names)s. llama.cpp's own converter takes the folder `model`.", names=names),
        )
    return form


def no_place(name: str) -> ModelError:
    return ModelError(
        _("The model has weights that GGUF has no place for here: %(name)s.", name=name),
        code="no_gguf_form",
        hint=_("llama.cpp's own converter takes the folder `model`."),
    )


def name_of(name: str, form: Form) -> str:
    """llama.cpp's name of a weight; `ModelError` for one that has no place there."""
    part, _dot, last = name.rpartition(".")
    if part in WHOLE and (form.has_output or part != "lm_head"):
        return f"{WHOLE[part]}.{last}"
    number, _dot, own = part.removeprefix("model.layers.").partition(".")
    if own not in form.layer or not number.isdigit():
        raise no_place(name)
    return f"blk.{number}.{form.layer[own]}.{last}"
