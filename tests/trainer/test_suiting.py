"""Which models are offered for which task, told by their config.json alone."""

import json

import pytest

from tests.trainer.data_files import SHARED
from trainer import architectures as kinds
from trainer import tasks

MODELS = SHARED / "models"


@pytest.mark.parametrize(
    ("config", "slug", "expected"),
    [
        ({"model_type": "bert"}, "text-classification", True),
        ({"model_type": "bert"}, "image-classification", False),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "text-classification", False),
        ({"model_type": "llama"}, "text-generation", True),
        ({"model_type": "xmod"}, "text-classification", False),
        ({"model_type": "mobilenet_v2"}, "image-classification", True),
        ({"model_type": "mobilenet_v2"}, "text-classification", False),
        ({"model_type": "whisper"}, "speech-recognition", True),
        ({"model_type": "audio-spectrogram-transformer"}, "speech-recognition", False),
        ({"model_type": "yolos"}, "object-detection", True),
        ({"model_type": "brand-new", "architectures": ["BrandNewForCausalLM"]}, "text-classification", False),
        ({"model_type": "brand-new", "architectures": ["BrandNewModel"]}, "text-classification", None),
        ({"model_type": "bert"}, "tabular-classification", False),
        ({}, "text-classification", None),
        ({"architectures": "nonsense"}, "text-classification", None),
    ],
)
def test_what_a_model_can_do(config: dict[str, object], slug: str, expected: bool | None) -> None:
    task = tasks.find(slug)
    assert task
    assert kinds.suits(config, task.architectures) is expected


def test_the_types_are_those_of_the_trainer() -> None:
    """Pictures, sounds and detectors are checked against these lists of transformers when they are loaded."""
    from transformers.models.auto import modeling_auto as auto

    assert set(auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES) == kinds.VISION
    assert set(auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES) == kinds.SOUND
    assert set(auto.MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES) == kinds.DETECTORS
    assert {*auto.MODEL_FOR_CTC_MAPPING_NAMES, "whisper"} >= kinds.SPEECH
    assert set(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES) >= kinds.ENCODERS
    assert set(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) >= kinds.DECODERS


def test_no_model_is_an_encoder_and_a_decoder() -> None:
    groups = (kinds.ENCODERS, kinds.DECODERS, kinds.SEQ2SEQ, kinds.VISION, kinds.SOUND)
    assert sum(map(len, groups)) == len(frozenset().union(*groups)) + len(kinds.VISION & kinds.SOUND)


@pytest.mark.skipif(not MODELS.is_dir(), reason="there are no reference models")
def test_the_reference_models() -> None:
    llama, mobilenet = (
        json.loads((MODELS / name / "config.json").read_text()) for name in ("stories260K", "mobilenet_v2_0.35_224")
    )
    offered = {
        task.slug: (kinds.suits(llama, task.architectures), kinds.suits(mobilenet, task.architectures))
        for task in tasks.all()
    }
    assert offered["text-classification"] == (False, False)
    assert offered["image-classification"] == (False, True)
    assert offered["tabular-classification"] == (False, False)


@pytest.mark.parametrize("slug", [task.slug for task in tasks.all()])
def test_the_recommended_model_can_be_trained(slug: str) -> None:
    """The first card needs no download, and some method can train it."""
    task = tasks.get(slug)
    first = task.models[0].ref
    assert not first.startswith("hub:")
    assert any(not task.refusal(method.slug, first) for method in task.methods)


def test_a_method_of_tables_trains_no_other_kind() -> None:
    task = tasks.get("tabular-classification")
    assert task.refusal("boosting", "scratch:linear") == "“Gradient-boosted trees” does not train a “Linear model”."
    assert not task.refusal("boosting", "scratch:lightgbm")
    assert not task.refusal("boosting", "scratch:auto")
    assert not task.refusal("auto", "scratch:linear")


def test_what_has_learned_nothing_has_nothing_to_build_on() -> None:
    task = tasks.get("image-classification")
    assert task.refusal("probe", "scratch:cnn-32-64-128") == "This method needs a pretrained model."
    assert not task.refusal("full", "scratch:cnn-32-64-128")
    assert not task.refusal("probe", "local:mobilenet")
