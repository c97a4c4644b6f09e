"""Real sound models made from configs: small enough to train in seconds."""

from pathlib import Path
from typing import Any

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
EARS = {"conv_dim": (16, 16), "conv_stride": (20, 16), "conv_kernel": (40, 32), "num_feat_extract_layers": 2}
POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}


def build(root: Path, kind: str = "wav2vec2") -> Path:
    """`<root>/tiny-<kind>` in the hub's layout: wav2vec2, hubert, wavlm, ast or whisper."""
    import torch

    torch.manual_seed(0)
    folder = root / f"tiny-{kind}"
    model, extractor = (tiny_ast if kind == "ast" else tiny_whisper if kind == "whisper" else tiny_wave)(kind)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def tiny_wave(kind: str) -> tuple[Any, Any]:
    import transformers

    name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}[kind]
    config = getattr(transformers, f"{name}Config")(**SMALL, **EARS, **POSITIONS)
    return getattr(transformers, f"{name}Model")(config), transformers.Wav2Vec2FeatureExtractor()


def tiny_ast(kind: str) -> tuple[Any, Any]:
    from transformers import ASTConfig, ASTFeatureExtractor, ASTModel

    config = ASTConfig(**SMALL, max_length=64, num_mel_bins=32)
    return ASTModel(config), ASTFeatureExtractor(max_length=64, num_mel_bins=32)


def tiny_whisper(kind: str) -> tuple[Any, Any]:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    layers = {
        f"{half}_{name}": size
        for half in ("encoder", "decoder")
        for name, size in (("layers", 2), ("attention_heads", 2), ("ffn_dim", 64))
    }
    config = WhisperConfig(
        d_model=32,
        vocab_size=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=3,
        max_source_positions=1500,
        **layers,
    )
    return WhisperModel(config), WhisperFeatureExtractor()
