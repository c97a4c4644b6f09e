"""Texts written from a prompt by the `tokenizers` library and numpy alone, token by token, with a key-value cache."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trainer.answers.completion_scoring import Written
from trainer.engines import Engine, Shared
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.writing.decoder import open_reader
from trainer.writing.drafts import Draft, Piece, advance, finished
from trainer.writing.figures import FIGURES
from trainer.writing.grammars import Grammar, Grammars
from trainer.writing.network import Network
from trainer.writing.prompts import TOKENIZER, Template
from trainer.writing.sampling import MOST_TOKENS, Options
from trainer.writing.shared import ADAPTER, ADAPTER_CONFIG, ADAPTER_WEIGHTS, base_of
from trainer.writing.tools import with_tools
from trainer.writing.weights import CONFIG, WEIGHTS

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

MOST_PIECES = 20
"""Words of a prompt that are explained."""


class Prompt(NamedTuple):
    """`ids` to be continued; with `scored`, the ids of a whole row whose answer begins at `start` and has so many
    `characters`. `text`: what was asked last; `continues`: whether the answer goes on with it, and is not a message of its own;
    `grammar`: what the answer must be."""

    ids: np.ndarray
    options: Options
    text: str = ""
    scored: np.ndarray = np.zeros(0, dtype=np.int64)
    start: int = 0
    characters: int = 0
    continues: bool = False
    grammar: Grammar | None = None


class WritingEngine(Engine[Prompt, list[Written]]):
    is_writer = True
    is_explained_quickly = False

    def model_file(self) -> Path:
        return self.artifact / "model" / WEIGHTS

    def other_files(self) -> tuple[Path, ...]:
        adapter = [self.artifact / ADAPTER / name for name in (ADAPTER_WEIGHTS, ADAPTER_CONFIG)]
        shares = bool(base_of(self.artifact / "model"))
        return (*(self.artifact / "model" / name for name in (TOKENIZER, CONFIG)), *(adapter if shares else []))

    @property
    def shared(self) -> Shared | None:
        decoder = self.decoder
        if not isinstance(decoder, Network) or decoder.base is None:
            return None
        return Shared(decoder.base.name, decoder.base.bytes, decoder.own_bytes)

    def open(self, threads: int | None) -> None:
        folder = self.artifact / "model"
        self.decoder, self.template = open_reader(folder), Template.load(folder)
        self.grammars = Grammars(self.template)
        self.max_length = min(self.manifest.get("max_length", self.decoder.positions), self.decoder.positions)

    @property
    def is_chat(self) -> bool:
        """Whether it learned from conversations, so that a text is a message; otherwise a text is continued."""
        return bool(self.manifest.get("form") == "chat")

    def warm_input(self) -> Prompt:
        return Prompt(self.template.begun("a"), Options(2))

    def read(self, value: object) -> Prompt:
        """A text, or an object with messages, a prompt or a text; `DataError` for one with more tokens than the model reads."""
        self.check(value)
        given = value if isinstance(value, dict) else {"prompt" if self.is_chat else "text": value}
        options = options_of(given)
        if "answer" in given:
            return self.with_answer(given)
        ids = self.prompt_ids(given)
        most = self.decoder.positions - 1
        if len(ids) > most:
            message = _(
                "has %(count)s tokens; this model reads at most %(most)s.", count=f"{len(ids):,}", most=f"{most:,}"
            )
            raise DataError(message, code="too_long", hint=_("Shorten it, or leave out earlier messages."))
        schema: Any = given.get("json_schema")
        grammar = None if schema is None else self.grammars.of(schema)
        return Prompt(ids, options, last_text(given), continues=self.continues(given), grammar=grammar)

    def prompt_ids(self, value: JsonObject) -> np.ndarray:
        if "messages" in value:
            return self.template.asked(with_tools(value["messages"], value.get("tools") or []))
        if "prompt" in value and self.is_chat:
            return self.template.asked([{"role": "user", "content": value["prompt"]}])
        return self.template.begun(str(value.get("prompt", value.get("text", ""))))

    def continues(self, value: JsonObject) -> bool:
        return "messages" not in value and not ("prompt" in value and self.is_chat)

    def with_answer(self, value: JsonObject) -> Prompt:
        """A row whose right answer is known: only how likely that is is asked."""
        answer = str(value["answer"])
        turns = value.get("messages") or []
        written = {"role": "assistant", "content": answer}
        encoded = self.template.conversation([*turns, written]) if turns else self.template.text(answer)
        encoded = encoded.cut(self.max_length)
        characters = len(self.template.decode(encoded.ids[encoded.start :]))
        return Prompt(encoded.ids[: encoded.start], Options(0), "", encoded.ids, encoded.start, characters)

    # Answers

    def answer_bytes(self, prompt: Prompt) -> int:
        """Memory of the answer while it is written."""
        return self.decoder.cache_bytes(len(prompt.ids) + prompt.options.most)

    def begin(self, prompt: Prompt) -> Draft:
        before = prompt.ids if prompt.continues else prompt.ids[:0]
        grammar = prompt.grammar.copy() if prompt.grammar else None
        return Draft(self.decoder, self.template, prompt.ids, prompt.options, before, grammar)

    def advance(self, drafts: Sequence[Draft]) -> list[Piece | None]:
        return advance(self.decoder, drafts)

    def drafted(self, inputs: Sequence[Prompt]) -> list[Draft]:
        """Of each input, written to the end."""
        drafts = [self.begin(prompt) for prompt in inputs]
        finished(self.decoder, drafts)
        return drafts

    def outputs(self, inputs: Sequence[Prompt]) -> list[np.ndarray]:
        """As the trained model gives them: nats, tokens and characters of the right answer, and the ids of what is written."""
        pairs = zip(inputs, self.drafted(inputs), strict=True)
        return [
            np.concatenate([self.figures(prompt), np.array(draft.written, dtype=np.float64)]) for prompt, draft in pairs
        ]

    def figures(self, prompt: Prompt) -> np.ndarray:
        nats = self.decoder.nats(prompt.scored, prompt.start) if prompt.start else np.zeros(0)
        return np.array([nats.sum(), len(nats), prompt.characters], dtype=np.float64)

    def answered(self, inputs: Sequence[Prompt]) -> list[Written]:
        return [self.written(*pair) for pair in zip(inputs, self.drafted(inputs), strict=True)]

    def written(self, prompt: Prompt, draft: Draft) -> Written:
        finish = draft.finish if prompt.options.most else ""
        figures = tuple(self.figures(prompt).tolist())
        return Written(draft.text, len(draft.written), len(prompt.ids), finish, figures)

    def order(self, inputs: Sequence[Prompt]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row].ids))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        figures = [tuple(row[:FIGURES].tolist()) for row in outputs]
        return self.scored(rows, [Written("", figures=each) for each in figures], shown)

    def parts(self, value: Prompt, most: int = MOST_PARTS) -> Parts[Prompt]:
        """The words of what was asked last."""
        return word_parts(value.text, lambda text: self.asking(value, text), min(most, MOST_PIECES))

    def asking(self, prompt: Prompt, text: str) -> Prompt:
        """The prompt with another text in it."""
        asked = self.template.encode(prompt.text)
        place = find(prompt.ids, asked)
        if place < 0:
            return prompt
        ids = [
            prompt.ids[:place],
            np.array(self.template.encode(text), dtype=np.int64),
            prompt.ids[place + len(asked) :],
        ]
        return prompt._replace(ids=np.concatenate(ids), text=text)

    def falls(self, value: Prompt, others: Iterable[Prompt]) -> np.ndarray:
        """By how many nats the answer that is written to it is less likely."""
        answer = np.array(self.drafted([value])[0].written, dtype=np.int64)
        nats = np.array([self.nats_of(prompt, answer) for prompt in others])
        return nats - self.nats_of(value, answer)

    def nats_of(self, prompt: Prompt, answer: np.ndarray) -> float:
        """Of an answer after a prompt."""
        whole = np.concatenate([prompt.ids, answer])[-self.decoder.positions :]
        return float(self.decoder.nats(whole, max(len(whole) - len(answer), 1)).sum())


def options_of(value: JsonObject) -> Options:
    stop: Any = value.get("stop") or ()
    return Options(
        value.get("max_tokens") or MOST_TOKENS,
        value.get("temperature") or 0.0,
        1.0 if value.get("top_p") is None else value["top_p"],
        None if value.get("seed") is None else abs(value["seed"]),
        (stop,) if isinstance(stop, str) else tuple(stop),
        value.get("top_k") or 0,
        value.get("min_p") or 0.0,
    )


def last_text(value: JsonObject) -> str:
    if "messages" in value:
        return str(value["messages"][-1]["content"])
    return str(value.get("prompt", value.get("text", "")))


def find(ids: np.ndarray, part: list[int]) -> int:
    """Where `part` last stands in `ids`; -1 where it does not."""
    places = range(len(ids) - len(part), -1, -1)
    return next((place for place in places if ids[place : place + len(part)].tolist() == part), -1)
