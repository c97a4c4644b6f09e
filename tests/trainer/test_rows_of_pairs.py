"""Rows of two texts, and queries with what answers them, as a model that compares texts learns from and is tested on them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.serving import tiny
from tests.trainer.small_learning import job_of
from trainer.data.loading import Loaded
from trainer.engines.matching import Pair, Query
from trainer.errors import DataError
from trainer.families.text import searches
from trainer.families.text.matcher import Matcher
from trainer.families.text.pair_rows import Pairs, Tokens, examples_of, vectors_of
from trainer.families.text.searches import LEAST_TUNED, NEGATIVES, Searches
from trainer.hardware import Device
from trainer.similarity.corpus import SHARES, USUAL_SHARE
from trainer.similarity.forms import BINARY, GRADED, POSITIVES, TRIPLETS, Scale
from trainer.similarity.measures import search_scores

CPU = torch.device("cpu")
TOKENIZER = tiny.encoder()[1]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return job_of(tmp_path_factory.mktemp("job")).device


@pytest.fixture(scope="module")
def model() -> Matcher:
    return Matcher(tiny.encoder()[0], POSITIVES).eval()


def loaded_of(**columns: list[Any]) -> Loaded:
    """One row in five is for validation and one for the test."""
    count = len(columns["first"])
    split = np.array([("train", "train", "train", "validation", "test")[row % 5] for row in range(count)], dtype=object)
    every = pa.table({name: pa.array([str(cell) for cell in cells]) for name, cells in columns.items()})
    roles = {name: name for name in columns}
    return Loaded(
        dict(columns), split, [row + 1 for row in range(count)], roles, [], "score", "similarity", every=every
    )


def pairs_of(form: str = GRADED, scores: list[float] | None = None) -> Pairs:
    firsts = ["my card", "lost card", "top up", "my card", "exchange rate"]
    seconds = ["the card", "stolen card", "top up", "money", "rate exchange please"]
    scores = scores or [4.0, 5.0, 2.0, 0.0, 3.0]
    loaded = loaded_of(first=firsts, second=seconds, score=scores)
    return Pairs(loaded, form, np.array(scores), TOKENIZER, Path("."), 16)


def searches_of(form: str = POSITIVES, **columns: list[Any]) -> Searches:
    count = len(columns["first"])
    truth = np.array(columns.get("score", [1.0] * count), dtype=float)
    return Searches(loaded_of(**columns), form, truth, TOKENIZER, Path("."), 16)


def texts_of(rows: Searches, places: list[int]) -> list[str]:
    return [list(rows.searched)[place] for place in places]


# Tokens and vectors


def test_each_text_is_read_once_and_padded_to_the_longest() -> None:
    tokens = Tokens(["my card", "lost", "my card", "a " * 99], TOKENIZER, 8)
    assert len(tokens) == 3
    assert tokens.lengths.tolist() == [4, 3, 8]
    ids, mask = tokens.batch([1, 0], CPU)
    assert ids.shape == mask.shape == (2, 4)
    assert mask.tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert ids[0, 3] == TOKENIZER.pad_token_id
    assert len(Tokens([], TOKENIZER, 8)) == 0


def test_vectors_of_many_texts_are_in_the_order_asked(model: Matcher, device: Device) -> None:
    tokens = Tokens(tiny.texts(70), TOKENIZER, 16)
    places = np.array([5, 69, 0, 5, 33, *range(40)])
    told: list[tuple[int, int]] = []
    found = vectors_of(model, tokens, places, device, lambda done, every: told.append((done, every)))
    with torch.inference_mode():
        for row in (0, 1, 4, 44):
            alone = model.vectors(*tokens.batch(places[row : row + 1], CPU))[0]
            assert found[row] == pytest.approx(alone.numpy(), abs=1e-3)
    assert found[0] == pytest.approx(found[3], abs=1e-3)
    assert told[-1] == (45, 45)


# Pairs


def test_a_pair_is_read_as_its_two_sides_or_both_at_once() -> None:
    rows = pairs_of()
    first, first_mask, second, _second_mask = rows.batch(np.array([0, 1]), CPU)
    assert TOKENIZER.decode(first[0], skip_special_tokens=True) == "my card"
    assert TOKENIZER.decode(second[1], skip_special_tokens=True) == "stolen card"
    assert first_mask.sum(1).tolist() == [4, 4]
    rows.reads_jointly = True
    ids, mask, types = rows.batch(np.array([0, 4]), CPU)
    assert ids.shape == mask.shape == types.shape
    assert TOKENIZER.decode(ids[0], skip_special_tokens=True) == "my card the card"
    apart = rows.apart()
    assert (len(apart.batch(np.array([0]), CPU)), rows.reads_jointly, apart.corpus) == (4, True, None)


def test_scores_are_shares_of_their_scale() -> None:
    assert pairs_of().scale == Scale(0.0, 5.0)
    assert pairs_of().shares(np.array([0, 1, 3])).tolist() == [0.8, 1.0, 0.0]
    binary = pairs_of(BINARY, [1.0, 0.0, 1.0, 0.0, 1.0])
    assert binary.scale == Scale(0.0, 1.0)
    assert binary.shares(np.arange(5)).tolist() == [1, 0, 1, 0, 1]


def test_texts_that_stand_in_two_rows_are_no_negatives_of_each_other() -> None:
    """Rows 0 and 3 ask the same; row 2 is a text with itself."""
    same = pairs_of().also_right(np.array([0, 1, 2, 3]))
    assert same.tolist() == [
        [True, False, False, True],
        [False, True, False, False],
        [False, False, True, False],
        [True, False, False, True],
    ]


def test_what_is_searched_is_each_text_by_the_first_row_that_has_it() -> None:
    rows = pairs_of()
    assert rows.searched == {
        "my card": 1, "the card": 1, "lost card": 2, "stolen card": 2, "top up": 3, "money": 4, "exchange rate": 5,
        "rate exchange please": 5,
    }  # fmt: skip
    assert rows.manifest()["scale"] == [0.0, 5.0]
    assert "8 texts" in rows.card_facts()[1]


def test_a_corpus_holds_the_vectors_of_its_texts(model: Matcher, device: Device) -> None:
    rows = pairs_of()
    corpus = rows.build_corpus(model, device)
    assert (corpus.texts, corpus.rows) == (list(rows.searched), list(rows.searched.values()))
    (found,) = corpus.search(corpus.vectors[4:5], ["top up"], 1)
    assert corpus.texts[found.places[0]] == "top up"


def test_baselines_know_the_mean_of_what_was_learned_from_and_the_words() -> None:
    baselines = pairs_of().simple_baselines()
    assert baselines["usual_score"].outputs == pytest.approx(np.full((1, 1), (4 + 5 + 2 + 0) / 4))
    (same,) = np.asarray(baselines["words_cosine"].outputs)[0]
    assert 0.5 < same < 1, "exchange rate, rate exchange please"


def test_rows_are_shown_asked_and_given_to_an_engine_alike() -> None:
    rows = pairs_of()
    assert rows.input(1) == Pair("lost card", "stolen card")
    assert rows.asked(np.array([1])) == {"first": ["lost card"], "second": ["stolen card"]}
    assert all("lost card" in shown and "stolen card" in shown for shown in rows.shown(np.array([1])))


def test_examples_are_short_texts_without_personal_data_each_once() -> None:
    texts = ["my card", "my card ", "mail ada@example.org", "x" * 300, "", "top up my account please"]
    assert [example["input"] for example in examples_of(texts)] == ["top up my account please", "my card"]
    assert examples_of([]) == []
    assert len(examples_of([f"my card {number}" for number in range(50)])) == 8


# Searches


def graded() -> Searches:
    """Three queries, of which the last has no answer; “money” is a wrong answer to the first."""
    return searches_of(
        first=["my card", "my card", "my card", "top up", "lost"],
        second=["the card", "a card", "money", "top up please", "money"],
        score=[2.0, 1.0, 0.0, 1.0, 0.0],
    )


def test_a_query_is_one_row_with_all_that_answers_it() -> None:
    rows = graded()
    assert rows.firsts == ["my card", "top up"]
    assert [dict(zip(texts_of(rows, list(right)), right.values(), strict=True)) for right in rows.judged] == [
        {"the card": 2.0, "a card": 1.0},
        {"top up please": 1.0},
    ]
    assert [texts_of(rows, wrong) for wrong in rows.rejected] == [["money"], []]
    assert rows.loaded.row_numbers == [1, 4]
    assert list(rows.searched) == ["the card", "a card", "money", "top up please"]


def test_queries_that_nothing_answers_cannot_be_learned_from() -> None:
    with pytest.raises(DataError, match="No query has a text that answers it"):
        searches_of(first=["a", "b"], second=["c", "d"], score=[0.0, 0.0])


def test_too_many_texts_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST_TEXTS", 3)
    with pytest.raises(DataError, match="4 texts to search, more than 3"):
        graded()


def test_a_text_that_is_right_in_one_row_and_wrong_in_another_is_no_negative() -> None:
    rows = searches_of(
        TRIPLETS,
        first=["my card", "my card", "top up"],
        second=["the card", "a card", "top up please"],
        third=["a card", "money", "money"],
    )
    assert [texts_of(rows, wrong) for wrong in rows.rejected] == [["money"], ["money"]]


def test_a_step_takes_a_right_text_and_a_wrong_one_where_all_queries_have_one() -> None:
    rows = searches_of(TRIPLETS, first=["my card", "top up"], second=["the card", "up"], third=["money", "rate"])
    tensors, _mix = rows.learning_batch(np.array([0, 1]), CPU, np.random.default_rng(0))
    texts = [TOKENIZER.decode(ids[1], skip_special_tokens=True) for ids in tensors[::2]]
    assert texts == ["top up", "up", "rate"]
    assert rows.also_right(np.array([0, 1])).tolist() == [[True, False], [False, True]]
    without, _mix = graded().learning_batch(np.array([0, 1]), CPU, np.random.default_rng(0))
    assert len(without) == 4, "the second query has none"


def test_a_text_drawn_for_one_query_that_answers_another_is_no_negative() -> None:
    rows = searches_of(first=["a card", "my card"], second=["the card", "the card"])
    rows.learning_batch(np.array([0, 1]), CPU, np.random.default_rng(0))
    assert rows.also_right(np.array([0, 1])).all()


@pytest.mark.parametrize("texts", [2, 12])
def test_beside_a_right_text_stand_wrong_ones_alone(texts: int) -> None:
    rows = searches_of(
        first=["my card"] + [f"top up {number}" for number in range(texts - 1)],
        second=["the card"] + [f"account {number}" for number in range(texts - 1)],
    )
    for seed in range(5):
        pairs = rows.drawn_pairs(0, np.random.default_rng(seed))
        assert len(pairs) == 1 + NEGATIVES
        assert {query for query, _text in pairs} == {"my card"}
        assert pairs[0][1] == "the card"
        assert "the card" not in {text for _query, text in pairs[1:]}
    rows.candidates = {0: [0, 1]}
    assert {text for _query, text in rows.drawn_pairs(0, np.random.default_rng(0))[1:]} == {"account 0"}


def test_a_search_by_words_alone_is_one_of_the_baselines() -> None:
    rows = searches_of(
        first=["lost card", "top up", "exchange", "a refund", "the transfer"],
        second=["card that was lost", "how to top up", "exchange rates", "refunds", "transfers"],
    )
    ranked = rows.by_words(np.arange(5))
    assert ranked.shape == (5, 5)
    assert search_scores(ranked.tolist(), rows.judged)["ndcg_10"] == pytest.approx(1.0)
    assert np.asarray(rows.simple_baselines()["bm25"].outputs).tolist() == ranked[[4]].tolist()


def many() -> Searches:
    """Queries that share their words with what answers them."""
    words = tiny.WORDS
    firsts = [f"{word} {words[(at + 3) % len(words)]} {at}" for at, word in enumerate(words * 2)]
    seconds = [f"please {first} help" for first in firsts]
    return searches_of(first=firsts, second=seconds)


def test_how_much_words_count_is_chosen_by_queries_where_there_are_enough(model: Matcher, device: Device) -> None:
    rows = many()
    corpus = rows.build_corpus(model, device)
    few = rows.choose_share(model, np.arange(LEAST_TUNED - 1), corpus, device)
    chosen = rows.choose_share(model, np.arange(30), corpus, device)
    assert few == USUAL_SHARE
    assert chosen in SHARES
    scores = []
    for share in (chosen, 1.0):
        corpus.share = share
        ranked = rows.ranked(model, np.arange(30), device, lambda _count: None)
        scores.append(search_scores(np.asarray(ranked).tolist(), rows.judged[:30])["ndcg_10"])
    assert scores[0] > scores[1], "an encoder that has learned nothing is worse than words"


def test_while_it_learns_a_search_goes_through_the_right_texts_at_least(
    model: Matcher, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searches, "POOL_TEXTS", 3)
    rows = many()
    part = np.array([2, 9, 30])
    ranked = rows.ranked(model, part, device, lambda _count: None)
    assert ranked is not None
    for row, places in zip(part.tolist(), np.asarray(ranked), strict=True):
        assert set(rows.judged[row]) <= set(places.tolist())
        assert len(places) <= 6


def test_held_out_queries_are_answered_in_their_order_and_leave_the_share_as_it_was(
    model: Matcher, device: Device
) -> None:
    rows = many()
    corpus = rows.build_corpus(model, device)
    corpus.share = 0.4
    part = np.arange(25)
    outputs = np.asarray(rows.held_out(model, part, device))
    assert outputs.shape[0] == 25
    assert corpus.share == 0.4
    found = [next(iter(rows.judged[row])) in outputs[row][:10] for row in part]
    assert np.mean(found) > 0.8


def test_a_query_is_asked_as_a_visitor_would() -> None:
    rows = graded()
    assert rows.input(0) == Query("my card", 100)
    assert rows.asked(np.array([1])) == {"first": ["top up"]}
    assert rows.shown(np.array([0])) == ["my card"]
