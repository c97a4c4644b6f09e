"""Engines that read texts, over graphs that look each letter up in a table: answers that can be worked out letter by letter."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import hand_made
from trainer.engines import Engine, open_engine
from trainer.engines.explanations import word_parts
from trainer.engines.text import PIECE, SORTED_FROM, padded
from trainer.errors import DataError
from trainer.outputs import joined
from trainer.similarity.bm25 import WordIndex
from trainer.similarity.corpus import Corpus
from trainer.similarity.forms import BINARY, GRADED, POSITIVES

LETTERS = hand_made.TEXT_LETTERS
TOKENS = len(LETTERS) + 2


def look_up(
    artifact: Path, table: np.ndarray, *, summed: bool, unit: bool = False, name: str = "model.fp32.onnx"
) -> None:
    """A graph of each letter's row of a table; `summed` over a text, and brought to length one (`unit`)."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["seen" if summed else "answers"]),
    ]
    if summed:
        nodes.append(helper.make_node("ReduceSum", ["seen", "second"], ["sums" if unit else "answers"], keepdims=0))
    if unit:
        nodes.append(helper.make_node("LpNormalization", ["sums"], ["answers"], axis=-1, p=2))
    constants = {
        "table": table.astype(np.float32),
        "last": np.array([-1], dtype=np.int64),
        "second": np.array([1], dtype=np.int64),
    }
    inputs = {each: (TensorProto.INT64, ["batch", "length"]) for each in ("input_ids", "attention_mask")}
    shape = ["batch", table.shape[1]] if summed else ["batch", "length", table.shape[1]]
    hand_made.graph(artifact, nodes, inputs, constants, shape, name)


def letters_table(width: int, **worth: list[float]) -> np.ndarray:
    """Nothing for every letter but these."""
    table = np.zeros((TOKENS, width), dtype=np.float32)
    for letter, values in worth.items():
        table[2 + LETTERS.index(letter)] = values
    return table


# Labels


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    """Label x for each letter x, label y for each y; z is half of both."""
    artifact = tmp_path_factory.mktemp("classes")
    look_up(artifact, letters_table(2, x=[1, 0], y=[0, 1], z=[0.5, 0.5]), summed=True)
    hand_made.letters(artifact / "model")
    return open_engine(hand_made.seal(artifact, "text-classification", ["x", "y"], "onnx-fp32"), verify=True)


def test_a_text_is_the_sum_of_its_letters(classes: Engine[Any, Any]) -> None:
    assert classes.outputs(["xxyz", "b", "🫖"]).tolist() == [[2.5, 1.5], [0, 0], [0, 0]]
    assert classes.predict(["xxyz"])[0]["score"] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-5)


@pytest.mark.parametrize("count", [1, SORTED_FROM - 1, SORTED_FROM, 3 * PIECE + 1])
def test_however_many_are_asked_each_has_its_own_answer(classes: Engine[Any, Any], count: int) -> None:
    texts = ["x" * (number * 7 % 11 + 1) + "y" * (number % 5) for number in range(count)]
    assert classes.outputs(texts).tolist() == [[text.count("x"), text.count("y")] for text in texts]
    order = classes.order(texts)
    assert sorted(order) == list(range(count))
    assert [len(texts[row]) for row in order] == sorted(map(len, texts))


def test_what_is_beyond_the_model_s_length_is_not_read_and_that_is_said(classes: Engine[Any, Any]) -> None:
    most = classes.manifest["max_length"]
    cut, whole = classes.predict(["x" * most + "y" * 50, "x" * most])
    assert cut.pop("truncated") is True
    assert cut == whole


def test_a_word_weighs_what_the_answer_loses_without_it(classes: Engine[Any, Any]) -> None:
    explained = classes.explain("xx y, zz")
    told = [(word["text"], word["weight"]) for word in explained["parts"]]
    assert [text for text, _weight in told] == ["xx", "y", ",", "zz"]

    def likely(text: str) -> float:
        return float(1 / (1 + np.exp(text.count("y") - text.count("x"))))

    wanted = [likely("xx y") - likely(rest) for rest in (" y", "xx", "xx y", "xx y")]
    assert [weight for _text, weight in told] == pytest.approx(wanted, abs=1e-3)


