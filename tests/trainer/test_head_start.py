"""A head that begins at the means of the labels: of which rows they are, and what it answers before anything is learned."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.command import call
from tests.trainer.small_learning import Net, job_of, points
from trainer.answers.classes_scoring import Classification
from trainer.families.text.encoder import EncoderClassifier
from trainer.learning import fine_tuning, head_start
from trainer.learning.fewshot import MANY_LABELS
from trainer.learning.heads import DirectionHead


class UnitNet(Net):
    """Its vectors have one length, and its head is of directions."""

    def __init__(self) -> None:
        super().__init__()
        self.head = DirectionHead(16, 3, 16.0)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.normalize(super().features(inputs), dim=-1)


def begun(folder: Path, net: type[Net] = UnitNet) -> tuple[Net, fine_tuning.FineTuning]:
    rows = points()
    job = job_of(folder, {"epochs": 1})
    job.out.mkdir()
    model = net()
    with job.stage("train"):
        return model, fine_tuning.FineTuning(job, model, rows, Classification(job, rows))


def test_each_label_begins_at_the_mean_of_its_rows(tmp_path: Path) -> None:
    model, tuning = begun(tmp_path)
    with torch.no_grad():
        vectors = model.features(tuning.rows.features[tuning.train])
    truth = tuning.rows.truth[tuning.train]
    means = torch.stack([vectors[truth == label].mean(0) for label in range(3)])
    torch.testing.assert_close(model.head.weight, torch.nn.functional.normalize(means, dim=1), rtol=0.1, atol=0.3)
    assert not model.head.bias.any()
    with torch.no_grad():
        right = model(tuning.rows.features[tuning.train]).argmax(1).numpy() == truth
    assert right.mean() > 0.8, "the nearest mean is a fair classifier"


def test_a_model_that_does_not_ask_for_it_begins_at_random(tmp_path: Path) -> None:
    model, _tuning = begun(tmp_path, Net)
    assert torch.equal(model.head.weight, Net().head.weight)


class Headless(Net):
    """As models that write or find objects are."""

    def __init__(self) -> None:
        super().__init__()
        self.last = self.head
        del self.head

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.last(self.features(inputs))


def test_a_model_without_a_head_begins_as_it_is(tmp_path: Path) -> None:
    model, _tuning = begun(tmp_path, Headless)
    assert torch.equal(model.last.weight, Net().head.weight)


def test_a_settled_head_answers_the_same_as_a_linear_layer() -> None:
    torch.manual_seed(0)
    head, plain = DirectionHead(6, 3, 16.0), torch.nn.Linear(6, 3)
    vectors = torch.randn(5, 6)
    before = head(vectors)
    head.fix_directions()
    plain.load_state_dict(head.state_dict())
    torch.testing.assert_close(plain(vectors), before)
    torch.testing.assert_close(head(vectors), before)
    assert head.weight.norm(dim=1).tolist() == pytest.approx([16.0] * 3)


@pytest.mark.parametrize("truth", [np.repeat(np.arange(3), [500, 20, 1]), np.array([-1, 2, -1, 0]), np.array([], int)])
def test_of_each_label_a_bounded_number_of_rows_is_read(truth: np.ndarray) -> None:
    chosen = head_start.some_of_each(truth, 3, seed=0)
    assert len(set(chosen.tolist())) == len(chosen)
    assert (truth[chosen] >= 0).all()
    counts, every = np.bincount(truth[chosen], minlength=3), np.bincount(truth[truth >= 0], minlength=3)
    assert counts.tolist() == np.minimum(every, head_start.MOST_A_LABEL).tolist()


def test_of_a_million_rows_in_thousands_of_labels_few_are_read() -> None:
    truth = np.random.default_rng(0).integers(0, 5_000, 1_000_000)
    chosen = head_start.some_of_each(truth, 5_000, seed=0)
    assert len(chosen) <= head_start.MOST_ROWS
    assert len(np.unique(truth[chosen])) == 5_000


def test_many_labels_are_directions_and_packaged_as_a_linear_layer(models: Path, tmp_path: Path) -> None:
    labels = MANY_LABELS + 1
    rows = [
        {"text": f"{'what a lovely place ' * (at % 3)}number {at} {each}", "label": f"n{at}"}
        for at in range(labels)
        for each in range(8)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    spec = {"task": "text-classification", "model": "local:tiny", "method": "full", "params": {"epochs": 2}}
    spec |= {"dataset": {"path": str(tmp_path / "rows.jsonl")}, "hardware": {"threads": 1}}
    (tmp_path / "spec.json").write_text(json.dumps(spec), "utf-8")
    code, events = call(models, "run", tmp_path / "spec.json", "--out", tmp_path / "out")
    assert code == 0, events[-1]
    model = EncoderClassifier.load(tmp_path / "out" / "artifact" / "model")
    assert type(model.head) is torch.nn.Linear
    assert model.normalise
    assert model.head.weight.norm(dim=1).tolist() == pytest.approx([16.0] * labels, rel=1e-4)
