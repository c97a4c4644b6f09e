"""Answers with several labels: figures against scikit-learn, thresholds, very many labels, and rows without any."""

import inspect
import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from trainer.answers.labels_scoring import Labelling, LabelsScoring, label_report
from trainer.answers.labels_statistics import cooccurrence, label_matrix, label_scores, with_unknown
from trainer.comparison import compare, score
from trainer.data.loading import load
from trainer.dotted import load_class
from trainer.errors import DataError
from trainer.families.text.languages import find_unread
from trainer.label_lists import MAX_LEARNED_LABELS, read_labels
from trainer.label_thresholds import choose_thresholds, logit, sigmoid
from trainer.learning.family import NetworkFamily
from trainer.spec import DatasetSpec
from trainer.tasks import all as every
from trainer.tasks import get
from trainer.tasks.base import Task

TASK = get("multilabel-classification")
GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.random((200, 4)) < (0.1, 0.3, 0.5, 0.05)
LOGITS = GENERATOR.normal(size=(200, 4)) + 2 * TRUTH - 1


def load_rows(folder: Path, cells: list[Any]) -> Any:
    path = folder / "rows.jsonl"
    rows = [{"text": f"text number {number}", "labels": cell} for number, cell in enumerate(cells)]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return load(DatasetSpec(path=str(path), columns={"text": "text", "labels": "labels"}), TASK)


def test_figures_are_those_of_scikit_learn() -> None:
    chosen = LOGITS > 0
    scores = label_scores(with_unknown(TRUTH), with_unknown(chosen), LOGITS)
    assert scores["micro_f1"] == pytest.approx(metrics.f1_score(TRUTH, chosen, average="micro"))
    assert scores["label_macro_f1"] == pytest.approx(metrics.f1_score(TRUTH, chosen, average="macro"))
    assert scores["exact_match_ratio"] == pytest.approx(metrics.accuracy_score(TRUTH, chosen))
    precision = metrics.average_precision_score(TRUTH, LOGITS, average="macro")
    assert scores["mean_average_precision"] == pytest.approx(precision)
    given = {name: with_unknown(chosen) for name in scores} | {"mean_average_precision": sigmoid(LOGITS)}
    for name, value in scores.items():
        assert score(name, with_unknown(TRUTH), given[name], labels=range(4)) == pytest.approx(value)


def test_labels_that_occur_together_are_counted() -> None:
    found = cooccurrence(TRUTH, LOGITS > 0, list("abcd"), 3)
    assert found["labels"] == ["a", "b", "c"], "the commonest, in their own order"
    for row, column in itertools.product(range(3), repeat=2):
        assert found["truth"][row][column] == int((TRUTH[:, row] & TRUTH[:, column]).sum())
        assert found["predicted"][row][column] == int(((LOGITS[:, row] > 0) & (LOGITS[:, column] > 0)).sum())


def test_better_answers_are_called_better() -> None:
    good, bad = with_unknown(LOGITS > 0), with_unknown(np.zeros((200, 4), dtype=bool))
    for name in ("micro_f1", "exact_match_ratio"):
        found = compare(name, with_unknown(TRUTH), good, bad, labels=range(4), resamples=100)
        assert found.first > found.second or name == "exact_match_ratio"
        assert found.low <= found.value <= found.high


def test_thresholds_are_better_than_one_half() -> None:
    shifted = LOGITS - (2.5, 0, -2.5, 0)
    thresholds = choose_thresholds(TRUTH, shifted)
    assert thresholds.shape == (4,)
    assert thresholds[0] < 0.35, "outputs that are too low get a lower threshold"
    assert thresholds[2] > 0.65, "and those that are too high a higher one"
    even = metrics.f1_score(TRUTH, shifted > 0, average="micro")
    own = metrics.f1_score(TRUTH, sigmoid(shifted) >= thresholds, average="micro")
    common = max(metrics.f1_score(TRUTH, shifted > at, average="micro") for at in np.linspace(-4, 4, 81))
    assert own > common > even


def test_before_there_are_thresholds_no_row_is_judged_by_one_that_it_chose() -> None:
    """Outputs of pure noise look good by thresholds chosen on the same rows, and not by those of the other half."""
    generator = np.random.default_rng(0)
    truth, outputs = generator.random((60, 200)) < 0.05, generator.normal(size=(60, 200))
    rows = SimpleNamespace(truth=np.column_stack([truth, np.zeros(60, dtype=bool)]), labels=["x"] * 200)
    objective = Labelling(SimpleNamespace(device=SimpleNamespace(torch_device="cpu")), rows)
    fair = objective.answers("micro_f1", outputs, np.arange(60))
    flattered = objective.chosen(np.arange(60), outputs)
    assert score("micro_f1", rows.truth, fair) <= score("micro_f1", rows.truth, flattered)
    half = np.arange(0, 60, 2)
    limits = choose_thresholds(truth[half], outputs[half])
    assert (fair[1::2, :-1] == (sigmoid(outputs[1::2]) >= limits)).all()


