"""Sounds into spectrograms or samples, by soundfile, soxr and numpy alone."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from trainer import decoding
from trainer.answers.base_scoring import Answered
from trainer.data.media import UnreadableError
from trainer.engines import Engine
from trainer.engines.explanations import MOST_PARTS, Parts
from trainer.engines.heat import HeatEngine
from trainer.engines.image import Source, bytes_of
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.pictures import CONFIG
from trainer.sounds import LOGMEL, WHISPER, Hearing, sound_bytes

SPANS = 10
"""Into which `explain` divides a sound."""


class ListeningEngine(Engine[np.ndarray, Answered]):
    """What engines share that listen to sounds."""

    reads_slowly = True

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.hearing = Hearing.load(self.artifact / "model")

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / CONFIG, *super().other_files())

    def parts(self, value: np.ndarray, most: int = MOST_PARTS) -> Parts[np.ndarray]:
        """A few spans of time, silenced; `start` and `end` in seconds."""
        axis = 1 if self.hearing.kind == WHISPER else 0
        length = value.shape[axis]
        seconds = (
            length / self.hearing.rate if not self.hearing.fixed else length * self.hearing.hop / self.hearing.rate
        )
        quiet = 0 if self.hearing.kind == LOGMEL or not self.hearing.fixed else value.min()
        return spans_of(value, seconds, min(SPANS, most), axis, quiet)


def spans_of(value: np.ndarray, seconds: float, most: int, axis: int = 0, quiet: float = 0.0) -> Parts[np.ndarray]:
    """At most so many spans of a sound that lasts so many seconds, along an axis."""
    length = value.shape[axis]
    edges = np.linspace(0, length, min(length, most) + 1).astype(int).tolist()
    spans = list(itertools.pairwise(edges))

    def without(places: Collection[int]) -> np.ndarray:
        silenced = value.copy()
        for start, end in (spans[place] for place in places):
            silenced[(slice(None),) * axis + (slice(start, end),)] = quiet
        return silenced

    times = [(round(seconds * start / length, 3), round(seconds * end / length, 3)) for start, end in spans]
    return Parts([{"kind": "span", "start": start, "end": end} for start, end in times], without)


class SoundEngine(ListeningEngine[np.ndarray], HeatEngine):
    """A read input: samples or a spectrogram, as `Hearing.values` gives them; of the spectrogram of a small net, (frames, mels, 1),
    there are heat maps."""

    def boxes(self, described: Collection[JsonObject]) -> list[list[float]]:
        """Spans of time are down the map."""
        end = max(part["end"] for part in described)
        return [[0, part["start"] / end, 1, (part["end"] - part["start"]) / end] for part in described]

    def shown_heat(self, heat: np.ndarray) -> np.ndarray:
        """All tones together, a row."""
        return np.asarray(heat.sum(axis=1)[None])

    def warm_input(self) -> np.ndarray:
        return self.hearing.values(np.zeros(self.hearing.rate, dtype=np.float32))

    def read(self, value: object) -> np.ndarray:
        """A file's bytes, a `data:` URL, or a path from this machine's own rows, as one input of the model."""
        self.check(value)
        try:
            data = bytes_of(cast("Source", value))
            with decoding.budget.room(sound_bytes(data, self.hearing.seconds)):
                return self.hearing.values(self.hearing.wave(data))
        except UnreadableError as error:
            hint = _("Send a WAV, FLAC, MP3, OGG or AIFF file.")
            raise DataError(_("%(error)s.", error=error), code="bad_input", hint=hint) from error

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Sounds of one length are answered together, so that each is answered as if it were alone."""
        lengths = np.array([len(sound) for sound in inputs])
        outputs = np.empty((len(inputs), self.outputs_each), dtype=np.float32)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length).tolist()
            outputs[rows] = self.session.run(None, {"sound": np.stack([inputs[row] for row in rows])})[0]
        return outputs

    def order(self, inputs: Sequence[np.ndarray]) -> list[int]:
        if self.hearing.fixed:
            return super().order(inputs)
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row]))
