"""Conversations with assistants as their accounts export them."""

from typing import Any

from trainer.data.exports.assistants import convert_list, convert_tree, is_list, is_tree
from trainer.data.exports.base import Conversion


def node(role: str, text: str, parent: str | None) -> dict[str, Any]:
    return {"message": {"author": {"role": role}, "content": {"parts": [text]}}, "parent": parent}


TREE = {
    "title": "Tea",
    "create_time": 1715000000.5,
    "conversation_id": "c1",
    "current_node": "d",
    "mapping": {
        "r": {"message": None, "parent": None},
        "a": node("system", "", "r"),
        "b": node("user", "How long?", "a"),
        "x": node("assistant", "An answer that was asked for again", "b"),
        "c": node("tool", "search", "b"),
        "d": node("assistant", "Four minutes.", "c"),
    },
}


def test_the_branch_of_chatgpt_that_was_seen_last() -> None:
    conversion = Conversion("ChatGPT", "a.json")
    assert is_tree([TREE])
    (row,) = convert_tree(TREE, conversion)
    assert row["messages"] == [
        {"role": "user", "content": "How long?"},
        {"role": "assistant", "content": "Four minutes."},
    ]
    assert (row["id"], row["title"], row["time"]) == ("c1", "Tea", "2024-05-06T12:53:20+00:00")
    assert list(convert_tree(TREE | {"current_node": "a"}, conversion)) == []
    assert list(convert_tree({"mapping": {"a": {"parent": "a"}}, "current_node": "a"}, conversion)) == []
    assert conversion.left_out["blank"] == 2


def test_messages_of_claude() -> None:
    messages = [{"sender": "human", "text": "How long?"}, {"sender": "assistant", "text": "Four minutes."}]
    record = {"uuid": "u", "name": "Tea", "created_at": "2024-05-06T12:53:20Z", "chat_messages": messages}
    assert is_list([record])
    (row,) = convert_list(record, Conversion("Claude", "a.json"))
    assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
