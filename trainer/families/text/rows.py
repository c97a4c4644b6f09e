"""What rows of texts have in common, however they are read: what is shown of them, examples, and what a model must beat."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trainer.data.loading import Loaded
from trainer.data.personal import find_spans
from trainer.data.privacy import guess_hints
from trainer.learning.baselines import Baseline, label_counting, word_counting, word_regression
from trainer.learning.job import Job
from trainer.learning.rows import Rows

EXAMPLES, EXAMPLE_CHARACTERS = 8, 200


class TextRows(Rows):
    """`lengths`: how much work each text is, see `Rows`."""

    input_name = "text"

    def __init__(
        self, loaded: Loaded, labels: list[str], truth: np.ndarray, texts: list[str], lengths: np.ndarray
    ) -> None:
        self.texts = texts
        super().__init__(loaded, labels, truth, lengths)

    def inputs(self, rows: np.ndarray) -> list[Any]:
        return self.shown(rows)

    def shown(self, rows: np.ndarray) -> list[str]:
        return [self.texts[row] for row in rows]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        """A few short test texts, each with another answer, none with personal data."""
        by_answer: dict[Any, dict[str, Any]] = {}
        hints = guess_hints("text", pa.chunked_array([pa.array(self.texts, pa.string())]))
        for row in sorted(self.part("test"), key=lambda row: abs(len(self.texts[row]) - 60)):
            answer, text = self.loaded.answers[row], self.texts[row].strip()
            if answer not in by_answer and len(text) <= EXAMPLE_CHARACTERS and not find_spans(text, hints):
                by_answer[answer] = {"input": text, "label": answer}
        return list(by_answer.values())[:EXAMPLES]


def compute_baselines(job: Job, rows: TextRows) -> dict[str, Baseline]:
    """Always the commonest answer, and a bag of words."""
    train, test = rows.known("train", "validation"), rows.part("test")
    truth, labels, seed = rows.truth[train], rows.labels, job.spec.seed
    if rows.is_class:
        name = "tfidf_logistic"
        simple = lambda: word_counting(rows.shown(train), truth, rows.shown(test), len(labels), seed)  # noqa: E731
    elif rows.answer.one_output:
        name = "tfidf_ridge"
        simple = lambda: word_regression(rows.shown(train), truth, rows.shown(test), seed)  # noqa: E731
    elif rows.answer.cells == "labels":
        name = "tfidf_logistic"
        simple = lambda: label_counting(rows.shown(train), truth[:, :-1], rows.shown(test), seed)  # noqa: E731
    else:
        return rows.scoring.baselines(truth, len(test), labels)
    return rows.scoring.baselines(truth, len(test), labels, name, simple)
