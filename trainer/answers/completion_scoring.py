"""Texts that go on from a prompt, learned and scored. Torch is imported where something is learned, not where texts are scored.

Outputs of a row are nats, tokens and characters of its right answer, and the ids of an answer that the model wrote, where it
was asked to (`trainer.writing.figures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np

from trainer.answers.base_scoring import Cells, Given, Manifest, Scoring
from trainer.comparison import headed, interval
from trainer.learning.objective import Objective
from trainer.outputs import Outputs
from trainer.packaging import card
from trainer.writing.figures import FIGURES, copies, repeats, scores, totals

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.data.loading import Loaded
    from trainer.learning.baselines import Baseline
    from trainer.learning.model import TrainableModel
    from trainer.learning.rows import Mix

SHORTEST_COPY = 50
BASE = "untrained"
"""Among the baselines: the model that training began with."""
SHOWN, SHOWN_TOKENS = 400, 48
"""Characters of a prompt, and tokens of an answer to it, that are shown after each epoch."""


class Written(NamedTuple):
    """An answer that a model wrote, empty where it was not asked to; `figures`: nats, tokens and characters of the right one."""

    text: str
    tokens: int = 0
    prompt_tokens: int = 0
    finish: str = ""
    figures: tuple[float, ...] = (0.0, 0.0, 0.0)


class Prompted(Protocol):
    """What rows of texts to write give beside what all rows do (`trainer.families.text.writing.WritingRows`)."""

    learned_tokens: np.ndarray
    """Of each row, how many tokens are learned."""

    def written(self, rows: np.ndarray, outputs: Outputs) -> list[str]:
        """The answers that were written to these rows, empty where there is none."""
        ...

    def sampled(self) -> tuple[str, object] | None:
        """(a prompt of a row that is not learned from, the same as an engine reads it): what the model is asked after each epoch."""
        ...

    def learned_text(self) -> str:
        """What was learned from, in one; empty in a cross-validation, where that differs from row to row."""
        ...

    def learned_answers(self) -> list[str]:
        """The answers that were learned from, in a cross-validation those of all rows."""
        ...

    def asked_rows(self) -> list[int]:
        """The test rows that the model writes to."""
        ...

    def limited(self, row: int) -> str:
        """What a row is to be answered with, as far as the model may write."""
        ...


class Greedy(Protocol):
    """A model that writes."""

    def spelled(self, prompt: object, most: int) -> str:
        """The likeliest answer to a prompt, so many tokens of it."""
        ...


class Writing(Objective[Outputs]):
    headline = "nats_per_character"
    epoch_metrics: tuple[tuple[str, str], ...] = (
        ("nats_per_character", "nats_per_character"),
        ("perplexity", "perplexity"),
    )

    @property
    def prompted(self) -> Prompted:
        return cast("Prompted", self.rows)

    def step(
        self, call: Callable[..., Tensor], inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        """The mean over the tokens that are learned."""
        with self.job.device.autocast():
            outputs = call(*inputs)
        return outputs[:, 0].sum() / outputs[:, 1].sum().clamp(min=1)

    def weight(self, rows: np.ndarray) -> float:
        return float(self.prompted.learned_tokens[rows].sum())

    def show(self, model: TrainableModel, step: int, epoch: float) -> None:
        """What it writes by now to the same prompt each time."""
        asked = None if self.job.is_trial else self.prompted.sampled()
        if asked is None:
            return
        shown, prompt = asked
        model.eval()
        written = cast("Greedy", model).spelled(prompt, SHOWN_TOKENS)
        model.train()
        self.job.emit("sample", step=step, epoch=round(epoch, 3), prompt=shown[:SHOWN], text=written)

    def figures(self, rows: np.ndarray, outputs: Outputs) -> dict[str, float]:
        return scores(totals(outputs))

    def actual(self, rows: np.ndarray) -> list[str]:
        return [self.rows.loaded.answers[row] for row in rows]

    def answers(self, metric: str, outputs: Outputs, rows: np.ndarray | None = None) -> np.ndarray:
        return totals(outputs)

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (-figures["nats_per_character"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"{figures['nats_per_character']:.3f} nats a character, perplexity {figures['perplexity']:.1f}"

    def report(self, outputs: Outputs) -> dict[str, Any]:
        test = self.rows.part("test")
        written = [
            Written(text, figures=tuple(row[:FIGURES].tolist()))
            for text, row in zip(self.prompted.written(test, outputs), outputs, strict=True)
        ]
        fields = report(self.actual(test), written, self.rows.shown(test), self.rows.numbers(test), "prompt")
        fields["writing"] |= self.copying([each.text for each in written])
        return fields

    def beside_base(
        self, report: dict[str, Any], outputs: Outputs, baselines: Mapping[str, Baseline]
    ) -> dict[str, Any]:
        """Beside each answer that is shown that of the model before it was trained, and what can be told of all of them."""
        from trainer.writing.checks import Sides, check

        test = self.rows.part("test")
        asked = set(self.prompted.asked_rows())
        if not asked:
            return {}
        places = [place for place, row in enumerate(test.tolist()) if row in asked]
        base = BASE in baselines and self.prompted.written(test, baselines[BASE].outputs)
        own, targets = self.prompted.written(test, outputs), self.prompted.limited
        sides = Sides(
            [targets(int(test[place])) for place in places],
            [own[place] for place in places],
            [base[place] for place in places] if base else None,
        )
        before = dict(zip(self.rows.numbers(test), base or (), strict=False))
        shown = [each | {"base": before[each["row"]]} if base else each for each in report["mistakes"]]
        check_result = check(sides, self.prompted.learned_answers(), self.prompted.learned_text())
        return {"mistakes": shown, "answers": check_result}

    def copying(self, texts: Sequence[str]) -> dict[str, int]:
        """How many of these are long, and how many of those copy; nothing where what was learned from is not one text."""
        corpus = self.prompted.learned_text()
        long = [text for text in texts if len(text) >= SHORTEST_COPY]
        return {"long": len(long), "copied": sum(copies(text, corpus) for text in long)} if corpus else {}

    def sentence(self, report: dict[str, Any]) -> str:
        score = report["headline"]
        return (
            f"{score['value']:.3f} nats a character on {report['test_rows']:,} test rows, between {score['low']:.3f} and "
            f"{score['high']:.3f}."
        )

    def card(self, report: dict[str, Any]) -> str:
        writing = report["writing"]
        copied = (
            f", {writing['copied']} of {writing['long']} long ones hold 50 characters of a training row"
            if "copied" in writing
            else ""
        )
        return f"""It foresees held-out answers at **{report["metrics"]["nats_per_character"]:.3f} nats a character**: fewer are better, and the
