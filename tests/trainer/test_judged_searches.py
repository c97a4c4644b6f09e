"""Queries, texts and judgements in files of their own: one table, of which each row that came in is a row or is told."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import records, table
from trainer.data.judgements import join_judgements
from trainer.data.several_tables import Several
from trainer.data.tables.table import Table

Row = tuple[str, str, str]


def collection(judged: list[Row], queries: int = 3, texts: int = 4) -> list[Table]:
    return [
        table("corpus.jsonl", _id=[f"d{n}" for n in range(texts)], text=[f"text {n}" for n in range(texts)]),
        table("queries.jsonl", _id=[f"q{n}" for n in range(queries)], text=[f"query {n}" for n in range(queries)]),
        table("qrels/test.tsv", **{name: [row[place] for row in judged] for place, name in enumerate(("query-id", "corpus-id", "score"))}),
    ]  # fmt: skip


def joined(tables: list[Table], parts: list[str | None] | None = None) -> Several:
    several = join_judgements(tables, parts or [None] * len(tables))
    assert several is not None
    return several


def told(several: Several) -> Counter[str]:
    left_out = [*several.left_out, *(entry for made in several.tables for entry in made.left_out)]
    return Counter({entry.reason: entry.count for entry in left_out})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.lists(
        some.tuples(some.sampled_from(["q0", "q1", "q9", ""]), some.sampled_from(["d0", "d1", "d9"]), some.just("1")),
        max_size=12,
    )
)
def test_judgements_in_are_pairs_and_judgements_told(judged: list[Row]) -> None:
    several = joined(collection(judged))
    pairs, rest = (records(made) for made in several.tables)
    reasons = told(several)
    assert len(pairs) + reasons["unknown_ids"] + reasons["repeated_judgements"] == len(judged)
    known = {(query, text) for query, text, _score in judged if query in ("q0", "q1") and text in ("d0", "d1")}
    assert Counter(row["query"] for row in pairs) == Counter(f"query {query[1]}" for query, _text in known)
    assert {row["document"] for row in [*pairs, *rest]} == {f"text {n}" for n in range(4)}, "all texts are searched"
    assert reasons["unjudged_queries"] == 3 - len({query for query, _text in known})


def test_a_pair_that_comes_again_counts_once_and_is_told() -> None:
    several = joined(collection([("q0", "d0", "2"), ("q0", "d0", "1"), ("q0", "d1", "0")]))
    assert [row["relevance"] for row in records(several.tables[0])] == ["2", "0"]
    (again,) = (entry for entry in several.tables[0].left_out if entry.reason == "repeated_judgements")
    assert (again.count, again.file) == (1, "qrels/test.tsv")
    assert again.sentence == "1 judgement came again: the first of each query and text is read."


def test_judgements_of_nobody_are_named_by_their_row() -> None:
    several = joined(collection([("q0", "d0", "1"), ("q7", "d0", "1"), ("q0", "d8", "1"), *[("q6", "d6", "1")] * 9]))
    records(several.tables[0])
    (left,) = several.tables[0].left_out
    assert (left.count, left.examples) == (11, ["row 2: q7", "row 3: d8", "row 4: q6"])
    assert left.sentence.startswith("11 judgements name a query or a text that there is not")


def test_texts_that_come_again_or_are_blank_are_told() -> None:
    corpus = table("corpus.jsonl", _id=["d0", "d0", "d1", None, "d2"], text=["first", "second", " ", "no id", "third"])
    several = joined([corpus, *collection([("q0", "d0", "1"), ("q0", "d1", "1")])[1:]])
    pairs, rest = (records(made) for made in several.tables)
    assert [row["document"] for row in pairs + rest] == ["first", "third"]
    reasons = told(several)
    assert (reasons["repeated_ids"], reasons["blank_texts"], reasons["unknown_ids"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("title", "text", "read"),
    [
        ("A title", "and a text", "A title\nand a text"),
        ("", "alone", "alone"),
        (None, "alone", "alone"),
        ("Only a title", "", "Only a title"),
        ("标题", "标题在前", "标题在前"),
    ],
)
def test_a_title_stands_before_its_text_once(title: str | None, text: str, read: str) -> None:
    corpus = table("corpus.jsonl", _id=["d0"], title=[title], text=[text])
    several = joined([corpus, *collection([("q0", "d0", "1")])[1:]])
    assert records(several.tables[0])[0]["document"] == read


def test_files_of_judgements_keep_their_parts_and_texts_without_one_have_none() -> None:
    tables = collection([("q0", "d0", "1")])
    train = table("qrels/train.tsv", **{"query-id": ["q1"], "corpus-id": ["d1"], "score": ["1"]})
    several = joined([*tables, train], [None, None, "test", "train"])
    assert several.parts == ["test", "train", None]
    documents = [[row["document"] for row in records(made)] for made in several.tables]
    assert documents == [["text 0"], ["text 1"], ["text 2", "text 3"]]
    assert told(several)["unjudged_queries"] == 1


def test_judgements_without_a_gain_are_all_ones() -> None:
    tables = collection([])
    tables[2] = table("pairs.tsv", qid=["q0", "q1"], docid=["d1", "d0"])
    rows = records(joined(tables).tables[0])
    assert [(row["query"], row["document"], row["relevance"]) for row in rows] == [
        ("query 0", "text 1", "1"),
        ("query 1", "text 0", "1"),
    ]


def test_the_columns_are_known_by_their_roles() -> None:
    several = joined(collection([("q0", "d0", "1")]))
    assert several.tables[0].suggested == {"first": "query", "second": "document", "score": "relevance"}
    assert several.readings[0].sentence == (
        "corpus.jsonl is searched by the queries of queries.jsonl, and qrels/test.tsv says which texts answer them"
    )


NO_COLLECTIONS = {
    "no judgements": collection([])[:2],
    "no queries": [collection([])[0], collection([])[2]],
    "no texts": collection([])[1:],
    "another table beside": [*collection([]), table("prices.csv", price=["1"], size=["2"])],
}


@pytest.mark.parametrize("name", NO_COLLECTIONS)
def test_other_files_are_no_collection_and_stay_unread(name: str) -> None:
    tables = NO_COLLECTIONS[name]
    assert join_judgements(tables, [None] * len(tables)) is None
    assert [len(records(one)) for one in tables if one.name == "corpus.jsonl"] in ([4], [])
