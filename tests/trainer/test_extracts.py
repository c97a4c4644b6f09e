"""Summaries of a text's own sentences."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from tests.trainer import command
from trainer.engines import open_engine
from trainer.extracts import (
    LONGEST_SENTENCE,
    MOST_SENTENCES,
    Best,
    Sentences,
    clauses_of,
    joined,
    read_sentences,
    sentences_of,
)
from trainer.tasks.summarization import READER, Summarization

TOPICS = ("rent", "parking", "lifts", "noise", "heating", "gardens", "bins", "locks")
ROWS = [
    {
        "document": f"Good morning number {number}. We met again. The point about {topic} {number} is that it must change. Thanks.",
        "summary": f"The point about {topic} {number} is that it must change.",
    }
    for number in range(8)
    for topic in TOPICS
]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("#Person1#: Hi.\n#Person2#: Bye.\n\n", ["#Person1#: Hi.", "#Person2#: Bye."]),
        ("第一句。第二句！", ["第一句。", "第二句！"]),
        ("It costs 3.50 today.", ["It costs 3.50 today."]),
        ("  ", ["  "]),
    ],
)
def test_sentences_and_lines(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


@pytest.mark.parametrize(
    "text", ["a, " * 350_000, "a" + " " * 1_000_000 + "b", " " * 1_000_000, "x，" * 500_000, "a - " * 250_000]
)
def test_a_long_line_is_read_in_a_moment(text: str) -> None:
    begun = time.process_time()
    read = read_sentences(text, clauses=True)
    assert time.process_time() - begun < 1
    assert 1 <= len(read.plain) <= MOST_SENTENCES
    assert max(map(len, read.plain)) <= LONGEST_SENTENCE
    assert sentences_of(text) == [text.strip()[:LONGEST_SENTENCE] or text[:LONGEST_SENTENCE]]


def test_parts_of_sentences_have_eight_words() -> None:
    long = "one two three four five six seven eight"
    assert clauses_of(f"{long}, {long}  –  {long}, nine") == [long, long, f"{long}, nine"]
    assert clauses_of(f"one, {long}") == [f"one, {long}"]
    assert clauses_of("今天我们去公园散步，" * 20)[:1] == [("今天我们去公园散步，" * 7).rstrip("，")]


def test_what_says_the_same_is_said_once_and_in_the_order_of_the_text() -> None:
    vectors = np.eye(4)[[0, 1, 1, 2]]
    weights = np.zeros(8)
    weights[4:6] = -1.0, 1.0
    sentences = ["First.", "Again.", "Again!", "Last."]
    places = Best(weights, 3, 100).choose(Sentences(sentences, [""] * 4), vectors)
    assert places == [0, 1, 3]
    assert joined(sentences, [1, 3]) == "Again. Last."


def test_there_is_room_for_so_many_words() -> None:
    sentences = ["one two three four", "five six", "seven"]
    text, vectors = Sentences(sentences, [""] * 3), np.eye(3)
    short = Best(np.zeros(8), 3, 5).choose(text, vectors)
    assert short == [0, 2], "the second has no room beside the first"
    assert Best(np.zeros(8), 3, 1).choose(text, vectors) == [0]


def test_it_learns_which_sentence_it_is(models: Path, tmp_path: Path) -> None:
    fields = {"task": "summarization", "method": "extractive", "model": READER}
    spec = command.write_spec(tmp_path, ROWS, **fields)
    code, events = command.call(models, "run", spec, "--out", tmp_path / "out")
    assert code == 0, events[-1]
    report = json.loads((tmp_path / "out/artifact/report.json").read_text("utf-8"))
    assert report["headline"]["value"] == pytest.approx(1.0)
    assert report["sentences"] == 1
    card = (tmp_path / "out/artifact/README.md").read_text("utf-8")
    assert "training row." not in card, "what was not looked at is not said"
    assert "token each time" not in card
    assert report["verdict"]["outcome"] == "better"
    engine = open_engine(tmp_path / "out/artifact")
    text = "Hello there. We met. The point about water is that it must change. Thanks."
    asked = engine.read(text)
    assert engine.predict([asked])[0]["generated_text"] == "The point about water is that it must change."
    parts = engine.explain(asked)["parts"]
    assert max(parts, key=lambda part: part["weight"])["text"].startswith("The point")
    assert all(text[part["start"] : part["end"]] == part["text"] for part in parts)


def test_who_can_do_what() -> None:
    assert Summarization.refusal("extractive", READER) == ""
    assert "cannot write" in Summarization.refusal("full", READER)
    assert READER in Summarization.refusal("extractive", "scratch:gpt")
    assert (Summarization.default_method(READER), Summarization.default_model("")) == ("extractive", READER)
    assert Summarization.default_model("scratch") == "scratch:gpt"
