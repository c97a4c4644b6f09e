"""A trial: a run that is one of a search over settings. It learns and tells its score on validation rows; only the best of them
is tested later, from the same folder, where it stood.

Its validation curve is compared with those of the trials before it at each epoch, by optuna's median rule (Golovin et al.
2017): one whose best so far is worse than half of theirs at the same epoch is pruned.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from trainer.errors import SpecError
from trainer.files import write_json
from trainer.messages import _

FILE = "trial.json"
"""What a trial came to, in its folder."""


class Ending(Protocol):
    """What a trial tells of how its job ended."""

    is_pruned: bool
    ended_early: bool


def result(job: Ending, metric: str, scores: Sequence[float | None], epoch: int | None) -> dict[str, Any]:
    """The fields of the result event: {validation {name, value}, epochs, pruned, ended_early}; of several rounds of a
    cross-validation the mean. Raises `SpecError` where nothing was validated, or the score is not a number."""
    measured = [float(score) for score in scores if score is not None]
    if not measured or len(measured) < len(scores):
        raise SpecError(
            _("There are no validation rows to compare settings by."),
            code="no_validation",
            hint=_("Split the data again with a share for validation, or add rows."),
        )
    value = math.fsum(measured) / len(measured)
    if not math.isfinite(value):
        raise SpecError(
            _("With these settings the score is not a number."),
            code="no_score",
            hint=_("Search lower learning rates."),
        )
    return {
        "validation": {"name": metric, "value": value},
        "epochs": epoch,
        "pruned": job.is_pruned,
        "ended_early": job.ended_early,
    }


def done(out: Path) -> dict[str, Any] | None:
    """What the trial in this folder came to; None while it has not ended."""
    try:
        finished: dict[str, Any] = json.loads((out / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return finished


def keep(out: Path, result: dict[str, Any]) -> None:
    write_json(out / FILE, result)


class Watch:
    """The validation curve of a trial at work. `metric` None: no trial before it told one, so nothing is compared."""

    def __init__(self, metric: str | None, earlier: list[list[tuple[int, float]]]) -> None:
        self.metric, self.earlier = metric, earlier
        self.curve: dict[int, float] = {}

    def hear(self, name: str, epoch: float | None, value: float) -> bool:
        """Take a validation figure; whether to prune now."""
        if name != self.metric or epoch is None or not math.isfinite(value):
            return False
        from trainer.hyperparameters import study

        self.curve[max(1, round(epoch))] = value
        return study.should_prune(name, self.earlier, sorted(self.curve.items()))
