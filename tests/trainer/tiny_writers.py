"""Real models that write, of every architecture that is answered in numpy, made from configs with random weights and a tokenizer of
bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

LANGUAGES = ("eng_Latn", "deu_Latn", "en_XX", "de_DE")
SPECIAL = ("<pad>", "</s>", "<s>", *LANGUAGES)
PAD, END, BEGIN = range(3)
STACK = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 128, "bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": None, "initializer_range": 0.3,
}  # fmt: skip
HEADS = STACK | {"head_dim": 8}
TWO = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 128, "init_std": 0.3, "bos_token_id": BEGIN,
    "eos_token_id": END, "pad_token_id": PAD, "decoder_start_token_id": END, "forced_eos_token_id": END,
}  # fmt: skip
T5 = {
    "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "initializer_factor": 2.0, "eos_token_id": END,
    "pad_token_id": PAD, "decoder_start_token_id": PAD,
}  # fmt: skip
STRETCHED = {
    "rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip


def decoder_networks() -> dict[str, Callable[[int], Any]]:
    """Name → the network for so many tokens; windows of 8 tokens, so that tests look beyond them."""
    import transformers as t

    small = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128, "initializer_range": 0.3}
    ids = {"bos_token_id": BEGIN, "eos_token_id": END}
    turned = {"rope_parameters": STRETCHED, "attention_bias": True, "mlp_bias": True}
    return {
        "llama": lambda count: t.LlamaForCausalLM(t.LlamaConfig(vocab_size=count, **turned, **STACK)),
        "mistral": lambda count: t.MistralForCausalLM(t.MistralConfig(vocab_size=count, sliding_window=8, **STACK)),
        "gpt2": lambda count: t.GPT2LMHeadModel(t.GPT2Config(vocab_size=count, **small, **ids)),
        "phi": lambda count: t.PhiForCausalLM(t.PhiConfig(vocab_size=count, **STACK)),
        "phi3": lambda count: t.Phi3ForCausalLM(t.Phi3Config(vocab_size=count, sliding_window=8, **STACK)),
        "qwen2": lambda count: t.Qwen2ForCausalLM(t.Qwen2Config(vocab_size=count, **STACK)),
        "qwen3": lambda count: t.Qwen3ForCausalLM(t.Qwen3Config(vocab_size=count, **HEADS)),
        "gemma": lambda count: t.GemmaForCausalLM(t.GemmaConfig(vocab_size=count, **HEADS)),
        "gemma3_text": lambda count: t.Gemma3ForCausalLM(
            t.Gemma3TextConfig(vocab_size=count, sliding_window=8, layer_types=["sliding_attention", "full_attention"], **HEADS)
        ),
    }  # fmt: skip


def encoder_decoder_networks() -> dict[str, Callable[[int], Any]]:
    import transformers as t

    swish = {"activation_function": "swish", "scale_embedding": True}
    gated = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
    return {
        "t5": lambda count: t.T5ForConditionalGeneration(t.T5Config(vocab_size=count, **T5)),
        "t5-gated": lambda count: t.T5ForConditionalGeneration(t.T5Config(vocab_size=count, **gated, **T5)),
        "mt5": lambda count: t.MT5ForConditionalGeneration(t.MT5Config(vocab_size=count, **T5)),
        "umt5": lambda count: t.UMT5ForConditionalGeneration(t.UMT5Config(vocab_size=count, **T5)),
        "bart": lambda count: t.BartForConditionalGeneration(t.BartConfig(vocab_size=count, **TWO)),
        "mbart": lambda count: t.MBartForConditionalGeneration(t.MBartConfig(vocab_size=count, **TWO)),
        "marian": lambda count: t.MarianMTModel(
            t.MarianConfig(vocab_size=count, **swish, **TWO | {"decoder_start_token_id": PAD})
        ),
        "m2m_100": lambda count: t.M2M100ForConditionalGeneration(t.M2M100Config(vocab_size=count, **TWO)),
        "pegasus": lambda count: t.PegasusForConditionalGeneration(t.PegasusConfig(vocab_size=count, **TWO)),
    }


def build(root: Path, name: str) -> Path:
    """One of them in the hub's layout under `root`; its norms and biases are random too, as nothing else would tell them apart."""
    names = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    raw = Tokenizer(models.BPE({each: number for number, each in enumerate(names)}, []))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    raw.add_special_tokens(list(SPECIAL))
    torch.manual_seed(0)
    network = (decoder_networks() | encoder_decoder_networks())[name](len(names))
    for value in network.parameters():
        if value.dim() == 1:
            torch.nn.init.normal_(value, 0.6, 0.2)
    network.save_pretrained(root / name)
    raw.save(str(root / name / "tokenizer.json"))
    return root / name
