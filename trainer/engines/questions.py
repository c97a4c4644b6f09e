"""Passages that answer questions, by the `tokenizers` library, numpy and ONNX Runtime alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from trainer.engines import Engine
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.files import read_json
from trainer.json_types import JsonObject
from trainer.outputs import Outputs
from trainer.passages.decoding import Found, answer_of, candidates, empty
from trainer.passages.windows import Pair, Window, Windows

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

AT_ONCE = 16
"""Windows read together, those of one question at least."""
MOST_PIECES = 40
"""Words of a question that are explained."""


class Prepared(NamedTuple):
    """A pair as windows; `is_cut`: whether some of it is not read."""

    windows: list[Window]
    is_cut: bool


class QuestionEngine(Engine[Pair, list[tuple[Pair, Found]]]):
    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        from tokenizers import Tokenizer

        super().__init__(artifact, manifest, engine, threads, verify=verify)
        tokenizer, head = self.other_files()
        self.windows = Windows(Tokenizer.from_file(str(tokenizer)), self.manifest["max_length"])
        self.arguments = {argument.name for argument in self.session.get_inputs()}
        config = read_json(head)
        self.scores_none, self.overlap = config["scores_none"], np.array(config["overlap"], dtype=np.float32)

    def other_files(self) -> tuple[Path, ...]:
        model = self.artifact / "model"
        return model / "tokenizer.json", model / "head.json"

    def warm_input(self) -> Pair:
        return Pair("a", "a")

    def read(self, value: object) -> Pair:
        """An object of `question` and `context`."""
        self.check(value)
        given = cast("JsonObject", value)
        return Pair(given["question"], given["context"])

    def prepare(self, inputs: Sequence[Pair]) -> list[Prepared]:
        questions = self.windows.questions([pair.question for pair in inputs])
        texts = list(dict.fromkeys(pair.context for pair in inputs))
        contexts = dict(zip(texts, self.windows.contexts(texts), strict=True))
        made = []
        for pair, question in zip(inputs, questions, strict=True):
            tokens = contexts[pair.context]
            windows = self.windows.read(pair, question, tokens)
            every = len(self.windows.starts(len(question), len(tokens.ids))[1])
            is_cut = len(windows) < every or len(question) > self.windows.longest_question
            made.append(Prepared(windows, is_cut))
        return made

    def predict(self, inputs: Sequence[Pair]) -> list[JsonObject]:
        """As every engine; `truncated: true` where not all of the question and the context was read."""
        prepared = self.prepare(inputs)
        predictions = self.served(self.decoded(inputs, self.candidates_of(prepared))) if inputs else []
        for prediction, each in zip(predictions, prepared, strict=True):
            if each.is_cut:
                prediction["truncated"] = True
        return predictions

    def outputs(self, inputs: Sequence[Pair]) -> np.ndarray:
        """The candidates of each pair (`trainer.passages.decoding`)."""
        return self.candidates_of(self.prepare(inputs))

    def candidates_of(self, prepared: Sequence[Prepared]) -> np.ndarray:
        outputs = empty(len(prepared))
        order = sorted(range(len(prepared)), key=lambda row: sum(len(window.ids) for window in prepared[row].windows))
        rows: list[int] = []
        for row in order:
            if rows and sum(len(prepared[each].windows) for each in (*rows, row)) > AT_ONCE:
                outputs[rows] = self.run([prepared[each] for each in rows])
                rows = []
            rows.append(row)
        if rows:
            outputs[rows] = self.run([prepared[each] for each in rows])
        return outputs

    def run(self, prepared: Sequence[Prepared]) -> np.ndarray:
        """The candidates of some pairs at once."""
        owners = [place for place, each in enumerate(prepared) for _window in each.windows]
        windows = [window for each in prepared for window in each.windows]
        batch = self.windows.batch(windows, owners)
        arguments = {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.types}
        scores = self.session.run(None, {name: arguments[name] for name in self.arguments})[0]
        scores = scores + batch.features @ self.overlap.T
        return candidates(scores, batch, len(prepared), scores_none=self.scores_none)

    def answered(self, inputs: Sequence[Pair]) -> list[tuple[Pair, Found]]:
        return self.decoded(inputs, self.outputs(inputs))

    def decoded(self, pairs: Sequence[Pair], outputs: Outputs) -> list[tuple[Pair, Found]]:
        threshold = self.manifest.get("threshold")
        return [(pair, answer_of(pair.context, listed, threshold)) for pair, listed in zip(pairs, outputs, strict=True)]

    def order(self, inputs: Sequence[Pair]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row].context))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        pairs = [Pair(*each) for each in zip(rows.values["question"], rows.values["context"], strict=True)]
        return self.scored(rows, self.decoded(pairs, outputs), shown)

    def parts(self, value: Pair, most: int = MOST_PARTS) -> Parts[Pair]:
        """The words of the question."""
        return word_parts(value.question, lambda text: value._replace(question=text), min(most, MOST_PIECES))
