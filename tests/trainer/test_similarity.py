"""Comparing texts: what rows say, measures, search by words and vectors."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from trainer.comparison import compare
from trainer.data.inspect import inspect
from trainer.data.loading import load
from trainer.errors import DataError
from trainer.similarity import forms, measures
from trainer.similarity.bm25 import WordIndex, alike, terms_of
from trainer.similarity.corpus import Corpus, best, blend
from trainer.spec import DatasetSpec
from trainer.tasks.sentence_similarity import SentenceSimilarity

ONCE = np.ones(4)


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        ([0, 0.2, 1], (0, 1)),
        ([-0.5, 0.2, 1], (-1, 1)),
        ([0, 3.2, 5], (0, 5)),
        ([1, 2, 4, 5] * 20 + [50], (0, 5)),
        ([0, 9, 10], (0, 10)),
        ([-300, 700], (-300, 700)),
    ],
)
def test_the_scale_of_scores(scores: list[float], scale: tuple[float, float]) -> None:
    assert tuple(forms.scale_of(np.array(scores, dtype=float))) == scale


def test_the_form_of_rows() -> None:
    pair = {"first": "a", "second": "b"}
    scored = pair | {"score": "score"}
    assert forms.form_of(pair, np.zeros(0)) == forms.POSITIVES
    assert forms.form_of(pair | {"third": "c"}, np.zeros(0)) == forms.TRIPLETS
    assert forms.form_of(scored, np.array([0.0, 1.0, np.nan])) == forms.BINARY
    assert forms.form_of(scored, np.array([0.0, 0.5])) == forms.GRADED
    assert forms.form_of(scored, np.array([1.0, 1.0])) == forms.POSITIVES
    assert forms.form_of(scored, np.array([0.0, 0.5]), has_documents=True) == forms.POSITIVES
    assert forms.form_of(pair | {"score": "relevance"}, np.array([0.0, 1.0, 2.0])) == forms.POSITIVES


def test_ranks_and_correlations() -> None:
    from scipy.stats import rankdata, spearmanr

    generator = np.random.default_rng(0)
    first, second = generator.integers(0, 6, 50).astype(float), generator.random(50)
    once = np.ones(50)
    assert measures.midranks(first, once) == pytest.approx(rankdata(first))
    assert measures.spearman(first, second, once) == pytest.approx(spearmanr(first, second).statistic)
    twice = np.repeat(first, 2), np.repeat(second, 2)
    assert measures.spearman(first, second, once * 2) == pytest.approx(spearmanr(*twice).statistic)
    assert measures.spearman(np.ones(50), second, once) == 0


def test_the_area_under_the_curve_counts_weighted_pairs() -> None:
    from sklearn.metrics import roc_auc_score

    is_alike, scores = np.array([True, False, True, False]), np.array([0.9, 0.4, 0.4, 0.1])
    assert measures.auc(is_alike, scores, ONCE) == pytest.approx(roc_auc_score(is_alike, scores))
    weights = np.array([1.0, 3.0, 2.0, 1.0])
    expected = roc_auc_score(is_alike, scores, sample_weight=weights)
    assert measures.auc(is_alike, scores, weights) == pytest.approx(expected)
    assert measures.auc(np.ones(4, dtype=bool), scores, ONCE) == 0.5


def test_measures_of_a_search() -> None:
    judged = {7: 1.0, 3: 1.0}
    assert measures.ndcg([7, 3, 1], judged) == pytest.approx(1)
    assert measures.ndcg([1, 7], judged) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert measures.recall([1, 7], judged) == 0.5
    assert measures.reciprocal_rank([1, 7], judged) == 0.5
    assert measures.ndcg([1], {}) == measures.reciprocal_rank([1], judged) == 0


def test_search_by_words(tmp_path: Path) -> None:
    texts = ["The kettles are boiling", "A lamp for the garden", "Boiling water in a kettle", "茶壶里的水开了"]
    index = WordIndex.of(texts)
    assert best(index.scores("kettle boils"), 2).places.tolist() == [0, 2]
    assert index.scores("水").argmax() == 3
    assert not index.scores("the of unknown").any()
    index.save(tmp_path / "words.npz")
    again = WordIndex.load(tmp_path / "words.npz")
    assert (again.scores("garden lamp") == index.scores("garden lamp")).all()
    assert terms_of("Flights, flight") == ["flight", "flight"]
    assert not WordIndex.of([]).scores("kettle").size


def test_words_that_two_texts_share() -> None:
    same, other = alike(["a red kettle", "a red kettle"], ["the red kettle", "blue lamps"], ["red", "red", "kettle"])
    assert same == pytest.approx(1)
    assert other == 0


def test_words_and_vectors_together(tmp_path: Path) -> None:
    texts = ["kettle", "lamp", "garden"]
    corpus = Corpus(texts, [4, 5, 9], np.eye(3, dtype=np.float32), WordIndex.of(texts), share=0.5)
    corpus.save(tmp_path)
    again = Corpus.load(tmp_path)
    vector = np.array([[0.0, 0.6, 0.8]], dtype=np.float32)
    found = again.search(vector, ["lamp"], 2)[0]
    assert found.places.tolist() == [1, 2]
    assert found.scores[0] == pytest.approx(0.5 * 0.6 + 0.5, abs=1e-3)
    assert again.rows == [4, 5, 9]
    assert blend(np.array([0.3]), np.array([0.0]), 0.5) == pytest.approx([0.15])
    assert best(np.array([1.0, 3.0, 3.0, 2.0]), 3).places.tolist() == [1, 2, 3], "ties by place"


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def pairs(count: int = 40) -> list[str]:
    return [f"the kettle number {row} is broken,a lamp number {row} for you,{row % 6}" for row in range(count)]


def problems_of(result: dict) -> dict[str, dict]:
    return {problem["code"]: problem for problem in result["problems"]}


def test_pairs_are_recognised_and_what_is_wrong_is_told_by_row(tmp_path: Path) -> None:
    bad = ["only one text here,,3", "a bad score here,and a second text,50", "a worse score here,and second text,many"]
    again = "the kettle number 1 is broken,a lamp number 1 for you,5"
    file = write(tmp_path / "pairs.csv", "sentence1,sentence2,score", [*pairs(), *bad, again])
    result = inspect([file], tmp_path / "version")
    assert result["suggestion"]["task"] == "sentence-similarity"
    assert result["suggestion"]["trainable"]
    found = problems_of(result)
    assert found["half_pairs"]["rows"] == [41]
    assert found["score_out_of_range"]["rows"] == [42]
    assert "0 – 5" in found["score_out_of_range"]["message"]
    assert found["not_a_number"]["rows"] == [43]
    assert found["conflicting_scores"]["rows"] == [2, 44]
    loaded = load(DatasetSpec(path=str(tmp_path / "version")), SentenceSimilarity)
    assert {41, 42, 43}.isdisjoint(loaded.row_numbers)
    assert len(loaded.answers) == 41
    assert all(isinstance(score, float) for score in loaded.answers)


def test_one_score_for_all_pairs_of_two_sentences_is_a_search(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.csv", "query,positive", [row.rpartition(",")[0] for row in pairs()])
    result = inspect([file], tmp_path / "version")
    assert result["suggestion"]["columns"] == {"first": "query", "second": "positive"}
    assert result["suggestion"]["trainable"]


def test_triplets(tmp_path: Path) -> None:
    rows = [f"where is kettle {row},kettle {row} is on the shelf,a lamp {row} stands there" for row in range(30)]
    result = inspect([write(tmp_path / "three.csv", "anchor,positive,negative", rows)], tmp_path / "version")
    assert result["suggestion"]["task"] == "sentence-similarity"
    assert result["suggestion"]["columns"] == {"first": "anchor", "second": "positive", "third": "negative"}


def test_the_same_score_everywhere_cannot_be_learned(tmp_path: Path) -> None:
    rows = [f"the kettle number {row} is broken,a lamp number {row} for you,0" for row in range(40)]
    file = write(tmp_path / "pairs.csv", "sentence1,sentence2,score", rows)
    result = inspect([file], tmp_path / "version", task="sentence-similarity")
    assert problems_of(result)["one_value"]["severity"] == "error"
    with pytest.raises(DataError):
        load(DatasetSpec(path=str(tmp_path / "version")), SentenceSimilarity)


@pytest.mark.parametrize("shared", [1, 7], ids=["few rows hang together", "all rows hang together"])
def test_no_text_is_learned_from_and_tested_on(tmp_path: Path, shared: int) -> None:
    """Each text stands in several pairs; in the second case every row hangs together with every other."""
    texts = [f"this is sentence number {number} of the set" for number in range(60)]
    rows = [
        f"{texts[number]},{texts[(number + step) % 60 if shared > 1 else number - number % 3]},{number % 6}"
        for number, step in itertools.product(range(60), range(1, 1 + shared))
    ]
    inspect([write(tmp_path / "pairs.csv", "sentence1,sentence2,score", rows)], tmp_path / "version")
    loaded = load(DatasetSpec(path=str(tmp_path / "version")), SentenceSimilarity)
    sides = {
        part: {loaded.values[role][row] for role in ("first", "second") for row in loaded.part(part)}
        for part in ("train", "validation", "test")
    }
    assert all(sides.values())
    assert not sides["test"] & (sides["train"] | sides["validation"])
    assert not sides["train"] & sides["validation"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("word " * 40_000, "longer than"),
        ({"query": "a", "top": 0}, "whole number"),
        ({"query": "a", "top": True}, "whole number"),
        ({"first": "a"}, "must be"),
        ({"first": "a", "second": ""}, "`second`"),
        ({"first": "a", "second": 3}, "`second`"),
        ({"query": "a", "first": "b", "second": "c"}, "must be"),
        (7, "must be"),
    ],
)
def test_what_cannot_be_asked(value: object, problem: str) -> None:
    assert problem in (SentenceSimilarity.check_input(value) or "")


@pytest.mark.parametrize("value", ["a", {"query": "a", "top": 3}, {"first": "a", "second": "b"}, {"embed": "a"}])
def test_what_can_be_asked(value: object) -> None:
    assert SentenceSimilarity.check_input(value) is None


def collection(folder: Path, judgements: list[str]) -> list[Path]:
    """Forty texts, twenty queries, and which answers which, as BEIR lays them."""
    texts = [
        f'{{"_id": "d{number}", "title": "Kettle {number}", "text": "how kettle number {number} is repaired"}}'
        for number in range(40)
    ]
    queries = [f'{{"_id": "q{number}", "text": "my kettle {number} is broken what now"}}' for number in range(20)]
    for name, lines in (("corpus.jsonl", texts), ("queries.jsonl", queries)):
        (folder / name).write_text("\n".join(lines), "utf-8")
    write(folder / "qrels.tsv", "query-id\tcorpus-id\tscore", judgements)
    return [folder / name for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")]


def test_a_collection_for_search_is_joined(tmp_path: Path) -> None:
    judgements = [f"q{number}\td{number + more}\t1" for number in range(19) for more in (0, 1)]
    unknown = ["q3\tnothing\t1", "nobody\td3\t1"]
    files = collection(tmp_path, [*judgements, *unknown, judgements[0]])
    result = inspect(files, tmp_path / "version")
    suggestion = result["suggestion"]
    assert suggestion["columns"] == {"first": "query", "second": "document", "score": "relevance"}
    assert suggestion["trainable"]
    left_out = {entry["reason"]: entry for entry in result["left_out"]}
    assert left_out["unknown_ids"]["count"] == 2
    assert left_out["unknown_ids"]["examples"] == ["row 39: nothing", "row 40: nobody"]
    assert left_out["unjudged_queries"]["count"] == 1
    assert problems_of(result)["documents"]["count"] == 20
    assert result["rows"] == len(judgements) + 20
    loaded = load(DatasetSpec(path=str(tmp_path / "version")), SentenceSimilarity)
    assert len(loaded.documents) == 20
    assert "Kettle 3\nhow kettle number 3 is repaired" in loaded.values["second"]
    queries = {part: {loaded.values["first"][row] for row in loaded.part(part)} for part in ("train", "test")}
    assert not queries["train"] & queries["test"]


def test_other_tables_of_one_upload_are_no_collection(tmp_path: Path) -> None:
    files = collection(tmp_path, ["q1\td1\t1"])[:2]
    result = inspect(files, tmp_path / "version")
    assert "judgements" not in {reading["what"] for reading in result["reading"]}


@pytest.mark.parametrize("metric", ["spearman", "similarity_pearson", "pair_auc"])
def test_models_are_compared_whatever_the_scale_of_their_scores(metric: str) -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 300).astype(float) if metric == "pair_auc" else generator.random(300) * 5
    good, poor = (truth + noise * generator.standard_normal(300) * truth.std() for noise in (0.3, 1.5))
    result = compare(metric, truth, good * 20 + 7, poor, resamples=200)
    assert result.outcome == "better"
    assert compare(metric, truth, good * 20 + 7, good, resamples=200).value == pytest.approx(0)
    assert compare(metric, truth, good, poor, resamples=200).value == pytest.approx(result.value)


def test_searches_are_compared_by_query() -> None:
    judged = [{1: 1.0}, {2: 1.0}] * 20
    right, wrong = [[1, 2], [2, 1]] * 20, [[2, 1], [1, 2]] * 20
    result = compare("ndcg_10", judged, right, wrong, resamples=200)
    assert (result.outcome, result.first) == ("better", 1)
