"""Pairs of answers, one of which is preferred: direct preference optimization (Rafailov et al. 2023)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from trainer.answers.completion_scoring import Writing
from trainer.data.conversation_rows import REFUSED, WRITTEN
from trainer.data.loading import Loaded
from trainer.errors import DataError
from trainer.families.text.writing_rows import WritingRows, padded
from trainer.intervals import wilson_interval
from trainer.learning.rows import Mix
from trainer.messages import _
from trainer.outputs import Outputs
from trainer.writing.figures import scores, totals
from trainer.writing.prompts import Template

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.learning.model import TrainableModel

REFERENCE = "reference.npy"
"""In a run's folder: what the model that it began with thinks of all pairs, read once."""


class PreferenceRows(WritingRows):
    """`rejected[i]`: the same prompt with the answer that is not preferred."""

    objective = "trainer.families.text.preferences.Preferring"

    def __init__(self, loaded: Loaded, template: Template, folder: Path, max_length: int) -> None:
        super().__init__(loaded, template, folder, max_length)
        if REFUSED not in loaded.values:
            raise DataError(
                _("Preferences are learned from pairs of answers, and no column holds the rejected ones."),
                code="no_column",
                hint=_("Send rows with chosen and rejected answers, or choose another method."),
            )
        pairs = zip(self.turns, loaded.values[REFUSED], strict=True)
        self.rejected = [
            template.conversation([*turns, {"role": "assistant", "content": text}]).cut(max_length)
            for turns, text in pairs
        ]

    def learning_batch(
        self, rows: np.ndarray, device: torch.device, generator: np.random.Generator
    ) -> tuple[tuple[Tensor, ...], Mix | None]:
        """(ids, targets) of the preferred answers, and of the others."""
        return (*self.batch(rows, device), *self.rejected_batch(rows, device)), None

    def rejected_batch(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        read = [self.rejected[row] for row in rows.tolist()]
        return padded([(each.ids, np.arange(len(each.ids)) >= each.start) for each in read], device)

    def card_facts(self) -> list[str]:
        fact = "It learned from pairs of answers which of two is preferred (direct preference optimization)."
        return [*super().card_facts(), fact]


class Preferring(Writing):
    """The loss of a pair is small where, measured against the model that learning began with, the preferred answer has become
    likelier than the other: -log sigmoid(beta × margin)."""

    epoch_metrics = (("preferred", "preferred"), ("margin", "margin"), ("nats_per_character", "nats_per_character"))
    rows: PreferenceRows

    def prepare(self, model: "TrainableModel", train: np.ndarray) -> None:
        self.model = model
        model.smoothing = 0.0
        self.reference = torch.from_numpy(self.known_reference()).to(self.device)

    def known_reference(self) -> np.ndarray:
        """(rows, 2): nats of both answers by the model before it learns; kept for a run that goes on later."""
        path = self.job.out / REFERENCE
        if path.exists():
            saved: np.ndarray = np.load(path, allow_pickle=False)
            if saved.shape == (self.rows.count, 2):
                return saved
        every = np.arange(self.rows.count)
        if self.job.trial:
            return np.zeros((len(every), 2), dtype=np.float32)
        nats = self.nats(every)
        self.job.out.mkdir(parents=True, exist_ok=True)
        np.save(path, nats, allow_pickle=False)
        return nats

    def nats(self, rows: np.ndarray) -> np.ndarray:
        """(rows, 2) by the model as it is: of the preferred answers and of the others."""
        was_training = self.model.training
        self.model.eval()
        nats = np.zeros((len(rows), 2), dtype=np.float32)
        places = np.argsort(-self.rows.lengths[rows], kind="stable")
        with torch.inference_mode(), self.job.device.autocast():
            for start in range(0, len(rows), self.rows.read_batch):
                part = places[start : start + self.rows.read_batch]
                for side, batch in enumerate((self.rows.batch, self.rows.rejected_batch)):
                    nats[part, side] = self.model(*batch(rows[part], self.device))[:, 0].float().cpu().numpy()
                self.job.check_stop()
        self.model.train(was_training)
        return nats

    def step(
        self, call: "Callable[..., Tensor]", inputs: tuple[Tensor, ...], rows: np.ndarray, mix: Mix | None
    ) -> Tensor:
        with self.job.device.autocast():
            nats = torch.stack([call(*inputs[:2])[:, 0], call(*inputs[2:])[:, 0]], dim=1).float()
        gained = self.reference[torch.from_numpy(rows).to(self.device)] - nats
        return -nn.functional.logsigmoid(self.job.params.beta * (gained[:, 0] - gained[:, 1])).mean()

    def weight(self, rows: np.ndarray) -> float:
        return float(len(rows))

    def margins(self, rows: np.ndarray, nats: np.ndarray) -> np.ndarray:
        """(rows,): by how many nats the preferred answer gained more than the other since learning began."""
        gained = self.reference.cpu().numpy()[rows] - nats
        margins: np.ndarray = gained[:, 0] - gained[:, 1]
        return margins

    def figures(self, rows: np.ndarray, outputs: Outputs) -> dict[str, float]:
        margins = self.margins(rows, self.nats(rows)).astype(np.float64)
        loss = np.logaddexp(0, -self.job.params.beta * margins).mean()
        figures = {"preferred": float((margins > 0).mean()), "margin": float(margins.mean()), "pair_loss": float(loss)}
        return scores(totals(outputs)) | figures

    def metrics(self, outputs: Outputs) -> dict[str, float]:
        return scores(totals(outputs))

    def rank(self, figures: dict[str, float]) -> tuple[float, ...]:
        return (-figures["pair_loss"],)

    def describe(self, figures: dict[str, float]) -> str:
        return f"{figures['preferred']:.1%} of the pairs preferred rightly, margin {figures['margin']:.2f} nats"

    def report(self, outputs: Outputs) -> dict[str, Any]:
        test = self.rows.part("test")
        nats, before = self.nats(test), self.reference.cpu().numpy()[test]
        margins = self.margins(test, nats)
        share = float((margins > 0).mean())
        low, high = wilson_interval(share, len(test))
        preferences = {
            "pairs": len(test),
            "preferred": {"value": share, "low": low, "high": high},
            "margin": float(margins.mean()),
            "likelier_before": float((before[:, 0] < before[:, 1]).mean()),
            "likelier": float((nats[:, 0] < nats[:, 1]).mean()),
            "beta": self.job.params.beta,
        }
        return super().report(outputs) | {"preferences": preferences}

    def actual(self, rows: np.ndarray) -> list[str]:
        return [self.rows.loaded.values[WRITTEN][row] for row in rows]
