"""Settings of the optimization, each beside an independent reference, and what a training does about trouble by itself."""

import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests import tiny_model
from tests.trainer.small_learning import Net, Points, job_of, points
from trainer.answers.classes_scoring import Classification
from trainer.errors import SpecError, Stopped
from trainer.families.text.encoder import fresh
from trainer.learning import optimizers
from trainer.learning.fine_tuning import FineTuning
from trainer.learning.model import TrainableModel
from trainer.params import FineTuningParams, OptimizerName, ScheduleName

PARAMS = {"epochs": 4, "batch_size": 8, "learning_rate": 1e-2, "head_learning_rate": 2e-2, "patience": 100}
RATES = {"sgd": 0.1, "adagrad": 0.1, "lion": 3e-3}


def tuning_of(
    tmp_path: Path, rows: Points | None = None, model: TrainableModel | None = None, **params: Any
) -> FineTuning:
    rows = rows or points()
    events: list[dict[str, Any]] = []
    job = job_of(tmp_path, PARAMS | params, lambda kind, **fields: events.append({"type": kind, **fields}))
    model = job.device.place(model or Net(outputs=len(rows.labels)))  # which chooses float32 for a net so small
    tuning = FineTuning(job, model, rows, Classification(job, rows))
    tuning.events = events  # type: ignore[attr-defined]
    return tuning


def warnings_of(tuning: FineTuning) -> list[str]:
    return [event["code"] for event in tuning.events if event["type"] == "warning"]  # type: ignore[attr-defined]


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def same(one: nn.Module, other: nn.Module, atol: float = 0.0) -> bool:
    others = weights_of(other)
    return all(torch.allclose(value, others[name], rtol=0, atol=atol) for name, value in weights_of(one).items())


# Optimizers


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_each_optimizer_learns_and_goes_on_exactly(tmp_path: Path, name: str) -> None:
    rate = RATES.get(name, 1e-2)
    settings = {"optimizer": name, "epochs": 12, "learning_rate": rate, "head_learning_rate": rate}
    whole = tuning_of(tmp_path / "whole", **settings)
    whole.run()
    assert whole.best_figure is not None
    assert whole.best_figure > 0.8, "clouds of points are easy"

    first = tuning_of(tmp_path / "parts", **settings)
    pause = first.pause

    def stop(next_at: int) -> None:
        if first.step == 29:
            first.job.request_stop()
        pause(next_at)

    first.pause = stop  # type: ignore[method-assign]  the real one, after the request
    with pytest.raises(Stopped):
        first.run()
    second = tuning_of(tmp_path / "parts", **settings)
    second.run()
    assert second.step == whole.step
    assert same(second.model, whole.model)


def test_lion_moves_by_the_sign_of_an_average() -> None:
    """Algorithm 2 of the paper, in numpy."""
    generator = np.random.default_rng(0)
    weight, average = generator.normal(size=5), np.zeros(5)
    ours = nn.Parameter(torch.from_numpy(weight.copy()))
    optimizer = optimizers.Lion([{"params": [ours], "lr": 0.01, "weight_decay": 0.1}])
    for _step in range(4):
        gradient = generator.normal(size=5)
        ours.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        weight -= 0.01 * (np.sign(0.9 * average + 0.1 * gradient) + 0.1 * weight)
        average = 0.99 * average + 0.01 * gradient
        assert ours.detach().numpy() == pytest.approx(weight)


# The schedule


def schedule(name: str, steps: int = 60, an_epoch: int = 10, **params: Any) -> optimizers.Schedule:
    return optimizers.Schedule(FineTuningParams(schedule=name, warmup=0.0, **params), steps, an_epoch)


