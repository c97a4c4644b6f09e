"""Rows of unlike length learned in one sequence: none sees another, and what is learned of each is what is learned of it alone."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.trainer import command, tiny_writer, tiny_writers
from tests.trainer.test_rows_of_writing import rows_of
from trainer.answers.completion_scoring import Writing
from trainer.events import silent
from trainer.families.text.packing import IGNORED, balance, hidden_of_rows, lay, window_mask
from trainer.families.text.writing import is_packing
from trainer.families.text.writing_model import WritingModel
from trainer.families.text.writing_rows import WritingRows, padded
from trainer.learning.fine_tuning import FineTuning
from trainer.learning.job import Job
from trainer.spec import Spec
from trainer.writing.prompts import Template

CPU = torch.device("cpu")
LENGTHS = (5, 21, 1, 13)
"""Some beyond the windows of 8 tokens that the tiny models have."""


@pytest.fixture(scope="module", params=sorted(tiny_writers.decoder_networks()))
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> WritingModel:
    folder = tiny_writers.build(tmp_path_factory.mktemp("writer"), request.param)
    model = WritingModel.of(folder, Template.load(folder))
    assert model.pack()
    return model


def texts(lengths: tuple[int, ...] = LENGTHS) -> tuple[list[Tensor], list[Tensor]]:
    """(ids, targets) of rows: the first third of a row is read and not learned."""
    generator = torch.Generator().manual_seed(3)
    ids = [torch.randint(10, 200, (length,), generator=generator) for length in lengths]
    return ids, [row.masked_fill(torch.arange(len(row)) < len(row) // 3, IGNORED) for row in ids]


def gradients(model: WritingModel) -> dict[str, Tensor]:
    kept = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad(set_to_none=True)
    return kept


def test_loss_and_gradients_are_those_of_the_rows_one_by_one(model: WritingModel) -> None:
    ids, targets = texts()
    packed = model(ids, targets)
    packed[:, 0].sum().backward()
    own = gradients(model)
    alone = torch.cat([model(row[None], wanted[None]) for row, wanted in zip(ids, targets, strict=True)])
    alone[:, 0].sum().backward()
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(packed[:, 1], torch.tensor([4.0, 14.0, 0.0, 9.0]))
    for name, value in gradients(model).items():
        torch.testing.assert_close(own[name], value, rtol=1e-3, atol=2e-3, msg=name)


def test_a_row_never_changes_another(model: WritingModel) -> None:
    ids, targets = texts()
    with torch.inference_mode():
        before = hidden_of_rows(model.encoder, lay(ids, targets, CPU))
        ids[1] = ids[1].flip(0)
        after = hidden_of_rows(model.encoder, lay(ids, targets, CPU))
    numbers = lay(ids, targets, CPU).numbers
    assert torch.equal(before[0, numbers != 1], after[0, numbers != 1])
    assert not torch.allclose(before[0, numbers == 1], after[0, numbers == 1])


def test_a_model_made_ready_reads_rows_side_by_side_as_before(model: WritingModel, tmp_path: Path) -> None:
    ids, targets = texts((12, 4))
    rows = [(row.numpy(), (wanted != IGNORED).numpy()) for row, wanted in zip(ids, targets, strict=True)]
    model.save(tmp_path)
    fresh = WritingModel.of(tmp_path, model.template)
    with torch.inference_mode():
        assert torch.equal(model(*padded(rows, CPU)), fresh(*padded(rows, CPU)))
        torch.testing.assert_close(model(ids, targets), fresh(*padded(rows, CPU)), rtol=1e-4, atol=1e-4)
    assert "row-by-row" not in (tmp_path / "config.json").read_text("utf-8")


def test_the_first_token_of_a_row_is_no_target() -> None:
    ids = [torch.tensor([7, 8]), torch.tensor([9, 10, 11])]
    laid = lay(ids, ids, CPU)
    assert laid.ids.tolist() == [[7, 8, 9, 10, 11]]
    assert laid.targets.tolist() == [[IGNORED, 8, IGNORED, 10, 11]]
    assert laid.places.tolist() == [[0, 1, 0, 1, 2]]
    assert laid.numbers.tolist() == [0, 0, 1, 1, 1]


def test_a_window_hides_what_stands_further_back() -> None:
    assert window_mask(3, None, CPU) is None
    assert window_mask(3, 3, CPU) is None
    mask = window_mask(3, 2, CPU)
    assert mask is not None
    assert mask[0, 0].int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_steps_have_about_as_many_tokens_each() -> None:
    lengths = np.random.default_rng(0).lognormal(3.5, 0.9, 500).astype(int) + 2
    rows = np.arange(0, 500, 2)
    steps = balance(lengths, rows, 16, np.random.default_rng([1, 2]))
    assert len(steps) == 16  # as 250 rows, 16 a step, have without packing
    assert sorted(np.concatenate(steps).tolist()) == rows.tolist()
    tokens = [int(lengths[step].sum()) for step in steps]
    assert max(tokens) - min(tokens) < 0.02 * np.mean(tokens)
    falling = [bool((np.diff(lengths[step]) <= 0).all()) for step in steps]
    assert not any(falling), "halves of a step are alike, for several devices and for less memory"
    again = balance(lengths, rows, 16, np.random.default_rng([1, 2]))
    assert all(map(np.array_equal, steps, again))
    other = balance(lengths, rows, 16, np.random.default_rng([1, 3]))
    assert not all(map(np.array_equal, steps, other))


def test_a_row_longer_than_a_step_has_one_of_its_own() -> None:
    steps = balance(np.array([900, 5, 5, 5, 5, 5]), np.arange(6), 2, np.random.default_rng(0))
    assert [0] in [step.tolist() for step in steps]
    assert len(steps) == 3


CHAT: list[tuple[list[tuple[str, str]], str]] = [
    ([("user", "What is it?")], "A kettle."),
    ([("user", "Hi"), ("assistant", "Yes?"), ("user", "Boil it, please, before the others come")], "Done."),
    ([("system", "Be short"), ("user", "茶?")], "好 🫖"),
    ([], "A text that nobody asked for, learned whole."),
    ([], "Short."),
]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer.build(tmp_path_factory.mktemp("llama"), 256)


def tuning_of(llama: Path, folder: Path, **params: Any) -> tuple[FineTuning, WritingRows]:
    """What the first step of a run on these rows is made with."""
    template = Template.load(llama)
    rows = rows_of(template, llama, CHAT, 60)
    chosen = {"batch_size": 3, "epochs": 1, "learning_rate": 1e-3, "head_learning_rate": 1e-3, "patience": 1} | params
    spec = {"task": "text-generation", "dataset": {"path": "x"}, "model": "scratch:gpt", "method": "full"}
    job = Job(Spec.model_validate(spec | {"params": chosen}), folder, silent)
    model = job.device.place(WritingModel.of(llama, template))  # small ones are computed in float32
    rows.packing = is_packing(job, model)
    return FineTuning(job, model, rows, Writing(job, rows)), rows


def step_of(tuning: FineTuning, batch: np.ndarray, parts: int) -> tuple[float, list[Tensor]]:
    """(loss, gradients) of one step in so many parts."""
    tuning.model.train()
    inputs, mix = tuning.rows.learning_batch(batch, CPU, np.random.default_rng(0))
    loss = tuning.gradients(inputs, batch, mix, parts)
    gradients = [value.grad.clone() for value in tuning.learning().values() if value.grad is not None]
    tuning.optimizer.zero_grad(set_to_none=True)
    return float(loss), gradients


def test_the_loss_of_a_step_is_the_mean_of_its_tokens_packed_side_by_side_and_in_parts(
    llama: Path, tmp_path: Path
) -> None:
    packed, rows = tuning_of(llama, tmp_path / "packed", packing="on")
    beside, others = tuning_of(llama, tmp_path / "beside", packing="off")
    assert (rows.packing, others.packing) == (True, False)
    assert (packed.steps, packed.schedule.warm) == (beside.steps, beside.schedule.warm) == (2, 1)
    batch = np.arange(len(CHAT))
    loss, gradients = step_of(packed, batch, 1)
    again, _rows = tuning_of(llama, tmp_path / "again", packing="on", gradient_checkpointing=True)
    for tuning, parts in ((packed, 2), (packed, 5), (beside, 1), (beside, 2), (again, 1)):
        other, others_gradients = step_of(tuning, batch, parts)
        assert other == pytest.approx(loss, rel=1e-4)
        for own, value in zip(gradients, others_gradients, strict=True):
            torch.testing.assert_close(own, value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("params", "method", "model", "is_packed", "codes"),
    [
        ({}, "scratch", "scratch:gpt", True, []),
        ({"packing": "off"}, "scratch", "scratch:gpt", False, []),
        ({"packing": "on"}, "scratch", "scratch:lstm", False, ["no_packing"]),
        ({}, "scratch", "scratch:gru", False, []),
        ({"packing": "on"}, "dpo", "scratch:gpt", False, ["no_packing"]),
    ],
)
def test_what_is_packed(
    params: dict[str, Any], method: str, model: str, is_packed: bool, codes: list[str], llama: Path, tmp_path: Path
) -> None:
    fields = {"task": "text-generation", "dataset": {"path": "x"}, "model": model, "method": method, "params": params}
    job = Job(Spec.model_validate(fields), tmp_path, silent)
    sizes = {"layers": 1, "width": 32, "positions": 64}
    template, kind = Template.load(llama), model.removeprefix("scratch:")
    net = WritingModel.fresh(template, **sizes) if kind == "gpt" else WritingModel.recurrent(kind, template, **sizes)
    assert is_packing(job, net) == is_packed
    assert [warning["code"] for warning in job.warnings] == codes


def metrics_of(out: Path) -> dict[str, float]:
    report: dict[str, Any] = json.loads((out / "artifact" / "report.json").read_text("utf-8"))
    metrics: dict[str, float] = report["metrics"]
    return metrics


def test_a_run_that_is_killed_and_one_without_packing_end_alike(models: Path, tmp_path: Path) -> None:
    rows = [{"text": " ".join(f"Kettle {number} is on." for _turn in range(1 + number % 9))} for number in range(36)]
    params = {"epochs": 2, "batch_size": 4, "layers": 1, "width": 32, "vocabulary": 300}
    fields = {"task": "text-generation", "method": "scratch", "model": "scratch:gpt"}
    spec = command.write_spec(tmp_path / "on", rows, params=params | {"packing": "on"}, **fields)
    process = command.start(models, "run", spec, "--out", tmp_path / "killed", MAQUETTE_CHECKPOINT_SECONDS="0")
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            if (event := json.loads(line))["type"] == "checkpoint" and event["step"] >= 3:
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=60)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "killed")
    assert code == 0, events[-1]
    assert command.of(events, "checkpoint")[0]["resumed"]
    code, events = command.call(models, "run", spec, "--out", tmp_path / "alone")
    assert code == 0, events[-1]
    assert metrics_of(tmp_path / "killed") == metrics_of(tmp_path / "alone")
    other = command.write_spec(tmp_path / "off", rows, params=params | {"packing": "off"}, **fields)
    code, events = command.call(models, "run", other, "--out", tmp_path / "beside")
    assert code == 0, events[-1]
    nats = [metrics_of(tmp_path / name)["nats_per_character"] for name in ("alone", "beside")]
    assert nats[0] == pytest.approx(nats[1], rel=0.1)


@pytest.mark.slow
def test_two_processes_learn_packed_rows_as_one_does(models: Path, tmp_path: Path) -> None:
    rows = [{"text": " ".join(f"Kettle {number} is on." for _turn in range(1 + number % 9))} for number in range(48)]
    params = {"epochs": 2, "batch_size": 8, "layers": 1, "width": 32, "vocabulary": 300, "packing": "on"}
    fields = {"task": "text-generation", "method": "scratch", "model": "scratch:gpt", "params": params}
    spec = command.write_spec(tmp_path, rows, **fields)
    for devices in (1, 2):
        out = tmp_path / str(devices)
        code, events = command.call_process(models, "run", spec, "--out", out, "--devices", devices)
        assert code == 0, events[-1]
    assert metrics_of(tmp_path / "2") == pytest.approx(metrics_of(tmp_path / "1"), rel=1e-4)
