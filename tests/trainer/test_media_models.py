"""Models that look and listen, made from configs: what they see, what they keep, and what a trained one brings to new labels."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving import tiny
from tests.trainer import tiny_sound, tiny_speech, tiny_vision
from trainer.errors import ModelError, SpecError
from trainer.families.audio.ctc import PretrainedCtc, ScratchCtc
from trainer.families.audio.model import SoundModel, load_encoder
from trainer.families.image import small_nets
from trainer.families.image.model import VisionModel
from trainer.families.image.model import load_encoder as load_picture_encoder
from trainer.families.image.small_nets import ScratchModel, build_net, is_net, take_weights
from trainer.families.image_text.fusion import FusionModel
from trainer.families.text.encoder import EncoderClassifier
from trainer.nets import Layer
from trainer.pictures import Preprocess
from trainer.sounds import LOGMEL, Hearing
from trainer.transcripts import Characters

ModelT = TypeVar("ModelT", bound=nn.Module)
LAYERS: list[Layer] = [
    {"kind": "conv", "channels": 4, "kernel": 3, "stride": 2, "bias": False},
    {"kind": "norm"},
    {"kind": "activation", "name": "relu"},
    {"kind": "residual", "channels": 8, "stride": 2, "activation": "relu", "norm": True},
    {"kind": "global_pool"},
    {"kind": "dropout", "share": 0.5},
]
SHAPE = Preprocess(16, 16)


def drawn(model: ModelT) -> ModelT:
    """With other weights and running figures than a model begins with."""
    generator = torch.manual_seed(3)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.is_floating_point() and name not in ("factor", "shift"):
            value.data.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.1)
    return model


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained")
    tiny_vision.build(folder)
    tiny_vision.build_convolutional(folder)
    tiny_sound.build(folder)
    tiny_speech.build_ctc(folder)
    return folder


def vision(folder: Path, name: str, side: int = 32, answer: str = "class") -> VisionModel:
    labels = ["a", "b", "c"] if answer == "class" else []
    encoder = load_picture_encoder(folder / name)
    return VisionModel(encoder, labels, Preprocess(side, side), answer=answer).eval()


def outputs(model: nn.Module, *inputs: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        answered: torch.Tensor = model(*inputs)
    return answered


# Pictures


@pytest.mark.parametrize("channels", [1, 3])
def test_a_model_sees_pixels_as_its_preprocessing_says(channels: int) -> None:
    shape = Preprocess(16, 16, channels=channels, factor=(0.02,) * channels, shift=(-1.5,) * channels)
    model = ScratchModel([{"kind": "flatten"}], ["a"], shape)
    pixels = model.example()
    assert model.normalised(pixels).numpy() == pytest.approx(shape.normalised(pixels.numpy()), abs=1e-6)


@pytest.mark.parametrize("name", ["tiny-vit", "tiny-resnet"])
@pytest.mark.parametrize("answer", ["class", "number"])
def test_a_picture_model_answers_alike_after_it_was_saved(
    pretrained: Path, tmp_path: Path, name: str, answer: str
) -> None:
    model = vision(pretrained, name, answer=answer)
    drawn(model.head)
    model.save(tmp_path)
    again = VisionModel.load(tmp_path)
    pixels = model.example(3)
    assert again.answer == answer
    assert torch.allclose(outputs(again, pixels), outputs(model, pixels), atol=1e-5)
    assert torch.allclose(outputs(model, pixels[1:2]), outputs(model, pixels)[1:2], atol=1e-5), "alone as beside others"


def test_the_summary_is_the_first_token_of_those_that_have_one_and_the_pooled_map_of_others(pretrained: Path) -> None:
    vit, resnet = vision(pretrained, "tiny-vit"), vision(pretrained, "tiny-resnet")
    pixels = vit.example()
    with torch.inference_mode():
        tokens = vit.encoder(pixel_values=vit.normalised(pixels)).last_hidden_state
        maps = resnet.encoder(pixel_values=resnet.normalised(pixels)).last_hidden_state
        assert torch.allclose(vit.features(pixels), tokens[:, 0])
        assert torch.allclose(resnet.features(pixels), maps.mean((2, 3)), atol=1e-5)


def test_a_transformer_s_places_are_stretched_to_another_size(pretrained: Path) -> None:
    assert vision(pretrained, "tiny-vit", 32).fits == {}
    larger = vision(pretrained, "tiny-vit", 48)
    assert larger.fits == {"interpolate_pos_encoding": True}
    assert outputs(larger, larger.example()).shape == (2, 3)


def test_a_model_that_looks_at_nothing_is_refused_in_words(pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="wav2vec2, which is not an image model"):
        load_picture_encoder(pretrained / "tiny-wav2vec2")
    with pytest.raises(ModelError, match="vit, which is not an audio model"):
        load_encoder(pretrained / "tiny-vit", Hearing("wave"))
    with pytest.raises(ModelError, match="cannot be loaded") as raised:
        load_picture_encoder(tmp_path)
    assert raised.value.hint


# Small nets


def test_a_small_net_answers_alike_after_it_was_saved(tmp_path: Path) -> None:
    model = drawn(ScratchModel(LAYERS, ["é", "猫"], SHAPE)).eval()
    model.save(tmp_path)
    again = ScratchModel.load(tmp_path)
    pixels = model.example(4)
    assert again.labels == ["é", "猫"]
    assert torch.equal(outputs(again, pixels), outputs(model, pixels))
    assert is_net(tmp_path)


def test_under_new_labels_a_trained_net_keeps_all_but_its_last_layer(tmp_path: Path) -> None:
    model = drawn(ScratchModel(LAYERS, ["a", "b"], SHAPE)).eval()
    model.save(tmp_path)
    other = ScratchModel.of(tmp_path, ["x", "y", "z"], SHAPE).eval()
    pixels = other.example()
    with torch.inference_mode():
        assert torch.equal(other.features(pixels), model.features(pixels))
    assert outputs(other, pixels).shape == (2, 3)


def test_only_tensors_of_the_same_shape_are_taken(tmp_path: Path) -> None:
    model = drawn(ScratchModel(LAYERS, ["a"], SHAPE))
    model.save(tmp_path)
    wider = [LAYERS[0], LAYERS[1], LAYERS[2], LAYERS[3] | {"channels": 12}, *LAYERS[4:]]
    net = build_net(wider, (3, 16, 16), 1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    taken = take_weights(net, tmp_path)
    kept = model.state_dict()
    assert taken == sum(
        name.startswith("body.") and name in kept and kept[name].shape == value.shape for name, value in before.items()
    )
    assert torch.equal(net.state_dict()["body.0.weight"], kept["body.0.weight"])
    with pytest.raises(ModelError, match="No layer of the trained model"):
        take_weights(build_net([{"kind": "flatten"}], (3, 16, 16), 1), tmp_path)


@pytest.mark.parametrize(("kind", "spread"), [("normal", 0.02), ("uniform", 0.1 / np.sqrt(12)), ("he", None)])
def test_first_weights_are_spread_as_their_name_says(kind: str, spread: float | None) -> None:
    torch.manual_seed(0)
    net = build_net([{"kind": "flatten"}, {"kind": "dense", "size": 400, "bias": True}], (3, 10, 10), 2, kind)
    weights = net.body[1].weight
    assert isinstance(weights, nn.Parameter)
    assert weights.std().item() == pytest.approx(spread or np.sqrt(2 / 300), rel=0.05)
    assert not net.body[1].bias.any()
    with pytest.raises(SpecError, match="“zeros” is not a kind of first weights"):
        small_nets.randomise(net, "zeros")


# Sounds


def test_a_sound_model_answers_alike_after_it_was_saved(pretrained: Path, tmp_path: Path) -> None:
    hearing = Hearing("wave", 16_000, 2.0)
    model = SoundModel(load_encoder(pretrained / "tiny-wav2vec2", hearing), ["a", "b"], hearing).eval()
    drawn(model.head)
    model.save(tmp_path)
    again = SoundModel.load(tmp_path)
    sounds = model.example(3)
    assert (again.labels, again.hearing) == (["a", "b"], hearing)
    assert torch.allclose(outputs(again, sounds), outputs(model, sounds), atol=1e-5)
    assert torch.allclose(outputs(model, sounds[:1]), outputs(model, sounds)[:1], atol=1e-5)
    assert outputs(model, sounds[:, :8_000]).shape == (3, 2), "a wave may have any length"


# Speech


FIRST, SECOND = Characters(("<pad>", "|", "a", "e", "i")), Characters(("<pad>", "|", "e", "o", "a"))
MELS = Hearing(LOGMEL, 16_000, seconds=4.0, mels=16, frames=400)


def test_a_new_net_for_speech_is_saved_whole(tmp_path: Path) -> None:
    model = drawn(ScratchCtc(MELS, FIRST)).eval()
    model.save(tmp_path)
    again = ScratchCtc.load(tmp_path)
    sounds = again.example(2, 1.0)
    assert again.script == FIRST
    with torch.inference_mode():
        assert torch.allclose(again.logits(sounds), model.logits(sounds), atol=1e-5)
    assert outputs(again, sounds).shape == outputs(again, again.example(2, 0.7)).shape, "in half seconds"


def test_what_both_alphabets_have_is_still_known_in_the_other_order(tmp_path: Path) -> None:
    model = drawn(ScratchCtc(MELS, FIRST)).eval()
    model.save(tmp_path)
    other = ScratchCtc.of(tmp_path, MELS, SECOND).eval()
    sounds = other.example(1, 0.5)
    with torch.inference_mode():
        before, after = model.logits(sounds), other.logits(sounds)
    for symbol in ("<pad>", "|", "a", "e"):
        own, theirs = (script.symbols.index(symbol) for script in (SECOND, FIRST))
        assert torch.allclose(after[..., own], before[..., theirs], atol=1e-5)


def test_a_pretrained_head_keeps_the_characters_that_it_knows(pretrained: Path, tmp_path: Path) -> None:
    folder = pretrained / "tiny-hubert-ctc"
    script = Characters(("<pad>", "|", "I", "Ü", "A"))
    hearing = Hearing("wave", 16_000, 4.0)
    model = PretrainedCtc.of(folder, hearing, script)
    whole = PretrainedCtc.of(folder, hearing, Characters(tiny_speech.LETTERS))
    for symbol in ("I", "A", "<pad>", "|"):
        own, theirs = script.symbols.index(symbol), tiny_speech.LETTERS.index(symbol)
        assert torch.equal(model.head.weight[own], whole.head.weight[theirs])
    model.save(tmp_path)
    again = PretrainedCtc.load(tmp_path)
    sounds = model.example(2, 0.5)
    assert again.script == script
    assert torch.equal(outputs(again, sounds), outputs(model, sounds))


def test_a_text_longer_than_its_sound_costs_nothing_and_breaks_nothing() -> None:
    model = ScratchCtc(MELS, FIRST).eval()
    sounds = model.example(2, 0.5)
    moments = model.logits(sounds).shape[1]
    fits, long = np.array([2, 3, 2]), np.full(moments + 5, 2)
    loss = model.loss(sounds, [fits, long])
    alone = model.loss(sounds[:1], [fits])
    assert torch.isfinite(loss)
    assert loss.item() == pytest.approx(alone.item() / 2, rel=1e-4), "the mean over both, of which one is 0"


# Pictures with texts


@pytest.fixture
def fused(pretrained: Path) -> tuple[FusionModel, VisionModel, EncoderClassifier]:
    picture, text = (
        vision(pretrained, "tiny-vit"),
        EncoderClassifier(tiny.encoder()[0], ["a", "b", "c"], pooling="mean").eval(),
    )
    drawn(picture.head)
    drawn(text.head)
    heads = picture.head, text.head
    model = FusionModel(picture, text).eval()
    picture.head, text.head = heads
    return model, picture, text


def test_one_layer_over_both_is_the_sum_of_one_over_each(
    fused: tuple[FusionModel, VisionModel, EncoderClassifier],
) -> None:
    model, picture, text = fused
    pixels, ids = picture.example(), torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    mask = (ids > 0).long()
    together = outputs(model, pixels, ids, mask)
    assert torch.allclose(together, outputs(picture, pixels) + outputs(text, ids, mask), atol=1e-5)
    assert model.features(pixels, ids, mask).shape == (2, 64)


def test_each_half_is_kept_as_a_model_of_its_own(
    fused: tuple[FusionModel, VisionModel, EncoderClassifier], tmp_path: Path
) -> None:
    model, picture, text = fused
    del picture.head, text.head
    model.save(tmp_path, tiny.encoder()[1], 32)
    assert not hasattr(model.encoder["picture"], "head"), "saving leaves the model as it was"
    pixels, ids = picture.example(), torch.tensor([[2, 5, 6, 3], [2, 7, 8, 3]])
    mask = torch.ones_like(ids)
    again = FusionModel.load(tmp_path)
    assert torch.allclose(outputs(again, pixels, ids, mask), outputs(model, pixels, ids, mask), atol=1e-5)
    halves = VisionModel.load(tmp_path / "picture"), EncoderClassifier.load(tmp_path / "text")
    assert torch.allclose(
        outputs(halves[0], pixels) + outputs(halves[1], ids, mask), outputs(model, pixels, ids, mask), atol=1e-5
    )
