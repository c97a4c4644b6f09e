"""A real picture model made from a config: small enough to train in seconds."""

from pathlib import Path


def build(root: Path, side: int = 32) -> Path:
    """`<root>/tiny-vit` in the hub's layout: a two-layer ViT of so many pixels a side."""
    import torch
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    model = ViTModel(ViTConfig(image_size=side, patch_size=8, **sizes), add_pooling_layer=False)
    folder = root / "tiny-vit"
    model.save_pretrained(folder)
    ViTImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    return folder


def build_convolutional(root: Path) -> Path:
    """`<root>/tiny-resnet`: four stages of one block each, with feature maps at strides 4 to 32."""
    import torch
    from transformers import ResNetConfig, ResNetModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1] * 4, layer_type="basic")
    folder = root / "tiny-resnet"
    ResNetModel(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder
