"""Answers that must be JSON: before each token a grammar says which tokens may follow (constrained decoding).

The grammar is kept by llguidance (https://github.com/guidance-ai/llguidance), which reads JSON Schema and the tokens of the model.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.errors import DataError
from trainer.messages import _

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer
    from llguidance._lib import JsonCompileOptions

    from trainer.writing.prompts import Template

ANY_OBJECT: dict[str, Any] = {"type": "object"}
"""Of `json_object`, which says no more."""
WRITTEN_AS: "JsonCompileOptions" = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As Python's `json` writes it: a model cannot fill an answer with blanks."""
LONGEST_SCHEMA = 100_000
"""Characters of a schema."""


class Grammar:
    """What one answer may be, and how far it is."""

    def __init__(self, matcher: "LLMatcher", size: int) -> None:
        self.matcher, self.size = matcher, size

    def allowed(self) -> np.ndarray:
        """(vocabulary,): whether each token may come next."""
        bits = np.frombuffer(self.matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, bitorder="little")[: self.size].astype(bool)

    def masked(self, scores: np.ndarray) -> np.ndarray:
        """Scores (vocabulary,) of which those of tokens that must not come are -inf."""
        masked = np.full(len(scores), -np.inf, dtype=scores.dtype)
        allowed = np.flatnonzero(self.allowed()[: len(scores)])
        masked[allowed] = scores[allowed]
        return masked

    def copy(self) -> "Grammar":
        """Another one as far: each answer goes its own way."""
        return Grammar(self.matcher.deep_copy(), self.size)

    def take(self, token: int) -> bool:
        """Go on by a token; whether the answer is whole with it."""
        self.matcher.consume_token(token)
        return self.matcher.is_stopped()


class Grammars:
    """Those of one model: its tokens are read once."""

    def __init__(self, template: "Template") -> None:
        self.template, self.size = template, template.tokenizer.get_vocab_size()
        self.tokens: LLTokenizer | None = None

    def of(self, schema: dict[str, Any]) -> Grammar:
        """A grammar at its beginning; `DataError` where the schema has what none can be made of."""
        from llguidance import LLMatcher

        text = json.dumps(schema)
        if len(text) > LONGEST_SCHEMA:
            message = _("has a schema of more than %(most)s characters.", most=f"{LONGEST_SCHEMA:,}")
            raise DataError(message, code="bad_schema", hint=_("Ask for fewer fields."))
        matcher = LLMatcher(self.read_tokens(), LLMatcher.grammar_from_json_schema(text, overrides=WRITTEN_AS))
        if matcher.is_error():
            reason = matcher.get_error().strip().split("\n")[0][:200]
            message = _("has a schema that cannot be kept to: %(reason)s", reason=reason)
            raise DataError(message, code="bad_schema", hint=_("Write it without that, or leave it out."))
        return Grammar(matcher, self.size)

    def read_tokens(self) -> "LLTokenizer":
        from llguidance import LLTokenizer

        if self.tokens is None:
            ends = list(self.template.ends) or None
            try:
                self.tokens = LLTokenizer(self.template.tokenizer.to_str(), n_vocab=self.size, eos_token=ends)
            except (ValueError, RuntimeError) as error:
                message = _("cannot be answered in JSON: this model's tokens are of another kind.")
                raise DataError(message, code="bad_schema", hint=_("Leave the form of the answer out.")) from error
        return self.tokens
