"""Engines whose inputs or models have several parts: a picture with a text, a question with its context, a text by its sentences."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer import hand_made
from trainer.engines import Engine, open_engine
from trainer.engines.image import GRID
from trainer.engines.questions import MOST_PIECES
from trainer.errors import DataError
from trainer.extracts import FEATURES, MORE_FEATURES, Best, Expecting, load
from trainer.passages.windows import Pair
from trainer.pictures import Preprocess

LETTERS = hand_made.TEXT_LETTERS
TOKENS, SIDE = len(LETTERS) + 2, 7


def looked_up(**outputs: Any) -> tuple[list[Any], dict[str, np.ndarray]]:
    """Nodes that look tokens up in a table, without those of the padding."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], [outputs.get("to", "seen")]),
    ]
    return nodes, {"last": np.array([-1], dtype=np.int64), "second": np.array([1], dtype=np.int64)}


def tokens() -> dict[str, tuple[int, list[Any]]]:
    from onnx import TensorProto

    return {name: (TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")}


# A picture with a text


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    """Sale where the picture is light or the text has an x: their sum decides."""
    from onnx import TensorProto, helper

    artifact = tmp_path_factory.mktemp("both")
    nodes, constants = looked_up()
    nodes += [
        helper.make_node("ReduceSum", ["seen", "second"], ["told"], keepdims=0),
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["light"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["light", "weights"], ["shown"]),
        helper.make_node("Add", ["told", "shown"], ["answers"]),
    ]
    table = np.zeros((TOKENS, 2), dtype=np.float32)
    table[2 + LETTERS.index("x")] = [0, 2]
    constants |= {"table": table, "weights": np.array([[0, 1]] * 3, dtype=np.float32) / 765}
    inputs = {"pixels": (TensorProto.UINT8, ["batch", SIDE, SIDE, 3]), **tokens()}
    hand_made.graph(artifact, nodes, inputs, constants, ["batch", 2])
    (artifact / "model" / "picture").mkdir(parents=True)
    Preprocess(SIDE, SIDE).save(artifact / "model" / "picture")
    hand_made.letters(artifact / "model" / "text")
    return open_engine(hand_made.seal(artifact, "image-text-classification", ["no", "sale"], "onnx-fp32"), verify=True)


def test_picture_and_text_are_answered_together(both: Engine[Any, Any]) -> None:
    both.warm()
    values = [
        {"image": hand_made.picture(255), "text": "axx"},
        {"image": hand_made.picture(0), "text": "b"},
        {"image": hand_made.picture(255)},
        hand_made.picture(255),
        {"image": hand_made.picture(0), "text": None},
    ]
    read = [both.read(value) for value in values]
    assert both.outputs(read)[:, 1].tolist() == pytest.approx([5, 0, 1, 1, 0])
    assert both.predict(read) == [both.predict([each])[0] for each in read]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"text": "x"}, "must be a picture"),
        ({"image": b"no picture", "text": "x"}, "."),
        ({"image": hand_made.picture(1), "text": 7}, "must have a text"),
        ({"image": hand_made.picture(1), "caption": "x"}, "a field “caption”"),
        ({"image": hand_made.picture(1), "text": "x" * 20_001}, "longer than 20000"),
        ("x", "must be a picture"),
    ],
    ids=["no picture", "a broken one", "no text", "another field", "too long", "a text alone"],
)
def test_what_lacks_a_part_is_told(both: Engine[Any, Any], value: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        both.read(value)


def test_regions_and_words_are_weighed_side_by_side(both: Engine[Any, Any]) -> None:
    explained = both.explain(both.read({"image": hand_made.picture(255), "text": "x b"}))
    regions, words = ([part for part in explained["parts"] if part["kind"] == kind] for kind in ("region", "word"))
    assert len(regions) == GRID**2
    assert {word["text"]: word["weight"] > 0.1 for word in words} == {"x": True, "b": False}
    weights = [region["weight"] for region in regions]
    assert min(weights) > 0
    assert np.ptp(weights) == pytest.approx(0, abs=1e-6)


# A question with its context


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    """Answers begin at an s and end at an e; other letters are as likely as none."""
    artifact = tmp_path_factory.mktemp("asked")
    nodes, constants = looked_up(to="answers")
    table = np.zeros((TOKENS, 2), dtype=np.float32)
    table[2 + LETTERS.index("s")] = [6, 0]
    table[2 + LETTERS.index("e")] = [0, 6]
    hand_made.graph(artifact, nodes, tokens(), constants | {"table": table}, ["batch", "length", 2])
    hand_made.letters(artifact / "model")
    head = {"scores_none": False, "overlap": [[0.0] * 4] * 2}
    (artifact / "model" / "head.json").write_text(json.dumps(head))
    return open_engine(hand_made.seal(artifact, "question-answering", [], "onnx-fp32", max_length=24), verify=True)


def question(context: str, text: str = "what") -> dict[str, str]:
    return {"question": text, "context": context}


def test_the_likeliest_passage_of_the_context_is_answered(asked: Engine[Any, Any]) -> None:
    asked.warm()
    (answer,) = asked.predict([asked.read(question("aa sbbe cc"))])
    assert (answer["answer"], answer["start"], answer["end"]) == ("sbbe", 3, 7)
    assert answer["score"] > 0.9


def test_the_question_itself_is_no_answer(asked: Engine[Any, Any]) -> None:
    (answer,) = asked.predict([asked.read(question("aa sbbe cc", "see se"))])
    assert answer["start"] == 3


def test_a_long_context_is_read_in_windows_alone_or_beside_others(asked: Engine[Any, Any]) -> None:
    far = "a" * 60 + " sbe " + "b" * 60
    read = [asked.read(question(context)) for context in (far, "se", far[::-1], "aa sbbe cc")]
    together = asked.predict(read)
    assert together == [asked.predict([each])[0] for each in read]
    assert (together[0]["answer"], together[0]["start"]) == ("sbe", 61)
    assert "truncated" not in together[0]


def test_what_is_not_all_read_says_so(asked: Engine[Any, Any]) -> None:
    long, asked_long = asked.read(question("a" * 900)), asked.read(question("se", "x" * 100))
    cut, also = asked.predict([long, asked_long])
    assert cut["truncated"] is also["truncated"] is True


def test_below_the_threshold_nothing_is_answered(asked: Engine[Any, Any]) -> None:
    asked.manifest["threshold"] = 7.0
    try:
        none, some = asked.predict([asked.read(question("aab")), asked.read(question("as bee"))])
    finally:
        del asked.manifest["threshold"]
    assert (none["answer"], none["start"]) == (None, None)
    assert none["score"] > 0.9
    assert some["answer"] in ("s be", "s bee")


def test_words_of_the_question_are_explained(asked: Engine[Any, Any]) -> None:
    explained = asked.explain(asked.read(question("as bee", "what " * 60)))
    assert len(explained["parts"]) == MOST_PIECES
    assert all(part["weight"] == pytest.approx(0, abs=1e-3) for part in explained["parts"]), (
        "the table knows no question"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("what", "must be an object"),
        ({"question": "what"}, "has no context"),
        ({"question": " ", "context": "a"}, "has no question"),
        ({"question": "what", "context": "a", "answer": "b"}, "a field “answer”"),
        ({"question": "q" * 100_000, "context": "a"}, "a question longer than"),
        ({"question": ["what"], "context": "a"}, "has no question"),
    ],
)
def test_what_is_no_question_with_a_context_is_told(asked: Engine[Any, Any], value: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        asked.read(value)


def test_read_questions_are_pairs(asked: Engine[Any, Any]) -> None:
    assert asked.read(question("b", "a")) == Pair("a", "b")
    assert asked.predict([]) == []


# A text by its sentences


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> Engine[Any, Any]:
    """The sentences nearest to the middle of the text, by their letters; two of them, ten words at most."""
    from onnx import helper

    artifact = tmp_path_factory.mktemp("summaries")
    nodes, constants = looked_up()
    nodes += [
        helper.make_node("ReduceSum", ["seen", "second"], ["sums"], keepdims=0),
        helper.make_node("LpNormalization", ["sums"], ["answers"], axis=-1, p=2),
    ]
    constants["table"] = np.eye(TOKENS, dtype=np.float32)
    path = hand_made.graph(artifact, nodes, tokens(), constants, ["batch", TOKENS])
    folder = artifact / "model" / "encoder"
    hand_made.letters(folder)
    path.rename(folder / "model.onnx")
    weights = np.array([1.0 if name == "centre" else 0.0 for name in FEATURES])
    Best(weights, 2, 10).save(artifact / "model")
    return open_engine(hand_made.seal(artifact, "summarization", [], "extract"), verify=True)


TEXT = "aab aab. xyz q. aab b. mno.\naabb c."


def test_the_sentences_nearest_to_the_rest_are_the_summary_in_their_order(summaries: Engine[Any, Any]) -> None:
    (answer,) = summaries.predict([summaries.read(TEXT)])
    chosen = answer["generated_text"]
    assert all(part in TEXT for part in chosen.split(". "))
    assert "xyz" not in chosen
    assert "mno" not in chosen
    assert answer["prompt_tokens"] == len(TEXT.split())
    assert summaries.read({"document": TEXT}) == TEXT


def test_an_explanation_lists_every_sentence_with_its_place(summaries: Engine[Any, Any]) -> None:
    parts = summaries.explain(TEXT)["parts"]
    assert [TEXT[part["start"] : part["end"]] for part in parts] == [part["text"] for part in parts]
    weights = [part["weight"] for part in parts]
    assert len(parts) == 5
    assert (min(weights), max(weights)) == (0.0, 1.0)
    assert weights.index(0.0) in (1, 3)


def test_equal_sentences_are_explained_at_their_own_places(summaries: Engine[Any, Any]) -> None:
    text = "aab. aab. aab."
    assert [part["start"] for part in summaries.explain(text)["parts"]] == [0, 5, 10]


@pytest.mark.parametrize("text", ["a", "。", "🫖🫖", "x" * 500, "aab! 你好。再见。"])
def test_any_text_has_a_summary_of_its_own_words(summaries: Engine[Any, Any], text: str) -> None:
    (answer,) = summaries.predict([summaries.read(text)])
    assert answer["generated_text"].split()[0] in text
    assert summaries.answers([text, TEXT], 1)[0] == answer["generated_text"]


def test_a_summary_is_kept_as_the_codes_of_its_letters(summaries: Engine[Any, Any]) -> None:
    """So that outputs of texts pass where numbers are expected."""
    (outputs,) = summaries.outputs(["aab 🫖."])
    assert "".join(chr(int(code)) for code in outputs[3:]) == "aab 🫖."


def test_an_extractor_is_read_as_it_was_written(tmp_path: Path) -> None:
    before = Best(np.arange(len(FEATURES), dtype=float), 3, 40)
    before.save(tmp_path / "best")
    after = load(tmp_path / "best")
    assert isinstance(after, Best)
    assert after.weights.tolist() == before.weights.tolist()
    assert (after.count, after.words) == (3, 40)
    expecting = Expecting(
        np.arange(len(FEATURES) + len(MORE_FEATURES) + 6, dtype=float),
        0.5,
        20.0,
        0.7,
        {"is": 0.25},
        0.125,
        clauses=True,
    )
    expecting.save(tmp_path / "expecting")
    again = load(tmp_path / "expecting")
    assert isinstance(again, Expecting)
    assert (after.clauses, again.clauses) == (False, True)
    assert again.weights.tolist() == expecting.weights.tolist()
    assert (again.constant, again.usual, again.fade, again.rates, again.rate) == (0.5, 20.0, 0.7, {"is": 0.25}, 0.125)
