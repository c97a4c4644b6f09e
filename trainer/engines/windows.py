"""Recordings that are longer than a model hears, in windows that overlap, and what is written to each joined to one answer."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.sounds import BUCKET_SECONDS, Hearing

LONGEST_SECONDS = 300.0
"""Of a recording that is answered: half a minute of a processor's time with a small model."""
OVERLAP, MOST_OVERLAP_SECONDS = 0.25, 5.0
"""Of neighbouring windows at least, as a share of one; and how much is enough."""
QUIET = 1e-3
"""A window whose peak is below this share of the recording's holds no speech: brought to the usual loudness its noise would be heard
as some."""
NEAR = 3
"""Moments on each side of a cut at which both windows should write the same."""
MATCH, GAP = 2, -1
"""A token that both have, and one that only one of them has, where two texts overlap."""
SPARE_TOKENS = 4


class Windows(NamedTuple):
    """`starts` and `size` in pieces of half a second, of so many `samples` each."""

    starts: list[int]
    size: int
    samples: int

    def cut(self, wave: np.ndarray) -> list[np.ndarray]:
        """The samples of each; the last may end before its time."""
        return [wave[start * self.samples : (start + self.size) * self.samples] for start in self.starts]


def windows_of(hearing: Hearing, samples: int) -> Windows:
    """As few as overlap enough, and as far from each other as there is room."""
    piece = int(BUCKET_SECONDS * hearing.rate)
    size = max(1, int(hearing.seconds / BUCKET_SECONDS + 1e-9))
    overlap = int(np.clip(size * OVERLAP, 1, MOST_OVERLAP_SECONDS / BUCKET_SECONDS))
    over = max(0, -(-samples // piece) - size)
    count = 1 + -(-over // max(1, size - overlap))
    return Windows(np.linspace(0, over, count).astype(int).tolist(), size, piece)


def are_loud(wave: np.ndarray, windows: Sequence[np.ndarray]) -> list[bool]:
    loudest = float(np.abs(wave).max())
    return [float(np.abs(window).max()) >= QUIET * loudest for window in windows]


# One output a moment


def joined_moments(written: Sequence[np.ndarray | None], windows: Windows, blank: int, space: int) -> np.ndarray:
    """The outputs of every moment of the recording, of each window those that are far from its edges, where it has heard what comes
    before and after. None of a quiet window: a space among blanks."""
    moments = max(len(ids) for ids in written if ids is not None)
    quiet = np.full(moments, blank)
    quiet[moments // 2] = space
    every = [quiet if ids is None else ids for ids in written]
    each = max(
        1, round(moments / windows.size)
    )  # of half a second: convolutions without padding give one or two less in all
    starts = [start * each for start in windows.starts]
    cuts = [0]
    for place, start in enumerate(starts[1:]):
        before, after = every[place][start - starts[place] :], every[place + 1]
        cuts.append(start + meeting(before, after[: len(before)]))
    ends = [*cuts[1:], starts[-1] + moments]
    parts = zip(every, starts, cuts, ends, strict=True)
    return np.concatenate([ids[max(0, cut - start) : max(0, end - start)] for ids, start, cut, end in parts])


def meeting(before: np.ndarray, after: np.ndarray) -> int:
    """The moment from which on the second is taken: in the middle half, where both write the same around it, near the middle."""
    count = min(len(before), len(after))
    same = np.convolve(before[:count] == after[:count], np.ones(2 * NEAR + 1), "same")
    places = np.arange(count // 4, max(count - count // 4, count // 4 + 1))
    away = np.abs(places - count / 2) / (count + 1)
    return int(places[np.argmax(same[places] - away)]) if count else 0


# One token after another


def joined_tokens(written: Sequence[np.ndarray], windows: Windows) -> np.ndarray:
    """The texts of the windows behind one another, what both of two neighbours have once."""
    skip, parts = 0, []
    for place, ids in enumerate(written):
        keep, next_skip = len(ids), 0
        if place + 1 < len(written):
            share = 1 - (windows.starts[place + 1] - windows.starts[place]) / windows.size
            keep, next_skip = met(ids, written[place + 1], share)
        parts.append(ids[skip : max(skip, keep)])
        skip = next_skip
    return np.concatenate(parts)


def met(before: np.ndarray, after: np.ndarray, share: float) -> tuple[int, int]:
    """How many tokens of the first text are kept, and how many of the second are left out, whose windows have this share in common.

    The end of one is aligned with the beginning of the other (Needleman and Wunsch 1970, without a price for what comes before and
    after), and they meet in the middle of the tokens that both have. Where twice as many stand between and beside these that
    only one of them has, nothing is in common.
    """
    first, second = (min(len(ids), SPARE_TOKENS + int(np.ceil(2 * share * len(ids)))) for ids in (before, after))
    offset = len(before) - first
    pairs = aligned(before[offset:], after[:second])
    if not pairs:
        return len(before), 0
    left, right = pairs[len(pairs) // 2]
    return offset + left + 1, right + 1


def aligned(before: np.ndarray, after: np.ndarray) -> list[tuple[int, int]]:
    """Places of the tokens that the end of one and the beginning of the other have in common, the last first."""
    columns = np.arange(len(after) + 1)
    scores = np.zeros((len(before) + 1, len(after) + 1), dtype=np.int64)
    scores[0] = GAP * columns
    for row, token in enumerate(before, 1):
        score = scores[row - 1] + GAP
        score[0] = 0
        matched = np.where(after == token, scores[row - 1, :-1] + MATCH, score[1:])
        score[1:] = np.maximum(score[1:], matched)
        scores[row] = np.maximum.accumulate(score - GAP * columns) + GAP * columns
    row, column, pairs = len(before), int(scores[-1].argmax()), []
    while row and column:
        here, diagonal = scores[row, column], scores[row - 1, column - 1] + MATCH
        if before[row - 1] == after[column - 1] and here == diagonal:
            row, column = row - 1, column - 1
            pairs.append((row, column))
        elif here == scores[row - 1, column] + GAP:
            row -= 1
        else:
            column -= 1
    return pairs
