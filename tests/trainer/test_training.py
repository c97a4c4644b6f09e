"""A run's life: the same twice, stopped and killed and gone on with, limited."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.trainer import command
from trainer.tasks.text_classification import TextClassification

pytestmark = pytest.mark.slow

SAMPLE = TextClassification.sample()
MANY = [{"text": f"{row['text']} {turn}", "label": row["label"]} for turn in range(20) for row in SAMPLE]


def predictions(out: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return pq.read_table(out / "artifact" / "predictions.parquet").column("probabilities").to_pylist()


@pytest.mark.parametrize("method", ["probe", "full"])
def test_the_same_seed_gives_the_same_result(models: Path, tmp_path: Path, method: str) -> None:
    params = {"epochs": 2} if method == "full" else {}
    spec = command.write_spec(tmp_path, SAMPLE, method=method, params=params, seed=3)
    found = []
    for turn in "ab":
        code, events = command.call(models, "run", spec, "--out", tmp_path / turn)
        assert code == 0, events[-1]
        found.append((events[-1]["metrics"], predictions(tmp_path / turn)))
    assert found[0] == found[1]


def start_and_end(models: Path, spec: Path, out: Path, how: signal.Signals) -> int:
    """Start a run, end it after its second checkpoint in mid-epoch; its exit status."""
    process = command.start(models, "run", spec, "--out", out, MAQUETTE_CHECKPOINT_SECONDS="0.2")
    assert process.stdout is not None
    with process:
        seen = 0
        for line in process.stdout:
            seen += json.loads(line)["type"] == "checkpoint"
            if seen == 2:
                process.send_signal(how)
                break
        process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_goes_on_where_it_was_ended(models: Path, tmp_path: Path, how: signal.Signals) -> None:
    """Ended and gone on with, it comes to the very same probabilities as a run left alone."""
    spec = command.write_spec(tmp_path, MANY, params={"epochs": 4, "batch_size": 8, "patience": 100})
    code = start_and_end(models, spec, tmp_path / "ended", how)
    assert code == (3 if how == signal.SIGTERM else -signal.SIGKILL)
    assert not (tmp_path / "ended" / "artifact").exists()
    code, events = command.call(models, "run", spec, "--out", tmp_path / "ended")
    assert code == 0, events[-1]
    resumed = command.of(events, "checkpoint")[0]
    assert resumed["resumed"]
    assert resumed["step"] > 0
    assert not list(tmp_path.rglob("*.pt"))
    code, _events = command.call(models, "run", spec, "--out", tmp_path / "alone")
    assert code == 0
    assert predictions(tmp_path / "ended") == predictions(tmp_path / "alone")


def test_the_clock_carries_over(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, MANY, params={"epochs": 2})
    started = time.monotonic()
    start_and_end(models, spec, tmp_path / "out", signal.SIGTERM)
    used = json.loads((tmp_path / "out" / "clock.json").read_text("utf-8"))["seconds"]
    assert 0 < used <= time.monotonic() - started
    _code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert events[-1]["seconds"] > used


@pytest.mark.parametrize(
    "fields",
    [{"limits": {"seconds": 30}}, {"limits": {"cost": 0.5}, "hardware": {"price_per_hour": 60}}],
    ids=["seconds", "cost"],
)
def test_a_limit_ends_training_and_keeps_the_best(models: Path, tmp_path: Path, fields: dict[str, Any]) -> None:
    """Both limits come to thirty seconds, and evaluation and packaging are kept room for in them."""
    spec = command.write_spec(tmp_path, MANY, params={"epochs": 100, "patience": 100}, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0
    assert "limit" in {event["code"] for event in command.of(events, "warning")}
    assert events[-1]["type"] == "result"
    assert (tmp_path / "out" / "artifact" / "manifest.json").exists()


def test_asking_for_a_gpu_where_there_is_none(models: Path, tmp_path: Path) -> None:
    spec = command.write_spec(tmp_path, SAMPLE, method="probe", hardware={"device": "gpu"})
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out", CUDA_VISIBLE_DEVICES="")
    assert code == 0
    assert "no_gpu" in {event["code"] for event in command.of(events, "warning")}


def test_a_small_net_learns_in_float32_on_every_processor() -> None:
    import torch

    from trainer.hardware import BF16_WEIGHTS, Device

    for width, wanted in ((10, False), (BF16_WEIGHTS, True)):
        device = Device("cpu", 1, lambda *_words: None)
        device.bf16 = True
        device.place(torch.nn.Linear(width, 1, bias=False))
        assert device.bf16 is wanted


def test_narrow_convolutions_learn_without_onednn() -> None:
    """Its backward pass of few channels spoils the heap where there is AVX-512."""
    import torch

    from trainer.hardware import Device

    device = Device("cpu", 1, lambda *_words: None)
    narrow, wide = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(3, 32, 3)
    grouped = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 8, 3, groups=8))
    for net, wanted in ((narrow, False), (wide, True), (grouped, True)):
        device.place(net)
        assert torch.backends.mkldnn.enabled is wanted
