"""Real models that write speech down, made from configs: small enough to learn a few sentences of tones by heart."""

from pathlib import Path

from trainer.transcripts import Characters

LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"AEIOU")


def build_ctc(root: Path) -> Path:
    """`tiny-hubert-ctc` in the hub's layout under `root`: a HuBERT that writes capitals, two numbers every 20 ms."""
    import torch
    from transformers import HubertConfig, HubertForCTC, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    config = HubertConfig(
        vocab_size=len(LETTERS),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        conv_dim=(64, 64),
        conv_stride=(20, 16),
        conv_kernel=(80, 32),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    folder = root / "tiny-hubert-ctc"
    HubertForCTC(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    Characters(LETTERS).save(folder)
    return folder
