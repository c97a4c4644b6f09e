"""What a model can be trained for, told by its config.json alone: nothing is loaded, so the site may ask too.

The types are those of the pinned transformers; tests/trainer/test_suiting.py compares them with its own lists.
"""

from typing import Any


def listed(names: str) -> frozenset[str]:
    return frozenset(names.split())


ENCODERS = listed(
    """albert bert big_bird camembert convbert data2vec-text deberta deberta-v2 distilbert electra ernie eurobert flaubert fnet
    funnel gte ibert jina_embeddings_v3 longformer luke megatron-bert mobilebert modernbert mpnet mra nomic_bert nystromformer
    rembert roberta roberta-prelayernorm roc_bert roformer squeezebert xlm xlm-roberta xlm-roberta-xl yoso"""
)
"""Read a text in both directions: what classifies and embeds texts."""
NEEDS_A_LANGUAGE = listed("xmod")
"""Encoders with layers for each language, of which a run would have to choose one: not trained."""
DECODERS = listed(
    """bloom codegen cohere cohere2 deepseek_v2 deepseek_v3 falcon gemma gemma2 gemma3_text glm glm4 gpt2 gpt_bigcode gpt_neo
    gpt_neox gpt_oss gptj granite granitemoe helium llama lfm2 mamba mamba2 ministral ministral3 mistral mixtral mpt olmo olmo2
    olmo3 olmoe openai-gpt opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 qwen3_moe rwkv smollm3 stablelm starcoder2
    xglm"""
)
"""Write a text on, word by word."""
SEQ2SEQ = listed(
    "bart blenderbot led longt5 m2m_100 marian mbart mt5 mvp nllb-moe pegasus pegasus_x prophetnet t5 umt5"
)
"""Read one text and write another."""
WRITERS = listed("gemma gemma3_text gpt2 llama mistral phi phi3 qwen2 qwen3")
"""Decoders that are trained to write, and answered without torch (`trainer.writing.decoders`)."""
GGUF = WRITERS - {"gpt2"}
"""What llama.cpp is given files of (`trainer.packaging.gguf_forms`)."""
REWRITERS = listed("bart m2m_100 marian mbart mt5 pegasus t5 umt5")
"""The same of models that read one text and write another (`trainer.writing.encoder_decoders`)."""
VISION = listed(
    """beit bit clip convnext convnextv2 cvt data2vec-vision deit dinat dinov2 dinov2_with_registers donut-swin efficientnet
    focalnet hgnet_v2 hiera ijepa imagegpt levit metaclip_2 mobilenet_v1 mobilenet_v2 mobilevit mobilevitv2 perceiver poolformer
    pp_lcnet pvt pvt_v2 regnet resnet segformer shieldgemma2 siglip siglip2 swiftformer swin swinv2 textnet timm_wrapper vit
    vit_msn"""
)
DETECTORS = listed(
    """conditional_detr d_fine dab-detr deformable_detr deimv2 detr lw_detr pp_doclayout_v2 pp_doclayout_v3 pp_doclayout_v4
    pp_ocrv5_mobile_det pp_ocrv5_server_det pp_ocrv6_medium_det pp_ocrv6_small_det rf_detr rt_detr rt_detr_v2
    table-transformer yolos"""
)
SOUND = listed(
    """audio-spectrogram-transformer data2vec-audio hubert sew sew-d unispeech unispeech-sat wav2vec2 wav2vec2-bert
    wav2vec2-conformer wavlm whisper"""
)
SPEECH = SOUND - {"audio-spectrogram-transformer"}
"""Can learn to write down what they hear: letter by letter (CTC), or Whisper."""
CAUSAL = ("ForCausalLM", "LMHeadModel")

KNOWN = ENCODERS | NEEDS_A_LANGUAGE | DECODERS | SEQ2SEQ | VISION | DETECTORS | SOUND


def suits(config: dict[str, Any], kinds: frozenset[str]) -> bool | None:
    """Whether a model of this config.json is of these kinds, as a task names those it can train (`Task.architectures`); None
    where its kind is not known here."""
    kind = str(config.get("model_type", ""))
    if kind in KNOWN:
        return kind in kinds
    names = config.get("architectures") or []
    if isinstance(names, list) and any(str(name).endswith(CAUSAL) for name in names):
        return kinds == DECODERS
    return None
