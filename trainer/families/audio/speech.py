"""Sounds and what is said in them: rows, the models that write, and how many words they get wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer import speech_net, transcripts
from trainer.data.loading import Loaded, check_parts, join_names
from trainer.engines.speech import frames_a_piece
from trainer.engines.windows import LONGEST_SECONDS
from trainer.errors import DataError, ModelError
from trainer.families.audio.ctc import KIND, PretrainedCtc, ScratchCtc, Speaking, kind_of
from trainer.families.audio.sounds import Heard, Sounds, buckets, changed, decoded, seconds_of, silence
from trainer.families.audio.whisper import Whisper
from trainer.families.media import common
from trainer.families.media.common import MediaFamily
from trainer.families.media.store import Store
from trainer.learning.baselines import Baseline
from trainer.learning.job import Job
from trainer.learning.rows import Mix
from trainer.messages import Message, _, ngettext
from trainer.sounds import BUCKET_SECONDS, LOGMEL, RATE, WAVE, WHISPER, Hearing, log_mel
from trainer.transcripts import TOKENIZER, Characters, Pieces, Script

LANGUAGE_SOUNDS = 4
"""From which a Whisper guesses the language."""
READ_BATCH = 8
SMALL_NET = {"batch_size": 8, "learning_rate": 1e-3, "head_learning_rate": 1e-3, "patience": 15}
PRETRAINED = {"batch_size": 8, "learning_rate": 1e-4, "head_learning_rate": 1e-3, "patience": 6}
WHISPER_DEFAULTS = {"batch_size": 8, "learning_rate": 2e-5, "head_learning_rate": 2e-5, "patience": 4}
NET_ROWS, PRETRAINED_ROWS = 40_000, 8_000
"""That are heard in all: epochs are this over the rows."""
FEWEST_HOURS, FEW_WORDS = 5.0, 100
"""Of speech, for a net that begins with nothing; fewer do for so few different words."""
MASKED_FRAMES, MASKED_MELS = 12, 8
NONE_HEARD = _("No recording is left to learn from.")


class Speech(Sounds):
    """Sounds of any length up to the model's longest, and `targets[i]`, the ids of what is said."""

    read_batch = READ_BATCH

    def __init__(self, loaded: Loaded, folder: Path, store: Store[Heard], places: np.ndarray, script: Script) -> None:
        super().__init__(loaded, [], None, folder, store, places)
        if self.hearing.kind == LOGMEL:
            self.lengths = buckets(seconds_of(loaded), self.hearing)
        self.script = script
        self.targets = [script.encode(text) for text in loaded.answers]
        self.writes: dict[str, Any] = {}

    def values(self, rows: np.ndarray) -> np.ndarray:
        values = super().values(rows)
        if self.hearing.kind == LOGMEL:
            return values[:, : int(self.lengths[rows].max()) * frames_a_piece(self.hearing)]
        return values

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        if self.augment == "none":
            return self.batch(rows, device), None
        values = self.values(rows)
        values = changed(values, self.hearing, generator) if self.hearing.kind == WAVE else masked(values, generator)
        return (torch.from_numpy(values).to(device),), None

    def manifest(self) -> dict[str, Any]:
        return super().manifest() | {"writes": self.writes}

    def card_facts(self) -> list[str]:
        facts = [
            f"A sound is brought to one channel of {self.hearing.rate:,} samples a second. One of more than {self.hearing.seconds:g} seconds is read in overlapping windows, up to {LONGEST_SECONDS:g} seconds.",
            "Words are compared in lower case and without punctuation.",
        ]
        if isinstance(self.script, Characters):
            facts.append(f"It writes {len(self.script.symbols)} symbols, in lower case and without punctuation.")
        return [*facts, *self.little()]

    def little(self) -> list[str]:
        """Whether there is too little to learn a language from nothing, in a sentence."""
        learned = self.known("train")
        hours = float(seconds_of(self.loaded)[learned].sum()) / 3600
        words = {word for row in learned for word in transcripts.normalised(self.loaded.answers[row]).split()}
        if self.hearing.kind != LOGMEL or hours >= FEWEST_HOURS or len(words) < FEW_WORDS:
            return []
        return [
            _(
                "%(minutes)s minutes with %(count)s different words are too little to learn speech from nothing.",
                minutes=f"{hours * 60:.0f}",
                count=f"{len(words):,}",
            )
        ]


