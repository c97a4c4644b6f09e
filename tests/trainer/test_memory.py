"""Learning takes fewer pictures a step, then smaller ones, where memory is short."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from tests.trainer import command, tiny_vision
from trainer import tasks
from trainer.learning import memory

JOB = SimpleNamespace(device=SimpleNamespace(count=0))


def test_what_a_row_keeps_until_the_way_back() -> None:
    """A linear layer keeps its input, a ReLU what it gave: 100 and 50 floats a row; the weights are not counted."""
    model = nn.Sequential(nn.Linear(100, 50), nn.ReLU())
    assert memory.row_bytes(model, (torch.zeros(4, 100, requires_grad=True),)) == 4 * (100 + 50)


@pytest.mark.parametrize(
    ("free", "batch", "expected"),
    [(10_000_000, None, (32, 96)), (1_000_000, None, (16, 96)), (300_000, None, (8, 64)), (1, 16, (16, 64))],
)
def test_rows_first_then_pixels(
    free: int, batch: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _job: free)
    assert memory.fitting(JOB, batch, 32, [96, 64], lambda side: (3 * side**2, 1_000)) == expected


def test_a_run_with_little_memory_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_vision.build(tmp_path, side=128)
    task = tasks.get("image-classification")
    fields = {"task": task.slug, "model": "local:tiny-vit", "method": "full", "params": {"epochs": 1}}
    spec = command.write_spec(tmp_path / "run", task.sample(), **fields)
    monkeypatch.setattr(memory, "free_bytes", lambda _job: 5_000_000)
    code, events = command.call(tmp_path, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    told = [event["message"] for event in command.of(events, "warning") if event["code"] == "memory"]
    assert told == ["Memory is short, so images are used at 64 × 64 pixels with a batch size of 8."]


def test_measuring_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same result, however many sizes were measured before."""
    monkeypatch.setattr(memory, "free_bytes", lambda _job: 300_000)
    before = torch.random.get_rng_state()
    memory.fitting(JOB, None, 32, [96, 64], lambda side: (int(torch.rand(1)) + 3 * side**2, 1_000))
    assert torch.equal(before, torch.random.get_rng_state())
