"""Sentences for people that can be said in another language later.

`_("%(name)s has no rows", name=…)` is an English string that remembers its template and values. Where one is written as JSON
(an event, a problem of the data, an error), `sources` adds them beside it, and the site says the sentence in the reader's
language. The names `_` and `ngettext` are those that makemessages collects.

    source: {"text", "plural"?, "count"?, "values"?: {name: string or source}} or {"parts": [string or source], "join"}
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

Source = dict[str, Any]


class Message(str):
    """An English sentence with its `source`."""

    __slots__ = ("source",)
    source: Source

    def __new__(cls, text: str, source: Source) -> "Message":
        made = super().__new__(cls, text)
        made.source = source
        return made

    def __getnewargs__(self) -> tuple[str, Source]:  # type: ignore[override]
        return str(self), self.source


def _(text: str, /, **values: object) -> Message:
    """`text % values`; a value that is a message is translated with it."""
    return Message(text % values if values else text, {"text": text} | sources_of(values))


def ngettext(singular: str, more: str, number: int, /, **values: object) -> Message:
    """The same for a number of things; `%(count)s` is the number with commas at its thousands."""
    values = {"count": f"{number:,}"} | values
    source = {"text": singular, "plural": more, "count": int(number)} | sources_of(values)
    return Message((singular if number == 1 else more) % values, source)


def joined(parts: Iterable[str], join: str = " ") -> Message:
    """Several, one after the other."""
    parts = list(parts)
    return Message(join.join(parts), {"parts": [source_of(part) for part in parts], "join": join})


def sources_of(values: Mapping[str, object]) -> Source:
    """`values` of a source; nothing where there are none."""
    return {"values": {name: source_of(value) for name, value in values.items()}} if values else {}


def source_of(value: object) -> Source | str:
    """A message's source; anything else as it is shown."""
    return value.source if isinstance(value, Message) else str(value)


class Translatable(TypedDict, total=False):
    """What `sources` adds to JSON."""

    i18n: dict[str, Source]


def sources(fields: Mapping[str, object]) -> Translatable:
    """{"i18n": {field: source}} for the fields that are messages, {} where none is."""
    translatable = {name: value.source for name, value in fields.items() if isinstance(value, Message)}
    return {"i18n": translatable} if translatable else {}


def restored(fields: Mapping[str, Any], name: str = "message") -> str:
    """The message that was written as `fields[name]` with its source."""
    source = (fields.get("i18n") or {}).get(name)
    return Message(fields[name], source) if source else str(fields[name])


def gettext_noop(message: str) -> str:
    """A word of a declaration, which the site translates."""
    return message


def pgettext(context: str, message: str) -> str:
    """The same where the word alone has several meanings."""
    return message
