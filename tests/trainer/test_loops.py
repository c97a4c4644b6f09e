"""The training loop by itself, beside transformers, torch and scikit-learn, on nets that learn in milliseconds."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from transformers import get_scheduler

from tests.trainer.small_learning import Net, Points, job_of, points
from trainer.answers.classes_scoring import SKEW, Classification
from trainer.answers.number_scoring import Regression
from trainer.errors import Stopped
from trainer.learning import checkpoint, lora, probe
from trainer.learning.fine_tuning import MOST_TUNING_ROWS, FineTuning, default_epochs, fit, split_rows
from trainer.learning.heads import NumberHead
from trainer.learning.passes import read_part
from trainer.learning.rows import Mix

PARAMS = {"epochs": 4, "batch_size": 8, "learning_rate": 1e-2, "head_learning_rate": 2e-2, "patience": 100}


def tuning_of(tmp_path: Path, rows: Points | None = None, seed: int = 0, **params: Any) -> FineTuning:
    rows = rows or points()
    job = job_of(tmp_path, PARAMS | params)
    return FineTuning(job, Net(outputs=len(rows.labels), seed=seed), rows, Classification(job, rows))


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


# The learning rate


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_the_learning_rate_is_that_of_transformers(tmp_path: Path, warmup: float) -> None:
    """Their cosine with warm-up, but that the first step already learns: ours is one step further up the slope."""
    tuning = tuning_of(tmp_path, epochs=7, warmup=warmup)
    warm = max(1, int(tuning.steps * warmup))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = get_scheduler("cosine", optimizer, num_warmup_steps=warm, num_training_steps=tuning.steps)
    theirs = []
    for _step in range(tuning.steps):
        theirs.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    ours = []
    for step in range(tuning.steps):
        tuning.step = step
        ours.append(tuning.rate())
    assert ours[: warm - 1] == pytest.approx(theirs[1:warm])
    assert ours[warm - 1] == pytest.approx(1.0)
    assert ours[warm:] == pytest.approx(theirs[warm:])
    assert 0 < ours[-1] < ours[warm]


def test_every_group_of_weights_follows_it_from_its_own_peak(tmp_path: Path) -> None:
    tuning = tuning_of(tmp_path, weight_decay=0.1)
    names = {id(value): name for name, value in tuning.model.named_parameters()}
    batch = tuning.rows.training_batches(tuning.train, 8, 0, 0)[0]
    tuning.learn(batch, np.random.default_rng(0))
    for group in tuning.optimizer.param_groups:
        peak = 2e-2 if names[id(group["params"][0])].startswith("head.") else 1e-2
        assert group["lr"] == pytest.approx(peak * tuning.rate())
        for value in group["params"]:
            assert group["weight_decay"] == (0.1 if value.ndim > 1 else 0.0), names[id(value)]
    grouped = [id(value) for group in tuning.optimizer.param_groups for value in group["params"]]
    assert sorted(grouped) == sorted(names), "each weight learns in one group"


def test_fewer_rows_are_passed_over_more_often() -> None:
    assert [default_epochs(rows) for rows in (0, 10, 1_600, 3_000, 8_000, 8_001, 100_000)] == [15, 15, 15, 8, 5, 5, 3]


# Which rows are learned from


@pytest.mark.parametrize(("rows", "labels"), [(60, 2), (4_000, 2), (4_000, 150)])
def test_validation_rows_are_learned_from_beyond_those_that_tell_epochs_apart(rows: int, labels: int) -> None:
    made = points(rows, labels)
    made.truth[np.flatnonzero(made.loaded.split == "validation")[:3]] = -1  # labels that no row to learn from has
    train, tuning = split_rows(made, 5)
    known = made.known("validation")
    most = max(MOST_TUNING_ROWS, 5 * labels)
    assert len(tuning) == min(len(known), most)
    assert sorted([*train, *tuning]) == sorted([*made.part("train"), *known])
    assert set(tuning) <= set(known)
    again = split_rows(made, 5)
    assert (train.tolist(), tuning.tolist()) == (again[0].tolist(), again[1].tolist())


def test_every_row_is_learned_from_once_an_epoch() -> None:
    rows = points(230)
    rows.lengths = np.random.default_rng(0).integers(1, 50, 230)
    train = rows.part("train")
    epochs = [rows.training_batches(train, 16, 3, epoch) for epoch in range(3)]
    for batches in epochs:
        assert sorted(np.concatenate(batches)) == train.tolist()
        assert [len(batch) for batch in sorted(batches, key=len)][1:] == [16] * (len(batches) - 1)
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))
    assert np.array_equal(np.concatenate(epochs[0]), np.concatenate(rows.training_batches(train, 16, 3, 0)))
    assert sorted(np.concatenate(rows.sorted_batches(train, 16))) == train.tolist()


# What is learned


def test_rare_labels_count_for_more_as_the_root_of_balanced_weights(tmp_path: Path) -> None:
    truth = np.repeat([0, 1, 2], [160, 30, 10])
    rows = Points(np.zeros((200, 2)), truth, np.full(200, "train"), ["a", "b", "c"])
    objective = Classification(job_of(tmp_path), rows)
    found = objective.class_weights(np.arange(200))
    assert found is not None
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=truth)
    wanted = np.sqrt(balanced)
    wanted *= 200 / wanted[truth].sum()
    assert found.numpy() == pytest.approx(wanted)
    assert found.numpy()[truth].mean() == pytest.approx(1)
    even = np.flatnonzero(truth > 0)
    counts = np.bincount(truth[even])[1:]
    assert counts.max() < SKEW * counts.min()


@pytest.mark.parametrize("skewed", [False, True])
def test_the_loss_of_classes_is_that_of_torch(tmp_path: Path, skewed: bool) -> None:
    truth = np.repeat([0, 1, 2], [80, 12, 8]) if skewed else np.arange(99) % 3
    rows = Points(np.zeros((len(truth), 2)), truth, np.full(len(truth), "train"), ["a", "b", "c"])
    objective = Classification(job_of(tmp_path, {"label_smoothing": 0.1}), rows)
    every = np.arange(len(truth))
    objective.prepare(None, every)
    chosen = np.random.default_rng(0).permutation(every)[:16]
    outputs = torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    weight = objective.class_weights(every)
    assert (weight is not None) == skewed

    def by_hand(rows: np.ndarray) -> float:
        """(1 - s) · cross-entropy of the own label + s · the mean over all labels, each label weighted."""
        each = np.ones(3) if weight is None else weight.double().numpy()
        surprise = -torch.log_softmax(outputs.double(), 1).numpy()
        own = each[truth[rows]] * surprise[np.arange(16), truth[rows]]
        return float((0.9 * own.sum() + 0.1 / 3 * (surprise * each).sum()) / each[truth[rows]].sum())

    assert objective.loss(outputs, chosen).item() == pytest.approx(by_hand(chosen), rel=1e-5)
    others = np.random.default_rng(1).permutation(chosen)
    mixed = 0.3 * by_hand(chosen) + 0.7 * by_hand(others)
    assert objective.loss(outputs, chosen, Mix(others, 0.3)).item() == pytest.approx(mixed, rel=1e-5)


def test_the_loss_of_numbers_is_huber_in_standard_units(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    truth = 1_000 + 50 * generator.normal(size=40)
    split = np.where(np.arange(40) < 30, "train", "test")
    truth[35] = 1e9  # of the test: nothing that is learned may know it
    rows = Points(np.zeros((40, 2)), truth, split, [])
    objective = Regression(job_of(tmp_path), rows)
    model = Net(outputs=1)
    model.head = NumberHead(16)
    objective.prepare(model, rows.part("train"))
    mean, scale = truth[:30].mean(), truth[:30].std()
    assert (objective.mean, objective.scale) == (pytest.approx(mean), pytest.approx(scale))
    chosen = np.arange(12)
    outputs = torch.tensor(truth[chosen] + 80 * generator.normal(size=12)).float()[:, None]
    errors = np.abs(outputs[:, 0].numpy() - truth[chosen]) / scale
    wanted = np.where(errors < 1, errors**2 / 2, errors - 0.5).mean()
    assert objective.loss(outputs, chosen).item() == pytest.approx(wanted, rel=1e-4)
    zero = torch.zeros(3, 16)
    plain = nn.functional.linear(zero, model.head.weight, model.head.bias)
    assert model.head(zero).detach().numpy() == pytest.approx((plain * scale + mean).detach().numpy(), rel=1e-5)


def test_one_step_is_that_of_torch_by_hand(tmp_path: Path) -> None:
    """Gradient clipped at 1, AdamW, no decay on biases."""
    tuning = tuning_of(tmp_path, weight_decay=0.3, label_smoothing=0.0)
    other = Net(outputs=3)
    other.load_state_dict(tuning.model.state_dict())
    batch = tuning.rows.training_batches(tuning.train, 8, 0, 0)[0]
    tuning.step = 3
    share = tuning.rate()
    tuning.learn(batch, np.random.default_rng(0))
    groups = [
        {
            "params": [value],
            "lr": share * (2e-2 if name.startswith("head.") else 1e-2),
            "weight_decay": 0.3 if value.ndim > 1 else 0.0,
        }
        for name, value in other.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups)
    truth = torch.from_numpy(tuning.rows.truth[batch])
    nn.functional.cross_entropy(other(tuning.rows.features[batch]), truth).backward()
    nn.utils.clip_grad_norm_(other.parameters(), 1.0)
    optimizer.step()
    for name, value in weights_of(tuning.model).items():
        assert torch.allclose(value, other.state_dict()[name], atol=1e-6), name


# When it ends, and what is kept


def test_the_best_epoch_is_kept(tmp_path: Path) -> None:
    """Learning far too fast: the last epoch is not the best, and the weights that are left answer as the best did."""
    rows = points(noise=1.6)
    tuning = tuning_of(tmp_path, rows, epochs=8, learning_rate=0.1, head_learning_rate=0.3)
    seen: list[tuple[tuple[float, ...], dict[str, torch.Tensor]]] = []
    keep = tuning.keep

    def watched(figures: dict[str, float]) -> bool:
        seen.append((tuning.objective.rank(figures), weights_of(tuning.model)))
        return keep(figures)

    tuning.keep = watched  # type: ignore[method-assign]  the real one, watched
    tuning.run()
    best = max(range(len(seen)), key=lambda epoch: (seen[epoch][0], -epoch))
    assert 0 < best < 7, "a case where keeping the last, or the first, would be wrong"
    assert tuning.best_epoch == best + 1
    for name, value in weights_of(tuning.model).items():
        assert torch.equal(value, seen[best][1][name]), name
    outputs = read_part(tuning.model, rows, tuning.validation, tuning.job.device)
    assert tuning.objective.figures(tuning.validation, outputs)["accuracy"] == pytest.approx(tuning.best_figure)


def test_patience_is_how_many_epochs_without_progress_are_waited_for(tmp_path: Path) -> None:
    rows = points(noise=0.05)
    tuning = tuning_of(tmp_path, rows, epochs=60, patience=3, learning_rate=1e-4, head_learning_rate=1e-9)
    scores = iter([0.2, 0.5, 0.4, 0.5, 0.6, 0.6, 0.1, 0.3, 0.9])
    tuning.validate = lambda: {"accuracy": next(scores), "log_loss": 1.0}  # type: ignore[method-assign]
    tuning.run()
    assert (tuning.epoch, tuning.best_epoch, tuning.best_figure) == (8, 5, 0.6)


def test_it_learns_what_can_be_learned(tmp_path: Path) -> None:
    rows = points(200, noise=0.3)
    job = job_of(tmp_path, PARAMS | {"epochs": 15})
    model, objective = Net(), Classification(job, rows)
    learned = fit(job, model, rows, objective)
    test = rows.part("test")
    outputs = read_part(model, rows, test, job.device)
    line = LogisticRegression().fit(rows.features[rows.part("train")], rows.truth[rows.part("train")])
    assert objective.figures(test, outputs)["accuracy"] >= line.score(rows.features[test], rows.truth[test]) - 0.05
    assert (learned.rows, learned.validation) == (120, 40)
    assert learned.validated is not None
    assert learned.certainty is not None
    assert learned.certainty.right.mean() == pytest.approx(learned.validated)


def test_without_validation_rows_the_last_epoch_is_kept(tmp_path: Path) -> None:
    rows = points()
    rows.loaded.split = np.where(rows.loaded.split == "validation", "train", rows.loaded.split)
    job = job_of(tmp_path, PARAMS)
    model = Net()
    tuning = FineTuning(job, model, rows, Classification(job, rows))
    tuning.run()
    assert (tuning.epoch, tuning.best_epoch, tuning.best_figure) == (4, 4, None)
    assert all(torch.equal(value, weights_of(model)[name]) for name, value in tuning.best.items())
    assert tuning.learned().certainty is None


def test_a_cross_validation_s_epochs_follow_the_rate_of_all_that_were_planned(tmp_path: Path) -> None:
    """Ended after three of ten planned epochs it is where a run of ten was after three."""
    rows = points()
    weights = []
    for last in (3, None):
        job = job_of(tmp_path / str(last), PARAMS | {"epochs": 10})
        tuning = FineTuning(job, Net(), rows, Classification(job, rows), last)
        while tuning.epoch < 3:
            assert tuning.one_epoch()
            tuning.epoch += 1
        weights.append(weights_of(tuning.model))
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize("stopped_at", [1, 5, 9, 14])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path, stopped_at: int) -> None:
    """At any step, in the middle of an epoch too; the best weights, moments and the random state go along."""
    rows = points(noise=1.2)
    whole = tuning_of(tmp_path / "whole", rows)
    whole.run()
    first = tuning_of(tmp_path / "parts", rows)
    pause = first.pause

    def stop(next_at: int) -> None:
        if first.step == stopped_at:
            first.job.request_stop()
        pause(next_at)

    first.pause = stop  # type: ignore[method-assign]  the real one, after the request
    with pytest.raises(Stopped):
        first.run()
    torch.manual_seed(12345)
    second = tuning_of(tmp_path / "parts", rows, seed=7)
    second.run()
    assert (second.step, second.best_epoch, second.best_score) == (whole.step, whole.best_epoch, whole.best_score)
    for name, value in weights_of(whole.model).items():
        assert torch.equal(value, weights_of(second.model)[name]), name
    told = [(one["name"], one["step"], one["value"]) for one in second.job.history if one["split"] == "validation"]
    assert told == [
        (one["name"], one["step"], one["value"]) for one in whole.job.history if one["split"] == "validation"
    ]


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, step, {"weight": torch.full((2,), float(step))}, {"step": step})
    names = [path.name for path in checkpoint.complete(tmp_path)]
    assert names == ["step-000000002", "step-000000003"], "two are kept"
    path = tmp_path / "step-000000003" / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    found = checkpoint.latest(tmp_path)
    assert found is not None
    assert (found[0]["weight"].tolist(), found[1]) == ([2.0, 2.0], {"step": 2})
    assert checkpoint.latest(tmp_path / "none") is None


# LoRA and the probe


def test_lora_learns_beside_the_layers_and_is_folded_in(tmp_path: Path) -> None:
    """What is left answers as the adapters did, is an ordinary net, and its own layers were not touched while learning."""
    rows = points()
    model = Net()
    before = weights_of(model)
    job = job_of(tmp_path, PARAMS | {"lora_rank": 2})
    lora.adapt(model.encoder, 2)
    learnable = {name for name, value in model.named_parameters() if value.requires_grad}
    assert all("lora_" in name or name.startswith("head.") for name in learnable)
    assert sum(value.numel() for name, value in model.named_parameters() if "lora_" in name) == 2 * (6 + 16) + 2 * (
        16 + 16
    )
    every = rows.features
    assert torch.equal(model.encoder(every), Net().encoder(every)), "adapters begin at nothing"
    FineTuning(job, model, rows, Classification(job, rows)).run()
    for name, value in model.encoder.named_parameters():
        if "base_layer" in name:
            assert torch.equal(value, before[f"encoder.{name.replace('base_layer.', '')}"]), name
    with torch.no_grad():
        adapted = model(every)
        lora.fold(model.encoder)
        folded = model(every)
    assert torch.allclose(adapted, folded, atol=1e-5)
    assert weights_of(model).keys() == before.keys()
    assert not torch.equal(before["encoder.0.weight"], model.encoder[0].weight)
    changed = (model.encoder[2].weight - before["encoder.2.weight"]).detach()
    assert int((torch.linalg.svdvals(changed) > 1e-5).sum()) <= 2, "of rank two"


@pytest.mark.parametrize("classes", [2, 4])
def test_the_probe_is_the_logistic_regression_of_scikit_learn(classes: int) -> None:
    rows = points(160, classes, noise=1.5)
    features = (rows.features - rows.features.mean(0)) / rows.features.std(0)
    truth = torch.from_numpy(rows.truth)
    weight, bias = probe.logistic(features, truth, classes, 1e-2, 200)
    chances = torch.softmax(features @ weight.T + bias, 1)
    # theirs sums over rows and one-class penalties over C; ours is the mean, and of both labels where there are two
    theirs = LogisticRegression(C=1 / (160 * 1e-2) * (2 if classes == 2 else 1), max_iter=2_000, tol=1e-8)
    theirs.fit(features.numpy(), rows.truth)
    assert chances.numpy() == pytest.approx(theirs.predict_proba(features.numpy()), abs=2e-3)


def test_the_probe_s_scale_is_folded_into_the_layer(tmp_path: Path) -> None:
    """The packaged layer reads raw features and answers as the regression over standard ones does."""
    rows = points(150, noise=1.0)
    rows.features = rows.features * torch.tensor([1, 10, 100, 0.1, 1, 1]) + 5
    job = job_of(tmp_path, method="probe")
    model = Net()
    model.encoder = nn.Sequential(nn.Identity())
    model.head = nn.Linear(6, 3)
    rows.folder = tmp_path
    rows.shown = lambda wanted: [str(row) for row in wanted]  # type: ignore[method-assign]
    learned = probe.fit(job, model, rows, Classification(job, rows))
    known = np.sort(np.concatenate([rows.part("train"), rows.part("validation")]))
    best, right = math.inf, 0.0
    standard = (rows.features[known] - rows.features[known].mean(0)) / rows.features[known].std(0)
    for strength in probe.STRENGTHS:
        theirs = LogisticRegression(C=1 / (len(known) * strength), max_iter=5_000)
        theirs.fit(standard.numpy(), rows.truth[known])
        outputs = model(rows.features[known]).detach()
        apart = np.abs(torch.softmax(outputs, 1).numpy() - theirs.predict_proba(standard.numpy())).max()
        if apart < best:
            best, right = apart, theirs.score(standard.numpy(), rows.truth[known])
    assert best < 0.02, "one of the penalties it tries"
    assert right > 0.5
    assert (learned.rows, learned.source) == (len(known), "out-of-fold")
    assert learned.certainty is not None
    assert learned.certainty.right.mean() == pytest.approx(learned.validated)


def test_the_folds_of_a_probe_are_disjoint_and_stratified() -> None:
    truth = np.repeat([0, 1, 2], [50, 20, 7])
    rows = np.random.default_rng(0).permutation(77)
    folds = probe.stratified_folds(rows, truth, np.random.default_rng(1))
    assert sorted(np.concatenate(folds)) == list(range(77))
    for label in range(3):
        counts = [int((truth[fold] == label).sum()) for fold in folds]
        assert max(counts) - min(counts) <= 1, label
