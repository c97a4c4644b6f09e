"""What the tasks have in common that listen to one sound."""

import io
import math
import random
import struct
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

from trainer import nets
from trainer.architectures import SOUND
from trainer.messages import gettext_noop
from trainer.params import advanced, check_params
from trainer.spec import Spec
from trainer.tasks.base import BaseModelCard
from trainer.tasks.media import MIB, MediaParams, MediaTask, labels_in, profile_of, scratch_card
from trainer.tasks.methods import BEST, FULL, LORA, PROBE, SCRATCH

SAMPLE_RATE, SAMPLE_SECONDS = 8000, 0.25
SNIPPET = """
import json, onnxruntime
from trainer.sounds import Hearing  # of Maquette; needs numpy, soundfile and soxr, no torch
manifest, hearing = json.load(open("manifest.json")), Hearing.load("model")
values = hearing.values(hearing.wave(open("your sound.wav", "rb").read()))
session = onnxruntime.InferenceSession("onnx/model.fp32.onnx")
logits = session.run(None, {"sound": values[None]})[0][0]
print(manifest["labels"][logits.argmax()])"""


class SoundParams(MediaParams):
    """Settings of sound tasks; `probe` uses `seconds` alone."""

    seconds: float | None = advanced(
        None,
        gettext_noop("Longest recording"),
        gettext_noop(
            "In seconds; only the middle of longer recordings is used. Empty: long enough for nearly all of yours, at most 10."
        ),
        ge=0.1,
        le=30,
    )
    augment: Literal["auto", "none", "light", "strong"] = advanced(
        "auto",
        gettext_noop("Augmentation"),
        gettext_noop(
            "How strongly recordings are shifted, masked and blended at random during training, which helps when there are few."
        ),
    )


METHODS = (PROBE, LORA, FULL, SCRATCH, BEST)


MODELS = (
    *(scratch_card(net, nets.SOUND_NETS) for net in nets.SOUND_NETS.values()),
    BaseModelCard(
        "hub:facebook/wav2vec2-base",
        "wav2vec2 base",
        gettext_noop("Has listened to 960 hours of English; for words and voices. Needs the Hugging Face hub."),
        94_371_712,
        "Apache 2.0",
        "English",
        3200 * MIB,
    ),
    BaseModelCard(
        "hub:facebook/hubert-base-ls960",
        "HuBERT base",
        gettext_noop("Like wav2vec2, often a little better on moods and speakers. Needs the Hugging Face hub."),
        94_371_712,
        "Apache 2.0",
        "English",
        3200 * MIB,
    ),
    BaseModelCard(
        "hub:MIT/ast-finetuned-audioset-10-10-0.4593",
        "Audio spectrogram transformer",
        gettext_noop("Knows 527 kinds of everyday sounds; for machines, animals, alarms. Needs the Hugging Face hub."),
        86_187_264,
        "BSD 3-Clause",
        "",
        3600 * MIB,
    ),
    BaseModelCard(
        "hub:openai/whisper-tiny",
        "Whisper tiny",
        gettext_noop("Has listened to speech in 99 languages; small and quick. Needs the Hugging Face hub."),
        37_760_640,
        "Apache 2.0",
        "99 languages",
        1600 * MIB,
    ),
)


class SoundTask(MediaTask):
    modality = "audio"
    thing = "sound"
    widget_in = "audio"
    architectures = SOUND
    family = "trainer.families.audio.sounds.SoundFamily"
    engine = "trainer.engines.sound.SoundEngine"
    methods = METHODS
    models = MODELS
    params: ClassVar[type[SoundParams]] = SoundParams

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        """A `scratch:` model's layers as JSON, for a diagram; see `trainer.nets.describe`."""
        params = check_params(cls.params, spec.params)
        _channels, frames, mels = nets.find(spec.model, nets.SOUND_NETS).shape
        if params.seconds:
            frames = round(params.seconds * 100)
        labels = labels_in(profile_of(Path(spec.dataset.path)))
        return nets.describe(spec.model, params, (1, frames, mels), labels, nets.SOUND_NETS)

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def sample_tone(hertz: float, generator: random.Random) -> bytes:
    """A WAV file of one tone with some noise, at 16 bits."""
    pitch, loudness = hertz * generator.uniform(0.95, 1.05), generator.uniform(0.3, 0.8)
    times = (sample / SAMPLE_RATE for sample in range(int(SAMPLE_RATE * SAMPLE_SECONDS)))
    levels = (loudness * math.sin(2 * math.pi * pitch * time) + generator.uniform(-0.05, 0.05) for time in times)
    return wav_file(levels)


def wav_file(levels: Iterable[float]) -> bytes:
    """Levels of -1 to 1 as a WAV file of 16 bits and `SAMPLE_RATE` samples a second."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(b"".join(struct.pack("<h", round(32_000 * level)) for level in levels))
    return buffer.getvalue()
