"""Summaries and translations written without torch, by the engine that writes texts on."""

from typing import TYPE_CHECKING

import numpy as np

from trainer.answers.rewriting_scoring import report
from trainer.engines.writing import Prompt, WritingEngine, options_of
from trainer.json_types import JsonObject
from trainer.outputs import Outputs
from trainer.writing.figures import FIGURES

if TYPE_CHECKING:
    from trainer.data.loading import Loaded


class TextToTextEngine(WritingEngine):
    is_writer = False

    def open(self, threads: int | None) -> None:
        super().open(threads)
        self.most: int = self.manifest["most_tokens"]
        """Of what is written, where nobody asks for less."""

    def warm_input(self) -> Prompt:
        return self.read("a")._replace(options=options_of({"max_tokens": 2}))

    def read(self, value: object) -> Prompt:
        """A text, or an object with it and options; of a long one the beginning is read, as in learning."""
        self.check(value)
        given: JsonObject = value if isinstance(value, dict) else {self.task.roles[0].name: value}
        text = self.template.shortened(str(given[self.task.roles[0].name]), self.max_length - self.most)
        options = options_of(given)
        most: int = given.get("max_tokens") or self.most
        turns = [{"role": "user", "content": text}]
        prompt = Prompt(self.template.asked(turns), options._replace(most=min(most, self.most)), text)
        return self.with_right(prompt, turns, str(given["answer"])) if "answer" in given else prompt

    def with_right(self, prompt: Prompt, turns: list[dict[str, str]], answer: str) -> Prompt:
        """A row whose right text is known: how likely that is is asked too."""
        encoded = self.template.conversation([*turns, {"role": "assistant", "content": answer}]).cut(self.max_length)
        characters = len(self.template.decode(encoded.ids[encoded.start :]))
        return prompt._replace(scored=encoded.ids, start=encoded.start, characters=characters)

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        texts = [self.template.continued([], row[FIGURES:].astype(np.int64)) for row in outputs]
        name = self.task.roles[0].name
        return report(list(rows.answers), texts, shown, rows.row_numbers, name, self.task.headline)