def test_a_label_with_few_rows_takes_the_common_threshold() -> None:
    truth = np.zeros((100, 3), dtype=bool)
    truth[:50, 0] = truth[40:80, 1] = truth[:2, 2] = True
    thresholds = choose_thresholds(truth, np.where(truth, 1.0, -1.0) + 0.1 * GENERATOR.normal(size=truth.shape))
    assert len(set(thresholds.round(3))) <= 3
    assert 0 < thresholds[2] < 1


def test_a_row_with_a_label_that_is_not_known_is_a_mistake() -> None:
    truth = label_matrix(['["a"]', '["a", "new"]', "[]"], ["a", "b"])
    assert truth.tolist() == [[True, False, False], [True, False, True], [False, False, False]]
    chosen = label_matrix(['["a"]', '["a"]', "[]"], ["a", "b"])
    report = label_report(truth, chosen, np.zeros((3, 2)), ["a", "b"], None, list("xyz"), [1, 2, 3], "text")
    assert report["metrics"]["exact_match_ratio"] == pytest.approx(2 / 3)
    assert report["metrics"]["micro_f1"] == pytest.approx(4 / 5)
    assert (report["unknown_label_rows"], report["none"]) == (1, {"truth": 1, "predicted": 1})
    assert [one["row"] for one in report["mistakes"]] == [2]


def test_what_is_served_goes_by_the_thresholds() -> None:
    manifest = {"labels": ["a", "b"], "thresholds": [0.9, 0.2]}
    outputs = logit(np.array([[0.8, 0.3], [0.95, 0.1], [0.5, 0.1]]))
    answers = LabelsScoring().served(outputs, manifest)
    assert [[entry["label"] for entry in answer["labels"]] for answer in answers] == [["b"], ["a"], []]
    assert answers[0]["scores"] == [{"label": "a", "score": 0.8}, {"label": "b", "score": 0.3}]
    assert LabelsScoring().stored(outputs, manifest) == ['["b"]', '["a"]', "[]"]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [('["b", "a", "a"]', ["a", "b"]), ("[]", []), ("", []), ("a", ["a"]), ("[1.0]", ["1"]), ("[broken", ["[broken"])],
)
def test_cells(cell: str, labels: list[str]) -> None:
    assert read_labels(cell) == labels


def test_rows_without_a_label_are_learned_from(tmp_path: Path) -> None:
    rows = load_rows(tmp_path, [["a"], ["a", "b"], []] * 20)
    assert len(rows.answers) == 60
    assert set(rows.answers) == {'["a"]', '["a", "b"]', "[]"}


def test_the_same_labels_everywhere_cannot_be_learned(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="same labels"):
        load_rows(tmp_path, [["a", "b"]] * 30)


def test_five_thousand_labels_are_told_and_bounded(tmp_path: Path) -> None:
    rows = load_rows(tmp_path, [[f"label {number}", f"label {number % 40}"] for number in range(5_000)])
    told = [problem["message"] for problem in rows.problems if problem["code"] == "many_labels"]
    assert len(told) == 1
    assert "5,000 different labels" in told[0]
    labels, truth = LabelsScoring().learnable(rows)
    assert len(labels) == MAX_LEARNED_LABELS
    assert truth.shape == (5_000, MAX_LEARNED_LABELS + 1)
    assert {f"label {number}" for number in range(40)} <= set(labels)
    assert truth[:, -1].mean() > 0.8, "the rows whose label is not learned count as mistakes"


def test_a_language_that_the_model_does_not_read_is_told() -> None:
    chinese = ["据报道，警方今日通报了一起案件，相关人员已被拘留。"] * 30
    found = find_unread(TASK, "bundled:all-MiniLM-L6-v2", chinese)
    assert found is not None
    assert "Chinese" in found.message
    assert "Word counts" in found.hint
    assert find_unread(TASK, "scratch:words", chinese) is None
    assert (
        find_unread(TASK, "bundled:all-MiniLM-L6-v2", ["The staff were friendly and the room was clean."] * 30) is None
    )


@pytest.mark.parametrize("task", [task for task in every() if task.modality == "text"], ids=lambda task: task.slug)
def test_every_task_of_texts_says_it_before_it_learns(task: type[Task]) -> None:
    """Each knows what its models read, and whoever prepares its rows asks."""
    model = next(card.ref for card in task.models if card.reads)
    unread = find_unread(task, model, ["这家酒店的服务非常好，房间也很干净，下次还会再来。"] * 30)
    assert unread is not None
    family = load_class(task.family, NetworkFamily)
    assert "unread_language" in inspect.getsource(family.prepare)
    offered = {card.ref for card in task.models}
    assert ("Word counts" in unread.hint) == ("scratch:words" in offered)
