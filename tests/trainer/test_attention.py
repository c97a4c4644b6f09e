"""Attention that is learned through in bfloat16 on a processor."""

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, BertConfig, BertModel

from trainer import attention
from trainer.events import silent
from trainer.hardware import Device

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 30}


def drawn(count: int = 3) -> list[Tensor]:
    """Query, key, value: two rows, two heads, five tokens of size 4."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 2, 5, 4, generator=generator) for _each in range(count)]


def test_it_is_computed_exactly_where_it_is_learned_through() -> None:
    module, (query, key, value) = nn.Module(), drawn()
    mask = torch.zeros(2, 1, 5, 5)
    mask[:, :, :, 3:] = torch.finfo(torch.float32).min
    exact = torch.nn.functional.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        learned, _none = attention.attend(module, query, key, value, mask)
        half, _none = attention.attend(module, query.bfloat16(), key.bfloat16(), value.bfloat16(), mask.bfloat16())
        with torch.inference_mode():
            read, _none = attention.attend(module, query, key, value, mask)
    assert torch.equal(learned, exact)  # no value was rounded on the way
    assert half.dtype == read.dtype == torch.bfloat16  # as the model around it goes on
    assert torch.allclose(half.float(), exact, atol=0.02)
    assert not torch.equal(read.float(), exact)


def test_a_model_that_is_placed_learns_by_it_with_checkpoints_too() -> None:
    torch.manual_seed(0)
    model = BertModel(BertConfig(**SIZE), add_pooling_layer=False)
    Device("cpu", None, silent).place(model)
    assert AttentionInterface()[attention.NAME] is attention.attend
    ids = torch.arange(12).view(2, 6)
    gradients = []
    for is_checkpointed in (False, True):
        if is_checkpointed:
            model.activation_checkpointing_enable({"use_reentrant": False})
        model.train()
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model(
                input_ids=ids, attention_mask=torch.ones_like(ids)
            ).last_hidden_state.float().square().sum().backward()
        weight = model.get_parameter("encoder.layer.0.attention.self.query.weight")
        assert weight.grad is not None
        gradients.append(weight.grad.clone())
        model.zero_grad()
    assert torch.allclose(gradients[0], gradients[1])
