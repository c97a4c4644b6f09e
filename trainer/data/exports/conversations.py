"""Rows to tune a model that writes, in forms that spread a conversation over several fields or write it as one text. They become
`messages`, or `chosen` and `rejected`, whose messages are read as they stand (`trainer.conversations`)."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from trainer.conversations import ASSISTANT, SYSTEM, USER, UnreadError, are_messages, is_message, said_in
from trainer.data.exports.base import Conversion, Export, most_have
from trainer.data.exports.transcribed import turns_in
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _

MESSAGES, CHOSEN, REJECTED = "messages", "chosen", "rejected"
TALKS = (MESSAGES, "conversations", "conversation", "contents", "items")
SYSTEMS = ("system", "system_prompt", "systemInstruction", "system_instruction")
ANSWERING = frozenset({"assistant", "model", "gpt", "bot", "chatbot"})
ASKED, ANSWERED = ("instruction", "prompt", "query", "question"), ("output", "completion", "response", "answer")
LISTED = ("conversations", "conversation", "dialog", "dialogue", "data")
SIDES = (("human", "assistant"), ("user", "assistant"), ("input", "output"), ("question", "answer"))
Read = Callable[[JsonObject], JsonObject | None]


def first_of(record: JsonObject, keys: Sequence[str], test: Callable[[Any], bool]) -> str:
    """The first of these fields whose value passes; "" where none does."""
    return next((key for key in keys if key in record and test(value_of(record[key]))), "")


def value_of(cell: Json) -> Json:
    """A list or an object that a cell holds as JSON; else the cell."""
    if not isinstance(cell, str) or cell[:1] not in ("[", "{"):
        return cell
    try:
        value: Json = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return value


def listed_in(cell: Json) -> list[Any]:
    """The list of a cell; [] for anything else."""
    value = value_of(cell)
    return value if isinstance(value, list) else []


def is_worded(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


def message(role: str, content: Json) -> JsonObject:
    return {"role": role, "content": content}


def without(record: JsonObject, *keys: str) -> JsonObject:
    return {key: value for key, value in record.items() if key not in keys}


def text_of(value: Json) -> str:
    """The text of a system message, of whatever parts it has."""
    try:
        return "\n".join(said_in(value_of(value)).texts)
    except UnreadError:
        return ""


def system_of(record: JsonObject) -> tuple[list[str], list[JsonObject]]:
    """The fields of a system message beside a conversation, and the message, if it says anything."""
    keys = [key for key in SYSTEMS if key in record]
    texts = [text for key in keys if (text := text_of(record[key])).strip()]
    return keys, [message(SYSTEM, "\n".join(texts))] if texts else []


# Beside a conversation: {"system": "…", "messages": […]}, {"systemInstruction": {"parts": […]}, "contents": […]}


def with_system(record: JsonObject) -> JsonObject | None:
    key = first_of(record, TALKS, are_messages)
    keys, first = system_of(record)
    if not first and key and is_worded(record.get("context")) and "author" in listed_in(record[key])[0]:  # of PaLM
        keys, first = ["context"], [message(SYSTEM, record["context"])]
    return without(record, key, *keys) | {MESSAGES: first + listed_in(record[key])} if key else None


# What was asked, and the answer by itself: {"prompt": [{…}], "completion": [{…}]}, {"request": {…}, "response": {"choices": […]}}


def together(record: JsonObject) -> JsonObject | None:
    request, response = record.get("request"), record.get("response")
    if isinstance(request, dict) and isinstance(response, dict):
        return logged(record, request, response)
    key = first_of(record, ("prompt", "input", MESSAGES), are_messages)
    answer = first_of(record, ("completion", "output", "response"), lambda value: bool(answer_of(value)))
    if not key or not answer:
        return None
    asked = listed_in(record[key])
    if asked and str(asked[-1].get("role") or asked[-1].get("from")) in ANSWERING:  # the answer is there already
        return None
    keys, first = system_of(record)
    messages = [*first, *asked, *answer_of(value_of(record[answer]))]
    return without(record, key, answer, *keys) | {MESSAGES: messages}


def logged(record: JsonObject, request: JsonObject, response: JsonObject) -> JsonObject | None:
    asked, choices = request.get(MESSAGES, request.get("input")), response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    answer = answer_of(first.get("message") if isinstance(first, dict) else response.get("output"))
    if not isinstance(asked, list) or not are_messages(asked) or not answer:
        return None
    tools = {"tools": request["tools"]} if isinstance(request.get("tools"), list) else {}
    return without(record, "request", "response") | {MESSAGES: [*asked, *answer]} | tools


def answer_of(value: Json) -> list[JsonObject]:
    """Messages that end a conversation, of a list, of one, or of a text; [] for anything else."""
    value = value_of(value)
    if is_worded(value):
        return [message(ASSISTANT, value)]
    listed: list[Any] = value if isinstance(value, list) else [value]
    return [entry for entry in listed if is_message(entry)]


# What was said before an instruction: {"instruction", "input", "output", "system": "…", "history": [["…", "…"]]}


def instructed(record: JsonObject) -> JsonObject | None:
    asked, answer = first_of(record, ASKED, is_worded), first_of(record, ANSWERED, is_worded)
    is_ranked = is_worded(record.get(CHOSEN)) and is_worded(record.get(REJECTED))
    if not asked or not (answer or is_ranked):
        return None
    keys, messages = system_of(record)
    for pair in history_of(record):
        messages += [message(USER, pair[0]), message(ASSISTANT, pair[1])]
    more = record.get("input")
    messages.append(message(USER, f"{record[asked]}\n\n{more}" if is_worded(more) else record[asked]))
    rest = without(record, asked, "input", "history", *keys)
    if is_ranked:
        return rest | {"prompt": messages}
    return without(rest, answer) | {MESSAGES: [*messages, message(ASSISTANT, record[answer])]}


def history_of(record: JsonObject) -> list[list[str]]:
    pairs = listed_in(record.get("history"))
    return [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2 and all(map(is_worded, pair))]


def has_more(record: JsonObject) -> bool:
    return bool(system_of(record)[1] or history_of(record))


# Two answers: {"conversations": […], "chosen": {…}, "rejected": {…}}, {"instruction": "…", "output": ["better", "worse"]}


def ranked(record: JsonObject) -> JsonObject | None:
    chosen, rejected = value_of(record.get(CHOSEN)), value_of(record.get(REJECTED))
    if is_message(chosen) and is_message(rejected):
        return record | {CHOSEN: [chosen], REJECTED: [rejected]}
    asked = first_of(record, ASKED, is_worded)
    answer = first_of(record, ANSWERED, lambda value: isinstance(value, list) and len(value) == 2 and all(map(is_worded, value)))  # fmt: skip
    if not asked or not answer or set(record) - {asked, answer, "input", "id", *SYSTEMS}:
        return None
    better, worse = listed_in(record[answer])
    return without(record, answer) | {CHOSEN: better, REJECTED: worse}


# By turns: {"conversation": [{"human": "…", "assistant": "…"}]}, {"conversations": ["question", "answer"]}


def by_turns(record: JsonObject) -> JsonObject | None:
    key = next((key for key in LISTED if key in record and (key != "data" or set(record) <= {"id", "data"})), "")
    listed = listed_in(record.get(key))
    if not listed:
        return None
    if all(map(is_worded, listed)):
        messages = [message((USER, ASSISTANT)[place % 2], text) for place, text in enumerate(listed)]
        return without(record, key) | {MESSAGES: messages} if len(listed) > 1 else None
    parts = [said_by_sides(entry) for entry in listed]
    return without(record, key) | {MESSAGES: list(chain.from_iterable(parts))} if all(parts) else None


def said_by_sides(entry: Json) -> list[JsonObject]:
    sides = next((sides for sides in SIDES if isinstance(entry, dict) and set(sides) <= set(entry)), None)
    if sides is None or not isinstance(entry, dict):
        return []
    first = [message(SYSTEM, entry["system"])] if is_worded(entry.get("system")) else []
    turns = [message(role, entry[side]) for role, side in zip((USER, ASSISTANT), sides, strict=True)]
    return [*first, *(turn for turn in turns if is_worded(turn["content"]))]


# As one text: "\n\nHuman: …\n\nAssistant: …", ChatML, "[INST] … [/INST] …"


def transcribed(record: JsonObject) -> JsonObject | None:
    if {CHOSEN, REJECTED} <= set(record):
        chosen, rejected = turns_in(record[CHOSEN]), turns_in(record[REJECTED])
        return record | {CHOSEN: chosen, REJECTED: rejected} if chosen and rejected else None
    if {"prompt", "completion"} <= set(record):
        asked, answer = turns_in(record["prompt"], is_open=True), record["completion"]
        messages = [*asked, message(ASSISTANT, answer.strip())] if asked and is_worded(answer) else []
        return without(record, "prompt", "completion") | {MESSAGES: messages} if messages else None
    messages = turns_in(record.get("text")) if not set(record) & {*ASKED, *ANSWERED} else []
    return without(record, "text") | {MESSAGES: messages} if messages else None


# Liked or not: {"prompt", "completion", "label": true}, {…, "kto_tag": true}


def rated_by(record: JsonObject) -> str:
    """The field that says whether an answer was liked; "" where there is none."""
    is_plain = set(record) == {"prompt", "completion", "label"}
    return first_of(record, ("kto_tag", *(["label"] if is_plain else [])), lambda value: isinstance(value, bool))


def liked(record: JsonObject) -> JsonObject | None:
    key = rated_by(record)
    rest = without(record, key)
    return (together(rest) or rest) if key else None


@dataclass(frozen=True)
class Form:
    """`read`: a record with its conversation in one field, None for one of another form; `needed`: what at least one of the first
    records must have."""

    slug: str
    sentence: Message
    read: Read
    needed: Callable[[JsonObject], bool] = bool

    def export(self) -> Export:
        return Export(self.slug, self.slug, self.recognise, self.convert, self.prepare)

    def recognise(self, records: Sequence[JsonObject]) -> bool:
        return most_have(records, lambda record: self.read(record) is not None) and any(map(self.needed, records))

    def prepare(self, _records: Sequence[JsonObject], conversion: Conversion) -> None:
        conversion.sentence = self.sentence

    def convert(self, record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
        rating = rated_by(record)
        if rating and record[rating] is False:
            conversion.leave_out("disliked", without(record, rating))
            return
        made = self.read(record)
        yield record if made is None else made


FORMS = (
    Form("liked", _("Answers that people liked or disliked; liked ones are kept"), liked),
    Form("ranked", _("Two answers per row; the first is the preferred one"), ranked),
    Form("together", _("What was asked and what was answered, as one conversation each"), together),
    Form("beside", _("Conversations, with the system message beside each in front of it"), with_system, lambda record: bool(system_of(record)[1] or "context" in record)),
    Form("instructed", _("Instructions as conversations, with the system message and what was said before"), instructed, has_more),
    Form("by_turns", _("Conversations as lists of questions and answers"), by_turns),
    Form("transcribed", _("Conversations written as one text each, parted by who speaks"), transcribed),
)  # fmt: skip
EXPORTS = tuple(form.export() for form in FORMS)


def may_be_spread(columns: Sequence[str], first: Sequence[Sequence[str | None]]) -> bool:
    """Whether rows of a table (CSV, Parquet) may be of one of these forms though no cell of theirs is JSON. `first`: its first rows,
    column by column."""
    names = set(columns)
    if names in ({"text"}, {"prompt", "completion"}):
        rows = islice(zip(*first, strict=True), LOOKED_AT)
        some: list[JsonObject] = [dict(zip(columns, row, strict=True)) for row in rows]
        return most_have(some, lambda record: transcribed(record) is not None)
    more = names & {*SYSTEMS, "history", "kto_tag"}
    return {CHOSEN, REJECTED} <= names or bool(more and names & {*ASKED, *TALKS})


LOOKED_AT = 20