@pytest.mark.parametrize("name", get_args(ScheduleName))
def test_each_schedule_is_that_of_torch(name: str) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    lr_scheduler = torch.optim.lr_scheduler
    theirs = {
        "cosine": lr_scheduler.CosineAnnealingLR(optimizer, 60) if name == "cosine" else None,
        "linear": lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 60) if name == "linear" else None,
        "constant": None,
        "step": lr_scheduler.StepLR(optimizer, 20) if name == "step" else None,
        "plateau": lr_scheduler.ReduceLROnPlateau(optimizer, "max", patience=1, factor=0.1)
        if name == "plateau"
        else None,
    }[name]
    ours = schedule(name, schedule_epochs=2 if name == "plateau" else None)
    scores, best, bad, drops = [0.5, 0.6, 0.55, 0.5, 0.4, 0.3], 0.0, 0, 0
    for step in range(60):
        if step > 0 or name != "step":
            expected = optimizer.param_groups[0]["lr"]
            wanted = (
                expected if step > 1 else 1.0
            )  # their first two steps are our first: the warm-up is one step at least
            shift = 1 if name in ("cosine", "linear") else 0
            if step >= 1 + shift:
                assert ours.share(step, drops) == pytest.approx(wanted, abs=0.03), step
        optimizer.step()
        if name == "plateau":
            if step % 10 == 9:
                score = scores[step // 10]
                theirs.step(score)
                bad = 0 if score > best else bad + 1
                best = max(best, score)
                drops += ours.falls(bad)
        elif theirs is not None:
            theirs.step()


def test_the_rate_rises_in_the_warmup_whatever_follows() -> None:
    for name in get_args(ScheduleName):
        rate = optimizers.Schedule(FineTuningParams(schedule=name, warmup=0.5), 20, 5)
        assert [rate.share(step) for step in range(10)] == pytest.approx([(step + 1) / 10 for step in range(10)])


# Penalties and the loss


def test_l1_makes_weights_vanish(tmp_path: Path) -> None:
    def small(l1: float) -> float:
        tuning = tuning_of(tmp_path / str(l1), l1=l1, weight_decay=0.0, epochs=20)
        tuning.run()
        weights = torch.cat([value.flatten() for value in tuning.model.parameters() if value.ndim > 1])
        return float((weights.abs() < 0.02).float().mean())

    assert small(0.02) > 3 * small(0.0)


def test_the_gradient_is_clipped_at_the_norm_that_is_asked_for(tmp_path: Path) -> None:
    for norm, factor in ((0.0, None), (1e-3, 1e-3)):
        settings = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "max_grad_norm": norm}
        tuning = tuning_of(tmp_path / str(norm), schedule="constant", warmup=0.0, **settings)
        before = weights_of(tuning.model)
        batch = tuning.rows.training_batches(tuning.train, 8, 0, 0)[0]
        tuning.learn(batch, np.random.default_rng(0))
        moved = math.sqrt(
            sum(
                float(((value - before[name]) / (2e-2 if name.startswith("head.") else 1e-2)).square().sum())
                for name, value in tuning.model.state_dict().items()
            )
        )
        assert moved == pytest.approx(factor, rel=1e-3) if factor else moved > 0.05


@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_loss_is_the_published_one(tmp_path: Path, weights: str, gamma: float) -> None:
    rows = points(90, 3)
    rows.truth[10:70] = 0
    tuning = tuning_of(tmp_path, rows, class_weights=weights, focal_gamma=gamma, label_smoothing=0.0)
    outputs = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    chosen = np.arange(20)
    truth = rows.truth[chosen]
    right = (np.exp(outputs.numpy()) / np.exp(outputs.numpy()).sum(1, keepdims=True))[chosen, truth]
    counts = np.bincount(rows.truth[tuning.train], minlength=3)
    own = np.ones(20) if weights == "none" else (1 / counts)[truth]
    wanted = (own * (1 - right) ** gamma * -np.log(right)).sum() / own.sum()
    assert tuning.objective.loss(outputs, chosen).item() == pytest.approx(wanted, rel=1e-5)


# Memory


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_a_batch_in_parts_teaches_the_same(tmp_path: Path, parts: int) -> None:
    rows = points(90, 3)
    rows.truth[10:70] = 0
    settings = {"class_weights": "balanced", "focal_gamma": 1.5}
    whole = tuning_of(tmp_path / "whole", rows, **settings)
    whole.run()
    cut = tuning_of(tmp_path / "cut", rows, gradient_accumulation=parts, **settings)
    cut.run()
    assert same(whole.model, cut.model, atol=2e-4)
    assert warnings_of(cut) == []


class Narrow(Net):
    """A machine that has memory for three rows at once."""

    most = 3

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training and len(inputs) > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99999999999 bytes.")
        return super().forward(inputs)


def test_too_little_memory_makes_smaller_parts_of_the_same_batch(tmp_path: Path) -> None:
    whole = tuning_of(tmp_path / "whole")
    whole.run()
    narrow = tuning_of(tmp_path / "narrow", model=Narrow())
    narrow.run()
    assert warnings_of(narrow) == ["less_memory", "less_memory"], "8 rows, then 4, then 2 at once"
    assert narrow.recovery.parts == 4
    assert same(whole.model, narrow.model, atol=1e-4)


def test_too_little_memory_for_one_row_is_the_end(tmp_path: Path) -> None:
    narrow = tuning_of(tmp_path, model=Narrow())
    Narrow.most, before = 0, Narrow.most
    try:
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            narrow.run()
    finally:
        Narrow.most = before


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.build(tmp_path_factory.mktemp("models")) / "tiny"


def test_checkpointed_gradients_are_the_same(bert: Path) -> None:
    ids = torch.randint(5, 30, (4, 12), generator=torch.Generator().manual_seed(0))
    gradients = []
    for checkpointed in (False, True):
        model = fresh(bert, ["a", "b"])
        model.prepare_to_learn(FineTuningParams())
        nn.init.ones_(model.head.weight)
        nn.init.zeros_(model.head.bias)
        if checkpointed:
            assert optimizers.checkpoint_gradients(model)
        optimizers.drop(model, 0.0)
        model.train()
        model(ids, torch.ones_like(ids)).square().sum().backward()
        gradients.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, value in gradients[0].items():
        assert torch.allclose(value, gradients[1][name], atol=1e-5), name


