"""One question to a judge by OpenAI's `/chat/completions`, at an address that may be asked (`trainer.data.checked_connection`)."""

import json
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from trainer.data.checked_connection import BrokenOffError, NotFetchedError, post
from trainer.errors import UserError
from trainer.judging.journal import Journal, key_of
from trainer.judging.questions import ANSWER_TOKENS, CHARACTERS_A_TOKEN, Prices, foreseen, too_dear
from trainer.messages import _

KEY = "MAQUETTE_JUDGE_KEY"
SECONDS, TRIES, MOST_WAIT = 60.0, 4, 20.0
"""Of one question; how often one that is put off (429, 503) is sent, and seconds that are waited at most in between."""
PUT_OFF = (429, 503)


@dataclass
class Judge:
    """`url` as OpenAI's clients take a base URL; `allowed`: hosts with ports (`host:port`) that are asked though they are private."""

    url: str
    model: str
    prices: Prices
    key: str = ""
    allowed: Collection[str] = ()
    journal: Journal = field(default_factory=Journal)
    wait: Callable[[float], None] = time.sleep

    @property
    def spent(self) -> float:
        return self.journal.spent()

    def key_of(self, question: str) -> str:
        return key_of(self.url, self.model, question)

    def unasked(self, questions: Sequence[str]) -> list[str]:
        """Each once."""
        return [question for question in dict.fromkeys(questions) if not self.journal.is_known(self.key_of(question))]

    def ask(self, question: str) -> str | None:
        """The first word of its reply, in small letters; None of one whose reply was lost. What was asked before is not asked
        again. `UserError` where it cannot be asked, or may not for the cap."""
        key = self.key_of(question)
        if not self.journal.is_known(key):
            self.send(key, question)
        return self.journal.replies.get(key)

    def send(self, key: str, question: str) -> None:
        price = foreseen([question], self.prices)
        if self.spent + price > self.prices.cap:
            raise too_dear(self.spent + price, self.prices.cap)
        for left in reversed(range(TRIES)):
            self.journal.note(key, "asked", price)
            status, wait, body = self.post(key, question)
            if status == 200:
                break
            self.journal.note(key, "refused")
            if status not in PUT_OFF or not left:
                raise unreachable(_("it answered with status %(status)s", status=status))
            self.wait(wait)
        reply, read, written = read_reply(body)
        paid = self.prices.of(read or len(question) // CHARACTERS_A_TOKEN, written or ANSWER_TOKENS)
        self.journal.note(key, "replied", paid, reply)

    def post(self, key: str, question: str) -> tuple[int, float, bytes]:
        """(status, seconds to wait where it is put off, body)."""
        body = {"model": self.model, "messages": [{"role": "user", "content": question}], "temperature": 0}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        address = f"{self.url.rstrip('/')}/chat/completions"
        try:
            status, answer_headers, text = post(
                address,
                json.dumps(body | {"max_tokens": ANSWER_TOKENS}).encode(),
                headers,
                seconds=SECONDS,
                allowed=self.allowed,
            )
        except NotFetchedError as error:
            if not isinstance(error, BrokenOffError):
                self.journal.note(key, "refused")
            raise unreachable(_("its address %(reason)s", reason=error.args[0])) from error
        after = answer_headers.get("Retry-After", "")
        return status, min(float(after), MOST_WAIT) if after.isascii() and after.isdigit() else 2.0, text


def read_reply(body: bytes) -> tuple[str, int, int]:
    """(first word, tokens read, tokens written); 0 where it does not say how many."""
    try:
        fields = json.loads(body)
        text, usage = str(fields["choices"][0]["message"]["content"]), fields.get("usage") or {}
        read, written = (max(int(usage.get(name) or 0), 0) for name in ("prompt_tokens", "completion_tokens"))
    except (ValueError, RecursionError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise unreachable(_("its answer has not OpenAI’s form")) from error
    return next(iter(text.lower().split()), "").strip(".,:;!\"'*`")[:20], read, written


def unreachable(reason: str) -> UserError:
    return UserError(
        _("The judge could not be asked: %(error)s.", error=reason),
        code="judge_unreachable",
        hint=_("Check its address, its model and its key."),
    )
