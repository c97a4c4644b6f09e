"""Engines that look and listen, over graphs of a few numbers: every form of an input, what cannot be read, and exact explanations."""

import base64
import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving import tiny_pictures
from tests.trainer import hand_made
from trainer.engines import open_engine
from trainer.engines.image import GRID, region_parts
from trainer.engines.sound import SPANS
from trainer.errors import DataError
from trainer.pictures import Preprocess
from trainer.sounds import WAVE, Hearing

SIDE, RATE = 14, 16_000


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Light where the mean colour is above the middle."""
    return tiny_pictures.build(tmp_path_factory.mktemp("pictures"), SIDE)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loud where the mean of a sound's distances from silence is above 0.1."""
    from onnx import TensorProto, helper

    artifact = tmp_path_factory.mktemp("sounds")
    nodes = [
        helper.make_node("Abs", ["sound"], ["distances"]),
        helper.make_node("ReduceMean", ["distances"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("MatMul", ["mean", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["answers"]),
    ]
    constants = {
        "weights": np.array([[-10.0, 10.0]], dtype=np.float32),
        "bias": np.array([1.0, -1.0], dtype=np.float32),
    }
    inputs = {"sound": (TensorProto.FLOAT, ["batch", "samples"])}
    hand_made.graph(artifact, nodes, inputs, constants, ["batch", 2])
    (artifact / "model").mkdir()
    Hearing(WAVE, RATE, seconds=2.0, standardise=False).save(artifact / "model")
    return hand_made.seal(artifact, "audio-classification", ["quiet", "loud"], "onnx-fp32")


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finds a cup on the left of everything, the surer the lighter it is, and a plate that it is never sure of."""
    from onnx import TensorProto, helper

    artifact = tmp_path_factory.mktemp("objects")
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["light"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["light", "shape"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["flat"]),
        helper.make_node("Add", ["flat", "boxes"], ["both"]),
        helper.make_node("Reshape", ["both", "queries"], ["answers"]),
    ]
    constants = {
        "shape": np.array([-1, 1], dtype=np.int64),
        "queries": np.array([-1, 2, 6], dtype=np.int64),
        "weights": np.array([[1 / 255, *[0] * 11]], dtype=np.float32),
        "boxes": np.array([[0, 0, 0.25, 0.5, 0.5, 1.0, 0, 0.3, 0.5, 0.5, 1.0, 1.0]], dtype=np.float32),
    }
    inputs = {"pixels": (TensorProto.UINT8, ["batch", SIDE, SIDE, 3])}
    hand_made.graph(artifact, nodes, inputs, constants, ["batch", 2, 6])
    (artifact / "model").mkdir()
    Preprocess(SIDE, SIDE).save(artifact / "model")
    return hand_made.seal(artifact, "object-detection", ["cup", "plate"], "onnx-fp32", threshold=0.4)


def address(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


# Pictures


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_picture_of_any_kind_and_form_is_the_same(pictures: Path, tmp_path: Path, kind: str) -> None:
    engine = open_engine(pictures)
    data = hand_made.picture(200, size=(30, 20), kind=kind)
    (tmp_path / "a.bin").write_bytes(data)
    read = [engine.read(value) for value in (data, address(data), tmp_path / "a.bin")]
    assert read[0].shape == (SIDE, SIDE, 3)
    assert all(np.array_equal(each, read[0]) for each in read)
    assert engine.predict(read[:1])[0]["label"] == "light"


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA", "CMYK"])
def test_pictures_of_every_mode_are_seen(pictures: Path, mode: str) -> None:
    engine, file = open_engine(pictures), io.BytesIO()
    Image.new("L", (9, 9), 255).convert(mode).save(file, "TIFF" if mode == "CMYK" else "PNG")
    assert engine.predict([engine.read(file.getvalue())])[0]["label"] == "light"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "."),
        (b"not a picture", "."),
        (hand_made.picture(1, size=(50, 50))[:60], "."),
        ("data:image/png;base64,@@@", "base64"),
        ("data:image/png;base64,", "."),
        ("a kettle", "must be a picture"),
        (7, "must be a picture"),
        (None, "must be a picture"),
        (Path("/nowhere/at/all.png"), "is not there"),
    ],
    ids=["nothing", "words", "cut off", "no base64", "empty", "a text", "a number", "none", "no file"],
)
def test_what_is_no_picture_is_refused_in_words(pictures: Path, value: object, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        open_engine(pictures).read(value)
    assert raised.value.code == "bad_input"
    assert raised.value.hint


def test_pictures_together_are_answered_as_one_by_one(pictures: Path) -> None:
    engine = open_engine(pictures)
    engine.warm()
    read = [engine.read(hand_made.picture(shade)) for shade in (0, 90, 127, 128, 200, 255)]
    together = engine.predict(read)
    assert together == [engine.predict([each])[0] for each in read]
    assert [each["label"] for each in together] == ["dark"] * 3 + ["light"] * 3
    assert engine.answers(read, 4) == [each["label"] for each in together]


def test_regions_cover_the_whole_picture_once() -> None:
    pixels = np.full((SIDE, SIDE + 3, 3), 9, dtype=np.uint8)
    parts = region_parts(pixels, np.array([1, 2, 3], dtype=np.uint8), np.asarray)
    covered = [(parts.without([place]) != pixels).any(axis=2) for place in range(len(parts.described))]
    assert len(covered) == GRID**2
    assert (np.sum(covered, axis=0) == 1).all()
    assert sum(part["box"][2] * part["box"][3] for part in parts.described) == pytest.approx(1, abs=0.01)
    some = [0, 5, GRID**2 - 1]
    assert ((parts.without(some) != pixels).any(axis=2) == np.any([covered[place] for place in some], axis=0)).all()


def test_a_region_weighs_by_what_its_grey_takes_away(pictures: Path) -> None:
    """White on the left, black on the right: without a region of the left it is less light, on the right it is lighter."""
    pixels = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    pixels[:, : SIDE // 2] = 255
    pixels[:, SIDE // 2 : SIDE // 2 + 1] = 14
    explained = open_engine(pictures).explain(pixels)
    assert (explained["method"], explained["unit"], explained["calls"]) == ("occlusion", "probability", GRID**2 + 1)
    weights = np.array([region["weight"] for region in explained["parts"]]).reshape(GRID, GRID)
    assert (weights[:, :3] > 0).all()
    assert (weights[:, 4:] < 0).all()
    assert np.ptp(weights, axis=0).max() == 0


# Sounds


def tone(seconds: float, loud: float = 0.5) -> np.ndarray:
    return loud * np.sin(2 * np.pi * 400 * np.arange(int(RATE * seconds)) / RATE)


def test_sounds_of_other_lengths_together_are_answered_as_one_by_one(sounds: Path) -> None:
    engine = open_engine(sounds)
    engine.warm()
    read = [
        engine.read(hand_made.sound(tone(seconds, loud)))
        for seconds, loud in ((0.3, 0.5), (1.7, 0.1), (0.5, 0.9), (1.7, 0.8), (0.01, 0.5))
    ]
    assert {len(each) for each in read} == {RATE // 2, 2 * RATE}
    assert engine.predict(read) == [engine.predict([each])[0] for each in read]
    assert engine.answers(read, 2) == [each["label"] for each in engine.predict(read)]


def test_of_a_long_sound_the_middle_is_heard(sounds: Path) -> None:
    engine = open_engine(sounds)
    wave = np.concatenate([np.zeros(2 * RATE), tone(2.0), np.zeros(2 * RATE)])
    heard = engine.read(hand_made.sound(wave))
    assert len(heard) == 2 * RATE
    assert np.abs(heard).mean() > 0.2


def test_spans_of_time_cover_the_sound_and_weigh_by_how_loud_they_are(sounds: Path) -> None:
    engine = open_engine(sounds)
    wave = np.concatenate([tone(1.0, 0.9), np.zeros(RATE)])
    explained = engine.explain(engine.read(hand_made.sound(wave)))
    spans = explained["parts"]
    assert {span["kind"] for span in spans} == {"span"}
    assert len(spans) == SPANS
    assert [spans[0]["start"], spans[-1]["end"]] == [0.0, 2.0]
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(spans))
    assert all(span["weight"] > 0.01 for span in spans[:5])
    assert all(span["weight"] == pytest.approx(0, abs=1e-3) for span in spans[5:])


@pytest.mark.parametrize("value", [b"", b"RIFF....", "data:audio/wav;base64,AAAA", Path("/nowhere.wav"), "a text", 3])
def test_what_is_no_sound_is_refused_in_words(sounds: Path, value: object) -> None:
    with pytest.raises(DataError) as raised:
        open_engine(sounds).read(value)
    assert raised.value.code == "bad_input"
    assert raised.value.hint


# Objects


def test_boxes_are_told_in_the_pixels_of_what_was_sent(objects: Path) -> None:
    engine = open_engine(objects, verify=True)
    engine.warm()
    small, wide = (engine.read(hand_made.picture(255, size=size)) for size in ((10, 10), (400, 100)))
    first, second = engine.predict([small, wide])
    assert first["objects"] == [{"label": "cup", "score": 1.0, "box": [0.0, 0.0, 5.0, 10.0]}]
    assert second["objects"][0]["box"] == [0.0, 0.0, 200.0, 100.0]


def test_a_picture_that_lies_on_its_side_has_the_size_that_people_see(objects: Path) -> None:
    engine, file = open_engine(objects), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 10), (255, 255, 255)).save(file, "JPEG", exif=exif)
    picture = engine.read(file.getvalue())
    assert picture.size == (10, 40)
    assert engine.predict([picture])[0]["objects"][0]["box"] == [0.0, 0.0, 5.0, 40.0]


@pytest.mark.parametrize(("shade", "shown"), [(101, 0), (103, 1), (255, 1), (0, 0)])
def test_what_is_less_sure_than_the_threshold_is_not_shown(objects: Path, shade: int, shown: int) -> None:
    engine = open_engine(objects)
    read = engine.read(hand_made.picture(shade))
    assert len(engine.predict([read])[0]["objects"]) == shown
    assert any(part["weight"] for part in engine.explain(read)["parts"]) is bool(shown)


def test_a_region_weighs_by_how_much_less_sure_the_surest_object_is_without_it(objects: Path) -> None:
    engine = open_engine(objects)
    explained = engine.explain(engine.read(hand_made.picture(255)))
    share = 1 - engine.preprocess.mean_pixel[0] / 255  # type: ignore[attr-defined]
    for region in explained["parts"]:
        area: Any = region["box"][2] * region["box"][3]
        assert region["weight"] == pytest.approx(share * area, abs=2e-3)


def test_many_pictures_are_answered_a_few_at_a_time_in_order(objects: Path) -> None:
    engine = open_engine(objects)
    read = [engine.read(hand_made.picture(shade)) for shade in range(0, 255, 12)]
    assert engine.answers(read, 64) == [engine.answers([each], 1)[0] for each in read]
