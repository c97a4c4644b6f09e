"""Speech recognition: listen to speech, write what was said."""

import math
import random
from typing import Any, Literal

from trainer import speech_net
from trainer.architectures import SPEECH
from trainer.messages import gettext_noop
from trainer.params import advanced
from trainer.spec import Spec
from trainer.tasks.audio import SAMPLE_RATE, wav_file
from trainer.tasks.base import BaseModelCard, Role
from trainer.tasks.media import MIB, ChosenParams, MediaTask
from trainer.tasks.methods import FULL, LORA, SCRATCH

TONE_SECONDS = 0.2
TONES = {"a": 300.0, "e": 700.0, "i": 1200.0, "o": 1900.0, "u": 2800.0}
"""A language of tones: one for each letter, silence between words."""
SNIPPET = """
from pathlib import Path
from trainer.engines import open_engine  # of Maquette; needs numpy, soundfile, soxr, onnxruntime, tokenizers, no torch
engine = open_engine(Path("."))
print(engine.predict([engine.read(Path("your sound.wav"))])[0]["text"])"""


LONGEST_SECONDS = 30


class SpeechParams(ChosenParams):
    """Settings of speech recognition. Source of the beam search: Wu et al. 2016, section 7."""

    seconds: float | None = advanced(
        None,
        gettext_noop("Longest recording"),
        gettext_noop("In seconds; longer recordings are left out. Empty: as long as your longest, at most 30."),
        ge=1,
        le=LONGEST_SECONDS,
    )
    language: str = advanced(
        "",
        gettext_noop("Language"),
        gettext_noop("For Whisper models: a code such as en, de or zh. Empty: the model detects it."),
        pattern=r"^[a-z]{0,3}$",
    )
    num_beams: int = advanced(
        1,
        gettext_noop("Beams"),
        gettext_noop(
            "For Whisper models: how many texts are followed at a time, of which the likeliest is the answer. More take longer. 1: always the likeliest token."
        ),
        ge=1,
        le=8,
    )
    label_smoothing: float = advanced(
        0.0,
        gettext_noop("Label smoothing"),
        gettext_noop("For Whisper models: how much each target token is softened."),
        ge=0,
        lt=1,
    )
    augment: Literal["auto", "none", "light"] = advanced(
        "auto",
        gettext_noop("Augmentation"),
        gettext_noop(
            "Whether recordings are made louder, quieter and noisier at random during training, which helps when there are few."
        ),
    )


def card(ref: str, title: str, summary: str, parameters: int, languages: str, memory: int) -> BaseModelCard:
    licence = "MIT" if "hubert-large" in ref else "Apache 2.0"
    return BaseModelCard(ref, title, summary, parameters, licence, languages, memory * MIB)


class SpeechRecognition(MediaTask):
    slug = "speech-recognition"
    title = gettext_noop("Speech recognition (speech-to-text)")
    summary = gettext_noop("Listens to speech and writes down what was said.")
    modality = "audio"
    thing = "sound"
    roles = (
        Role("audio", gettext_noop("Sound"), "audio", help="What it listens to."),
        Role("text", gettext_noop("Input text"), "text", help="What is said in it."),
    )
    sentence = gettext_noop("Transcribe the recordings (%(text)s).")
    methods = (FULL, LORA, SCRATCH)
    models = (
        card(
            "scratch:gru-ctc",
            speech_net.TITLE,
            gettext_noop(
                "Trained from scratch: learns a few words from minutes of speech, a language only from hours. No download."
            ),
            1_368_606,
            "",
            900,
        ),
        card(
            "hub:facebook/wav2vec2-base-960h",
            "wav2vec2 base 960h",
            gettext_noop("Transcribes English already; learns your words and voices. Needs the Hugging Face hub."),
            94_395_552,
            "English",
            3200,
        ),
        card(
            "hub:facebook/hubert-base-ls960",
            "HuBERT base",
            gettext_noop(
                "Pretrained on spoken English; learns to transcribe from your texts. Needs the Hugging Face hub."
            ),
            94_371_712,
            "English",
            3200,
        ),
        card(
            "hub:openai/whisper-tiny",
            "Whisper tiny",
            gettext_noop("Transcribes 99 languages, with case and punctuation. Needs the Hugging Face hub."),
            37_760_640,
            "99 languages",
            1600,
        ),
        card(
            "hub:openai/whisper-small",
            "Whisper small",
            gettext_noop("Like Whisper tiny with far fewer mistakes; for a GPU. Needs the Hugging Face hub."),
            241_734_912,
            "99 languages",
            6500,
        ),
    )
    params = SpeechParams
    metrics = ("wer", "cer")
    headline = "wer"
    widget_in = "audio"
    architectures = SPEECH
    family = "trainer.families.audio.speech.SpeechFamily"
    engine = "trainer.engines.speech.SpeechEngine"
    longest_seconds = LONGEST_SECONDS
    answer = "text"
    answer_role = "text"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        """Words of a language in which each letter is a tone."""
        generator = random.Random(0)  # noqa: S311
        words = ["ae", "io", "ua", "ei", "ou"]
        texts = [" ".join(generator.choice(words) for _word in range(2)) for _row in range(24)]
        return [{"audio": spoken(text), "text": text} for text in texts]

    @classmethod
    def describe(cls, spec: Spec) -> dict[str, Any]:
        return speech_net.describe(spec.model)

    @classmethod
    def snippet(cls) -> str:
        return SNIPPET


def spoken(text: str) -> bytes:
    """A WAV file of tones, one a letter."""
    levels: list[float] = []
    for letter in text:
        pitch, samples = TONES.get(letter, 0.0), int(SAMPLE_RATE * TONE_SECONDS)
        hushed = (min(1.0, sample / 200, (samples - sample) / 200) for sample in range(samples))
        levels += [
            0.6 * hush * math.sin(2 * math.pi * pitch * sample / SAMPLE_RATE) for sample, hush in enumerate(hushed)
        ]
    return wav_file(levels)
