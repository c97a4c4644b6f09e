"""Passages in texts, by the `tokenizers` library, numpy and ONNX Runtime alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from trainer.engines import Engine
from trainer.engines.explanations import MOST_PARTS, Parts, word_parts
from trainer.json_types import JsonObject
from trainer.outputs import Outputs
from trainer.tagging.decoding import Entities, entities_of
from trainer.tagging.readers import CONFIG, open_reader

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

AT_ONCE = 32
"""Texts answered together."""


class TaggingEngine(Engine[str, list[Entities]]):
    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.reader = open_reader(self.artifact / "model")

    def other_files(self) -> tuple[Path, ...]:
        folder = self.artifact / "model"
        return tuple(path for path in (folder / CONFIG, folder / "tokenizer.json") if path.exists())

    def warm_input(self) -> str:
        return "a"

    def read(self, value: object) -> str:
        self.check(value)
        return cast("str", value)

    def outputs(self, inputs: Sequence[str]) -> list[np.ndarray]:
        """The scores of each text's units, (units, tags)."""
        order, outputs = self.order(inputs), [np.zeros((0, 0), dtype=np.float32)] * len(inputs)
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            arguments, picks, units = self.reader.arguments([inputs[row] for row in rows])
            scores = self.reader.picked(self.session.run(None, arguments)[0], picks)
            for row, each, count in zip(rows, scores, units, strict=True):
                outputs[row] = each[:count]
        return outputs

    def answered(self, inputs: Sequence[str]) -> list[Entities]:
        return self.decoded(inputs, self.outputs(inputs))

    def decoded(self, texts: Sequence[str], outputs: Outputs) -> list[Entities]:
        return entities_of(texts, list(outputs), self.labels, self.reader.follows)

    def order(self, inputs: Sequence[str]) -> list[int]:
        return sorted(range(len(inputs)), key=lambda row: len(inputs[row]))

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        return self.scored(rows, self.decoded(shown, outputs), shown)

    def parts(self, value: str, most: int = MOST_PARTS) -> Parts[str]:
        return word_parts(value, str, most)
