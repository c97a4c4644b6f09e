"""Text encoders of several architectures are loaded, with the attention that each has."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModel, BertConfig, DebertaV2Config, MPNetConfig, PretrainedConfig

from trainer.families.text.encoder import fresh

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 60}


@pytest.mark.parametrize(
    ("kind", "attention"), [(BertConfig, "sdpa"), (DebertaV2Config, "eager"), (MPNetConfig, "eager")]
)
def test_fused_attention_is_used_where_there_is_any(
    kind: type[PretrainedConfig], attention: str, tmp_path: Path
) -> None:
    AutoModel.from_config(kind(**SMALL)).save_pretrained(tmp_path)
    model = fresh(tmp_path, ["a", "b"]).eval()
    assert model.encoder.config._attn_implementation == attention
    with torch.inference_mode():
        outputs = model(torch.tensor([[2, 5, 6, 3]]), torch.ones(1, 4, dtype=torch.int64))
    assert outputs.shape == (1, 2)
