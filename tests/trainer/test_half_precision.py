"""Learning in float16, as on a GPU that has no bfloat16."""

from pathlib import Path

import pytest
import torch

from tests.trainer.small_learning import Net, job_of, points
from tests.trainer.test_optimisation import PARAMS, same
from trainer.answers.classes_scoring import Classification
from trainer.errors import Stopped
from trainer.learning.fine_tuning import FineTuning


def in_float16(out: Path) -> FineTuning:
    """As on a GPU without bfloat16."""
    job, rows = job_of(out, PARAMS | {"epochs": 8}), points()
    model = job.device.place(Net(outputs=3))
    job.device.fp16 = True
    return FineTuning(job, model, rows, Classification(job, rows))


def test_float16_learns_with_a_scaled_loss_and_goes_on_exactly(tmp_path: Path) -> None:
    whole = in_float16(tmp_path / "whole")
    with whole.job.device.autocast():
        assert torch.ones(2, 2).matmul(torch.ones(2, 2)).dtype == torch.float16
    whole.scaler.load_state_dict(whole.scaler.state_dict() | {"growth_interval": 5})
    whole.run()
    assert (whole.best_figure or 0) > 0.8
    assert whole.scaler.get_scale() != 65536.0, "the scale moves with what is learned"
    first = in_float16(tmp_path / "parts")
    first.scaler.load_state_dict(first.scaler.state_dict() | {"growth_interval": 5})
    pause = first.pause

    def stop(next_at: int) -> None:
        if first.step == 29:
            first.job.request_stop()
        pause(next_at)

    first.pause = stop  # type: ignore[method-assign]  the real one, after the request
    with pytest.raises(Stopped):
        first.run()
    second = in_float16(tmp_path / "parts")
    second.run()
    assert second.scaler.get_scale() == whole.scaler.get_scale()
    assert same(second.model, whole.model)
