"""Few-shot learning by itself, on points that tell two labels apart only once a net has learned how."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer import command
from tests.trainer.small_learning import Net, Points, job_of
from trainer.answers.classes_scoring import Classification
from trainer.errors import Stopped
from trainer.events import silent
from trainer.families.text.texts import TextFamily
from trainer.learning import fewshot, fine_tuning
from trainer.learning.fewshot import MANY_LABELS, ContrastiveTuning, contrast
from trainer.learning.job import Job
from trainer.learning.objective import Learned
from trainer.spec import Spec
from trainer.tasks.text_classification import TextClassification

PARAMS = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2, "patience": 1}


class UnitNet(Net):
    """Its vectors have one length, as those that are compared have."""

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(super().features(inputs), dim=-1)


MANY = MANY_LABELS + 1


def few_points(labels: int = 3, each: int = 8, seed: int = 0) -> Points:
    """Rings around the origin: no plane parts them. Ten test rows a label."""
    generator = np.random.default_rng(seed)
    count = each + 10
    truth = np.repeat(np.arange(labels), count)
    angles = generator.uniform(0, 2 * np.pi, len(truth))
    radius = 1 + truth + 0.1 * generator.normal(size=len(truth))
    features = np.stack(
        [np.cos(angles) * radius, np.sin(angles) * radius, radius, *generator.normal(size=(3, len(truth)))], 1
    )
    split = np.where(np.arange(len(truth)) % count < each, "train", "test").astype("U10")
    return Points(features, truth, split, [f"label {at}" for at in range(labels)])


def learn(folder: Path, rows: Points, **fields: Any) -> tuple[UnitNet, Learned, Classification]:
    job = job_of(folder, PARAMS, method="fewshot", **fields)
    model, objective = UnitNet(outputs=len(rows.labels)), Classification(job, rows)
    with job.stage("train"):
        learned = fewshot.fit(job, model, rows, objective)
    return model, learned, objective


def test_the_loss_is_that_of_the_paper() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(1)), dim=1)
    labels = torch.tensor([0, 0, 1, 1, 1])
    rows = []
    for one in range(5):
        others = [other for other in range(5) if other != one]
        total = sum(torch.exp(vectors[one] @ vectors[other] / 0.2) for other in others)
        same = [other for other in others if labels[other] == labels[one]]
        rows.append(
            -sum(torch.log(torch.exp(vectors[one] @ vectors[other] / 0.2) / total) for other in same) / len(same)
        )
    assert contrast(vectors, labels, 0.2).item() == pytest.approx(torch.stack(rows).mean().item(), rel=1e-5)


def test_a_batch_without_a_pair_teaches_nothing() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    loss = contrast(vectors, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert vectors.grad is not None
    assert not vectors.grad.any()


def test_a_row_of_many_labels_is_told_from_those_outside_its_batch_too(tmp_path: Path) -> None:
    rows = few_points(labels=MANY)
    job = job_of(tmp_path, PARAMS, method="fewshot")
    tuning = ContrastiveTuning(job, UnitNet(outputs=MANY), rows, Classification(job, rows))
    means = tuning.means()
    assert means.shape == (MANY, 16)
    own, other = (rows.part("train")[rows.truth[rows.part("train")] == label][:2] for label in (0, 3))
    near, far = means[[0, 0]], means[[3, 3]]  # the two rows of one label alone: there is no other in the batch
    assert tuning.loss(near, own) < tuning.loss(far, own)
    assert tuning.loss(far, other) < tuning.loss(near, other)


def test_labels_count_alike_and_those_easily_confused_meet(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(20, 6))
    centres[1] = centres[0] + 0.01
    truth = np.repeat(np.arange(20), np.where(np.arange(20) == 0, 40, 8))
    rows = Points(centres[truth], truth, np.full(len(truth), "train"), [str(label) for label in range(20)])
    job = job_of(tmp_path, PARAMS, method="fewshot")
    tuning = ContrastiveTuning(job, UnitNet(outputs=20), rows, Classification(job, rows))
    batches = [batch for tuning.epoch in range(30) for batch in tuning.batches()]
    labels = [set(truth[batch].tolist()) for batch in batches]
    assert {len(found) for found in labels} == {4}
    assert all(np.bincount(truth[batch]).max() == 4 for batch in batches)
    share = [sum(0 in found and other in found for found in labels) for other in (1, *range(2, 20))]
    assert share[0] > 2 * np.mean(share[1:]), "the likest label stands beside it far more often than others"
    assert sum(0 in found for found in labels) < len(labels) / 2, "a common label is not met more often"


def test_it_learns_what_a_layer_over_the_net_as_it_is_cannot(tmp_path: Path) -> None:
    rows = few_points()
    model, learned, objective = learn(tmp_path, rows)
    test = rows.part("test")
    with torch.no_grad():
        outputs = model(*rows.batch(test, torch.device("cpu"))).numpy()
    assert objective.figures(test, outputs)["accuracy"] > 0.85
    assert learned.rows == 24
    assert learned.source == "out-of-fold"
    assert learned.held is not None
    assert sorted(learned.held.rows) == rows.part("train").tolist()
    assert learned.validated == pytest.approx(
        objective.figures(learned.held.rows, np.asarray(learned.held.outputs))["accuracy"]
    )
    assert 1 <= (learned.epoch or 0) <= 3


def test_halfway_back_is_between_the_weights(tmp_path: Path) -> None:
    rows = few_points()
    job = job_of(tmp_path, PARAMS, method="fewshot")
    model = UnitNet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tuning = ContrastiveTuning(job, model, rows, Classification(job, rows))
    with torch.no_grad():
        for value in model.state_dict().values():
            value.add_(2.0)
    tuning.go_halfway_back()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name] + 1.0)


def test_names_of_labels_are_rows_of_every_fold(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such that a label whose rows all lie in one fold is known to the other by its name."""
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", str(models))
    data = command.write_lines(tmp_path / "rows.jsonl", TextClassification.sample())
    spec = {"task": "text-classification", "model": "local:tiny", "method": "fewshot", "dataset": {"path": str(data)}}
    job = Job(Spec.model_validate(spec), tmp_path / "out", silent)
    family = TextFamily()
    rows = family.prepare(job)
    named, names = family.named(job, rows)
    assert names.tolist() == [rows.count, rows.count + 1]
    assert named.truth[names].tolist() == [0, 1]
    assert len(rows.ids) == rows.count, "the rows themselves stay as they are"
    shown = named.batch(names, torch.device("cpu"))[0]
    decoded = [rows.tokenizer.decode(ids, skip_special_tokens=True).replace(" ##", "") for ids in shown]
    assert decoded == rows.labels
    assert set(names.tolist()).isdisjoint(named.known("train", "validation").tolist())


