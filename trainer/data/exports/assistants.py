"""Conversations with assistants as their accounts export them (conversations.json): ChatGPT's, a tree of messages each, and Claude's,
a list. A row each, with the messages that the person saw last."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from trainer.data.exports.base import Conversion, Export, most_have
from trainer.json_types import Json, JsonObject

SENDERS = {"human": "user", "user": "user", "assistant": "assistant", "system": "system"}
MAX_MESSAGES = 10_000

# ChatGPT: {"title", "create_time", "current_node": "n", "mapping": {"n": {"message": {"author": {"role"}, "content": {"parts"}}, "parent"}}}


def is_tree(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: isinstance(record.get("mapping"), dict) and "current_node" in record)


def convert_tree(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    mapping, place = record.get("mapping"), record.get("current_node")
    messages: list[JsonObject] = []
    seen: set[str] = set()
    while isinstance(mapping, dict) and isinstance(place, str) and place not in seen and len(seen) < MAX_MESSAGES:
        seen.add(place)
        node = mapping.get(place)
        message = node.get("message") if isinstance(node, dict) else None
        messages += [made] if isinstance(message, dict) and (made := part_of_tree(message)) else []
        place = node.get("parent") if isinstance(node, dict) else None
    yield from conversation(record, messages[::-1], record.get("create_time"), conversion)


def part_of_tree(message: JsonObject) -> JsonObject | None:
    author, content = message.get("author"), message.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    text = "\n".join(part for part in (parts if isinstance(parts, list) else []) if isinstance(part, str))
    return message_of(author.get("role") if isinstance(author, dict) else None, text)


# Claude: {"uuid", "name", "created_at", "chat_messages": [{"sender": "human", "text"}]}


def is_list(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: isinstance(record.get("chat_messages"), list))


def convert_list(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    listed = record.get("chat_messages")
    entries = [entry for entry in (listed if isinstance(listed, list) else []) if isinstance(entry, dict)]
    messages = [made for entry in entries if (made := message_of(entry.get("sender"), str(entry.get("text") or "")))]
    yield from conversation(record, messages, record.get("created_at"), conversion)


def message_of(role: Json, text: str) -> JsonObject | None:
    """A message of a conversation; None for one of a tool, or without text."""
    name = SENDERS.get(str(role))
    return {"role": name, "content": text} if name and text.strip() else None


def conversation(
    record: JsonObject, messages: list[JsonObject], time: Json, conversion: Conversion
) -> Iterator[JsonObject]:
    if not any(message["role"] != "system" for message in messages):
        conversion.leave_out("blank", {"text": str(record.get("title") or record.get("name") or "")})
        return
    named = record.get("conversation_id") or record.get("uuid") or record.get("id")
    yield {"id": named, "title": record.get("title") or record.get("name"), "time": moment(time), "messages": messages}


def moment(value: Json) -> Json:
    """Seconds since 1970 as a date."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return value


def prepare(_records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.suggested = {"messages": "messages"}


EXPORTS = (
    Export("chatgpt", "ChatGPT", is_tree, convert_tree, prepare),
    Export("claude", "Claude", is_list, convert_list, prepare),
)
