"""Chats that messengers export as JSON: Telegram (result.json, a chat or all of them), Slack (a zip with a folder for each channel
and a file for each day), Facebook and Instagram, Discord (a channel as DiscordChatExporter or the API has it)."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.exports.assistants import moment
from trainer.data.exports.base import Conversion, Export, most_have
from trainer.data.exports.packed import Packed
from trainer.data.readings import Choices
from trainer.json_types import Json, JsonObject

MAX_BYTES = 64 * 1024**2
DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
MENTION = re.compile(r"<@(\w+)(?:\|[^>]*)?>")
LINK = re.compile(r"<(https?://[^|>]+|mailto:[^|>]+)(?:\|([^>]*))?>")
NOTICES = re.compile(r"(channel|group|bot|file|pinned|reminder)_(join|leave|topic|purpose|name|archive|unarchive|add|remove|item|comment|mention|convert_to_private)\w*")  # fmt: skip

# Telegram: {"name", "type", "id", "messages": [{"id", "type": "message", "date", "from", "text": "…" or ["…", {"type", "text"}]}]}


def is_telegram(records: Sequence[JsonObject]) -> bool:
    return most_have(
        records,
        lambda record: (
            record.get("type") in ("message", "service")
            and "text" in record
            and {"date_unixtime", "from", "actor"} & set(record) != set()
        ),
    )


def telegram_text(value: Json) -> str:
    """Texts of entities (bold words, links, mentions) one behind the other."""
    parts = value if isinstance(value, list) else [value]
    return "".join(str(part.get("text") or "") if isinstance(part, dict) else str(part or "") for part in parts)


def convert_telegram(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text = telegram_text(record.get("text"))
    if record.get("type") != "message":
        conversion.leave_out("notice", record)
    elif not text.strip():
        conversion.leave_out("media", record)
    else:
        chat = {"chat": record["chat"]} if "chat" in record else {}
        author, answered = record.get("from"), record.get("reply_to_message_id")
        yield chat | {
            "id": record.get("id"),
            "time": record.get("date"),
            "author": author,
            "reply_to": answered,
            "text": text,
        }


def telegram_chats(value: Json) -> Json:
    """The messages of all chats of an account, each with its chat's name; any other document as it is."""
    chats = value.get("chats") if isinstance(value, dict) else None
    listed = chats.get("list") if isinstance(chats, dict) else None
    if not isinstance(listed, list) or not any(
        isinstance(chat, dict) and isinstance(chat.get("messages"), list) for chat in listed
    ):
        return value
    return [
        {"chat": chat.get("name")} | message if isinstance(message, dict) else message
        for chat in listed
        if isinstance(chat, dict)
        for message in chat.get("messages") or []
    ]


# Slack: channels.json, users.json, and CHANNEL/2024-05-06.json: [{"type": "message", "user", "text", "ts", "subtype"?}]


def write_slack(archive: Archive, path: Path, _choices: Choices) -> Packed | None:
    """The messages of an export of Slack; its lists of people and channels say no more."""
    days = [entry for entry in archive.entries if DAY.fullmatch(entry.name.rpartition("/")[2]) and "/" in entry.name]
    names = {entry.name.rpartition("/")[2] for entry in archive.entries}
    if not days or not {"users.json", "channels.json"} & names:
        return None
    people: dict[str, str] = {}
    for entry in archive.entries:
        if entry.name.rpartition("/")[2] == "users.json":
            people |= {
                str(user.get("id")): name_of(user) for user in read_list(archive, entry) if isinstance(user, dict)
            }
    with path.open("w", encoding="utf-8") as file:
        for entry in sorted(days, key=lambda entry: entry.name):
            channel = entry.name.split("/")[-2]
            for message in read_list(archive, entry):
                if isinstance(message, dict):
                    name = people.get(str(message.get("user"))) or name_of(message.get("user_profile"))
                    text = MENTION.sub(
                        lambda match: "@" + people.get(match[1], match[1]), str(message.get("text") or "")
                    )
                    message = message | {"channel": channel, "user_name": name, "text": text}
                file.write(json.dumps(message, ensure_ascii=False) + "\n")
    return Packed({entry.name for entry in archive.entries if entry.suffix == ".json"})


