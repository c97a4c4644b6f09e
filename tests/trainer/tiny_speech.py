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


def build_whisper(root: Path) -> Path:
    """`tiny-whisper-speech`: a Whisper of two layers that writes bytes, and knows two languages."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    torch.manual_seed(0)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: at for at, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|transcribe|>", "<|notimestamps|>")
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names])
    layers = {
        f"{half}_{name}": size
        for half in ("encoder", "decoder")
        for name, size in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 128))
    }
    config = WhisperConfig(
        d_model=64,
        vocab_size=len(letters) + len(names),
        num_mel_bins=80,
        eos_token_id=len(letters),
        pad_token_id=len(letters),
        bos_token_id=len(letters),
        decoder_start_token_id=len(letters) + 1,
        max_target_positions=64,
        **layers,
    )
    folder = root / "tiny-whisper-speech"
    WhisperForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder
