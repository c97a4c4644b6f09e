"""The vectors of texts by a frozen encoder as a graph, without torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer.engines import open_session
from trainer.engines.text import open_tokenizer, padded
from trainer.table_texts import GRAPH, TOKENIZER


class Encoder:
    """`encoder(texts)`: (texts, width) float32. One text passes through the graph at a time, so that its vector is the same
    whatever is asked beside it, in int8 too, where a graph scales a whole batch alike."""

    def __init__(self, folder: Path, max_length: int, threads: int | None = None) -> None:
        self.session = open_session(folder / GRAPH, threads)
        self.tokenizer = open_tokenizer(folder / TOKENIZER, max_length)

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        encodings = self.tokenizer.encode_batch_fast(list(texts))
        return np.concatenate([self.session.run(None, padded([encoding.ids]))[0] for encoding in encodings])