def test_a_net_that_cannot_checkpoint_says_so(tmp_path: Path) -> None:
    assert warnings_of(tuning_of(tmp_path, gradient_checkpointing=True)) == ["no_gradient_checkpointing"]


# Layers


def test_deeper_layers_learn_more_slowly(bert: Path) -> None:
    model = fresh(bert, ["a", "b"])
    params = FineTuningParams(layer_decay=0.5, train_embeddings=True)
    depths = optimizers.depths_of(model)
    assert {name.split(".")[1]: depth for name, depth in depths.items() if "layer." not in name} == {"embeddings": 0}
    assert {depth for name, depth in depths.items() if ".layer.0." in name} == {1}
    assert {depth for name, depth in depths.items() if ".layer.1." in name} == {2}
    names = {id(value): name for name, value in model.named_parameters()}
    peaks = {
        names[id(value)]: group["peak"]
        for group in optimizers.parameter_groups(model, params, 1e-3, 5e-3)
        for value in group["params"]
    }
    assert peaks["head.weight"] == 5e-3
    assert {peak for name, peak in peaks.items() if ".layer.1." in name} == {1e-3}
    assert {peak for name, peak in peaks.items() if ".layer.0." in name} == {5e-4}
    assert {peak for name, peak in peaks.items() if ".embeddings." in name} == {2.5e-4}


def test_frozen_layers_stay_and_too_many_are_refused(bert: Path) -> None:
    model = fresh(bert, ["a", "b"])
    model.prepare_to_learn(FineTuningParams(train_embeddings=True))
    optimizers.freeze(model, 1)
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert not any(".layer.0." in name or "embeddings" in name for name in learning)
    assert all(name in learning for name, _value in model.named_parameters() if ".layer.1." in name)
    with pytest.raises(SpecError, match="this model has 2 layers"):
        optimizers.freeze(model, 3)


def test_dropout_is_set_everywhere_or_left(bert: Path) -> None:
    model = fresh(bert, ["a", "b"])
    model.prepare_to_learn(FineTuningParams())
    before = [module.p for module in model.modules() if isinstance(module, nn.Dropout)]
    optimizers.drop(model, None)
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout)] == before
    optimizers.drop(model, 0.4)
    assert {module.p for module in model.modules() if isinstance(module, nn.Dropout)} == {0.4}


# Which epoch is kept


def test_the_best_epoch_is_that_of_the_metric_asked_for(tmp_path: Path) -> None:
    for name, sign in (("loss", -1), ("macro_f1", 1)):
        tuning = tuning_of(tmp_path / name, early_stopping_metric=name, epochs=6)
        tuning.run()
        values = [one["value"] for one in tuning.job.history if (one["split"], one["name"]) == ("validation", name)]
        assert values[tuning.best_epoch - 1] == pytest.approx(max(values, key=lambda value: sign * value))
    with pytest.raises(SpecError, match="no validation metric “rouge_l”") as refused:
        tuning_of(tmp_path / "none", early_stopping_metric="rouge_l").run()
    assert "macro_f1" in str(refused.value.hint)


# Trouble


def test_a_loss_out_of_hand_is_told_and_mended_once(tmp_path: Path) -> None:
    wild = {"optimizer": "sgd", "learning_rate": 0.1, "head_learning_rate": 1.0, "max_grad_norm": 0.0, "epochs": 12}
    rows = points(200)
    rows.features *= 4
    tuning = tuning_of(tmp_path, rows, momentum=0.95, warmup=0.0, **wild)
    tuning.run()
    assert warnings_of(tuning) in (["loss_rises"], ["loss_not_finite"])
    assert tuning.recovery.share == 0.25
    assert tuning.best_figure is not None
    assert tuning.best_figure > 0.8


def test_a_loss_that_is_no_number_twice_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    rows = points()
    rows.features[rows.part("train")[:30]] = float("nan")
    with pytest.raises(SpecError) as refused:
        tuning_of(tmp_path, rows).run()
    assert refused.value.code == "diverged"
    assert "learning_rate" in str(refused.value.hint)


class Stuck(Net):
    """Answers the first label until its weights are put back."""

    lets_go = False

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = super().forward(inputs)
        return outputs if self.lets_go else outputs * 0 + torch.tensor([5.0, 0.0, 0.0])


def test_one_answer_for_all_is_told(tmp_path: Path) -> None:
    tuning = tuning_of(tmp_path, model=Stuck(), epochs=5)
    tuning.run()
    assert warnings_of(tuning) == ["collapsed"]
    assert tuning.recovery.share == 0.25


def test_what_was_done_about_trouble_is_kept_by_a_checkpoint(tmp_path: Path) -> None:
    tuning = tuning_of(tmp_path, model=Narrow())
    tuning.run()
    tuning.recovery.share, tuning.recovery.has_recovered = 0.25, True
    tuning.save()
    again = tuning_of(tmp_path, model=Narrow())
    again.resume()
    assert again.recovery.state() == tuning.recovery.state()
