"""Answers that are written together, a token of each in one step of the model (continuous batching, Yu et al. 2022).

A draft joins at any step and leaves once it is finished: no answer waits for another's end.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.writing.prompts import HALF_CHARACTER, Template
from trainer.writing.reader import Part, Reader
from trainer.writing.sampling import Options, draw

if TYPE_CHECKING:
    from trainer.writing.grammars import Grammar

READ_AT_ONCE = 256
"""Tokens of prompts that are read in one step, of all drafts: who writes already waits no longer than that for who has much to say."""
TOGETHER = 32
"""Drafts that are advanced in one step where there are many."""
CACHES = 256 * 1024**2
"""Bytes of the caches of drafts that nobody waits for."""
KNOWN = 8
"""Tokens before a new one that may change how it is spelled."""


class Piece(NamedTuple):
    """What an answer has more now: `text` is empty while a character is not whole; `finish` says why it ended: stop or length."""

    text: str
    tokens: int
    finish: str = ""


class Draft:
    """One answer on its way: its cache, and the text that is known of it. What might be the beginning of a stop text is held back
    until it is known."""

    def __init__(
        self,
        decoder: Reader[Any],
        template: Template,
        ids: np.ndarray,
        options: Options,
        before: np.ndarray,
        grammar: "Grammar | None" = None,
    ) -> None:
        """`ids`: the prompt's tokens; `before`: the tokens whose text it goes on with, none of a message of its own; `grammar`: what
        the answer must be."""
        self.template, self.options, self.grammar = template, options, grammar
        self.decoder, self.room = decoder, len(ids) + options.most
        self.opened: Any = None
        self.unread = ids
        self.left = min(options.most, decoder.positions - len(ids))
        self.generator = np.random.default_rng(options.seed)
        self.written: list[int] = []
        self.before = [int(each) for each in before][-2 * KNOWN :]
        self.text, self.sent, self.spelled = "", 0, 0
        self.finish = "" if self.left > 0 else "length"

    @property
    def cache(self) -> Any:  # noqa: ANN401
        """Taken with the first token that is read, given back with the last that is written."""
        if self.opened is None:
            self.opened = self.decoder.cache(self.room)
        return self.opened

    @property
    def bytes(self) -> int:
        """Of its cache."""
        return self.decoder.cache_bytes(self.room)

    def take(self, scores: np.ndarray) -> Piece:
        """The next token by its scores (vocabulary,), as a piece of text."""
        token = draw(self.grammar.masked(scores) if self.grammar else scores, self.options, self.generator)
        self.left -= 1
        is_whole = self.grammar is not None and self.grammar.take(token)
        if token in self.template.ends:
            return self.end("stop")
        self.written.append(token)
        self.unread = np.array([token])
        self.spell()
        if is_whole or any(stop in self.text[self.sent :] for stop in self.options.stop):
            return self.end("stop")
        return self.tell(held_back(self.text, self.options.stop)) if self.left > 0 else self.end("length")

    def spell(self, *, is_last: bool = False) -> None:
        """Add what the tokens since the last whole character say. Only the last tokens are decoded, so that a step of a long answer
        takes no longer than one of a short one."""
        known = [*self.before, *self.written[: self.spelled]][-KNOWN:]
        more = self.template.continued(known, self.written[self.spelled :])
        is_whole = bool(more) and not more.endswith(HALF_CHARACTER)
        if is_last or is_whole or len(self.written) - self.spelled > KNOWN:
            self.text, self.spelled = self.text + more, len(self.written)

    def tell(self, held: int) -> Piece:
        sure = max(len(self.text) - held, self.sent)
        piece = Piece(self.text[self.sent : sure], len(self.written))
        self.sent = sure
        return piece

    def end(self, finish: str) -> Piece:
        self.finish, self.opened = finish, None
        self.spell(is_last=True)
        self.text = before_stop(self.text, self.options.stop)
        return self.tell(0)._replace(finish=finish)


def advance(decoder: Reader[Any], drafts: Sequence[Draft]) -> list[Piece | None]:
    """A step: a piece of each draft, in order; None where its prompt is not read to the end yet. Drafts must not be finished."""
    parts = parts_of(drafts)
    read = decoder.read_together([part for part in parts if part]) if any(parts) else []
    states = iter(read)
    lasts = [next(states)[-1] if part else None for part in parts]
    for draft, part in zip(drafts, parts, strict=True):
        draft.unread = draft.unread[len(part.ids) :] if part else draft.unread
    ready = [place for place, draft in enumerate(drafts) if not len(draft.unread)]
    pieces: list[Piece | None] = [None] * len(drafts)
    if ready:
        scores = decoder.logits(np.stack([last for place in ready if (last := lasts[place]) is not None]))
        for row, place in zip(scores, ready, strict=True):
            pieces[place] = drafts[place].take(row)
    return pieces


def parts_of(drafts: Sequence[Draft]) -> list[Part[Any] | None]:
    """What is read of each in a step: its next token, or as much of its prompt as has room, in their order."""
    room, parts = READ_AT_ONCE, list[Part[Any] | None]()
    for draft in drafts:
        count = 1 if len(draft.unread) == 1 else min(len(draft.unread), room)
        room -= count if len(draft.unread) > 1 else 0
        parts.append(Part(draft.unread[:count], draft.cache) if count else None)
    return parts


def write(
    decoder: Reader[Any], template: Template, ids: np.ndarray, options: Options, before: np.ndarray
) -> Iterator[Piece]:
    """The answer to a prompt in pieces of text, the last of which says why it ended."""
    draft = Draft(decoder, template, ids, options, before)
    yield from alone(decoder, draft)


def alone(decoder: Reader[Any], draft: Draft) -> Iterator[Piece]:
    """The pieces of one draft, none of which is left out where nothing is asked for."""
    if draft.finish:
        yield Piece("", 0, draft.finish)
    while not draft.finish:
        yield from filter(None, advance(decoder, [draft]))


def finished(decoder: Reader[Any], drafts: Sequence[Draft]) -> None:
    """All of them written to their ends, as many at a time as TOGETHER and CACHES allow."""
    waiting = [draft for draft in reversed(drafts) if not draft.finish]
    running: list[Draft] = []
    while running or waiting:
        while waiting and has_room(running, waiting[-1]):
            running.append(waiting.pop())
        advance(decoder, running)
        running = [draft for draft in running if not draft.finish]


def has_room(running: Sequence[Draft], draft: Draft) -> bool:
    taken = sum(each.bytes for each in running)
    return not running or (len(running) < TOGETHER and taken + draft.bytes <= CACHES)


def before_stop(text: str, stops: tuple[str, ...]) -> str:
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def held_back(text: str, stops: tuple[str, ...]) -> int:
    """How many characters at the end may change with the next token or begin a stop text."""
    half = len(text) - len(text.rstrip(HALF_CHARACTER))
    sizes = (size for stop in stops for size in range(1, len(stop)) if text.endswith(stop[:size]))
    return max(half, max(sizes, default=0))