@pytest.mark.parametrize(
    ("labels", "layers", "frozen", "still"),
    [(MANY, 2, 0, 0), (MANY, 6, 0, 3), (MANY, 6, 1, 1), (3, 6, 0, 0), (3, 6, 2, 2)],
)
def test_of_many_labels_the_lower_half_of_a_deep_encoder_stays_as_it_is(
    tmp_path: Path, labels: int, layers: int, frozen: int, still: int
) -> None:
    rows, model = few_points(labels), UnitNet(outputs=labels)
    model.encoder = torch.nn.Sequential(*(torch.nn.Linear(6, 6) for _layer in range(layers)))
    before = [value.clone() for value in model.encoder.parameters()]
    job = job_of(tmp_path, PARAMS | {"freeze_layers": frozen}, method="fewshot")
    tuning = ContrastiveTuning(job, model, rows, Classification(job, rows))
    tuning.learn(tuning.batches()[0], np.random.default_rng(0))
    same = [torch.equal(one, other) for one, other in zip(before, model.encoder.parameters(), strict=True)]
    assert same == [True] * 2 * still + [False] * 2 * (layers - still)


@pytest.mark.parametrize("stop_after", [1, 5, 14, 20, 27])
def test_stopped_anywhere_it_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    rows = few_points()
    monkeypatch.setattr(fewshot, "LEAST_ROWS_SEEN", 200)
    whole, learned, _objective = learn(tmp_path / "whole", rows)
    steps = 0
    pause = fine_tuning.FineTuning.pause

    def pause_and_stop(tuning: ContrastiveTuning, next_at: int) -> None:
        nonlocal steps
        steps += 1
        if steps == stop_after:
            tuning.job.request_stop()
        pause(tuning, next_at)

    monkeypatch.setattr(ContrastiveTuning, "pause", pause_and_stop)
    with pytest.raises(Stopped):
        learn(tmp_path / "parts", rows)
    again, learned_again, _objective = learn(tmp_path / "parts", rows)
    assert learned_again.epoch == learned.epoch
    assert learned.held is not None
    assert learned_again.held is not None
    assert np.array_equal(learned.held.outputs, learned_again.held.outputs)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_many_rows_are_tuned_on_rows_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fewshot, "MOST_CROSSED", 20)
    rows = few_points(each=20)
    rows.loaded.split[rows.part("train")[::5]] = "validation"
    _model, learned, _objective = learn(tmp_path, rows)
    assert (learned.rows, learned.validation, learned.source) == (48, 12, "validation")
    assert learned.held is not None
    assert learned.held.rows.tolist() == rows.part("validation").tolist()


def test_the_work_is_capped_whatever_pairs_the_rows_make(tmp_path: Path) -> None:
    job = job_of(tmp_path, {"batch_size": 32}, method="fewshot")
    cases = (
        (3, 8, fewshot.LEAST_ROWS_SEEN),
        (3, 100, fewshot.PASSES * 300),
        (3, 2_000, fewshot.MOST_ROWS_SEEN),
        (40, 20, fewshot.PASSES_OF_MANY * 800),
    )
    for labels, each, seen in cases:
        rows = few_points(labels, each)
        tuning = ContrastiveTuning(job, UnitNet(), rows, Classification(job, rows))
        assert tuning.steps * tuning.size == pytest.approx(seen, rel=0.1)


def test_a_batch_computed_in_parts_has_the_same_gradient(tmp_path: Path) -> None:
    rows = few_points()
    gradients = []
    for parts in (1, 3, 12):
        job = job_of(tmp_path / str(parts), PARAMS | {"gradient_accumulation": parts}, method="fewshot")
        job.device.bf16 = False  # in which sums in another order differ
        tuning = ContrastiveTuning(job, UnitNet(), rows, Classification(job, rows))
        batch = tuning.batches()[0]
        inputs, _mix = rows.learning_batch(batch, torch.device("cpu"), np.random.default_rng(0))
        loss = tuning.gradients(inputs, batch, None, parts)
        gradients.append([loss, *(value.grad for value in tuning.model.encoder.parameters())])
    for whole, *others in zip(*gradients, strict=True):
        for other in others:
            torch.testing.assert_close(whole, other, rtol=1e-4, atol=1e-6)
