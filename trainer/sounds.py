"""A sound's bytes as the numbers that a model takes: one code for training and for serving, of soundfile, soxr and numpy.

What a model wants stands in its preprocessor_config.json; the answers equal those of transformers' own feature extractors.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import decoding
from trainer.data.media import MAX_SOUND_RATE, MAX_SOUND_SECONDS, UnreadableError, block_size, check_rate
from trainer.errors import ModelError
from trainer.files import read_json
from trainer.messages import _
from trainer.pictures import CONFIG

if TYPE_CHECKING:
    from soundfile import SoundFile

OWN = "maquette_sound"
"""The key under which an artifact's preprocessor_config.json says it all at once."""
WAVE, LOGMEL, WHISPER, AST = "wave", "logmel", "whisper", "ast"
RATE = 16_000
WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.010
BUCKET_SECONDS = 0.5
"""Waves are padded with silence to a multiple of this, so that many can be answered together exactly as one alone is."""
DECADES = 8.0
"""Powers that a log-mel spectrogram spans: what is fainter than the sound's own peak by more is silence."""
FAINTEST = 1e-10
PREEMPHASIS, KALDI_FLOOR, KALDI_LOWEST_HZ = 0.97, 1.192092955078125e-07, 20.0
SAMPLE_BYTES = 16
"""A sample of the file: its blocks, all of them in one, and what resampling holds."""
SPECTRUM_BYTES = 2 << 20
"""A second of what becomes a spectrogram."""
BLOCK_BYTES = 16 << 20
"""Of what is resampled block by block."""
LOUDEST = 1e6
"""Samples are kept within this: full scale is 1, or 32,768 where whole numbers were written as floats."""


