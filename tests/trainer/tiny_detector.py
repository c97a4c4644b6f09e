"""A real detector made from a config: small enough to learn a few pictures by heart in seconds."""

import json
from pathlib import Path


def build(root: Path) -> Path:
    """`tiny-detector` in the hub's layout under `root`: a YOLOS of three layers that looks at 48 × 48 pixels."""
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=128,
        image_size=[48, 48],
        patch_size=8,
        num_detection_tokens=5,
        num_labels=3,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    folder = root / "tiny-detector"
    YolosForObjectDetection(config).save_pretrained(folder)
    processor = {"image_processor_type": "YolosImageProcessor", "size": {"height": 48, "width": 48}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), "utf-8")
    return folder
