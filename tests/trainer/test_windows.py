"""Recordings in overlapping windows: where they are cut, and how what was written to each is joined."""

import io
import itertools

import numpy as np
import pytest

from trainer.data.media import UnreadableError
from trainer.engines.windows import Windows, are_loud, joined_moments, joined_tokens, met, windows_of
from trainer.sounds import LOGMEL, WAVE, Hearing, long_bytes, read_long, read_sound

PIECE = 8_000
BLANK, SPACE = 0, 1
EACH = 25
"""Moments of half a second."""


@pytest.mark.parametrize("seconds", [1.0, 2.3, 10.0, 30.0])
@pytest.mark.parametrize("longer", [0.01, 0.7, 13.0, 200.0])
def test_windows_cover_a_recording_and_overlap(seconds: float, longer: float) -> None:
    hearing = Hearing(LOGMEL, seconds=seconds)
    wave = np.arange(int((seconds + 0.5 + longer) * hearing.rate))
    windows = windows_of(hearing, len(wave))
    cut = windows.cut(wave)
    assert cut[0][0] == 0
    assert cut[-1][-1] == wave[-1]
    assert {len(samples) for samples in cut[:-1]} == {windows.size * PIECE}
    assert 0 <= windows.size * PIECE - len(cut[-1]) < PIECE
    overlaps = [one[-1] - two[0] + 1 for one, two in itertools.pairwise(cut)]
    assert min(overlaps) >= min(5.0, max(0.5, seconds * 0.25 - 0.5)) * hearing.rate
    assert len(cut) <= 2 + len(wave) / (windows.size * PIECE / 2)


def moments_of(generator: np.random.Generator, pieces: int) -> np.ndarray:
    """Symbols for a moment or two, some blanks between them."""
    found: list[int] = []
    while len(found) < pieces * EACH:
        found += [int(generator.integers(1, 20))] * int(generator.integers(1, 3))
        found += [BLANK] * int(generator.integers(1, 9))
    return np.array(found[: pieces * EACH])


@pytest.mark.parametrize("missing", [0, 1])
def test_moments_far_from_the_edges_of_windows_are_kept(missing: int) -> None:
    """`missing`: as convolutions without padding give one less."""
    generator = np.random.default_rng(3)
    for pieces in (21, 33, 57, 120):
        whole = moments_of(generator, pieces)
        windows = windows_of(Hearing(WAVE, seconds=10.0), pieces * PIECE)
        written = [whole[start * EACH : (start + windows.size) * EACH - missing].copy() for start in windows.starts]
        for ids in written:
            ids[:15] = generator.integers(0, 20, 15)
            ids[-15:] = generator.integers(0, 20, 15)
        joined = joined_moments(written, windows, BLANK, SPACE)
        assert len(joined) == len(whole) - missing
        assert np.array_equal(joined[15:-15], whole[15 : len(joined) - 15])


def test_nothing_is_heard_in_a_quiet_window() -> None:
    windows = Windows([0, 3, 6], 4, PIECE)
    first, last = np.full((2, 4 * EACH), BLANK)
    first[10] = last[-10] = 7
    joined = joined_moments([first, None, last], windows, BLANK, SPACE)
    assert [token for token in joined.tolist() if token != BLANK] == [7, SPACE, 7]
    noise = np.random.default_rng(0).normal(size=4 * PIECE)
    assert are_loud(np.concatenate([noise, noise * 1e-5]), [noise, noise * 1e-5]) == [True, False]
    assert are_loud(np.zeros(9), [np.zeros(3)]) == [True]


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        ("the cat sat on the", "sat on the mat", "the cat sat on the mat"),
        ("the cat sat on th", "t on the mat", "the cat sat on the mat"),
        ("a long way to go hom", "to go home again", "a long way to go home again"),
        ("it rained a lot here", "x rained the lot here and there", "it rained a lot here and there"),
        ("all is said.", "Then he left.", "all is said.Then he left."),
        ("", "words", "words"),
        ("words", "", "words"),
    ],
)
def test_texts_meet_where_they_say_the_same(before: str, after: str, joined: str) -> None:
    one, two = (np.array([ord(letter) for letter in text], dtype=np.int64) for text in (before, after))
    keep, skip = met(one, two, 0.5)
    assert before[:keep] + after[skip:] == joined


def test_tokens_of_windows_are_joined_to_the_whole() -> None:
    """Six tokens in half a second, and at each edge of a window one that was not said."""
    generator = np.random.default_rng(4)
    for pieces in (62, 90, 200, 600):
        whole = generator.integers(0, 500, 6 * pieces)
        windows = windows_of(Hearing(WAVE, seconds=30.0), pieces * PIECE)
        written = []
        for start in windows.starts:
            ids = whole[6 * start : 6 * (start + windows.size)].copy()
            ids[0], ids[-1] = (ids[0], 999) if start == 0 else (998, 999)
            written.append(ids)
        written[-1][-1] = whole[-1]
        assert np.array_equal(joined_tokens(written, windows), whole)


def test_silence_between_two_windows_adds_nothing() -> None:
    windows = Windows([0, 30, 60], 40, PIECE)
    written = [np.arange(5), np.zeros(0, dtype=np.int64), np.arange(5)]
    assert joined_tokens(written, windows).tolist() == [*range(5), *range(5)]


@pytest.mark.parametrize("rate", [16_000, 8_000, 44_100])
def test_a_long_sound_is_resampled_as_a_short_one(rate: int) -> None:
    import soundfile

    buffer = io.BytesIO()
    sound = 0.5 * np.sin(np.arange(3 * rate) / rate * 2 * np.pi * 440)
    soundfile.write(buffer, np.stack([sound, sound], axis=1), rate, format="WAV")
    data = buffer.getvalue()
    long, short = read_long(data, 16_000, 300.0), read_sound(data, 16_000, 300.0)
    assert long.shape == short.shape
    assert np.abs(long - short).max() < 1e-3
    assert len(read_long(data, 16_000, 1.0)) == 16_000
    assert long_bytes(16_000, 300.0) < 64 * 2**20
    with pytest.raises(UnreadableError):
        read_long(b"RIFF", 16_000, 1.0)
