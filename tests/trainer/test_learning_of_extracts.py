"""Which sentences a summary is learned to be made of, beside brute force and scikit-learn; and texts as outputs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from trainer import text_scores
from trainer.extracts import (
    ALIKE,
    FEATURES,
    MORE_FEATURES,
    Best,
    Expecting,
    Sentences,
    features_of,
    first_sentences,
    joined,
    lengths_of,
    more_features_of,
    read_sentences,
    sentences_of,
    words_in,
)
from trainer.families.text.extract_choice import (
    FOLDS,
    PLAIN,
    SMOOTHING,
    STRENGTH,
    Known,
    Rates,
    choose,
    known_of,
    solved,
    sums_of,
)
from trainer.families.text.extracts import is_short, output_of, text_of

SENTENCES = ["The kettle boils.", "A plate fell.", "Nobody was hurt in the kitchen.", "The kettle is new.", "It rains."]


def vectors_of(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 6))
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def plain(sentences: list[str]) -> Sentences:
    return Sentences(sentences, [""] * len(sentences))


def known(summary: str, sentences: list[str] = SENTENCES, seed: int = 0) -> Known:
    text = plain(sentences)
    return known_of(text, vectors_of(len(sentences), seed), summary, Rates.of([(text, summary)]))


NO_RATES = Rates.of([])


def test_how_many_words_of_its_summary_a_sentence_has() -> None:
    assert known("The kettle is new. It boils.").shared.tolist() == [3, 0, 1, 4, 1]


def test_a_choice_is_scored_by_rouge_l() -> None:
    each = known("Nobody was hurt. The kettle is new.")
    for places in ([0], [2, 3], [0, 1, 4]):
        text = joined(SENTENCES, places)
        assert each.near(text) == pytest.approx(text_scores.rouges("Nobody was hurt. The kettle is new.", text)[2])


DIALOGUE = "Ann: Hi. It rains. Really.\nBob: Why? I know.\nAnn: So."


def test_who_says_a_sentence_is_said_once_a_turn() -> None:
    text = read_sentences(DIALOGUE)
    assert (
        text.plain == sentences_of(DIALOGUE) == ["Ann: Hi.", "It rains.", "Really.", "Bob: Why?", "I know.", "Ann: So."]
    )
    assert text.named[1:3] == ["Ann: It rains.", "Ann: Really."]
    assert text.joined([1, 2, 4]) == "Ann: It rains. Really. Bob: I know."
    assert text.joined([0, 2, 4, 5]) == "Ann: Hi. Really. Bob: I know. Ann: So."


@pytest.mark.parametrize(
    "text",
    [
        "Note: it rains. It pours.",
        "It rains.\nIt pours.\nNote: no. Never.",
        "At 10:30 we met. So.\nAt 11:00 too. Yes.",
        "",
    ],
)
def test_what_is_no_dialogue_has_no_speakers(text: str) -> None:
    read = read_sentences(text)
    assert set(read.speakers) == {""}
    assert read.named == read.plain == sentences_of(text)


def test_long_sentences_are_cut_at_their_commas_as_they_stand() -> None:
    text = "Rome - A lorry with nine tons of apples on it fell over, and nobody who stood in the street below was hurt. So, well. 10 - 3."
    parts = read_sentences(text, clauses=True).plain
    assert parts == [
        "Rome - A lorry with nine tons of apples on it fell over",
        "and nobody who stood in the street below was hurt.",
        "So, well.",
        "10 - 3.",
    ]
    assert all(part in text for part in parts)
    assert read_sentences(", ,", clauses=True).plain == [", ,"]


@pytest.mark.parametrize(
    ("summary", "expected"), [("Kettle boils", True), ("The kettle of the house boils at last", False)]
)
def test_clauses_are_for_summaries_shorter_than_half_a_sentence(summary: str, expected: bool) -> None:
    texts = [plain(["The kettle that was bought on Monday boils.", "One two three four five six seven."])]
    assert is_short(texts, [summary], np.arange(1)) == expected
    assert not is_short(texts, [summary], np.arange(0))


def test_a_chinese_dialogue() -> None:
    assert read_sentences("小明：你好。下雨了。\n小红：嗯。走吧。").named == [
        "小明：你好。",
        "小明： 下雨了。",
        "小红：嗯。",
        "小红： 走吧。",
    ]


def test_words_are_rated_by_other_rows() -> None:
    texts = [
        (plain(["the kettle boils"]), "kettle on"),
        (plain(["the kettle"]), "the end"),
        (plain(["a plate"]), "plate"),
    ]
    rates = Rates.of(texts)
    assert (rates.read["kettle"], rates.written["kettle"]) == (2, 1)
    assert rates.usual == pytest.approx(3 / 7)
    own = rates.without(["kettle", "on"])
    assert own("kettle") == pytest.approx((0 + SMOOTHING * 3 / 7) / (1 + SMOOTHING))
    assert own("boils") == pytest.approx(3 / 7)
    assert rates.table == pytest.approx(
        {"the": (1 + SMOOTHING * 3 / 7) / (2 + SMOOTHING), "kettle": (1 + SMOOTHING * 3 / 7) / (2 + SMOOTHING)},
        abs=1e-4,
    )


@pytest.mark.parametrize("strength", [1.0, 1_000.0])
def test_weights_are_those_of_a_ridge_regression_in_standard_units(strength: float) -> None:
    rows = [known("The kettle boils. It rains.", SENTENCES[seed % 3 :], seed=seed) for seed in range(8)]
    features = np.concatenate([each.features for each in rows])
    target = np.concatenate([each.shared for each in rows])
    means, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    eased = np.where(
        np.arange(features.shape[1]) < PLAIN, 1.0, (STRENGTH / strength) ** 0.5
    )  # held less, as larger numbers are
    reference = Ridge(alpha=STRENGTH).fit((features - means) / spread * eased, target)
    weights, constant = solved(sums_of(rows, features.shape[1]), strength)
    expected = reference.predict((features - means) / spread * eased)
    assert features @ weights + constant == pytest.approx(expected, abs=1e-8)


def test_a_fold_that_is_left_out_changes_nothing_by_its_answers() -> None:
    width = known("").features.shape[1]
    rows = [known("The kettle boils.", seed=seed) for seed in range(2 * FOLDS)]
    others = [each if row % FOLDS else each._replace(summary=["it", "rains"]) for row, each in enumerate(rows)]
    own, other = (sums_of(every, width).plus(sums_of(every[::FOLDS], width), -1) for every in (rows, others))
    assert solved(own, 10.0)[0] == pytest.approx(solved(other, 10.0)[0], abs=1e-6)
    assert solved(sums_of(rows, width), 10.0)[0] != pytest.approx(solved(sums_of(others, width), 10.0)[0])
    assert np.isfinite(solved(sums_of(rows[:1], width), 10.0)[0]).all(), "one row alone is learned from all the same"


def test_the_beginning_is_taken_where_nothing_is_better() -> None:
    """Summaries that are the first two sentences, word for word."""
    generator = np.random.default_rng(0)
    rows = []
    for seed in range(20):
        sentences = [" ".join(generator.choice(list("abcdefghijkl"), 4)) for _sentence in range(6)]
        rows.append(known(" ".join(sentences[:2]), sentences, seed=seed))
    extractor, score, text = choose(rows, NO_RATES)
    assert score == pytest.approx(1.0)
    assert text.startswith("The first 2 sentences were best") or isinstance(extractor, Expecting)
    assert [extractor.choose(each.text, each.vectors) for each in rows] == [[0, 1]] * len(rows)


def test_the_first_sentences_are_those() -> None:
    assert first_sentences(3, clauses=False).choose(plain(SENTENCES), vectors_of(5, 1)) == [0, 1, 2]
    assert first_sentences(9, clauses=False).choose(plain(SENTENCES[:2]), vectors_of(2, 1)) == [0, 1]


def test_what_a_vector_says_is_learned() -> None:
    """Only the vector tells which sentence is that of the summary."""
    generator = np.random.default_rng(1)
    rows = []
    for _row in range(60):
        words = [" ".join(generator.choice(list("abcdefghijkl"), 4)) for _sentence in range(6)]
        place = int(generator.integers(6))
        vectors = generator.normal(size=(6, 6))
        vectors[:, 0] = -1.0
        vectors[place, 0] = 2.0
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        rows.append(known_of(plain(words), unit, words[place], NO_RATES))
    extractor, score, text = choose(rows, NO_RATES)
    assert score > 0.7
    assert text.startswith("Chosen sentences had ROUGE-L")
    assert isinstance(extractor, Expecting)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_no_further_sentence_would_raise_what_is_expected(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 20, count).astype(float)
    expected = lengths * generator.random(count)
    way = Expecting(np.zeros(0), 0.0, 15.0, 1.0, {}, 0.0)
    chosen = way.best(expected, lengths, np.eye(count))

    def figure(places: tuple[int, ...]) -> float:
        inside = list(places)
        return float(2 * expected[inside].sum() / (lengths[inside].sum() + 15.0))

    own = figure(tuple(chosen))
    assert chosen == sorted(set(chosen)) != []
    assert all(figure((*chosen, place)) <= own + 1e-12 for place in range(count) if place not in chosen)
    singles = [figure((place,)) for place in range(count)]
    assert own >= max(singles) - 1e-12
    every = [figure(places) for size in range(1, count + 1) for places in itertools.combinations(range(count), size)]
    assert own >= 0.9 * max(every), "near the best of all choices"


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


def test_more_features_are_by_hand() -> None:
    sentences, vectors = ["Ann met Bob in Rome.", "why?", "你好吗？"], vectors_of(3, 0)
    rates = {"ann": 0.5, "why": 0.25}
    lengths = lengths_of(sentences)
    assert lengths.tolist() == [5, 1, 3]
    more = more_features_of(sentences, vectors, lambda word: rates.get(word, 0.1))
    named = dict(zip(MORE_FEATURES, more[:, len(FEATURES) : PLAIN].T.tolist(), strict=True))
    assert named["length"] == pytest.approx([5 / 20, 1 / 20, 3 / 20])
    assert named["before"] == pytest.approx(np.log1p([0, 5, 6]).tolist())
    assert named["is_question"] == [0, 1, 1]
    assert named["names"] == pytest.approx([2 / 5, 0, 0])
    assert named["likely"] == pytest.approx([0.9, 0.25, 0.3])
    assert named["likely_share"] == pytest.approx([0.9 / 5, 0.25, 0.1])
    assert more[:, PLAIN:] == pytest.approx(vectors)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 1000))
def test_a_summary_keeps_to_its_bounds_and_says_nothing_twice(count: int, words: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(5, 2))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = Best(generator.normal(size=len(FEATURES)), count, words).choose(plain(SENTENCES), vectors)
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
