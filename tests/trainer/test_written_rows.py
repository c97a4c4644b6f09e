"""Rows that a model learns to write from: of every form the same turns, and each row that says nothing is told by its number."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from trainer.data.conversation_rows import conversation, read_written, turns_of
from trainer.data.problems import Problem


@dataclass
class Loaded:
    """The rows of a training, as far as they are filled in here."""

    values: dict[str, list[Any]]
    row_numbers: list[int]
    columns: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    answer: str = ""

    def keep(self, is_kept: np.ndarray) -> None:
        rows = np.flatnonzero(is_kept).tolist()
        self.row_numbers = [self.row_numbers[row] for row in rows]
        self.values = {name: [cells[row] for row in rows] for name, cells in self.values.items()}


def read(**columns: list[Any]) -> Loaded:
    count = len(next(iter(columns.values())))
    loaded = Loaded(dict(columns), [10 * n for n in range(1, count + 1)], {name: name for name in columns})
    read_written(loaded)
    return loaded


def message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_an_instruction_and_what_is_added_to_it_are_one_turn() -> None:
    loaded = read(prompt=["Translate", "Say hello"], input=["Guten Tag", " "], completion=["Good day", "你好"])
    assert [turns[0]["content"] for turns in loaded.values["turns"]] == ["Translate\n\nGuten Tag", "Say hello"]
    assert (loaded.values["written"], loaded.answer) == (["Good day", "你好"], "written")


@pytest.mark.parametrize("roles", [("document", "summary"), ("source", "target")])
def test_pairs_of_texts_are_asked_and_answered(roles: tuple[str, str]) -> None:
    loaded = read(**{roles[0]: ["long text"], roles[1]: ["short"]})
    assert loaded.values["turns"] == [[message("user", "long text")]]
    assert loaded.values["written"] == ["short"]


def test_plain_texts_have_nothing_before_them() -> None:
    loaded = read(text=["one", "two"])
    assert (loaded.values["turns"], loaded.values["written"]) == ([[], []], ["one", "two"])


@pytest.mark.parametrize(
    "columns",
    [
        {"prompt": ["a", "b", " "], "completion": ["x", "", "z"]},
        {"document": ["a", None, "c"], "summary": ["x", "y", "  "]},
        {"text": ["a", "", " \n"]},
    ],
    ids=["prompts", "pairs", "texts"],
)
def test_rows_without_an_answer_are_left_out_and_told_by_number(columns: dict[str, list[Any]]) -> None:
    loaded = read(**columns)
    assert loaded.row_numbers == [10]
    (problem,) = loaded.problems
    assert (problem["code"], problem["count"]) == ("no_answer", 2)
    assert problem["message"] == "2 rows have no answer that could be learned and are left out: rows 20, 30."


def test_conversations_without_an_answer_are_told_with_a_remedy() -> None:
    answered = [message("user", "a"), message("assistant", "x")]
    loaded = read(messages=[answered, [message("user", "why?")], [message("assistant", "alone")]])
    (problem,) = loaded.problems
    assert (loaded.row_numbers, problem["code"], problem["rows"]) == ([10], "unanswered", [20, 30])
    assert (
        problem["message"]
        == "2 conversations have no answer to anything that was asked and are left out: rows 20, 30. Write what the model should answer, or remove the row."
    )


def test_a_single_row_is_told_in_the_singular() -> None:
    loaded = read(text=["a", " "])
    assert loaded.problems[0]["message"] == "1 row has no answer that could be learned and is left out: row 20."


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.lists(
        some.tuples(some.sampled_from(["user", "assistant", "system"]), some.text("ab \n中", max_size=6)), max_size=8
    )
)
def test_what_is_learned_is_the_last_answer_and_all_before_it(said: list[tuple[str, str]]) -> None:
    messages = [message(role, content) for role, content in said]
    row = conversation(json.dumps(messages))
    answers = [place for place, (role, _content) in enumerate(said) if role == "assistant"]
    if row is None:
        is_asked = any(role != "assistant" for role, _content in said[: answers[-1]]) if answers else False
        assert not is_asked or not said[answers[-1]][1].strip()
        return
    assert row.written == said[answers[-1]][1]
    assert row.turns == messages[: answers[-1]]


@pytest.mark.parametrize("blank", ["", " ", "\n\t", None])
def test_an_answer_of_blanks_is_none(blank: str | None) -> None:
    assert conversation([message("user", "Hello?"), message("assistant", blank)]) is None


@pytest.mark.parametrize(
    ("name", "role"),
    [("human", "user"), ("GPT", "assistant"), ("Bot", "assistant"), ("developer", "system"), ("observation", "tool")],
)
def test_whoever_speaks_is_known_by_several_names(name: str, role: str) -> None:
    assert turns_of([{"from": name, "value": "x"}]) == [message(role, "x")]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}], "one\ntwo"),
        (["one", "two"], "one\ntwo"),
        ([], ""),
        ([{"type": "image_url", "image_url": "x"}], None),
        ({"text": "x"}, "x"),
        (5, "5"),
        ({"hall": 2}, '{"hall": 2}'),
    ],
)
def test_a_message_is_its_texts_or_no_text_at_all(content: Any, text: str | None) -> None:
    turns = turns_of([message("user", content)])
    assert (turns and turns[0]["content"]) == text


@pytest.mark.parametrize("cell", ["", "null", "5", '{"role": "user"}', '["a"]', None, 7, [message("narrator", "x")]])
def test_what_is_no_conversation_is_none(cell: Any) -> None:
    assert turns_of(cell) is None


ASK, SAY, RULE = message("user", "a"), message("assistant", "x"), message("system", "s")


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("no JSON", "unread_messages"),
        ([message("narrator", "x")], "unknown_roles"),
        ([message("user", [{"type": "image_url"}])], "media_messages"),
        ([ASK], "unanswered"),
        ([SAY], "unanswered"),
        ([ASK, message("assistant", " ")], "empty_answers"),
        ([], "unanswered"),
    ],
)
def test_what_a_conversation_lacks_is_told(cell: Any, code: str) -> None:
    loaded = read(messages=[[ASK, SAY], cell])
    (problem,) = loaded.problems
    assert (problem["code"], problem["count"]) == (code, 1)
    assert "left out: row 20." in problem["message"]


@pytest.mark.parametrize(
    ("turns", "is_odd"),
    [
        ([RULE, ASK, SAY, ASK, SAY], False),
        ([ASK, message("assistant", "call"), message("tool", "1"), message("tool", "2"), SAY], False),
        ([ASK, ASK, SAY], True),
        ([ASK, SAY, SAY], True),
        ([SAY, ASK, SAY], True),
        ([ASK, RULE, SAY], True),
        ([RULE, SAY, ASK, SAY], True),
    ],
)
def test_messages_out_of_order_are_told_and_read(turns: list[dict[str, Any]], is_odd: bool) -> None:
    loaded = read(messages=[[ASK, SAY], turns])
    assert loaded.row_numbers == [10, 20]
    assert [problem["code"] for problem in loaded.problems] == ["roles_out_of_order"] * is_odd
    assert all("row 20" in problem["message"] for problem in loaded.problems)


def test_an_empty_answer_in_between_is_told() -> None:
    loaded = read(messages=[[ASK, message("assistant", ""), ASK, SAY]])
    assert [problem["code"] for problem in loaded.problems] == ["blank_answers"]
