"""Speech into text, by soundfile, soxr, numpy and ONNX Runtime alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import transcripts
from trainer.data.media import UnreadableError
from trainer.engines import open_session
from trainer.engines.image import bytes_of
from trainer.engines.sound import SoundEngine
from trainer.errors import DataError
from trainer.messages import _
from trainer.sounds import BUCKET_SECONDS, LOGMEL, WHISPER, Hearing, read_sound, sound_seconds
from trainer.transcripts import TOKENIZER, VOCABULARY, Characters, Pieces

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

DECODER = "decoder.onnx"
"""Beside the graph that listens, of models that write one token after another."""
AT_ONCE = 8
"""Sounds answered together: half a minute of samples is much."""


class SpeechEngine(SoundEngine):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        folder = self.artifact / "model"
        self.writes = self.manifest["writes"]
        self.script: Any = Pieces(folder) if self.hearing.kind == WHISPER else Characters.load(folder)

    def open(self, threads: int | None) -> Any:
        decoder = self.path.with_name(DECODER)
        self.decoder = open_session(decoder, threads) if decoder.exists() else None
        return super().open(threads)

    def other_files(self) -> tuple[Path, ...]:
        decoder, folder = self.path.with_name(DECODER), self.artifact / "model"
        written = (decoder, folder / TOKENIZER) if decoder.exists() else (folder / VOCABULARY,)
        return (*super().other_files(), *written)

    def warm_input(self) -> np.ndarray:
        return heard(self.hearing, np.zeros(self.hearing.rate, dtype=np.float32))

    def read(self, value: Any) -> np.ndarray:
        """A file's bytes, a `data:` URL, or a path from this machine's own rows; the whole of it, or none."""
        fault = self.task.check_input(value)
        if fault:
            raise DataError(fault, code="bad_input", hint=_("Fix or remove it."))
        most = self.hearing.seconds + BUCKET_SECONDS
        try:
            data = bytes_of(value)
            seconds = sound_seconds(data)
            if seconds > most:
                message = _(
                    "lasts %(seconds)s seconds; this model hears at most %(most)s.",
                    seconds=f"{seconds:.0f}",
                    most=f"{self.hearing.seconds:g}",
                )
                raise DataError(message, code="bad_input", hint=_("Cut it into shorter pieces, at pauses."))
            wave = read_sound(data, self.hearing.rate, most)
        except UnreadableError as error:
            hint = _("Send a WAV, FLAC, MP3, OGG or AIFF file.")
            raise DataError(_("%(error)s.", error=error), code="bad_input", hint=hint) from error
        return heard(self.hearing, wave[: self.hearing.samples])

    def outputs(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """The ids of each input. Sounds of one length are answered together, each as if it were alone."""
        lengths = np.array([len(one) for one in inputs])
        by_row: dict[int, np.ndarray] = {}
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for start in range(0, len(rows), AT_ONCE):
                part = rows[start : start + AT_ONCE].tolist()
                by_row |= dict(zip(part, self.ids(np.stack([inputs[row] for row in part])), strict=True))
        return [by_row[row] for row in range(len(inputs))]

    def ids(self, sounds: np.ndarray) -> Sequence[np.ndarray]:
        values = self.session.run(None, {"sound": sounds})[0]
        if self.decoder is None:
            return list(values.argmax(2))
        decoder = self.decoder

        def step(tokens: np.ndarray) -> np.ndarray:
            return decoder.run(None, {"heard": values, "tokens": tokens})[0]

        return transcripts.written_on(
            step, len(sounds), self.writes["prefix"], self.writes["end"], self.writes["positions"]
        )

    def answered(self, inputs: list[np.ndarray]) -> list[str]:
        return [self.script.decode(one) for one in self.outputs(inputs)] if inputs else []

    def order(self, inputs: list[Any]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda at: len(inputs[at]))

    def answers(self, inputs: list[Any], batch: int) -> list[Any]:
        return super().answers(inputs, min(batch, AT_ONCE))

    def report(self, rows: "Loaded", outputs: Any, shown: list[str]) -> dict[str, Any]:
        return super().report(rows, [self.script.decode(ids) for ids in outputs], shown)


def heard(hearing: Hearing, wave: np.ndarray) -> np.ndarray:
    """One input, a spectrogram no longer than its sound: half seconds, as those of waves."""
    values = hearing.values(wave)
    if hearing.kind != LOGMEL:
        return values
    pieces = max(1, int(np.ceil(len(wave) / hearing.rate / BUCKET_SECONDS - 1e-9)))
    return values[: pieces * frames_a_piece(hearing)]


def frames_a_piece(hearing: Hearing) -> int:
    return int(BUCKET_SECONDS * hearing.rate) // hearing.hop
