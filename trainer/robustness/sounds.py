"""Recordings as they come from a telephone or a loud room. Needs soundfile and numpy."""

import io

import numpy as np

RATE = 16_000
LONGEST_SECONDS = 30.0


def decode(data: bytes) -> np.ndarray:
    """(samples,) float32 at `RATE`."""
    from trainer.sounds import read_sound

    return read_sound(data, RATE, LONGEST_SECONDS)


def encoded(wave: np.ndarray) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, wave.clip(-1, 1).astype(np.float32), RATE, "FLOAT", format="WAV")
    return file.getvalue()


def banded(wave: np.ndarray, high: float, generator: np.random.Generator) -> bytes:
    """Nothing above `high` Hz, and nothing below 300, as on a telephone."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    spectrum[(hertz < LOW_HERTZ) | (hertz > high)] = 0
    return encoded(np.fft.irfft(spectrum, len(wave)))


LOW_HERTZ = 300


def noisy(wave: np.ndarray, decibels: float, generator: np.random.Generator) -> bytes:
    """White noise, so many dB below the recording."""
    loudness = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) or 1e-4
    noise = generator.normal(0, loudness * 10 ** (-decibels / 20), len(wave))
    return encoded(wave + noise)
