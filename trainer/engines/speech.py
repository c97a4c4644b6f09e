"""Speech into text, by soundfile, soxr, numpy and ONNX Runtime alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trainer import decoding, transcripts
from trainer.data.media import UnreadableError
from trainer.engines import Session, open_session
from trainer.engines.image import Source, bytes_of
from trainer.engines.sound import ListeningEngine
from trainer.errors import DataError, ModelError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.sounds import BUCKET_SECONDS, LOGMEL, WHISPER, Hearing, read_sound, sound_bytes, sound_seconds
from trainer.transcripts import TOKENIZER, VOCABULARY, Characters, Pieces, Script

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

DECODER = "decoder.onnx"
"""Beside the graph that listens, of models that write one token after another."""
AT_ONCE = 8
"""Sounds answered together: half a minute of samples is much."""


class SpeechEngine(ListeningEngine[Sequence[str]]):
    """A read input: samples or a spectrogram, as `heard` gives them."""

    writes: JsonObject
    """How answers begin and end and how long they may be (`Speaking.writes`)."""
    decoder: Session | None
    """The graph that writes one token after another."""

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        folder = self.artifact / "model"
        self.writes = self.manifest["writes"]
        self.script: Script = Pieces(folder) if self.hearing.kind == WHISPER else characters_of(folder)

    def open(self, threads: int | None) -> None:
        decoder = self.path.with_name(DECODER)
        self.decoder = open_session(decoder, threads) if decoder.exists() else None
        super().open(threads)

    def other_files(self) -> tuple[Path, ...]:
        decoder, folder = self.path.with_name(DECODER), self.artifact / "model"
        written = (decoder, folder / TOKENIZER) if decoder.exists() else (folder / VOCABULARY,)
        return (*super().other_files(), *written)

    def warm_input(self) -> np.ndarray:
        return heard(self.hearing, np.zeros(self.hearing.rate, dtype=np.float32))

    def read(self, value: object) -> np.ndarray:
        """A file's bytes, a `data:` URL, or a path from this machine's own rows; the whole of it, or none."""
        self.check(value)
        most = self.hearing.seconds + BUCKET_SECONDS
        try:
            data = bytes_of(cast("Source", value))
            seconds = sound_seconds(data)
            if seconds > most:
                message = _(
                    "lasts %(seconds)s seconds; this model hears at most %(most)s.",
                    seconds=f"{seconds:.0f}",
                    most=f"{self.hearing.seconds:g}",
                )
                raise DataError(message, code="bad_input", hint=_("Cut it into shorter pieces, at pauses."))
            with decoding.budget.room(sound_bytes(data, most)):
                return heard(self.hearing, read_sound(data, self.hearing.rate, most)[: self.hearing.samples])
        except UnreadableError as error:
            hint = _("Send a WAV, FLAC, MP3, OGG or AIFF file.")
            raise DataError(_("%(error)s.", error=error), code="bad_input", hint=hint) from error

    def outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The ids of each input. Sounds of one length are answered together, each as if it were alone."""
        lengths = np.array([len(sound) for sound in inputs])
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

    def answered(self, inputs: Sequence[np.ndarray]) -> list[str]:
        return [self.script.decode(ids) for ids in self.outputs(inputs)] if inputs else []

    def order(self, inputs: Sequence[np.ndarray]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row]))

    def answers(self, inputs: Sequence[np.ndarray], batch: int) -> list[Any]:
        return super().answers(inputs, min(batch, AT_ONCE))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        return self.scored(rows, [self.script.decode(ids) for ids in outputs], shown)


def characters_of(folder: Path) -> Characters:
    """Those that an artifact's model writes with; `ModelError` where its folder does not say."""
    characters = Characters.load(folder)
    if characters is None:
        raise ModelError(
            _("The file %(name)s is not the one that its manifest describes.", name=VOCABULARY),
            code="damaged_artifact",
            hint=_("Package the model again with `python -m trainer export ARTIFACT`."),
        )
    return characters


def heard(hearing: Hearing, wave: np.ndarray) -> np.ndarray:
    """One input, a spectrogram no longer than its sound: half seconds, as those of waves."""
    values = hearing.values(wave)
    if hearing.kind != LOGMEL:
        return values
    pieces = max(1, int(np.ceil(len(wave) / hearing.rate / BUCKET_SECONDS - 1e-9)))
    return values[: pieces * frames_a_piece(hearing)]


def frames_a_piece(hearing: Hearing) -> int:
    return int(BUCKET_SECONDS * hearing.rate) // hearing.hop