@dataclass(frozen=True)
class Hearing:
    """From samples to a model's input.

    `kind`: wave (samples in standard units, of any length), logmel (bytes, (frames, mels, 1)), whisper (float32, (mels,
    frames)) or ast (float32, (frames, mels)). `seconds`: the longest that is heard; of a longer sound the middle.
    """

    kind: str
    rate: int = RATE
    seconds: float = 10.0
    mels: int = 0
    frames: int = 0
    """Of the kinds of fixed length; shorter sounds end in silence."""
    standardise: bool = True
    mean: float = 0.0
    deviation: float = 0.5
    """Of ast: (value - mean) / (2 · deviation)."""

    @property
    def samples(self) -> int:
        return int(self.seconds * self.rate)

    @property
    def fixed(self) -> bool:
        """Whether every input has the same shape."""
        return self.kind != WAVE

    # A log-mel spectrogram is to a small net what a grey picture is: see `trainer.pictures.Preprocess`
    factor, shift, channels = (1 / 127.5,), (-1.0,), 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input; a wave's is its longest."""
        shapes = {LOGMEL: (self.frames, self.mels, 1), WHISPER: (self.mels, self.frames), AST: (self.frames, self.mels)}
        return shapes.get(self.kind, (self.samples,))

    @cached_property
    def window(self) -> int:
        return int(WINDOW_SECONDS * self.rate)

    @cached_property
    def hop(self) -> int:
        return int(HOP_SECONDS * self.rate)

    def wave(self, data: bytes) -> np.ndarray:
        """A file's bytes as mono float32 samples of this rate, at most `seconds` of them; `UnreadableError`."""
        return read_sound(data, self.rate, self.seconds)[: self.samples]

    def values(self, wave: np.ndarray) -> np.ndarray:
        """Samples as one input of the model."""
        return {WAVE: self.of_wave, LOGMEL: self.of_logmel, WHISPER: self.of_whisper, AST: self.of_ast}[self.kind](wave)

    def of_wave(self, wave: np.ndarray) -> np.ndarray:
        if self.standardise:
            wave = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
        bucket = int(BUCKET_SECONDS * self.rate)
        return padded(wave.astype(np.float32), bucket * -(-len(wave) // bucket))

    def of_logmel(self, wave: np.ndarray) -> np.ndarray:
        """0: silence, 255: the sound's loudest moment; how loud it was recorded makes no difference."""
        size = 1 << (self.window - 1).bit_length()
        bank = mel_bank(self.rate, size, self.mels, 0.0, self.rate / 2, "slaney")
        power = power_spectrum(padded(wave, max(len(wave), self.window)), self.window, self.hop, size) @ bank
        levels = np.log10(np.maximum(power, FAINTEST))
        share = (levels - levels.max()) / DECADES + 1
        levels_8bit = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
        return padded(levels_8bit, self.frames)[: self.frames, :, None]

    def of_whisper(self, wave: np.ndarray) -> np.ndarray:
        """As `WhisperFeatureExtractor`: the frames' middles are the steps, the last one is left out."""
        bank = mel_bank(self.rate, self.window, self.mels, 0.0, self.rate / 2, "slaney")
        around = np.pad(padded(wave, self.frames * self.hop), self.window // 2, mode="reflect")
        power = power_spectrum(around, self.window, self.hop, self.window)[: self.frames] @ bank
        levels = np.log10(np.maximum(power, FAINTEST))
        values: np.ndarray = ((np.maximum(levels, levels.max() - DECADES) + 4) / 4).T.astype(np.float32)
        return values

    def of_ast(self, wave: np.ndarray) -> np.ndarray:
        """As `ASTFeatureExtractor`: Kaldi's filter bank."""
        size = 1 << (self.window - 1).bit_length()
        bank = mel_bank(self.rate, size, self.mels, KALDI_LOWEST_HZ, self.rate // 2, "kaldi")
        power = (
            power_spectrum(padded(wave, max(len(wave), self.window)), self.window, self.hop, size, kaldi=True) @ bank
        )
        levels = padded(np.log(np.maximum(power, KALDI_FLOOR)), self.frames)[: self.frames]
        return ((levels - self.mean) / (2 * self.deviation)).astype(np.float32)

    def save(self, folder: Path) -> None:
        (folder / CONFIG).write_text(json.dumps({OWN: asdict(self)}, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path, seconds: float | None = None) -> "Hearing":
        """What a model folder says; `seconds` for models that take any length."""
        config = read_json(folder / CONFIG)
        if OWN in config:
            return cls(**config[OWN])
        return from_config(config, read_json(folder / "config.json"), seconds)


def log_mel(rate: int, seconds: float, mels: int) -> Hearing:
    """What a small net hears: a spectrogram of fixed length."""
    return Hearing(LOGMEL, rate, seconds, mels, frames=max(1, round(seconds / HOP_SECONDS)))


def from_config(config: dict[str, Any], model: dict[str, Any], seconds: float | None) -> Hearing:
    """By preprocessor_config.json, or where there is none by the kind of model; `ModelError` for a kind not known here."""
    name = config.get("feature_extractor_type") or config.get("processor_class") or model.get("model_type", "")
    rate = int(config.get("sampling_rate", RATE))
    if name.lower().startswith("whisper"):
        mels = int(config.get("feature_size", model.get("num_mel_bins", 80)))
        chunk = float(config.get("chunk_length", 30))
        return Hearing(WHISPER, rate, chunk, mels, frames=int(chunk * rate) // int(HOP_SECONDS * rate))
    if name.lower().startswith(("ast", "audio-spectrogram")):
        frames = int(config.get("max_length", model.get("max_length", 1024)))
        mels = int(config.get("num_mel_bins", model.get("num_mel_bins", 128)))
        mean, deviation = (float(config.get("mean", -4.2677393)), float(config.get("std", 4.5689974)))
        if not config.get("do_normalize", True):
            mean, deviation = 0.0, 0.5
        return Hearing(AST, rate, frames * HOP_SECONDS + WINDOW_SECONDS, mels, frames, mean=mean, deviation=deviation)
    if name in ("Wav2Vec2FeatureExtractor", "Wav2Vec2Processor") or not config.get("feature_extractor_type"):
        return Hearing(WAVE, rate, seconds or 10.0, standardise=bool(config.get("do_normalize", True)))
    raise ModelError(
        _("The feature extractor of the base model, %(name)s, is not supported.", name=name),
        hint=_("Choose a model of the kinds wav2vec2, HuBERT, WavLM, AST or Whisper."),
    )


# Samples


def read_sound(data: bytes, rate: int, seconds: float = MAX_SOUND_SECONDS) -> np.ndarray:
    """Mono float32 samples at `rate` Hz, resampled in high quality by soxr; of a longer sound the middle `seconds`, and
    no more than that is decoded. Raises `UnreadableError`."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            own_rate = sound.samplerate
            check_rate(own_rate)
            most = int(np.ceil(min(seconds, MAX_SOUND_SECONDS) * own_rate))
            wave = read_samples(sound, max(0, (sound.frames - most) // 2), most)
            if not len(wave):  # a header that says more than there is
                wave = read_samples(sound, 0, most)
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise UnreadableError("is not a sound, or damaged") from error
    if not len(wave):
        raise UnreadableError("holds no sound")
    np.nan_to_num(wave, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    np.clip(wave, -LOUDEST, LOUDEST, out=wave)
    return resample(wave, own_rate, rate)


def read_long(data: bytes, rate: int, seconds: float) -> np.ndarray:
    """The same of the first `seconds` of a long sound, resampled block by block, so that at its own rate no more than a block of it is
    held. Raises `UnreadableError`."""
    import soundfile

    blocks, missing = [np.zeros(0, np.float32)], int(np.ceil(seconds * rate))
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            check_rate(sound.samplerate)
            for block in resampled_blocks(sound, rate):
                blocks.append(block[:missing])
                missing -= len(blocks[-1])
                if not missing:
                    break
    except (RuntimeError, OSError, ValueError, TypeError) as error:
        raise UnreadableError("is not a sound, or damaged") from error
    wave = np.concatenate(blocks)
    if not len(wave):
        raise UnreadableError("holds no sound")
    return wave


def resampled_blocks(sound: "SoundFile", rate: int) -> Iterator[np.ndarray]:
    """Of a SoundFile's mean over its channels."""
    import soxr

    own_rate = sound.samplerate
    stream = soxr.ResampleStream(own_rate, rate, 1, dtype="float32") if own_rate != rate else None
    for block in sound.blocks(block_size(own_rate, sound.channels), dtype="float32", always_2d=True):
        mono = np.nan_to_num(block.mean(axis=1), nan=0.0, posinf=0.0, neginf=0.0).clip(-LOUDEST, LOUDEST)
        yield mono if stream is None else stream.resample_chunk(mono)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def long_bytes(rate: int, seconds: float) -> int:
    """At most how many bytes `read_long` takes, the encoded ones left out."""
    return int(decoding.FIXED_BYTES + BLOCK_BYTES + 2 * np.float32().itemsize * rate * seconds)


def sound_bytes(data: bytes, seconds: float) -> int:
    """At most how many bytes it takes to read so many `seconds` of a sound, the encoded ones left out, by its header."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            rate = min(sound.samplerate, MAX_SOUND_RATE)
    except (RuntimeError, OSError, ValueError, TypeError):
        return decoding.FIXED_BYTES
    samples = int(np.ceil(min(seconds, MAX_SOUND_SECONDS) * rate))
    return int(decoding.FIXED_BYTES + SAMPLE_BYTES * samples + SPECTRUM_BYTES * seconds)


def read_samples(sound: "SoundFile", start: int, most: int) -> np.ndarray:
    """The mean of a SoundFile's channels, at most so many samples of it."""
    sound.seek(start)
    blocks, count = [np.zeros(0, np.float32)], 0
    size = block_size(sound.samplerate, sound.channels)
    for block in sound.blocks(blocksize=size, dtype="float32", always_2d=True):
        blocks.append(block.mean(axis=1)[: most - count])
        count += len(blocks[-1])
        if count >= most:
            break
    return np.concatenate(blocks)


def sound_seconds(data: bytes) -> float:
    """How long a sound lasts, as its header says; 0 where it says nothing."""
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            return float(sound.frames / sound.samplerate)
    except (RuntimeError, OSError, ValueError, TypeError, ZeroDivisionError):
        return 0.0


def resample(wave: np.ndarray, own_rate: int, rate: int) -> np.ndarray:
    if own_rate == rate:
        return wave
    import soxr

    converted = soxr.resample(wave, own_rate, rate)
    return converted if len(converted) else np.zeros(1, dtype=np.float32)


def padded(values: np.ndarray, length: int) -> np.ndarray:
    """Zeros after the end, up to this length."""
    missing = length - len(values)
    return values if missing <= 0 else np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1))


# Spectrograms


def power_spectrum(wave: np.ndarray, window: int, hop: int, size: int, *, kaldi: bool = False) -> np.ndarray:
    """(frames, 1 + size // 2) powers of a short-time Fourier transform under a Hann window.

    `kaldi`: each frame's mean taken out, high tones raised, and the window's last sample zero.
    """
    frames = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), window)[::hop]
    if kaldi:
        frames = frames - frames.mean(axis=1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        frames = frames - PREEMPHASIS * before
    shape = np.hanning(window) if kaldi else np.hanning(window + 1)[:-1]
    powers: np.ndarray = np.abs(np.fft.rfft(frames * shape, n=size, axis=1)) ** 2
    return powers


@cache
def mel_bank(rate: int, size: int, mels: int, low: float, high: float, scale: str) -> np.ndarray:
    """(1 + size // 2, mels) weights of triangular filters that stand evenly on the mel scale.

    `slaney`: Slaney's scale, each filter of area one, as Whisper has it; `kaldi`: triangles on the mel axis itself.
    """
    bins = np.linspace(0, rate // 2, 1 + size // 2)
    edges = np.linspace(to_mel(np.array(low), scale), to_mel(np.array(high), scale), mels + 2)
    if scale == "kaldi":
        bins = to_mel(rate / size * np.arange(1 + size // 2), scale)
        return triangular_filters(bins, edges)
    hertz = from_slaney(edges)
    weights: np.ndarray = triangular_filters(bins, hertz) * (2 / (hertz[2:] - hertz[:-2]))
    return weights


def triangular_filters(bins: np.ndarray, edges: np.ndarray) -> np.ndarray:
    slopes = edges[None, :] - bins[:, None]
    widths = np.diff(edges)
    return np.asarray(np.maximum(0, np.minimum(-slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:])))


SLANEY_BEND_HZ, SLANEY_BEND_MEL = 1000.0, 15.0


def to_mel(hertz: np.ndarray, scale: str) -> np.ndarray:
    if scale == "kaldi":
        return np.asarray(1127.0 * np.log(1 + hertz / 700))
    bent = SLANEY_BEND_MEL + np.log(np.maximum(hertz, 1e-9) / SLANEY_BEND_HZ) * 27 / np.log(6.4)
    return np.where(hertz >= SLANEY_BEND_HZ, bent, 3 * hertz / 200)


def from_slaney(mels: np.ndarray) -> np.ndarray:
    bent = SLANEY_BEND_HZ * np.exp(np.log(6.4) / 27 * (mels - SLANEY_BEND_MEL))
    return np.where(mels >= SLANEY_BEND_MEL, bent, 200 * mels / 3)
