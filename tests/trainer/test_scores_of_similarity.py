"""How alike texts are and what a search finds, scored: beside scipy and scikit-learn, and by hand."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import ndcg_score, roc_auc_score, roc_curve

from trainer.answers.base_scoring import scoring_of
from trainer.answers.similarity_reports import curve, first_rank, pair_report, search_report, shortened
from trainer.answers.similarity_scoring import alike_scaled, headline_of
from trainer.similarity import measures
from trainer.similarity.bm25 import WordIndex
from trainer.similarity.corpus import Corpus, best, blend
from trainer.similarity.forms import BINARY, GRADED, POSITIVES, TRIPLETS, Scale
from trainer.similarity.reranking import reorder, spread

NUMBERS = st.lists(st.integers(-4, 4), min_size=3, max_size=25)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(NUMBERS)
def test_ranks_of_any_numbers_are_those_of_scipy(values: list[int]) -> None:
    array = np.array(values, dtype=float)
    assert measures.midranks(array, np.ones(len(array))) == pytest.approx(stats.rankdata(array))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 3)), min_size=2, max_size=15))
def test_weighted_correlations_are_those_of_repeated_rows(rows: list[tuple[int, int, int]]) -> None:
    first, second, weights = np.array(rows, dtype=float).T
    repeated = [np.repeat(side, weights.astype(int)) for side in (first, second)]
    varied = len(repeated[0]) > 1 and all(len(np.unique(side)) > 1 for side in repeated)
    wanted = (stats.pearsonr(*repeated)[0], stats.spearmanr(*repeated)[0]) if varied else (0.0, 0.0)
    assert measures.pearson(first, second, weights) == pytest.approx(wanted[0], abs=1e-9)
    assert measures.spearman(first, second, weights) == pytest.approx(wanted[1], abs=1e-9)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=25))
def test_the_area_is_that_of_scikit_learn_ties_and_all(rows: list[tuple[bool, int]]) -> None:
    is_alike, predicted = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=float)
    wanted = roc_auc_score(is_alike, predicted) if len(set(is_alike.tolist())) == 2 else 0.5
    assert measures.auc(is_alike, predicted, np.ones(len(rows))) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_gains_of_a_search_are_those_of_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    gains, scores = generator.integers(0, 4, 30).astype(float), generator.permutation(30).astype(float)
    ranked = np.argsort(-scores)
    judged = {place: gain for place, gain in enumerate(gains.tolist()) if gain}
    assert measures.ndcg(ranked, judged) == pytest.approx(ndcg_score([gains], [scores], k=10))


@pytest.mark.parametrize(
    ("ranked", "judged", "wanted"),
    [
        ([3, 1, 2], {1: 1.0}, {"mrr_10": 1 / 2, "recall_10": 1.0}),
        ([3, 1, 2], {1: 1.0, 9: 1.0}, {"mrr_10": 1 / 2, "recall_10": 0.5}),
        ([3, 1, 2], {3: 0.0, 2: 2.0}, {"mrr_10": 1 / 3, "recall_10": 1.0}),
        ([], {1: 1.0}, {"mrr_10": 0.0, "recall_10": 0.0, "ndcg_10": 0.0}),
        ([1, 2], {}, {"mrr_10": 0.0, "recall_10": 0.0, "ndcg_10": 0.0}),
        ([*range(10), 99], {99: 1.0}, {"mrr_10": 0.0, "recall_10": 0.0, "recall_100": 1.0}),
    ],
    ids=["second", "one of two", "a judgement of nothing", "nothing found", "nothing wanted", "just too deep"],
)
def test_one_query_by_hand(ranked: list[int], judged: dict[int, float], wanted: dict[str, float]) -> None:
    scores = measures.search_scores([ranked], [judged])
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted)


def test_no_queries_have_no_scores_but_numbers() -> None:
    assert set(measures.search_scores([], []).values()) == {0.0}


# Reports


def test_the_curve_runs_through_that_of_scikit_learn(generator: np.random.Generator) -> None:
    is_alike, predicted = generator.random(50) < 0.4, generator.normal(size=50)
    wrong, right, _marks = roc_curve(is_alike, predicted, drop_intermediate=False)
    assert np.array(curve(is_alike, predicted)) == pytest.approx(np.stack([wrong, right], axis=1))
    assert len(curve(generator.random(9000) < 0.4, generator.normal(size=9000))) <= 61
    assert curve(np.ones(3, dtype=bool), np.zeros(3)) == curve(np.zeros(0, dtype=bool), np.zeros(0)) == []


def test_equal_scores_are_one_step_of_the_curve(generator: np.random.Generator) -> None:
    """Whichever of them comes first in the file: else a model that says one thing of all would look like a perfect one."""
    assert curve(np.array([True, True, False, False]), np.full(4, 0.5)) == [[0.0, 0.0], [1.0, 1.0]]
    is_alike, predicted = generator.random(50) < 0.4, generator.integers(0, 5, 50).astype(float)
    wrong, right, _marks = roc_curve(is_alike, predicted, drop_intermediate=False)
    assert np.array(curve(is_alike, predicted)) == pytest.approx(np.stack([wrong, right], axis=1))


def pairs(truth: np.ndarray, predicted: np.ndarray, headline: str = "spearman") -> dict[str, Any]:
    names = [f"pair {place}" for place in range(len(truth))]
    return pair_report(truth, predicted, names, list(range(1, len(truth) + 1)), headline, Scale(0, 5))


def test_pairs_furthest_off_come_first_by_what_is_on_the_scale() -> None:
    report = pairs(np.array([0.0, 5.0, 2.0]), np.array([9.0, 4.5, 2.0]))
    told = [(mistake["row"], mistake["predicted"], mistake["error"]) for mistake in report["mistakes"]]
    assert told == [(1, 5.0, 5.0), (2, 4.5, -0.5), (3, 2.0, 0.0)]
    assert report["points"] == [[0.0, 5.0], [5.0, 4.5], [2.0, 2.0]]
    assert report["curve"] == []


def test_correlations_go_by_what_was_answered_and_not_by_what_is_drawn(generator: np.random.Generator) -> None:
    truth, predicted = generator.uniform(0, 5, 40), generator.uniform(4, 9, 40)
    report = pairs(truth, predicted)
    assert report["metrics"]["similarity_pearson"] == pytest.approx(stats.pearsonr(truth, predicted)[0])
    assert report["headline"]["value"] == pytest.approx(stats.spearmanr(truth, predicted)[0])
    assert all(low <= report["metrics"][name] <= high for name, (low, high) in report["intervals"].items())


def test_of_very_many_pairs_some_are_drawn_from_end_to_end() -> None:
    truth = np.linspace(0, 5, 600)
    points = pairs(truth, truth[::-1].copy(), "pair_auc")["points"]
    assert len(points) == 500
    assert (points[0], points[-1]) == ([0.0, 5.0], [5.0, 0.0])


def test_a_search_says_at_which_ranks_right_texts_stand() -> None:
    texts = [f"text {place}" for place in range(30)]
    judged: list[dict[int, float]] = [{0: 1.0}, {2: 1.0}, {9: 2.0}, {20: 1.0}, {29: 1.0}]
    ranked = [list(range(25))] * 5
    report = search_report(judged, ranked, list("abcde"), [1, 2, 3, 4, 5], texts)
    assert [group["queries"] for group in report["ranks"]] == [1, 1, 1, 1]
    assert report["not_found"] == 1
    assert report["texts"] == 30
    worst = report["mistakes"][0]
    assert (worst["rank"], worst["predicted"]) in ((21, 0.0), (None, 0.0))
    assert worst["found"] == texts[:3]


def test_long_texts_are_cut_in_a_report() -> None:
    assert shortened("a" * 300) == "a" * 300
    assert shortened("a" * 301) == "a" * 299 + "…"
    assert first_rank([4, 5], {5: 0.0}) is None


# What serving and comparing ask


def test_pairs_agree_within_a_share_of_their_spread() -> None:
    scoring = scoring_of("similarity")
    assert scoring.agreement([0.0, 1.0, 0.5], [0.0, 1.0, 0.9], []) == pytest.approx(2 / 3)
    assert scoring.agreement([0.5, 0.5], [0.5, 0.5], []) == 1.0
    assert scoring.agreement([json.dumps([1, 2])], [json.dumps([2, 3])], []) == 0.5
    assert scoring.agreement(["[]", "[]"], ["[]", "[3]"], []) == 0.5


def test_pairs_are_right_by_their_area_where_they_are_alike_or_not_and_by_ranks_otherwise() -> None:
    scoring = scoring_of("similarity")
    assert scoring.score([0.9, 0.1, 0.8], [1, 0, 0], []) == 1.0
    assert scoring.score([1.0, 2.0, 3.0], [1, 3, 5], []) == pytest.approx(1.0)
    assert scoring.score([json.dumps([7, 3])], [json.dumps({"3": 1})], []) == pytest.approx(1 / np.log2(3))


def test_what_is_kept_of_an_answer_is_its_rows_or_its_score() -> None:
    scoring = scoring_of("similarity")
    answers = [{"matches": [{"row": 4, "score": 1.0}, {"row": 2, "score": 0.5}]}, {"score": 0.3}, {"embedding": [1.0]}]
    assert scoring.stored(answers, {}) == ["[4, 2]", 0.3, 0.0]
    falls = scoring.falls([answers[0], {"matches": []}, {"matches": [{"row": 2, "score": 0.75}]}], {})
    assert falls.tolist() == [1.0, 0.25]


@pytest.mark.parametrize("metric", ["spearman", "similarity_pearson", "pair_auc"])
def test_no_scale_and_no_shift_changes_what_is_compared(metric: str, generator: np.random.Generator) -> None:
    scoring = scoring_of("similarity")
    truth, predicted = generator.uniform(0, 5, 40), generator.normal(size=40)
    cells = scoring.cells(metric, truth, (predicted, 100 * predicted - 7), [])
    assert cells.first == pytest.approx(cells.second)
    weights = generator.integers(0, 3, 40).astype(float)
    assert cells.measure(cells.first, weights) == pytest.approx(cells.measure(cells.second, weights))


def test_equal_scores_are_no_division_by_nothing() -> None:
    assert alike_scaled(np.full(4, 3.0), "similarity_pearson").tolist() == [0.0] * 4
    assert alike_scaled(np.full(4, 3.0), "spearman").tolist() == [2.5] * 4


def test_each_form_has_its_headline() -> None:
    headlines = [headline_of(form) for form in (GRADED, BINARY, POSITIVES, TRIPLETS)]
    assert headlines == ["spearman", "pair_auc", "ndcg_10", "ndcg_10"]


# A search


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 35))
def test_the_best_are_those_of_a_stable_sort(scores: list[int], most: int) -> None:
    found = best(np.array(scores, dtype=np.float32), most)
    wanted = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:most]
    assert found.places.tolist() == wanted
    assert found.scores.tolist() == [scores[place] for place in wanted]


def test_words_alone_and_meaning_alone_are_the_ends_of_a_blend() -> None:
    meaning, words = np.array([0.9, 0.1], dtype=np.float32), np.array([0.0, 4.0], dtype=np.float32)
    assert blend(meaning, words, 1.0) is meaning
    assert blend(meaning, words, 0.0).tolist() == [0.0, 1.0]
    assert blend(meaning, np.zeros(2, dtype=np.float32), 0.5).tolist() == pytest.approx([0.45, 0.05])


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_corpus_is_searched_alike_after_it_was_kept(
    share: float, tmp_path: Any, generator: np.random.Generator
) -> None:
    texts = ["the kettle boils", "a plate of 米饭", "cups and kettles 🍵", "kettle kettle"]
    vectors = generator.normal(size=(4, 8)).astype(np.float16).astype(np.float32)
    corpus = Corpus(texts, [1, 2, 5, 9], vectors, WordIndex.of(texts), share)
    corpus.save(tmp_path)
    again = Corpus.load(tmp_path)
    assert (again.texts, again.rows, again.share, len(again)) == (texts, [1, 2, 5, 9], share, 4)
    query = generator.normal(size=(1, 8))
    (before,), (after,) = (each.search(query, ["kettles 米饭"], 3) for each in (corpus, again))
    assert before.places.tolist() == after.places.tolist()
    assert before.scores == pytest.approx(after.scores, abs=1e-5)


def test_nothing_to_search_finds_nothing() -> None:
    corpus = Corpus([], [], np.zeros((0, 4), dtype=np.float32), WordIndex.of([]))
    assert [len(found.places) for found in corpus.search(np.zeros((2, 4)), ["a", "b"], 5)] == [0, 0]


def test_a_second_stage_that_says_nothing_leaves_the_first_one_s_order() -> None:
    found = best(np.array([0.2, 0.9, 0.5, 0.1]), 4)
    again = reorder(found, np.zeros(3), 0.6)
    assert again.places.tolist() == found.places.tolist() == [1, 2, 0, 3]
    assert reorder(found, np.array([0.0, 1.0, 2.0]), 1.0).places.tolist() == [0, 2, 1, 3]
    assert spread(np.array([5.0, 5.0])).tolist() == [0.0, 0.0]
    assert spread(np.zeros(0)).tolist() == []
