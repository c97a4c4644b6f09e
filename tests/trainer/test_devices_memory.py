"""Several processes learn together, and one of them has less memory than the others: all compute in smaller parts, none waits for ever."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.small_learning import Net, job_of, points
from trainer import team
from trainer.learning.fine_tuning import FineTuning
from trainer.learning.objective import objective_of
from trainer.learning.step import load_of

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {"epochs": 2, "batch_size": 8, "patience": 100, "dropout": 0.0}


class Narrow(Net):
    """Has memory for so many rows at once, and tells how many it was given."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training and len(inputs) > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.")
        return super().forward(inputs)


def learn(out: Path, most: int) -> dict[str, Any]:
    """What this process ends with: the sum of each weight, and the parts that a batch is computed in."""
    warnings: list[str] = []
    job = job_of(out, PARAMS, emit=lambda kind, **fields: warnings.append(fields.get("code", "")))
    rows = points()
    model = Narrow(most)
    own = job.device.team
    if isinstance(own, team.Joined) and not own.is_leader:
        own.order()  # that of the first, to learn with it
    with own.together({"do": "learn"}, model):
        tuning = FineTuning(job, model, rows, objective_of(job, rows))
        tuning.run()
    sums = [float(value.double().sum()) for value in model.state_dict().values()]
    return {"sums": sums, "parts": tuning.recovery.parts, "warnings": [code for code in warnings if code]}


def together(folder: Path, most: tuple[int, ...]) -> list[subprocess.Popen[str]]:
    """This file as a program, one process a device."""
    started = []
    for rank, rows in enumerate(most):
        own = {team.RANK: str(rank), team.LOCAL_RANK: str(rank), team.SIZE: str(len(most))}
        own |= {team.MEETING: str(folder / "meeting"), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.trainer.test_devices_memory", str(folder / str(rank)), str(rows)]
        started.append(
            subprocess.Popen(
                command, cwd=ROOT, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
    return started


def outcomes(processes: list[subprocess.Popen[str]]) -> list[dict[str, Any]]:
    found = []
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        found.append(json.loads(out.splitlines()[-1]))
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    return learn(tmp_path_factory.mktemp("alone"), 100)["sums"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "most", [(100, 100), (100, 1), (2, 100)], ids=["room", "the other is short", "the first is short"]
)
def test_all_go_on_with_the_parts_of_the_shortest(tmp_path: Path, alone: list[float], most: tuple[int, ...]) -> None:
    found = outcomes(together(tmp_path, most))
    for one in found:
        assert one["sums"] == pytest.approx(alone, abs=1e-4), "as one device learns"
    assert len({one["parts"] for one in found}) == 1, "all do the same"
    assert found[0]["parts"] == {100: 1, 2: 2, 1: 4}[min(most)], "8 rows are 4 a device"
    assert ("less_memory" in found[0]["warnings"]) == (min(most) < 4)


@pytest.mark.slow
def test_no_memory_for_one_row_ends_all(tmp_path: Path) -> None:
    processes = together(tmp_path, (100, 0))
    for process in processes:
        _out, err = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "memory" in err


def test_larger_batches_have_a_larger_load() -> None:
    short, long, more = torch.zeros(8, 10), torch.zeros(8, 20), torch.zeros(16, 10)
    assert load_of((short, short)) < load_of((more, more)) < load_of((long, long))
    assert load_of(([torch.zeros(3, 4, 4)] * 2,)) == 2 * load_of((torch.zeros(3, 4, 4),))
    assert load_of((["a", "b"], None)) == 0


if __name__ == "__main__":
    print(json.dumps(learn(Path(sys.argv[1]), int(sys.argv[2]))))
