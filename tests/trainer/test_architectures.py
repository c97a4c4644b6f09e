"""Every architecture that the picture tasks name, tiny and with random weights, goes the whole way: learn, package, answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer.tasks.image_classification import ImageClassification
from trainer.tasks.object_detection import ObjectDetection

pytestmark = pytest.mark.slow
TOKENS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
PATCHES = TOKENS | {"image_size": 32, "patch_size": 8}
STAGES = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 48, 64]}
BACKBONE = {"embedding_size": 16, "layer_type": "basic", **STAGES}
QUERIES = {
    "d_model": 32, "encoder_hidden_dim": 32, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "num_queries": 10, "num_denoising": 0,
    "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_in_channels": [32, 32, 32],
}  # fmt: skip


def encoders() -> dict[str, Callable[[], Any]]:
    import transformers as t

    return {
        "vit": lambda: t.ViTModel(t.ViTConfig(**PATCHES), add_pooling_layer=False),
        "deit": lambda: t.DeiTModel(t.DeiTConfig(**PATCHES), add_pooling_layer=False),
        "beit": lambda: t.BeitModel(t.BeitConfig(**PATCHES)),
        "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**PATCHES, mlp_ratio=2)),
        "swin": lambda: t.SwinModel(
            t.SwinConfig(image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4)
        ),
        "convnext": lambda: t.ConvNextModel(t.ConvNextConfig(**STAGES)),
        "resnet": lambda: t.ResNetModel(t.ResNetConfig(**BACKBONE)),
        "mobilenet-v1": lambda: t.MobileNetV1Model(t.MobileNetV1Config(depth_multiplier=0.25)),
        "mobilenet-v2": lambda: t.MobileNetV2Model(t.MobileNetV2Config(depth_multiplier=0.35)),
        "efficientnet": lambda: t.EfficientNetModel(
            t.EfficientNetConfig(width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=320)
        ),
    }


def detectors() -> dict[str, Callable[[], Any]]:
    import transformers as t

    def residual(*stages: str) -> Any:
        return t.ResNetConfig(**BACKBONE, out_features=list(stages))

    def residual_flat() -> Any:
        return t.RTDetrResNetConfig(**BACKBONE, out_features=["stage2", "stage3", "stage4"])

    fewer = {
        name: value for name, value in QUERIES.items() if name in ("d_model", "encoder_ffn_dim", "decoder_ffn_dim")
    }
    three = QUERIES | {"encoder_in_channels": [32, 48, 64]}
    return {
        "detr": lambda: t.DetrForObjectDetection(
            t.DetrConfig(
                use_timm_backbone=False,
                backbone=None,
                backbone_config=residual("stage4"),
                num_queries=10,
                encoder_layers=1,
                decoder_layers=1,
                encoder_attention_heads=2,
                decoder_attention_heads=2,
                **fewer,
            )
        ),
        "rt-detr": lambda: t.RTDetrForObjectDetection(t.RTDetrConfig(backbone_config=residual_flat(), **three)),
        "rt-detr-v2": lambda: t.RTDetrV2ForObjectDetection(t.RTDetrV2Config(backbone_config=residual_flat(), **three)),
        "d-fine": lambda: t.DFineForObjectDetection(t.DFineConfig(backbone_config=residual_flat(), **three)),
    }


def whole_way(root: Path, task: Any, name: str, model: Any, side: int, processor: str, **fields: Any) -> dict[str, Any]:
    """The run's last event, after a prediction."""
    model.save_pretrained(root / name)
    size = {"image_processor_type": processor, "size": {"height": side, "width": side}}
    (root / name / "preprocessor_config.json").write_text(json.dumps(size), "utf-8")
    rows = task.sample()
    spec = command.write_spec(root / "run", rows, task=task.slug, model=f"local:{name}", **fields)
    code, events = command.call(root, "run", spec, "--out", root / "out")
    assert code == 0, events[-1]
    artifact = root / "out" / "artifact"
    inputs = command.write_inputs(root, task, rows[:2])
    code, answers = command.call(root, "predict", artifact, "--input", inputs)
    assert code == 0, answers
    assert len(answers) == 2
    return events[-1] | {"export": json.loads((artifact / "onnx" / "export.json").read_text("utf-8"))}


@pytest.mark.parametrize("name", encoders())
def test_a_picture_encoder(name: str, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    model, fields = encoders()[name](), {"method": "full", "params": {"epochs": 2, "resolution": 32}}
    found = whole_way(tmp_path, ImageClassification, name, model, 32, "ViTImageProcessor", **fields)
    assert found["metrics"]["accuracy"] >= 0
    assert found["export"]["agreement"] >= 0.9


@pytest.mark.parametrize("name", detectors())
def test_a_detector(name: str, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    model, fields = detectors()[name](), {"method": "full", "params": {"epochs": 1}}
    found = whole_way(tmp_path, ObjectDetection, name, model, 64, "RTDetrImageProcessor", **fields)
    assert set(found["metrics"]) == {"map_50", "map"}
