"""Which sentences a summary is learned to be made of, beside brute force and scikit-learn; and texts as outputs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from trainer import text_scores
from trainer.extracts import ALIKE, FEATURES, Extractor, features_of, joined, sentences_of, words_in
from trainer.families.text.extracts import FOLDS, STRENGTH, Known, alone, learn, output_of, text_of, together

SENTENCES = ["The kettle boils.", "A plate fell.", "Nobody was hurt in the kitchen.", "The kettle is new.", "It rains."]


def known(summary: str, sentences: list[str] = SENTENCES, seed: int = 0) -> Known:
    vectors = np.random.default_rng(seed).normal(size=(len(sentences), 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Known(sentences, vectors, features_of(sentences, vectors), summary)


def both_rouges(summary: str, sentences: list[str], places: tuple[int, ...]) -> float:
    return float(sum(text_scores.rouges(summary, joined(sentences, sorted(places)))[::2]))


@pytest.mark.parametrize(
    ("summary", "chosen"),
    [
        ("The kettle boils. Nobody was hurt in the kitchen.", [0, 2]),
        ("It rains.", [4]),
        ("Nobody was hurt in the kitchen. The kettle is new.", [2, 3]),
        ("A plate fell. A plate fell.", [1]),
        ("", []),
        ("nothing of this", []),
    ],
)
def test_the_sentences_of_a_summary_are_found_again(summary: str, chosen: list[int]) -> None:
    assert np.flatnonzero(together(known(summary))).tolist() == chosen


@pytest.mark.parametrize("seed", range(6))
def test_no_other_single_sentence_would_be_better(seed: int) -> None:
    generator = np.random.default_rng(seed)
    words = ["kettle", "plate", "rain", "new", "old", "boils", "fell"]
    sentences = [" ".join(generator.choice(words, 4)) for _sentence in range(5)]
    summary = " ".join(generator.choice(words, 6))
    chosen = tuple(np.flatnonzero(together(known(summary, sentences))).tolist())
    singles = [both_rouges(summary, sentences, (place,)) for place in range(5)]
    whole = both_rouges(summary, sentences, chosen) if chosen else 0.0
    assert whole >= max(singles) - 1e-9 or max(singles) == 0
    if len(chosen) > 1:
        parts = [both_rouges(summary, sentences, part) for part in itertools.combinations(chosen, len(chosen) - 1)]
        assert whole > min(parts)


def test_how_near_a_sentence_is_alone_is_the_mean_of_its_rouges() -> None:
    summary = "The kettle is new."
    near = alone(known(summary))
    assert near.argmax() == 3
    assert near[3] == pytest.approx(1.0)
    assert near[4] == 0.0
    assert near[0] == pytest.approx(np.mean(text_scores.rouges(summary, SENTENCES[0])))


def test_weights_are_those_of_a_ridge_regression_in_standard_units() -> None:
    rows = [known("The kettle boils.", seed=seed) for seed in range(4)]
    wanted = [alone(each) + 0.1 * seed for seed, each in enumerate(rows)]
    features, target = np.concatenate([each.features for each in rows]), np.concatenate(wanted)
    spread = np.maximum(features.std(axis=0), 1e-6)
    reference = Ridge(alpha=STRENGTH).fit((features - features.mean(axis=0)) / spread, target)
    weights = learn(rows, wanted, -1)
    assert features @ weights - (features @ weights).mean() == pytest.approx(
        reference.predict((features - features.mean(axis=0)) / spread) - target.mean(), abs=1e-8
    )


def test_a_fold_that_is_left_out_changes_nothing_by_its_answers() -> None:
    rows = [known("The kettle boils.", seed=seed) for seed in range(2 * FOLDS)]
    wanted = [alone(each) for each in rows]
    other = [target if row % FOLDS else target + 100 * np.arange(len(target)) for row, target in enumerate(wanted)]
    assert learn(rows, wanted, 0) == pytest.approx(learn(rows, other, 0))
    assert learn(rows, wanted, 1) != pytest.approx(learn(rows, other, 1))
    assert np.isfinite(learn(rows[:1], wanted[:1], 0)).all(), "one row alone is learned from all the same"


# What is known of a sentence


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(alphabet="ab .!?。！\n", max_size=40))
def test_sentences_stand_in_their_text_in_order(text: str) -> None:
    sentences = sentences_of(text)
    place = 0
    for sentence in sentences:
        found = text.find(sentence, place)
        assert found >= 0
        place = found + len(sentence)
    assert len(sentences) == 1 or all(sentence.strip() == sentence != "" for sentence in sentences)


def test_features_are_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    features = features_of(["one two three four", "two words", "你好" * 12], vectors)
    named = dict(zip(FEATURES, features.T.tolist(), strict=True))
    middle = vectors.mean(0) / np.linalg.norm(vectors.mean(0))
    assert named["centre"] == pytest.approx((vectors @ middle).tolist())
    assert named["first"] == [1, 0, 1]
    assert named["early"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert named["place"] == [0, 0.5, 1]
    assert (named["is_first"], named["is_last"]) == ([1, 0, 0], [0, 0, 1])
    assert named["words"] == pytest.approx(np.log1p([4, 2, words_in("你好" * 12)]).tolist())
    assert named["is_short"] == [0, 1, 0]
    assert np.isfinite(features_of(["alone"], np.zeros((1, 2)))).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 1000))
def test_a_summary_keeps_to_its_bounds_and_says_nothing_twice(count: int, words: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(5, 2))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = features_of(SENTENCES, vectors)
    chosen = Extractor(generator.normal(size=len(FEATURES)), count, words).choose(SENTENCES, vectors, features)
    assert 1 <= len(chosen) <= count
    assert chosen == sorted(set(chosen))
    used = sum(words_in(SENTENCES[place]) for place in chosen)
    assert len(chosen) == 1 or used <= max(words, words_in(SENTENCES[chosen[0]]) + words)
    cosines = vectors[chosen] @ vectors[chosen].T
    assert (cosines[~np.eye(len(chosen), dtype=bool)] < ALIKE).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=30))
def test_any_text_passes_as_numbers(text: str) -> None:
    assert text_of(output_of(text)) == text
