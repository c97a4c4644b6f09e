"""Speech into text, by soundfile, soxr, numpy, tokenizers and ONNX Runtime alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trainer import decoding
from trainer.data.media import UnreadableError
from trainer.engines import Session, open_session
from trainer.engines.explanations import MOST_PARTS, Parts, too_long_to_ask
from trainer.engines.image import Source, bytes_of
from trainer.engines.sound import SPANS, ListeningEngine, spans_of
from trainer.engines.windows import LONGEST_SECONDS, are_loud, joined_moments, joined_tokens, windows_of
from trainer.errors import DataError, ModelError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.sounds import (
    BUCKET_SECONDS,
    LOGMEL,
    WHISPER,
    Hearing,
    long_bytes,
    read_long,
    read_sound,
    sound_bytes,
    sound_seconds,
)
from trainer.transcripts import SPACE, TOKENIZER, VOCABULARY, Characters, Pieces, Script
from trainer.writing import beams, speech_decoder
from trainer.writing.speech_decoder import SpeechDecoder
from trainer.writing.weights import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

DECODER = "decoder.onnx"
"""Beside the graph that listens, of models that write one token after another in a way that is not known to `SpeechDecoder`; and of
those that were packaged before there was one."""
AT_ONCE = 8
"""Sounds answered together: half a minute of samples is much."""
SECONDS_AT_ONCE = 60.0
"""Of windows of a long recording that are heard together: convolutions over samples take megabytes a second."""
NOTHING = np.zeros(0, dtype=np.int64)
SOURCE_BYTES = 256 * 1024**2
"""Most that is kept of what was heard, for the answers that are written together."""


class SpeechEngine(ListeningEngine[Sequence[str]]):
    """A read input: samples or a spectrogram, as `extract_features` gives them."""

    writes: JsonObject
    """How answers begin and end and how long they may be (`Speaking.writes`)."""
    decoder: SpeechDecoder | Session | None
    """What writes one token after another."""

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        folder = self.artifact / "model"
        self.writes = self.manifest["writes"]
        self.script: Script = Pieces(folder) if self.hearing.kind == WHISPER else characters_of(folder)
        if isinstance(self.decoder, SpeechDecoder):
            self.bytes += self.decoder.bytes
        elif self.decoder is not None:
            self.bytes += self.path.with_name(DECODER).stat().st_size

    def open(self, threads: int | None) -> None:
        graph = self.path.with_name(DECODER)
        self.decoder = None
        if graph.exists():
            self.decoder = open_session(graph, threads)
        elif "prefix" in self.manifest["writes"]:
            self.decoder = speech_decoder.load(self.artifact / "model")
        super().open(threads)

    def other_files(self) -> tuple[Path, ...]:
        decoder, folder = self.path.with_name(DECODER), self.artifact / "model"
        if "prefix" not in self.manifest["writes"]:
            return (*super().other_files(), folder / VOCABULARY)
        written = (decoder,) if decoder.exists() else (folder / WEIGHTS, folder / CONFIG)
        return (*super().other_files(), folder / TOKENIZER, *written)

    def warm_input(self) -> np.ndarray:
        return extract_features(self.hearing, np.zeros(self.hearing.rate, dtype=np.float32))

    def read(self, value: object) -> np.ndarray:
        """A file's bytes, a `data:` URL, or a path from this machine's own rows; the whole of it, or none. Of one that is longer than
        the model hears its samples (`is_long`)."""
        self.check(value)
        most = self.hearing.seconds + BUCKET_SECONDS
        try:
            data = bytes_of(cast("Source", value))
            seconds = sound_seconds(data)
            if seconds > max(most, LONGEST_SECONDS):
                message = _(
                    "lasts %(seconds)s seconds; this model hears at most %(most)s.",
                    seconds=f"{seconds:.0f}",
                    most=f"{max(self.hearing.seconds, LONGEST_SECONDS):g}",
                )
                raise DataError(message, code="bad_input", hint=_("Cut it into shorter pieces, at pauses."))
            if seconds > most:
                return self.read_long(data)
            with decoding.budget.room(sound_bytes(data, most)):
                return extract_features(self.hearing, read_sound(data, self.hearing.rate, most)[: self.hearing.samples])
        except UnreadableError as error:
            hint = _("Send a WAV, FLAC, MP3, OGG or AIFF file.")
            raise DataError(_("%(error)s.", error=error), code="bad_input", hint=hint) from error

    def read_long(self, data: bytes) -> np.ndarray:
        with decoding.budget.room(long_bytes(self.hearing.rate, LONGEST_SECONDS)):
            wave = read_long(data, self.hearing.rate, LONGEST_SECONDS + BUCKET_SECONDS)
            return wave if self.is_long(wave) else extract_features(self.hearing, wave[: self.hearing.samples])

    def is_long(self, value: np.ndarray) -> bool:
        """Whether it is samples of more than the model hears at a time."""
        return value.ndim == 1 and len(value) > self.hearing.samples + int(BUCKET_SECONDS * self.hearing.rate)

    def parts(self, value: np.ndarray, most: int = MOST_PARTS) -> Parts[np.ndarray]:
        if self.is_long(value):
            return spans_of(value, len(value) / self.hearing.rate, min(SPANS, most))
        return super().parts(value, most)

    def explain(self, value: np.ndarray, method: str = "", seconds: float | None = None) -> JsonObject:
        """A long recording only where time is not short: even one answer may take half a minute."""
        if seconds is not None and self.is_long(value):
            raise too_long_to_ask()
        return super().explain(value, method, seconds)

    def outputs(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The ids of each input. Sounds of one length are answered together, each as if it were alone."""
        by_row = {row: self.long_ids(value) for row, value in enumerate(inputs) if self.is_long(value)}
        lengths = np.array([0 if row in by_row else len(sound) for row, sound in enumerate(inputs)])
        for length in np.unique(lengths[lengths > 0]):
            rows = np.flatnonzero(lengths == length)
            for start in range(0, len(rows), AT_ONCE):
                part = rows[start : start + AT_ONCE].tolist()
                by_row |= dict(zip(part, self.ids(np.stack([inputs[row] for row in part])), strict=True))
        return [by_row[row] for row in range(len(inputs))]

    def long_ids(self, wave: np.ndarray) -> np.ndarray:
        """Of a recording that is longer than the model hears, window by window."""
        windows = windows_of(self.hearing, len(wave))
        samples = windows.cut(wave)
        loud = [place for place, is_loud in enumerate(are_loud(wave, samples)) if is_loud]
        written: list[np.ndarray | None] = [None] * len(samples)
        size = AT_ONCE if self.decoder is not None else int(np.clip(SECONDS_AT_ONCE / self.hearing.seconds, 1, AT_ONCE))
        for start in range(0, len(loud), size):
            part = loud[start : start + size]
            heard_each = [extract_features(self.hearing, samples[place]) for place in part]
            for place, ids in zip(part, self.ids(np.stack(heard_each)), strict=True):
                written[place] = ids
        if isinstance(self.script, Characters):
            return joined_moments(written, windows, self.script.blank, self.script.symbols.index(SPACE))
        return joined_tokens([NOTHING if ids is None else ids for ids in written], windows)

    def ids(self, sounds: np.ndarray) -> list[np.ndarray]:
        values = self.session.run(None, {"sound": sounds})[0]
        if self.decoder is None:
            return list(values.argmax(2))
        size = self.together(values.shape[1])
        parts = (values[start : start + size] for start in range(0, len(values), size))
        return [ids for part in parts for ids in beams.written(self.step(part), len(part), self.writes)]

    def together(self, moments: int) -> int:
        """How many answers are written together."""
        if not isinstance(self.decoder, SpeechDecoder):
            return AT_ONCE
        return max(1, min(AT_ONCE, SOURCE_BYTES // self.decoder.source_bytes(moments)))

    def step(self, encoded: np.ndarray) -> beams.Step:
        if isinstance(self.decoder, SpeechDecoder):
            return self.decoder.begin(encoded, len(self.writes["prefix"]) + self.writes["positions"])
        assert self.decoder is not None, "a model with one output a moment writes in no steps"
        return GraphSteps(self.decoder, encoded)

    def answered(self, inputs: Sequence[np.ndarray]) -> list[str]:
        return [self.script.decode(ids) for ids in self.outputs(inputs)] if inputs else []

    def order(self, inputs: Sequence[np.ndarray]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row]))

    def answers(self, inputs: Sequence[np.ndarray], batch: int) -> list[Any]:
        return super().answers(inputs, min(batch, AT_ONCE))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        return self.scored(rows, [self.script.decode(ids) for ids in outputs], shown)


class GraphSteps:
    """A `trainer.writing.beams.Step` of a graph, which reads all tokens again for each new one."""

    def __init__(self, decoder: Session, encoded: np.ndarray) -> None:
        self.decoder, self.encoded = decoder, encoded

    def __call__(self, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        self.encoded = self.encoded[before]
        return self.decoder.run(None, {"heard": self.encoded, "tokens": tokens})[0]


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


def extract_features(hearing: Hearing, wave: np.ndarray) -> np.ndarray:
    """One input, a spectrogram no longer than its sound: half seconds, as those of waves."""
    values = hearing.values(wave)
    if hearing.kind != LOGMEL:
        return values
    pieces = max(1, int(np.ceil(len(wave) / hearing.rate / BUCKET_SECONDS - 1e-9)))
    return values[: pieces * frames_a_piece(hearing)]


def frames_a_piece(hearing: Hearing) -> int:
    return int(BUCKET_SECONDS * hearing.rate) // hearing.hop
