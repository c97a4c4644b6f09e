"""Pixels as transformers' own image processors make them, from pictures of every kind."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from trainer.data.media import UnreadableError
from trainer.errors import ModelError
from trainer.pictures import Preprocess, open_picture

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
PROCESSORS = {
    "vit": ViTImageProcessorPil(size={"height": 48, "width": 48}),
    "vit-in1k": ViTImageProcessorPil(size={"height": 48, "width": 48}, **IMAGENET),
    "swin": ViTImageProcessorPil(size={"height": 48, "width": 48}, resample=3, **IMAGENET),
    "deit": DeiTImageProcessorPil(size={"height": 56, "width": 56}, crop_size={"height": 48, "width": 48}, **IMAGENET),
    "convnext": ConvNextImageProcessorPil(size={"shortest_edge": 48}, crop_pct=0.875, **IMAGENET),
    "convnext-384": ConvNextImageProcessorPil(size={"shortest_edge": 384}, **IMAGENET),
    "resnet": ConvNextImageProcessorPil(size={"shortest_edge": 48}, crop_pct=0.95, resample=3, **IMAGENET),
    "mobilenet": MobileNetV2ImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 48, "width": 48}),
    "efficientnet": EfficientNetImageProcessorPil(size={"height": 48, "width": 48}, resample=0, **IMAGENET),
    "efficientnet-crop": EfficientNetImageProcessorPil(
        size={"height": 60, "width": 60},
        crop_size={"height": 48, "width": 48},
        do_center_crop=True,
        rescale_offset=True,
        include_top=False,
        rescale_factor=1 / 127.5,
    ),
    "dinov2": BitImageProcessorPil(size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56}, **IMAGENET),
    "wider-crop": BitImageProcessorPil(size={"shortest_edge": 40}, crop_size={"height": 61, "width": 61}),
    "not-normalised": ViTImageProcessorPil(size={"height": 48, "width": 48}, do_normalize=False),
}
SIZES = ((90, 60), (61, 97), (48, 48), (20, 33))


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    generator = np.random.default_rng(width)
    coarse = generator.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def data(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_equal_those_of_transformers(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    processor = PROCESSORS[name]
    processor.save_pretrained(tmp_path)
    preprocess = Preprocess.load(tmp_path)
    image = picture(*size)
    right = np.asarray(processor(image, return_tensors="np")["pixel_values"][0])
    found = preprocess.normalised(preprocess.read(data(image)))
    assert found.shape == right.shape
    np.testing.assert_allclose(found, right, atol=2e-5)


def test_old_configs_name_one_number(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"feature_extractor_type": "ViTFeatureExtractor", "size": 32}')
    assert Preprocess.load(tmp_path).shape == (32, 32, 3)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"feature_extractor_type": "ConvNextFeatureExtractor", "size": 64}'
    )
    assert (Preprocess.load(tmp_path).shortest, Preprocess.load(tmp_path).height) == (73, 64)


def test_without_a_config_the_model_says_its_size(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"image_size": 96}')
    assert Preprocess.load(tmp_path).shape == (96, 96, 3)


def test_an_unknown_size_is_told(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text('{"size": {"max_pixels": 9}}')
    with pytest.raises(ModelError, match="size"):
        Preprocess.load(tmp_path)


def test_what_was_saved_is_loaded_again(tmp_path: Path) -> None:
    PROCESSORS["dinov2"].save_pretrained(tmp_path)
    once = Preprocess.load(tmp_path, 28)
    once.save(tmp_path)
    assert Preprocess.load(tmp_path) == once
    assert (once.height, once.width, once.shortest) == (28, 28, 32)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_any_mode_becomes_rgb(mode: str) -> None:
    if mode in ("I;16", "I"):
        image = Image.fromarray(np.linspace(0, 65535, 600).reshape(20, 30).astype("uint16"))
    else:
        image = picture(30, 20, mode if mode not in ("PA", "LA") else "RGBA")
        image = image.convert(mode) if mode == "LA" else image.quantize(8) if mode == "PA" else image
    form = "JPEG" if mode in ("CMYK", "YCbCr") else "TIFF" if mode in ("F", "I") else "PNG"
    pixels = Preprocess(16, 16).read(data(image, form))
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert np.ptp(pixels) > 60


def test_transparency_lies_on_white() -> None:
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert (Preprocess(8, 8).read(data(clear)) == 255).all()


def test_exif_turns_the_picture() -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = Preprocess(8, 8, stretched=(40, 20)).read(data(image, "JPEG", exif=exif, quality=95))
    assert pixels[0].mean() > 200
    assert pixels[-1].mean() < 50
    assert open_picture(data(image, "JPEG", exif=exif)).size == (20, 40)


def test_a_large_jpeg_is_decoded_small() -> None:
    image = picture(1600, 1200)
    small = open_picture(data(image, "JPEG", quality=95), Preprocess(32, 32).target)
    assert small.width < 400
    whole = Preprocess(32, 32).pixels(image).astype(int)
    read = Preprocess(32, 32).read(data(image, "JPEG", quality=95)).astype(int)
    assert np.abs(whole - read).mean() < 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a picture"),
        (b"<svg xmlns='x'/>", "code"),
        (b"not a picture at all", "not a picture"),
        (data(picture(64, 64), "JPEG")[:400], "damaged"),
        (data(picture(64, 64))[:-60], "damaged"),
    ],
    ids=["empty", "svg", "text", "cut-jpeg", "cut-png"],
)
def test_what_cannot_be_read_is_told(content: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        Preprocess(16, 16).read(content)


def test_a_picture_beyond_the_limit_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.data.media.MAX_PIXELS", 1000)
    with pytest.raises(UnreadableError, match="large"):
        Preprocess(16, 16).read(data(picture(50, 50)))


def test_grey_models_see_grey() -> None:
    preprocess = Preprocess(8, 8, channels=1)
    pixels = preprocess.read(data(picture(20, 20)))
    assert pixels.shape == (8, 8, 1)
    assert preprocess.normalised(pixels).shape == (1, 8, 8)
    assert preprocess.mean_pixel.shape == (1,)
