"""Sounds as vectors where no pretrained model reads them: the loudness of each frequency band, from a sound's beginning to its end."""

import itertools

import numpy as np

from trainer.data.loading import Loaded
from trainer.data.media import UnreadableError
from trainer.sounds import log_mel, read_sound

TONES = "tones"
RATE, BANDS, SLICES = 16_000, 40, 8
MOST_SECONDS, LEAST_SECONDS = 10.0, 0.1
"""Of a longer sound the middle is heard."""


class ToneReader:
    """Reads sounds of `Loaded` rows, as `trainer.labelling.vectors.Reader` reads what a model knows."""

    def read(self, loaded: Loaded) -> tuple[np.ndarray, np.ndarray]:
        """(numbers from 0 of the rows that can be read, their vectors in float16)."""
        numbers, vectors = [], []
        for number, name in zip(loaded.row_numbers, loaded.values["audio"], strict=True):
            try:
                vectors.append(tones_of((loaded.media / name).read_bytes()))
            except (UnreadableError, OSError):
                continue
            numbers.append(number - 1)
        return np.array(numbers, dtype=np.int64), np.array(vectors, dtype=np.float16).reshape(-1, BANDS * SLICES)


def tones_of(data: bytes) -> np.ndarray:
    """(BANDS · SLICES,) of 0 to 1 beside the sound's loudest moment; `UnreadableError`. How long it lasts makes no difference."""
    wave = read_sound(data, RATE, MOST_SECONDS)
    levels = log_mel(RATE, max(len(wave) / RATE, LEAST_SECONDS), BANDS).values(wave)[:, :, 0] / 255
    edges = np.linspace(0, len(levels), SLICES + 1).astype(int)
    slices = [levels[start : max(end, start + 1)].mean(axis=0) for start, end in itertools.pairwise(edges)]
    return np.concatenate(slices)
