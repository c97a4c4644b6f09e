"""Sounds: heard as transformers' own extractors hear them, whatever the file's rate and format; learned from in whole runs."""

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.trainer import command, tiny_sound
from trainer import sounds, tasks
from trainer.data.media import UnreadableError
from trainer.engines import open_engine
from trainer.errors import DataError, ModelError
from trainer.sounds import Hearing, log_mel

RATE = 16_000


def tone(hertz: float = 440.0, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def noisy(seconds: float = 1.3) -> np.ndarray:
    return tone(seconds=seconds) + 0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(
        np.float32
    )


def file_of(wave: np.ndarray, rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, rate, format=form, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize("mels", [80, 128])
def test_whisper_hears_the_same(tmp_path: Path, mels: int) -> None:
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(feature_size=mels)
    extractor.save_pretrained(tmp_path)
    right = extractor(noisy(), sampling_rate=RATE, return_tensors="np")["input_features"][0]
    np.testing.assert_allclose(Hearing.load(tmp_path).values(noisy()), right, atol=1e-4)


@pytest.mark.filterwarnings("ignore:At least one mel filter")
@pytest.mark.parametrize("settings", [{}, {"max_length": 64, "num_mel_bins": 32}, {"do_normalize": False}])
def test_ast_hears_the_same(tmp_path: Path, settings: dict[str, Any]) -> None:
    from transformers import ASTFeatureExtractor

    extractor = ASTFeatureExtractor(**settings)
    extractor.save_pretrained(tmp_path)
    right = extractor(noisy(), sampling_rate=RATE, return_tensors="np")["input_values"][0]
    np.testing.assert_allclose(Hearing.load(tmp_path).values(noisy()), right, atol=1e-4)


def test_wav2vec2_hears_the_same(tmp_path: Path) -> None:
    from transformers import Wav2Vec2FeatureExtractor

    extractor = Wav2Vec2FeatureExtractor()
    extractor.save_pretrained(tmp_path)
    right = extractor(noisy(), sampling_rate=RATE, return_tensors="np")["input_values"][0]
    found = Hearing.load(tmp_path).values(noisy())
    np.testing.assert_allclose(found[: len(right)], right, atol=1e-5)
    assert len(found) == 1.5 * RATE
    assert not found[len(right) :].any()


def test_an_extractor_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / sounds.CONFIG).write_text('{"feature_extractor_type": "ClapFeatureExtractor"}')
    with pytest.raises(ModelError, match="Clap"):
        Hearing.load(tmp_path)


@pytest.mark.parametrize(
    ("rate", "form", "subtype"),
    [
        (8_000, "WAV", "PCM_16"),
        (22_050, "WAV", "PCM_24"),
        (44_100, "FLAC", None),
        (48_000, "OGG", None),
        (11_025, "AIFF", None),
        (44_100, "MP3", None),
        (96_000, "WAV", "FLOAT"),
        (8_000, "WAV", "ULAW"),
    ],
)
def test_any_rate_and_format(rate: int, form: str, subtype: str | None) -> None:
    wave = tone(rate=rate)
    found = sounds.read_sound(file_of(np.stack([wave, wave], axis=1), rate, form, subtype), RATE)
    assert found.dtype == np.float32
    assert len(found) == pytest.approx(RATE / 2, rel=0.1)
    powers = np.abs(np.fft.rfft(found))
    assert powers.argmax() * RATE / len(found) == pytest.approx(440, rel=0.02)


def test_only_the_middle_of_a_long_sound_is_heard() -> None:
    wave = np.concatenate([np.zeros(RATE), tone(seconds=1.0), np.zeros(RATE)]).astype(np.float32)
    heard = Hearing(sounds.WAVE, seconds=1.0).wave(file_of(wave))
    assert len(heard) == RATE
    assert np.abs(heard).mean() > 0.25


@pytest.mark.parametrize("content", [b"", b"no sound at all", file_of(tone())[:40], b"<svg/>"])
def test_what_cannot_be_heard_is_told(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        sounds.read_sound(content, RATE)


def test_headers_that_lie_cost_nothing() -> None:
    """A rate of 1 Hz makes hours of a few bytes; so loud a sample that its square is infinite is not a number."""
    content = bytearray(file_of(np.zeros(20_000, dtype=np.float32)))
    content[24:28] = (1).to_bytes(4, "little")
    assert len(Hearing(sounds.WAVE, seconds=2.0).wave(bytes(content))) <= 2 * RATE
    loud = sounds.read_sound(file_of(np.full(4_000, 3e38, dtype=np.float32), 8_000, "WAV", "FLOAT"), RATE)
    assert np.isfinite(loud).all()


def test_a_spectrogram_does_not_depend_on_loudness() -> None:
    hearing = log_mel(RATE, 0.5, 40)
    loud, faint = hearing.values(noisy(0.5)), hearing.values(noisy(0.5) / 50)
    assert loud.shape == hearing.shape == (50, 40, 1)
    assert loud.max() == 255
    assert np.abs(loud.astype(int) - faint).max() <= 1
    assert not hearing.values(tone(seconds=0.2))[25:].any()


def test_a_single_sample() -> None:
    for hearing in (log_mel(RATE, 0.5, 40), Hearing(sounds.WAVE), Hearing(sounds.AST, mels=32, frames=64)):
        assert np.isfinite(hearing.values(np.zeros(1, dtype=np.float32))).all()


# Whole runs


def spec_of(folder: Path, sample: list[dict[str, Any]] | None = None, **fields: Any) -> Path:
    task = tasks.get("audio-classification")
    rows = sample or task.sample()
    return command.write_spec(folder, rows, **{"task": task.slug, "params": {"epochs": 1}} | fields)


@pytest.mark.parametrize(
    ("kind", "method"), [("hubert", "full"), ("wavlm", "probe"), ("ast", "lora"), ("ast", "full"), ("whisper", "full")]
)
def test_every_kind_of_model(kind: str, method: str, tmp_path: Path) -> None:
    tiny_sound.build(tmp_path, kind)
    spec = spec_of(tmp_path / "run", model=f"local:tiny-{kind}", method=method)
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    exported = json.loads((tmp_path / "out" / "artifact" / "onnx" / "export.json").read_text())
    assert exported["agreement_fp32"] == 1.0


def test_a_run_hears_low_from_high_and_goes_on_as_a_base_model(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "run", model="scratch:cnn-logmel", method="scratch", params={"epochs": 8})
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["accuracy"] == 1.0
    base = f"artifact:{tmp_path / 'out' / 'artifact'}"
    spec = spec_of(tmp_path / "second", model=base, method="probe", params={})
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "again")
    assert code == 0, events[-1]
    assert events[-1]["metrics"]["accuracy"] == 1.0


def test_damaged_sounds_are_listed_and_the_rest_learned_from(tmp_path: Path) -> None:
    rows = tasks.get("audio-classification").sample()
    rows[3] = rows[3] | {"audio": rows[3]["audio"][:60]}
    rows[5] = rows[5] | {"audio": b"RIFF, but not a sound"}
    spec = spec_of(tmp_path / "run", rows, model="scratch:cnn-logmel", method="scratch")
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    told = " ".join(event["message"] for event in command.of(events, "warning"))
    assert "00003.wav is cut short" in told
    assert "00005.wav is not a sound" in told


def test_the_engine_answers_bytes_urls_and_paths_alike(tmp_path: Path) -> None:
    spec = spec_of(tmp_path / "run", model="scratch:cnn-logmel", method="scratch")
    command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    engine = open_engine(tmp_path / "out" / "artifact")
    data = file_of(tone(1500, 0.25, 44_100), 44_100, "FLAC")
    (tmp_path / "a.flac").write_bytes(data)
    url = "data:audio/flac;base64," + base64.b64encode(data).decode()
    answers = engine.predict([engine.read(value) for value in (data, url, tmp_path / "a.flac")])
    assert answers[0] == answers[1] == answers[2]
    spans = engine.explain(engine.read(data))["parts"]
    assert spans[0]["start"] == 0.0
    assert len(spans) == 10
    warm = engine.explain(engine.read(data), "grad_cam")
    assert (warm["unit"], len(warm["heat"]), len(warm["parts"])) == ("heat", 1, 10), "one strip over time"
    assert sum(part["weight"] for part in warm["parts"]) == pytest.approx(max(warm["heat"][0]), abs=0.02)
    with pytest.raises(DataError, match="not a sound"):
        engine.read(b"GIF89a")


def test_a_version_of_a_zip_by_folder(tmp_path: Path) -> None:
    """The profile's own lengths and rates decide how the sounds are heard."""
    with zipfile.ZipFile(tmp_path / "sounds.zip", "w") as archive:
        for number, row in enumerate(tasks.get("audio-classification").sample()):
            archive.writestr(f"{row['label']}/{number}.wav", row["audio"])
    command.call(tmp_path, "inspect", tmp_path / "sounds.zip", "--out", tmp_path / "version")
    spec = {"dataset": {"path": str(tmp_path / "version")}, "model": "scratch:cnn-logmel", "method": "scratch"}
    (tmp_path / "spec.json").write_text(json.dumps(spec | {"task": "audio-classification", "params": {"epochs": 1}}))
    code, events = command.call(tmp_path, "run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert code == 0, events[-1]
    manifest = json.loads((tmp_path / "out" / "artifact" / "manifest.json").read_text())
    assert manifest["sound"] == {"rate": 8000, "seconds": 0.3}
