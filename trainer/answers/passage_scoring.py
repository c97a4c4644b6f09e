"""Passages that answer questions, learned and scored. Torch is imported where something is learned, not where answers are scored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer.answers.base_scoring import WORST, Cells, Given, Manifest, Scoring
from trainer.comparison import headed, interval, mean
from trainer.learning.objective import Objective
from trainer.packaging import card
from trainer.passages.decoding import Found, answer_of, choose_threshold
from trainer.passages.scores import Truth, scored, truth_of
from trainer.passages.windows import Pair

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from trainer.data.loading import Loaded
    from trainer.learning.baselines import Baseline
    from trainer.learning.job import Job
    from trainer.learning.rows import Mix, Rows

SHOWN_AROUND = 400
"""Characters of a context before and after what a mistake marks."""
TUNING_ROWS = 500
Answered = tuple[Pair, Found]
"""What was asked, and the answer."""


class Asked(Protocol):
    """What rows of questions give beside what all rows do (`trainer.families.text.questions.Questions`)."""

    pairs: list[Pair]
    has_unanswerable: bool


class Answering(Objective[np.ndarray]):
    """Outputs are the candidates of each row (`trainer.passages.decoding`). `threshold`: the score above which an answer is
    given; None where every question has one."""

    headline = "passage_f1"
    epoch_metrics = (("passage_f1", "passage_f1"), ("exact_match", "exact_match"))

    def __init__(self, job: Job, rows: Rows) -> None:
        super().__init__(job, rows)
        self.asked = cast("Asked", rows)
        self.chosen: float | None = None
        self.limits: np.ndarray | None = None
        """(rows,) of a cross-validation, where each round chose its own."""
        self.always_answers = not self.asked.has_unanswerable
        self.model: Module = None

    def prepare(self, model: Module, train: np.ndarray) -> None:
        self.model = model

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        """Cross-entropy of the first and the last token, among those of the context and the one that stands for none."""
        from trainer.families.text.question_model import passage_loss

        *arguments, targets = inputs
        with self.job.device.autocast():
            outputs = call(*arguments)
        return passage_loss(outputs.float(), targets)

    # Whether to answer

    @property
    def threshold(self) -> float | None:
        return self.chosen

    def tune_threshold(self, rounds: Sequence[Any] = ()) -> None:
        """By the validation rows, else some of those learned from; after a cross-validation the middle of what its rounds chose."""
        if self.always_answers:
            return
        if rounds:
            self.chosen = float(np.median([each.threshold for each in rounds]))
            self.limits = np.zeros(self.rows.count)
            for each in rounds:
                self.limits[each.rows] = each.threshold
            return
        from trainer.learning.passes import read_part

        part = self.rows.part("validation")
        part = part if len(part) else self.rows.part("train")[:TUNING_ROWS]
        self.chosen = self.best_threshold(part, np.asarray(read_part(self.model, self.rows, part, self.job.device)))

    def best_threshold(self, rows: np.ndarray, outputs: np.ndarray) -> float:
        truths = self.actual(rows)
        answers = [
            answer_of(self.asked.pairs[row].context, listed, None) for row, listed in zip(rows, outputs, strict=True)
        ]
        gains = [scored(truth, answer.answer)[1] for truth, answer in zip(truths, answers, strict=True)]
        return choose_threshold(
            outputs[:, 0, 2], np.array(gains), np.array([bool(truth.answers) for truth in truths], dtype=bool)
        )

    def extracted(self, rows: np.ndarray, outputs: np.ndarray) -> list[Found]:
        """What these rows' outputs say; before a threshold is chosen, by the one that is best for these very rows."""
        thresholds: list[float | None]
        if self.always_answers:
            thresholds = [None] * len(rows)
        elif self.limits is not None:
            thresholds = self.limits[rows].tolist()
        else:
            chosen = self.best_threshold(rows, outputs) if self.chosen is None else self.chosen
            thresholds = [chosen] * len(rows)
        contexts = [self.asked.pairs[row].context for row in rows]
        return [answer_of(*each) for each in zip(contexts, outputs, thresholds, strict=True)]

    def simple(self, baseline: Baseline) -> Objective[np.ndarray]:
        """A baseline always answers, if it has anything to say."""
        objective = copy.copy(self)
        objective.always_answers = True
        return objective

    # How good it is

    def actual(self, rows: np.ndarray) -> list[Truth]:
        return [truth_of([each["text"] for each in json.loads(self.rows.loaded.answers[row])]) for row in rows]

    def flawless(self, rows: np.ndarray) -> list[str | None]:
        """Of several accepted answers the first; None where there is none."""
        accepted = (json.loads(self.rows.loaded.answers[row]) for row in rows)
        return [answers[0]["text"] if answers else None for answers in accepted]

    def answers(self, metric: str, outputs: np.ndarray, rows: np.ndarray | None = None) -> list[str | None]:
        return [answer.answer for answer in self.extracted(self.rows.part("test") if rows is None else rows, outputs)]

    def figures(self, rows: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return scores(self.actual(rows), [answer.answer for answer in self.extracted(rows, outputs)])

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return figures["passage_f1"], figures["exact_match"]

    def describe(self, figures: dict[str, float]) -> str:
        return f"F1 {figures['passage_f1']:.1%}"

    def report(self, outputs: np.ndarray) -> dict[str, Any]:
        test = self.rows.part("test")
        truth = [self.rows.loaded.answers[row] for row in test]
        pairs = [self.asked.pairs[row] for row in test]
        return report(pairs, truth, self.extracted(test, outputs), self.rows.numbers(test)) | {"threshold": self.chosen}

    def manifest(self) -> dict[str, Any]:
        return {"threshold": self.chosen}

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return f"F1 {score['value']:.1%} on {report['test_rows']:,} test questions, between {score['low']:.1%} and {score['high']:.1%}."

    def card(self, report: dict[str, Any]) -> str:
        return f"""F1 **{report["metrics"]["passage_f1"]:.1%}** and exact match {report["metrics"]["exact_match"]:.1%}, by SQuAD's normalisation; Chinese and Japanese by characters.
{card.interval_of(report)}

{card.comparison(report, "passage_f1", "exact_match")}
"""

    def predictions(self, outputs: np.ndarray) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        return {
            "truth": [self.rows.loaded.answers[row] for row in test],
            "predicted": [stored(answer) for answer in self.extracted(test, outputs)],
        }


class PassageScoring(Scoring[list[Answered]]):
    """Answers are what was asked and what was found, as the engine makes them of the outputs; kept as JSON."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], None]:
        return [], None

    def served(self, outputs: list[Answered], manifest: Manifest) -> list[dict[str, Any]]:
        return [answer._asdict() for _pair, answer in outputs]

    def stored(self, outputs: list[Answered], manifest: Manifest) -> list[str]:
        return [stored(answer) for _pair, answer in outputs]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the questions that both answer with the very same."""
        pairs = zip(answers_of(predicted), answers_of(others), strict=True)
        return float(np.mean([own == other for own, other in pairs]))

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        return scores(self.read_truth(list(truth), []), answers_of(predicted))["passage_f1"]

    def report(
        self,
        truth: Sequence[str],
        outputs: list[Answered],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return report([pair for pair, _found in outputs], list(truth), [answer for _pair, answer in outputs], rows)

    def falls(self, outputs: list[Answered], manifest: Manifest) -> np.ndarray:
        """How much less sure the same words are without the piece; all that was sure where the answer is another one."""
        (_pair, first), *others = outputs
        lost = [first.score - (answer.score if answer.answer == first.answer else 0.0) for _other, answer in others]
        return np.asarray(np.maximum(np.array(lost), 0.0))

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        place = 1 if metric == "passage_f1" else 0
        first, second = (
            np.array([scored(*each)[place] for each in zip(truth, answers, strict=True)]) for answers in predicted
        )
        return Cells(first, first if predicted[0] is predicted[1] else second, mean)

    def read_truth(self, cells: list[str], every: list[str]) -> list[Truth]:
        return [truth_of([each["text"] for each in json.loads(cell)]) for cell in cells]

    def read_predicted(self, metric: str, cells: list[str], own: list[str], every: list[str]) -> list[str | None]:
        return answers_of(cells)


def stored(answer: Found) -> str:
    return json.dumps({"answer": answer.answer, "start": answer.start}, ensure_ascii=False)


def answers_of(cells: Sequence[str]) -> list[str | None]:
    return [json.loads(cell)["answer"] for cell in cells]


# How good they are


def scores(truth: Sequence[Truth], answers: Sequence[str | None]) -> dict[str, float]:
    every = np.array([scored(*each) for each in zip(truth, answers, strict=True)]).reshape(-1, 2)
    exact, f1 = every.mean(axis=0).tolist() if len(every) else (0.0, 0.0)
    return {"passage_f1": f1, "exact_match": exact}


def report(pairs: list[Pair], cells: list[str], extracted: list[Found], rows: list[int]) -> dict[str, Any]:
    """The part of report.json that the test rows give."""
    given = [json.loads(cell) for cell in cells]
    truth = [truth_of([each["text"] for each in answers]) for answers in given]
    answers = [answer.answer for answer in extracted]
    every = [scored(*each) for each in zip(truth, answers, strict=True)]
    return {
        **headed("passage_f1", interval("passage_f1", truth, answers)),
        "metrics": scores(truth, answers),
        "test_rows": len(pairs),
        "labels": [],
        "kinds_of_answers": kinds(truth, answers, every),
        "mistakes": mistakes(pairs, given, extracted, every, rows),
    }


def kinds(truth: list[Truth], answers: list[str | None], every: list[tuple[float, float]]) -> dict[str, int]:
    """How many questions were answered exactly, partly, with other words, not, rightly not, and though there is no answer."""
    counts = dict.fromkeys(("exact", "partly", "other", "not_answered", "rightly_not", "invented"), 0)
    for accepted, answer, (exact, f1) in zip(truth, answers, every, strict=True):
        if not accepted.answers:
            counts["rightly_not" if answer is None else "invented"] += 1
        elif answer is None:
            counts["not_answered"] += 1
        else:
            counts["exact" if exact else "partly" if f1 else "other"] += 1
    return counts


def mistakes(
    pairs: list[Pair], accepted: list[list[dict[str, Any]]], answers: list[Found], every: list[tuple[float, float]], rows: list[int]
) -> list[dict[str, Any]]:  # fmt: skip
    """The questions answered worst, the surest first, with what of the context is about the answers."""
    worst = sorted((row for row in range(len(pairs)) if every[row][1] < 1), key=lambda row: (every[row][1], -answers[row].score))  # fmt: skip
    return [mistake(pairs[row], accepted[row], answers[row], every[row][1], rows[row]) for row in worst[:WORST]]


def mistake(pair: Pair, accepted: list[dict[str, Any]], answer: Found, f1: float, row: int) -> dict[str, Any]:
    """`truth_spans` and `predicted_spans` count characters of the part of the context that is shown."""
    true = accepted[0] if accepted else None
    start = None if true is None else int(true["answer_start"])
    spans = {
        "truth_spans": [] if true is None or start is None else [(start, start + len(true["text"]))],
        "predicted_spans": [] if answer.start is None or answer.end is None else [(answer.start, answer.end)],
    }
    text, places = excerpt(pair.context, spans)
    return {
        "row": row,
        "question": pair.question,
        "context": text,
        "truth": "" if true is None else true["text"],
        "predicted": answer.answer or "",
        "f1": round(f1, 4),
        **{name: [{"start": start, "end": end} for start, end in own] for name, own in places.items()},
    }


def excerpt(
    context: str, spans: dict[str, list[tuple[int, int]]]
) -> tuple[str, dict[str, list[tuple[int, int]]]]:  # fmt: skip
    """The parts of a context about some passages, cut apart by “ … ”, and where in these the passages are."""
    places = sorted(place for own in spans.values() for place in own) or [(0, 0)]
    parts: list[tuple[int, int]] = []
    for start, end in places:
        begin, stop = max(0, start - SHOWN_AROUND), min(len(context), end + SHOWN_AROUND)
        if parts and begin <= parts[-1][1]:
            parts[-1] = parts[-1][0], max(stop, parts[-1][1])
        else:
            parts.append((begin, stop))
    text, moves = "", []
    for begin, stop in parts:
        text += "… " if begin > 0 else ""
        moves.append((begin, stop, len(text) - begin))
        text += context[begin:stop] + (" … " if stop < len(context) else "")

    def moved(start: int, end: int) -> tuple[int, int]:
        move = next(move for begin, stop, move in moves if begin <= start and end <= stop)
        return start + move, end + move

    return text, {name: [moved(*place) for place in own] for name, own in spans.items()}
