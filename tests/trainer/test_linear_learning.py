"""What is learned as one linear layer: word counts, several labels at once, units, and names of labels; beside scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch import nn

from tests.trainer.small_learning import job_of
from trainer.families.text import labels as names_of_labels
from trainer.families.text import tag_probe
from trainer.families.text.taggers import Tagger
from trainer.learning import label_probe, linear_texts
from trainer.learning.linear_texts import FOLDS, NONE, RIDGES, STRENGTHS, Linear
from trainer.words import Terms, Vocabulary

WORDS = Terms((1, 1), NONE)


def texts_of(rows: int = 120, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of a few words, and which of three labels apply: each by a word of its own, mostly."""
    generator = np.random.default_rng(seed)
    marks = generator.random((rows, 3)) < 0.4
    names, fillers = ["kettle", "plate", "spoon"], ["the", "a", "of", "in", "on", "very"]
    texts = []
    for row in marks:
        own = [name for name, applies in zip(names, row, strict=True) if applies != (generator.random() < 0.1)]
        texts.append(" ".join([*generator.choice(fillers, 4).tolist(), *own]))
    return texts, marks


def features_of(texts: list[str]) -> tuple[object, Vocabulary]:
    vocabulary = linear_texts.learn_vocabulary(texts, WORDS, 1)
    return linear_texts.sparse(vocabulary.count(texts), len(vocabulary.names)), vocabulary


# Word counts


def test_counts_become_the_same_rows_as_a_matrix() -> None:
    texts, _marks = texts_of(10)
    matrix, vocabulary = features_of([*texts, "", "unknown"])
    dense = np.zeros((12, len(vocabulary.names)))
    for row, text in enumerate([*texts, "", "unknown"]):
        places, weights = vocabulary.weigh(text)
        dense[row, places] = weights
    assert matrix.toarray() == pytest.approx(dense)  # type: ignore[attr-defined]


@pytest.mark.parametrize("strength", [1.0, 16.0])
def test_each_label_is_a_logistic_regression_of_its_own(strength: float) -> None:
    texts, marks = texts_of()
    matrix, _vocabulary = features_of(texts)
    solved = linear_texts.solve(matrix, marks, strength, seed=0)
    reference = LogisticRegression(C=strength, solver="liblinear", random_state=0)
    for label in range(3):
        reference.fit(matrix, marks[:, label])
        assert solved.weight[:, label] == pytest.approx(reference.coef_[0], abs=1e-6)
    assert solved.outputs(matrix).shape == marks.shape


def test_a_label_of_all_or_none_is_answered_by_its_share_and_never_surely() -> None:
    texts, marks = texts_of(20)
    marks[:, 0], marks[:, 1] = True, False
    solved = linear_texts.solve(features_of(texts)[0], marks, 4.0, seed=0)
    assert solved.weight[:, :2].any() is np.False_
    assert 1 / (1 + np.exp(-solved.bias[:2])) == pytest.approx([20.5 / 21, 0.5 / 21])


def test_numbers_are_a_ridge_regression() -> None:
    texts, marks = texts_of()
    matrix, _vocabulary = features_of(texts)
    wanted = marks @ np.array([3.0, -1.0, 0.5])
    solved = linear_texts.solve(matrix, wanted[:, None], 0.3, seed=0)
    reference = Ridge(alpha=0.3, random_state=0).fit(matrix, wanted)
    assert solved.outputs(matrix)[:, 0] == pytest.approx(reference.predict(matrix), abs=1e-6)


def test_no_row_is_answered_by_a_model_that_learned_from_it() -> None:
    """Random answers cannot be foreseen out of fold, however well they are learned by heart."""
    generator = np.random.default_rng(0)
    texts = [f"word{row} other{row}" for row in range(90)]
    marks = (generator.random((90, 1)) < 0.5).astype(bool)
    matrix, _vocabulary = features_of(texts)
    by_heart = linear_texts.solve(matrix, marks, 256.0, 0).outputs(matrix)
    held = linear_texts.out_of_fold(matrix, marks, 256.0, 0)
    assert ((by_heart > 0) == marks).all()
    assert len(np.unique(held.round(9))) == FOLDS, "unknown words alone: each fold's bias"


def test_the_loss_is_that_of_torch() -> None:
    generator = np.random.default_rng(0)
    outputs, wanted = generator.normal(size=(7, 3)), generator.random((7, 3)) < 0.5
    reference = nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(outputs), torch.from_numpy(wanted).double()
    )
    assert linear_texts.loss_of(outputs, wanted) == pytest.approx(reference.item())
    assert linear_texts.loss_of(outputs, outputs + 2.0) == pytest.approx(4.0)
    assert np.isfinite(linear_texts.loss_of(np.full((1, 1), 1e4), np.array([[False]])))