def masked(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A short moment and a narrow band of tones of each spectrogram as in silence."""
    values = values.copy()
    for sound in values:
        time_axis = int(np.argmax(sound.shape))
        most = {time_axis: MASKED_FRAMES, 1 - time_axis: MASKED_MELS}
        silence(sound, generator, {axis: min(steps, sound.shape[axis] // 4) for axis, steps in most.items()})
    return values


# Before learning


def hearing_of(job: Job, folder: Path, loaded: Loaded) -> Hearing:
    """As long as the longest sound, within reason."""
    longest = float(seconds_of(loaded).max())
    whole = float(np.clip(np.ceil(longest / BUCKET_SECONDS) * BUCKET_SECONDS, 1.0, job.task.longest_seconds))
    seconds = job.params.seconds or whole
    if job.spec.model.startswith("scratch:"):
        return log_mel(RATE, seconds, speech_net.MELS)
    hearing = Hearing.load(folder, seconds)
    if hearing.kind == LOGMEL:
        return log_mel(hearing.rate, seconds, hearing.mels)
    if hearing.kind == WAVE:
        return replace(hearing, seconds=seconds)
    if hearing.kind == WHISPER:
        frames = min(hearing.frames, 2 * round(50 * seconds))
        return replace(hearing, seconds=frames / 100, frames=frames)
    raise ModelError(_("The base model cannot transcribe speech."), hint=_("Choose a wav2vec2, a HuBERT or a Whisper."))


def script_of(folder: Path, hearing: Hearing, loaded: Loaded) -> Script:
    """What the model writes with: its own characters, where it has some that fit the texts, and those it lacks."""
    if hearing.kind == WHISPER:
        if not (folder / TOKENIZER).exists():
            raise ModelError(
                _("The base model has no %(tokenizer)s.", tokenizer=TOKENIZER),
                hint=_("Choose a Whisper with its tokenizer."),
            )
        return Pieces(folder)
    texts = [loaded.answers[row] for row in loaded.part("train")]
    return Characters.of(texts, Characters.load(folder) if folder.name else None)


def leave_out_wordless(job: Job, loaded: Loaded) -> None:
    words = np.array([bool(transcripts.normalised(text)) for text in loaded.answers])
    leave_out(job, loaded, words, "no_words", wordless_message, _("Fix their texts."))


def wordless_message(rows: list[str]) -> Message:
    return ngettext(
        "%(count)s row has a text without a word and is left out: row %(rows)s.",
        "%(count)s rows have a text without a word and are left out: rows %(rows)s.",
        len(rows),
        rows=join_names(rows),
    )


def leave_out_long(job: Job, loaded: Loaded, hearing: Hearing) -> None:
    """Of a part of a sound nobody knows the text."""
    short = seconds_of(loaded) <= hearing.seconds + BUCKET_SECONDS

    def long_message(rows: list[str]) -> Message:
        return ngettext(
            "%(count)s recording is longer than %(seconds)s seconds and is left out: row %(rows)s.",
            "%(count)s recordings are longer than %(seconds)s seconds and are left out: rows %(rows)s.",
            len(rows),
            seconds=f"{hearing.seconds:g}",
            rows=join_names(rows),
        )

    leave_out(job, loaded, short, "too_long", long_message, _("Cut them at pauses, with their texts."))


def leave_out(
    job: Job, loaded: Loaded, rows_kept: np.ndarray, code: str, message: Callable[[list[str]], Message], hint: str
) -> None:
    if rows_kept.all():
        return
    rows = [str(loaded.row_numbers[row]) for row in np.flatnonzero(~rows_kept)]
    job.warn(code, message(rows), hint)
    loaded.keep(rows_kept)
    if not len(loaded.part("train")):
        raise DataError(NONE_HEARD, code="no_rows", hint=hint)
    check_parts(loaded, loaded.kind)


def model_of(job: Job, rows: Speech) -> Speaking:
    if isinstance(rows.script, Pieces):
        return whisper_of(job, rows)
    if job.spec.model.startswith("scratch:"):
        return ScratchCtc(rows.hearing, rows.script)
    if kind_of(rows.folder) == KIND:
        if job.spec.method == "lora":
            raise ModelError(_("A small net has no layers that LoRA could adapt."), hint=_("Choose another method."))
        return ScratchCtc.of(rows.folder, rows.hearing, rows.script)
    return PretrainedCtc.of(rows.folder, rows.hearing, rows.script)


def whisper_of(job: Job, rows: Speech) -> Whisper:
    model = Whisper.of(rows.folder, rows.hearing)
    learned = rows.part("train")
    (sounds,) = rows.batch(learned[:LANGUAGE_SOUNDS], torch.device("cpu"))
    model.begin(job.params.language, sounds, max(map(len, rows.targets)))
    model.beams = job.params.num_beams
    return model


# After learning


def load(folder: Path, attention: str | None = None) -> Speaking:
    """A trained model from `artifact/model/`."""
    kinds: dict[str, type[Speaking]] = {KIND: ScratchCtc, "whisper": Whisper}
    return kinds.get(kind_of(folder), PretrainedCtc).load(folder, attention)


class SpeechFamily(MediaFamily[Speech, Speaking]):
    def prepare(self, job: Job) -> Speech:
        fresh = job.spec.model.startswith("scratch:")
        if fresh:
            speech_net.check(job.spec.model)
        if not fresh and job.spec.method == "scratch":
            raise ModelError(
                _("From scratch is for the small net."),
                hint=_("Choose scratch:%(name)s, or the method full.", name=speech_net.NAME),
            )
        folder = common.base(job)
        loaded = job.load_rows()
        leave_out_wordless(job, loaded)
        hearing = hearing_of(job, folder, loaded)
        leave_out_long(job, loaded, hearing)
        store, places = decoded(job, loaded, hearing)
        rows = Speech(loaded, folder, store, places, script_of(folder, hearing, loaded))
        rows.augment = "light" if job.params.augment == "auto" else job.params.augment
        job.tell_rows(rows, _("%(minutes)s minutes of speech", minutes=f"{seconds_of(loaded).sum() / 60:.1f}"))
        for sentence in rows.little():
            job.warn(
                "too_little_speech", sentence, _("Choose a model pretrained on speech, or bring hours of recordings.")
            )
        return rows

    def baselines(self, job: Job, rows: Speech) -> dict[str, Baseline]:
        """Always nothing."""
        return {"silence": Baseline([np.zeros(0, dtype=np.int64) for _row in rows.part("test")])}

    def build(self, job: Job, rows: Speech) -> Speaking:
        learned = max(len(rows.part("train")), 1)
        small = rows.hearing.kind == LOGMEL
        most = NET_ROWS if small else PRETRAINED_ROWS
        epochs = int(np.clip(round(most / learned), 8, 150 if small else 60))
        settings = SMALL_NET if small else WHISPER_DEFAULTS if rows.hearing.kind == WHISPER else PRETRAINED
        common.fill_settings(job, **settings, epochs=epochs)
        model = model_of(job, rows)
        rows.writes = model.writes()
        return model

    def write_onnx(self, folder: Path, target: Path) -> None:
        load(folder, attention="eager").write_onnx(target)

    def quantises(self, folder: Path) -> bool:
        """Transformers only: what they listen with, twice as fast; recurrent layers stay as they are."""
        return kind_of(folder) != KIND
