"""An answer token by token: the likeliest each time, or drawn (temperature, nucleus), until it ends."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from trainer.writing.prompts import HALF_CHARACTER, Template
from trainer.writing.reader import Reader

MOST_TOKENS = 128
"""Of an answer, where nobody says how many."""


COLDEST = 1e-6
"""Below this temperature the likeliest token is taken: scores divided by less are no numbers any more."""


class Options(NamedTuple):
    """`temperature` 0: the likeliest token each time. `top_p`: only the likeliest tokens that have this share together, at least one
    (nucleus sampling, Holtzman et al. 2020). `stop`: texts before which an answer ends."""

    most: int = MOST_TOKENS
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Piece(NamedTuple):
    """What an answer has more now: `text` is empty while a character is not whole; `finish` says why it ended: stop or length."""

    text: str
    tokens: int
    finish: str = ""


def draw(scores: np.ndarray, options: Options, generator: np.random.Generator) -> int:
    """The next token by its scores (vocabulary,)."""
    if options.temperature < COLDEST:
        return int(scores.argmax())
    scaled = scores.astype(np.float64) / options.temperature
    shares = np.exp(scaled - scaled.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    before = np.cumsum(shares[order]) - shares[order]
    kept = order[: max(1, int((before < options.top_p).sum()))]
    return int(generator.choice(kept, p=shares[kept] / shares[kept].sum()))


def tokens_after(
    decoder: Reader[Any], ids: np.ndarray, ends: tuple[int, ...], options: Options
) -> Iterator[int | None]:
    """The tokens of an answer, at most `options.most` and as many as the model has positions for; None where it ends by itself."""
    generator = np.random.default_rng(options.seed)
    cache = decoder.cache(len(ids) + options.most)
    unread = ids
    for _number in range(min(options.most, decoder.positions - len(ids))):
        token = draw(decoder.logits(decoder.read(unread, cache)[-1:])[0], options, generator)
        if token in ends:
            yield None
            return
        yield token
        unread = np.array([token])


def write(
    decoder: Reader[Any], template: Template, ids: np.ndarray, options: Options, before: np.ndarray
) -> Iterator[Piece]:
    """The answer to a prompt in pieces of text, the last of which says why it ended. `before`: the tokens whose text it goes on
    with, none of a message of its own. What might be the beginning of a stop text is
    held back until it is known."""
    written: list[int] = []
    told, finish = 0, "length"
    for token in tokens_after(decoder, ids, template.ends, options):
        if token is None:
            finish = "stop"
            break
        written.append(token)
        text = template.continued(before, written)
        if any(stop in text for stop in options.stop):
            finish = "stop"
            break
        sure = len(text) - held_back(text, options.stop)
        if sure > told:
            yield Piece(text[told:sure], len(written))
            told = sure
        else:
            yield Piece("", len(written))
    text = before_stop(template.continued(before, written), options.stop)
    yield Piece(text[told:], len(written), finish)


def before_stop(text: str, stops: tuple[str, ...]) -> str:
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def held_back(text: str, stops: tuple[str, ...]) -> int:
    """How many characters at the end may change with the next token or begin a stop text."""
    half = len(text) - len(text.rstrip(HALF_CHARACTER))
    sizes = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return max(half, max(sizes, default=0))
