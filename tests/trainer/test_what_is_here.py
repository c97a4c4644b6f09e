"""What the machine has, asked of real commands and files: GPUs as their driver tells them, processors, memory, nets that learn by
torch's own convolutions; and what sample sets are drawn of."""

import io
import json
import os
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from trainer import drawn_samples, gpus, hardware
from trainer.gpus import Gpu, list_gpus, parse_gpu
from trainer.hardware import BF16_WEIGHTS, Device, OwnTimes, has_narrow_convolutions

# GPUs


def driver(folder: Path, script: str) -> str:
    """A PATH on which `nvidia-smi` is this shell script."""
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("0, NVIDIA H200, 143771, 512, 7", Gpu(0, "NVIDIA H200", 143_771 * 2**20, 512 * 2**20, 0.07)),
        ("12, Tesla T4, 15360, 0, 100", Gpu(12, "Tesla T4", 15_360 * 2**20, 0, 1.0)),
        ("1, GRID, [N/A], [N/A], [N/A]", Gpu(1, "GRID")),
        ("0, A10, 24 GiB, 1.5, [Not Supported]", Gpu(0, "A10", None, int(1.5 * 2**20), None)),
    ],
)
def test_a_line_of_the_driver_is_read(line: str, wanted: Gpu) -> None:
    assert parse_gpu(line) == wanted
    assert wanted.as_dict()["kind"] == "gpu"


def test_the_driver_s_answer_is_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'printf "0, NVIDIA H200, 100, 1, 2\\n\\nwarning: old driver\\n1, NVIDIA H200, 100, 1, 2\\n"'
    monkeypatch.setenv("PATH", driver(tmp_path, script))
    assert [gpu.index for gpu in list_gpus()] == [0, 1]


@pytest.mark.parametrize("script", ["exit 9", "exec sleep 5", "echo broken; exit 1"], ids=["refuses", "hangs", "fails"])
def test_a_driver_that_does_not_answer_is_no_gpu(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", driver(tmp_path, script))
    monkeypatch.setattr(gpus, "SECONDS", 0.2)
    assert list_gpus() == []
    assert "nvidia-smi did not answer" in caplog.text


def test_without_a_driver_there_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_gpus() == []


# Processors


@pytest.mark.parametrize(
    ("layers", "narrow"),
    [
        ([nn.Conv2d(3, 8, 3)], True),
        ([nn.Conv1d(3, 15, 3)], True),
        ([nn.Conv2d(3, 16, 3)], False),
        ([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8)], False),
        ([nn.Linear(3, 4)], False),
    ],
    ids=["of few channels", "in one dimension", "wide enough", "grouped", "none"],
)
def test_nets_of_narrow_convolutions_are_known(layers: list[nn.Module], narrow: bool) -> None:
    assert has_narrow_convolutions(nn.Sequential(*layers)) is narrow


def test_a_small_net_stays_in_full_precision_and_a_large_one_does_not() -> None:
    told: list[object] = []
    device = Device("cpu", 1, lambda *arguments, **_fields: told.append(arguments))
    device.bf16 = True
    device.place(nn.Linear(10, 10))
    assert not device.bf16
    device.bf16 = True
    device.place(nn.Linear(BF16_WEIGHTS // 1000 + 1, 1000))
    assert device.bf16
    with device.autocast():
        assert torch.mm(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.bfloat16
    assert told == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_with_what_to_do() -> None:
    told: list[tuple[object, ...]] = []
    device = Device("gpu", 1, lambda *arguments: told.append(arguments))
    assert device.torch_device.type == "cpu"
    assert [code for code, _message, _hint in told] == ["no_gpu"]
    assert "trainer hardware" in str(told[0][2])


def test_a_machine_describes_itself_as_json() -> None:
    described = json.loads(json.dumps(hardware.describe()))
    assert described["cpu"]["cores"] >= 1
    assert 0 < described["memory"]["available_bytes"] <= described["memory"]["total_bytes"]


def test_own_times_are_those_of_this_process() -> None:
    times = OwnTimes()
    assert times.memory_info().rss > 2**20
    assert sum(range(2_000_000)) > 0
    assert 0 < times.cpu_percent() < 6400


# What samples are drawn of


def peak_frequencies(data: bytes) -> tuple[float, float]:
    """The strongest frequency of the first and of the last fifth of a sound, in hertz."""
    with wave.open(io.BytesIO(data)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float)
        rate = file.getframerate()
    fifth = len(samples) // 5
    ends = []
    for part in (samples[:fifth], samples[-fifth:]):
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8192))
        ends.append(float(spectrum.argmax() * rate / 8192))
    return ends[0], ends[1]


def test_tones_rise_fall_or_stay_as_their_folders_say(tmp_path: Path) -> None:
    drawn_samples.tones(tmp_path / "tones.zip")
    with zipfile.ZipFile(tmp_path / "tones.zip") as archive:
        ratios = {
            kind: np.array(
                [np.divide(*peak_frequencies(archive.read(f"{kind}/{number:03d}.wav"))[::-1]) for number in range(20)]
            )
            for kind in ("rising", "falling", "steady")
        }
    assert (ratios["rising"] > 1.3).all()
    assert (ratios["falling"] < 0.85).all()
    assert (np.abs(ratios["steady"] - 1) < 0.05).all()


def test_boxes_of_shapes_hold_one_colour_in_their_middle(tmp_path: Path) -> None:
    drawn_samples.shapes(tmp_path / "shapes.zip")
    with zipfile.ZipFile(tmp_path / "shapes.zip") as archive:
        told = json.loads(archive.read("boxes.json"))
        last: dict[int, dict[str, list[int]]] = {box["image_id"]: box for box in told["annotations"]}
        for number, box in last.items():  # nothing lies over the one that was drawn last
            with Image.open(io.BytesIO(archive.read(f"images/{number:03d}.png"))) as image:
                left, top, width, height = box["bbox"]
                assert image.size == (drawn_samples.SHAPE_SIDE,) * 2
                assert left + width <= drawn_samples.SHAPE_SIDE
                assert top + height <= drawn_samples.SHAPE_SIDE
                middle = image.getpixel((left + width // 2, top + height // 2))
                assert middle in drawn_samples.COLOURS.values()
    assert {image["id"] for image in told["images"]} == set(range(drawn_samples.SHAPE_PICTURES))


def test_a_harvest_takes_both_the_picture_and_the_note(tmp_path: Path) -> None:
    import csv

    drawn_samples.harvest(tmp_path / "harvest.zip")
    with zipfile.ZipFile(tmp_path / "harvest.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("metadata.csv").decode())))
        red: list[bool] = []
        for row in rows:
            with Image.open(io.BytesIO(archive.read(row["file_name"]))) as image:
                pixels = np.asarray(image.convert("RGB")).astype(int)
                red.append(bool((pixels[..., 0] - pixels[..., 1]).max() > 100))
    buyers = [next(buyer for buyer, notes in drawn_samples.NOTES.items() if any(note in row["text"] for note in notes)) for row in rows]  # fmt: skip
    answers = [drawn_samples.DONE[ripe, buyer] for ripe, buyer in zip(red, buyers, strict=True)]
    assert answers == [row["label"] for row in rows]
    assert {answers.count(label) for label in drawn_samples.DONE.values()} == {drawn_samples.HARVEST_EACH}