def test_settings_are_chosen_among_those_offered_and_by_the_seed(tmp_path: Path) -> None:
    texts, marks = texts_of(60)
    job = job_of(tmp_path)
    choice = linear_texts.choose(job, texts, marks)
    assert choice.terms in linear_texts.SPACED
    assert choice.strength in STRENGTHS
    assert linear_texts.choose(job, texts, marks) == choice
    numbers = linear_texts.choose(job, texts, marks[:, :1].astype(float))
    assert numbers.strength in RIDGES
    chinese = linear_texts.choose(job, ["包裹还没有到", "我的茶壶呢"] * 12, np.array([[True], [False]] * 12))
    assert chinese.terms in linear_texts.UNSPACED


def test_a_temperature_makes_logits_as_sure_as_they_are_right() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=(4000, 3)) * 2
    shares = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    truth = np.array([generator.choice(3, p=row) for row in shares])
    assert linear_texts.temperature(true * 5, truth) == pytest.approx(0.2, rel=0.1)
    assert linear_texts.temperature(true, truth) == pytest.approx(1.0, rel=0.1)


def test_weights_are_summed_over_what_a_text_has() -> None:
    linear = Linear(np.array([[1.0, -1.0], [2.0, 0.5]]), np.array([0.25, 0.0]))
    assert linear.outputs(np.array([[1.0, 1.0], [0.0, 0.0]])).tolist() == [[3.25, -0.5], [0.25, 0.0]]  # type: ignore[arg-type]


# Several labels over vectors


def test_labels_over_vectors_are_regressions_of_scikit_learn_s() -> None:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 4))
    truth = features @ generator.normal(size=(4, 3)) + generator.normal(size=(80, 3)) > 0
    strength = 0.01
    weight, bias = label_probe.logistic(torch.from_numpy(features).float(), truth, strength, label_probe.ITERATIONS)
    for label in range(3):
        reference = LogisticRegression(C=1 / (strength * len(features)), tol=1e-8).fit(features, truth[:, label])
        assert weight[label].numpy() == pytest.approx(reference.coef_[0], abs=2e-3)
        assert bias[label].item() == pytest.approx(reference.intercept_[0], abs=2e-3)


def test_labels_learned_in_parts_are_those_learned_together(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    features, truth = torch.from_numpy(generator.normal(size=(60, 4))).float(), generator.random((60, 5)) < 0.4
    together = label_probe.logistic(features, truth, 0.03, 200)
    monkeypatch.setattr(label_probe, "MOST_WEIGHTS", 8)
    apart = label_probe.logistic(features, truth, 0.03, 200)
    for one, other in zip(together, apart, strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), abs=2e-3)


def test_the_penalty_of_labels_is_chosen_by_rows_held_back(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    features = torch.from_numpy(generator.normal(size=(90, 4)).astype(np.float32))
    truth = (features.numpy() @ generator.normal(size=(4, 2)) > 0).astype(float)
    known = np.arange(60)
    strength, rows, outputs = label_probe.choose_strength(job_of(tmp_path), features, truth, known)
    assert strength in label_probe.STRENGTHS
    assert sorted(rows.tolist()) == known.tolist()
    assert ((outputs > 0) == truth[rows].astype(bool)).mean() > 0.85


# Units


def test_a_layer_in_standard_units_is_folded_into_one_over_features_as_they_are() -> None:
    from tests.serving import tiny

    tagger = Tagger(tiny.encoder()[0], ["x"])
    features = 5 + 3 * torch.randn(40, 32, generator=torch.manual_seed(0))
    mean, scale = features.mean(0), features.std(0)
    weight, bias = torch.randn(3, 32), torch.randn(3)
    tag_probe.put(tagger, (weight, bias), mean, scale)
    assert torch.allclose(tagger.head(features), (features - mean) / scale @ weight.T + bias, atol=1e-4)


# Names of labels


@pytest.mark.parametrize(
    ("label", "words", "tells"),
    [
        ("card_arrival", "card arrival", True),
        ("cardArrival", "card Arrival", True),
        ("late-parcel/lost", "late parcel lost", True),
        ("class 3", "class 3", False),
        ("label_a", "label a", False),
        ("12", "12", False),
        ("ok", "ok", False),
        ("投诉", "投诉", True),
        ("", "", False),
        ("Cat. B", "Cat B", False),
    ],
)
def test_names_that_say_something_are_read_as_words(label: str, words: str, tells: bool) -> None:
    assert names_of_labels.words_of(label) == words
    assert names_of_labels.is_telling(label) is tells


def test_a_description_stands_for_a_label_that_says_nothing() -> None:
    assert names_of_labels.texts_of(["late_parcel", "class 2"], {}) is None
    assert names_of_labels.texts_of(["late_parcel", "class 2"], {"class 2": " broken "}) == ["late parcel", "broken"]
    assert names_of_labels.texts_of(["late_parcel"], {"late_parcel": "  "}) == ["late parcel"]