figures of models with other tokens can be compared. {card.interval_of(report)}

{card.comparison(report, "nats_per_character", "perplexity")}

Of {writing["asked"]} answers that it wrote to test prompts (the likeliest token each time), {writing["exact"]} are the right one to the letter,
{writing["repeating"]} repeat themselves{copied}.

{card.answer_checks(report)}
"""

    def predictions(self, outputs: Outputs) -> dict[str, list[Any]]:
        test = self.rows.part("test")
        return {
            "truth": self.actual(test),
            "predicted": self.prompted.written(test, outputs),
            "figures": totals(outputs).tolist(),
        }


class CompletionScoring(Scoring[Sequence[Written]]):
    """Answers are texts, as the engine writes them."""

    def learnable(self, loaded: Loaded) -> tuple[list[str], None]:
        return [], None

    def served(self, outputs: Sequence[Written], manifest: Manifest) -> list[dict[str, Any]]:
        return [
            {
                "completion": written.text,
                "tokens": written.tokens,
                "prompt_tokens": written.prompt_tokens,
                "finish": written.finish,
            }
            for written in outputs
        ]

    def stored(self, outputs: Sequence[Written], manifest: Manifest) -> list[str]:
        return [written.text for written in outputs]

    def agreement(self, predicted: Sequence[str], others: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the very same text, of the answers that were written."""
        return same(predicted, others, 1.0)

    def score(self, predicted: Sequence[str], truth: Sequence[str], labels: Sequence[str]) -> float:
        """Share of the answers that are right to the letter."""
        return same(predicted, truth, 0.0)

    def report(
        self,
        truth: Sequence[str],
        outputs: Sequence[Written],
        labels: list[str],
        shown: list[str],
        rows: list[int],
        input_name: str,
    ) -> dict[str, Any]:
        return report(list(truth), outputs, shown, rows, input_name)

    falls_in = "nats"

    def falls(self, outputs: Sequence[Written], manifest: Manifest) -> np.ndarray:
        """By how many nats the answer is less likely."""
        first, *others = outputs
        nats = np.array([written.figures[0] for written in others])
        return np.asarray(nats - first.figures[0])

    def cells(self, metric: str, truth: Given, predicted: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
        first, second = (np.asarray(side, dtype=np.float64).reshape(-1, FIGURES) for side in predicted)
        return Cells(first, second, lambda rows, weights: scores(rows, weights)[metric])

    def read_predicted(self, metric: str, cells: list[Any], own: list[str], every: list[str]) -> Given:
        return np.array(cells, dtype=np.float64).reshape(-1, FIGURES)


def same(predicted: Sequence[str], others: Sequence[str], usual: float) -> float:
    """Share of the answers that were written; `usual` where none was."""
    pairs = [(text, other) for text, other in zip(predicted, others, strict=True) if text]
    return float(np.mean([text.strip() == other.strip() for text, other in pairs])) if pairs else usual


def report(
    truth: list[str], written: Sequence[Written], shown: list[str], rows: list[int], input_name: str
) -> dict[str, Any]:
    """The part of report.json that the test rows give; `mistakes` are the answers that were written, in the rows' order."""
    figures = np.array([each.figures for each in written], dtype=np.float64).reshape(-1, FIGURES)
    asked = [place for place, each in enumerate(written) if each.text]
    nats, tokens, characters = figures.sum(axis=0).tolist()
    return {
        **headed("nats_per_character", interval("nats_per_character", truth, figures)),
        "metrics": scores(figures),
        "test_rows": len(truth),
        "labels": [],
        "writing": {
            "asked": len(asked),
            "exact": sum(written[place].text.strip() == truth[place].strip() for place in asked),
            "repeating": sum(repeats(written[place].text) for place in asked),
            "nats_per_token": nats / max(tokens, 1),
            "tokens": int(tokens),
            "characters": int(characters),
        },
        "mistakes": [
            {
                "row": rows[place],
                input_name: shown[place],
                "truth": truth[place],
                "predicted": written[place].text,
            }
            for place in asked
        ],
    }
