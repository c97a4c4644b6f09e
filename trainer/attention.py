"""Attention on a processor that learns in bfloat16: computed in float32, in the midst of a model in bfloat16.

The backward pass of torch's fused attention (`scaled_dot_product_attention`) is many times slower in bfloat16 than in float32 on
processors, also those that multiply bfloat16 in hardware: 35 ms against 2 ms for 32 texts of 16 tokens, 180 ms against 36 ms for 32 of
128 (12 heads of 32; torch 2.13, one core of a Xeon with AMX). For short texts this was half of all the time of a step. Everything
around it, the products with weights, stays in bfloat16. What is only read keeps it throughout: forward it is the quicker one.
"""

import sys

import torch
from torch import Tensor

NAME = "sdpa"
"""What transformers calls the fused attention."""


def prepare() -> None:
    """Put `attend` in the place of the fused attention of transformers, for models of any architecture that asks for it by its name.
    Without transformers in this process there is nothing to do."""
    if "transformers" in sys.modules:
        from transformers import AttentionInterface

        AttentionInterface.register(NAME, attend)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **settings: object,
) -> tuple[Tensor, None]:
    """As transformers' own, which it calls: query, key, value (batch, heads, length, size) → (batch, length, heads, size)."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if not is_slow(query):
        output, _none = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        return output, None
    mask = attention_mask if attention_mask is None or attention_mask.dtype == torch.bool else attention_mask.float()
    with torch.autocast("cpu", enabled=False):
        exact, _none = sdpa_attention_forward(module, query.float(), key.float(), value.float(), mask, **settings)
    return exact.to(query.dtype), None


def is_slow(query: Tensor) -> bool:
    """Whether this is learned from on a processor in bfloat16."""
    return query.device.type == "cpu" and torch.is_grad_enabled() and bool(torch.is_autocast_enabled("cpu"))