def read_list(archive: Archive, entry: Entry) -> list[Json]:
    try:
        value = json.loads(archive.read(entry, MAX_BYTES))
    except (EntryError, ValueError, RecursionError):
        archive.skip(entry.name, "cannot be read as JSON")
        return []
    return value if isinstance(value, list) else []


def name_of(user: Json) -> str:
    if not isinstance(user, dict):
        return ""
    profile = user.get("profile")
    names = [user.get("real_name"), profile.get("real_name") if isinstance(profile, dict) else None, user.get("name")]
    return next((str(name) for name in names if name), "")


def is_slack(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: record.get("type") == "message" and "ts" in record and "text" in record)


def convert_slack(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text = LINK.sub(lambda match: match[2] or match[1], str(record.get("text") or ""))
    for mark, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):  # Slack escapes these three
        text = text.replace(mark, character)
    if NOTICES.fullmatch(str(record.get("subtype") or "")):
        conversion.leave_out("notice", record)
    elif not text.strip():
        conversion.leave_out("media", record)
    else:
        channel = {"channel": record["channel"]} if "channel" in record else {}
        author = (
            record.get("user_name")
            or name_of(record.get("user_profile"))
            or record.get("user")
            or record.get("username")
        )
        yield channel | {"ts": record.get("ts"), "author": author, "thread_ts": record.get("thread_ts"), "text": text}


# Facebook and Instagram: {"participants", "messages": [{"sender_name", "timestamp_ms", "content"}]}, each byte of UTF-8 as a character


def is_meta(records: Sequence[JsonObject]) -> bool:
    return most_have(records, lambda record: "sender_name" in record and "timestamp_ms" in record)


def of_bytes(text: str) -> str:
    """“SchÃ¶n” as “Schön”; a text that is written as it should be stays."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def convert_meta(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text = of_bytes(str(record.get("content") or ""))
    if not text.strip():
        conversion.leave_out("media", record)
        return
    time = record.get("timestamp_ms")
    seconds = time / 1000 if isinstance(time, int | float) and not isinstance(time, bool) else time
    yield {"time": moment(seconds), "author": of_bytes(str(record.get("sender_name") or "")), "text": text}


# Discord: {"guild", "channel", "messages": [{"id", "type", "timestamp", "content", "author": {…}, "attachments", "embeds", "reference"}]}

DISCORD_TEXTS = frozenset({"Default", "Reply", "ThreadStarterMessage", "0", "19", "21"})
"""Types of what people wrote; others are notices (who joined, what was pinned)."""


def is_discord(records: Sequence[JsonObject]) -> bool:
    return most_have(
        records,
        lambda record: (
            {"content", "timestamp", "author", "attachments", "embeds"} <= set(record)
            and isinstance(record["author"], dict)
        ),
    )


def convert_discord(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    text = str(record.get("content") or "")
    if str(record.get("type", "Default")) not in DISCORD_TEXTS:
        conversion.leave_out("notice", record)
    elif not text.strip():
        conversion.leave_out("media", record)
    else:
        author, answered = record.get("author"), record.get("reference") or record.get("message_reference")
        people = author if isinstance(author, dict) else {}
        names = (people.get(key) for key in ("nickname", "global_name", "name", "username"))
        yield {
            "id": record.get("id"),
            "time": record.get("timestamp"),
            "author": next((name for name in names if name), None),
            "reply_to": (answered.get("messageId") or answered.get("message_id"))
            if isinstance(answered, dict)
            else None,
            "text": text,
        }


# Who wrote when in which chat is not an answer to learn from a message


def prepare(_records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.apart = frozenset({"chat", "author", "reply_to", "thread_ts"})


def prepare_slack(records: Sequence[JsonObject], conversion: Conversion) -> None:
    prepare(records, conversion)
    if any("channel" in record for record in records):
        conversion.suggested = {"text": "text", "label": "channel"}


EXPORTS = (
    Export("telegram", "Telegram", is_telegram, convert_telegram, prepare),
    Export("slack", "Slack", is_slack, convert_slack, prepare_slack),
    Export("facebook", "Facebook", is_meta, convert_meta, prepare),
    Export("discord", "Discord", is_discord, convert_discord, prepare),
)