def test_words_are_left_out_and_nothing_else_changes() -> None:
    parts = word_parts("Ab, wie!", str)
    rests = [parts.without([place]) for place in range(len(parts.described))]
    assert [part["text"] for part in parts.described] == ["Ab", ",", "wie", "!"]
    assert rests == [", wie!", "Ab wie!", "Ab, !", "Ab, wie"]
    assert parts.without([3, 0]) == ", wie"
    assert parts.without(range(4)) == " ", "never nothing at all"


def test_padding_is_told_by_the_mask() -> None:
    feed = padded([[5, 6, 7], [8]])
    assert feed["input_ids"].tolist() == [[5, 6, 7], [8, 0, 0]]
    assert feed["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert padded([[9]])["input_ids"].shape == (1, 2)


# Passages


@pytest.fixture(scope="module")
def tags(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    """A passage begins at a b and goes on with i."""
    artifact = tmp_path_factory.mktemp("tags")
    table = np.zeros((TOKENS, 3), dtype=np.float32)
    table[:, 0] = 5
    table[2 + LETTERS.index("b")] = [0, 5, 0]
    table[2 + LETTERS.index("i")] = [0, 0, 5]
    look_up(artifact, table, summed=False)
    hand_made.letters(artifact / "model")
    (artifact / "model" / "tagging.json").write_text(json.dumps({"kind": "subwords", "max_length": 8, "follows": None}))
    return open_engine(hand_made.seal(artifact, "token-classification", ["thing"], "onnx-fp32"), verify=True)


def found(answer: dict[str, Any]) -> list[tuple[str, int]]:
    return [(entity["text"], entity["start"]) for entity in answer["entities"]]


def test_passages_are_found_where_they_stand(tags: Engine[Any, Any]) -> None:
    tags.warm()
    answers = tags.predict(["o b i i o", "b b", "", " i o", "b i"])
    assert list(map(found, answers)) == [[("b i i", 2)], [("b", 0), ("b", 2)], [], [], [("b i", 0)]]
    assert answers[0]["entities"][0]["score"] > 0.98


def test_a_long_text_is_read_whole_and_alike_beside_short_ones(tags: Engine[Any, Any]) -> None:
    """Windows of eight letters overlap; no unit is lost between two."""
    text = "o " * 20 + "b i i " + "o " * 13 + "b"
    together = tags.predict([text, "b", "o"])
    assert found(together[0]) == [("b i i", 40), ("b", len(text) - 1)]
    assert together[0] == tags.predict([text])[0]
    assert [len(each) for each in tags.outputs([text, "b"])] == [37, 1]


def test_scores_that_a_model_learned_for_tags_in_a_row_are_obeyed(tags: Engine[Any, Any], tmp_path: Path) -> None:
    never = np.full((3, 3), 0.0)
    never[1, 2] = -100.0  # no passage is longer than a unit
    artifact = tmp_path / "artifact"
    shutil.copytree(tags.artifact, artifact)
    config = {"kind": "subwords", "max_length": 8, "follows": never.tolist()}
    (artifact / "model" / "tagging.json").write_text(json.dumps(config))
    engine = open_engine(artifact)
    assert all(len(words.split()) == 1 for words, _start in found(engine.predict(["o b i i o"])[0]))


# Similarity


def matching(artifact: Path, form: str, **settings: Any) -> Engine[Any, Any]:
    """A text is how often each letter stands in it; four texts are searched."""
    look_up(artifact, np.eye(TOKENS, dtype=np.float32)[:, 2:], summed=True, unit=True)
    hand_made.letters(artifact / "model")
    facts = {"max_length": 32, "scale": [0.0, 1.0], "form": form, "slope": 1.0, "shift": 0.0} | settings
    (artifact / "model" / "matching.json").write_text(json.dumps(facts))
    texts = ["aaa", "aab", "bbb", "c d"]
    vectors = np.stack([np.array([text.count(letter) for letter in LETTERS], dtype=float) for text in texts])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    Corpus(texts, [1, 2, 5, 7], vectors.astype(np.float32), WordIndex.of(texts), 1.0).save(artifact / "model")
    return open_engine(hand_made.seal(artifact, "sentence-similarity", [], "onnx-fp32"), verify=True)


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    return matching(tmp_path_factory.mktemp("search"), POSITIVES)


def test_a_query_finds_the_nearest_texts_with_their_rows(search: Engine[Any, Any]) -> None:
    search.warm()
    (answer,) = search.predict([search.read({"query": "ab", "top": 3})])
    cosines = [(match["row"], match["score"]) for match in answer["matches"]]
    assert cosines == [
        (2, pytest.approx(3 / np.sqrt(10), abs=1e-3)),
        (1, pytest.approx(1 / np.sqrt(2), abs=1e-3)),
        (5, pytest.approx(1 / np.sqrt(2), abs=1e-3)),
    ]
    assert len(search.predict([search.read("a")])[0]["matches"]) == 4, "no more than there are"


def test_queries_pairs_and_vectors_may_be_asked_together(search: Engine[Any, Any]) -> None:
    values = [{"query": "a"}, {"first": "ab", "second": "ba"}, {"embed": "aab"}, {"query": "d", "top": 1}, "b"]
    read = [search.read(value) for value in values]
    together = search.predict(read)
    assert together == [search.predict([each])[0] for each in read]
    assert together[1]["score"] == pytest.approx(1.0)
    assert together[2]["embedding"][:2] == pytest.approx([2 / np.sqrt(5), 1 / np.sqrt(5)])
    assert together[2]["tokens"] == 3
    assert [match["text"] for match in together[3]["matches"]] == ["c d"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (" ", "is empty"),
        ({"query": ""}, "has a `query` that is empty"),
        ({"query": "a", "top": 0}, "whole number from 1"),
        ({"query": "a", "top": True}, "whole number from 1"),
        ({"query": "a", "top": 1.5}, "whole number from 1"),
        ({"first": "a"}, "must be a text"),
        ({"first": "a", "second": "b", "top": 3}, "must be a text"),
        ({"first": "a", "second": 3}, "has a `second` that must be a text"),
        (["a"], "must be a text"),
        ({}, "must be a text"),
    ],
)
def test_what_cannot_be_compared_is_told(search: Engine[Any, Any], value: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        search.read(value)


def test_a_score_is_on_the_scale_of_the_rows(tmp_path: Path) -> None:
    graded = matching(tmp_path / "graded", GRADED, scale=[0.0, 5.0], slope=8.0, shift=-1.0)
    assert graded.outputs([graded.read({"first": "a", "second": "a"})]).tolist() == [[5.0]], "no more than there is"
    half = graded.read({"first": "ab", "second": "a"})
    assert graded.predict([half])[0]["score"] == pytest.approx(8 / np.sqrt(2) - 1, abs=1e-5)
    assert graded.predict([graded.read({"first": "a", "second": "b"})])[0]["score"] == 0.0
    binary = matching(tmp_path / "binary", BINARY, slope=4.0, shift=-2.0)
    same = binary.predict([binary.read({"first": "a", "second": "a"})])[0]
    assert same["score"] == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-6)


def test_words_of_the_first_text_are_explained(search: Engine[Any, Any]) -> None:
    explained = search.explain(search.read({"first": "a b", "second": "a"}))
    (first, second) = explained["parts"]
    assert first["weight"] == pytest.approx(1 / np.sqrt(2), abs=1e-3), "without it nothing is shared"
    assert second["weight"] == pytest.approx(1 / np.sqrt(2) - 1, abs=1e-3), "without it they are the same"


def test_outputs_of_several_batches_are_those_of_one(classes: Engine[Any, Any], tags: Engine[Any, Any]) -> None:
    texts = ["b i o", "x", "y o b", "i"]
    for engine in (classes, tags):
        whole, parts = engine.outputs(texts), joined([engine.outputs(texts[:1]), engine.outputs(texts[1:])])
        assert [np.asarray(each).tolist() for each in whole] == [np.asarray(each).tolist() for each in parts]
