"""What Label Studio's regions and lists say besides classes and passages: parts of recordings with their labels and transcripts, and which
of several answers was preferred."""

import re
from collections.abc import Iterator, Sequence

from trainer.json_types import Json, JsonObject

BODIES = ("body", "text", "html", "title")
"""Fields of an entry of a list that hold what people read, the likeliest first."""
SIDES = re.compile(r"(?:^|[ _.-]?)(1|2|a|b|left|right|first|second|one|two)$", re.IGNORECASE)


def is_of_recording(region: JsonObject, value: JsonObject) -> bool:
    """Whether a region with a start and an end is seconds of a recording, not characters of a text."""
    places = (value.get("start"), value.get("end"))
    return ("original_length" in region or "channel" in value) and all(isinstance(place, int | float) for place in places)  # fmt: skip


def recording_parts(answer: JsonObject) -> list[JsonObject]:
    """A start, an end and what was said of them for each part of a recording: labels, transcripts and choices of one region are
    results of the same id."""
    parts: dict[str, JsonObject] = {}
    for place, region in enumerate(answer["result"]):
        value = region.get("value") if isinstance(region, dict) else None
        if not isinstance(value, dict) or not is_of_recording(region, value):
            continue
        part = parts.setdefault(str(region.get("id", place)), {"start": value["start"], "end": value["end"]})
        kind = str(region.get("type") or "")
        held = value.get("text" if kind == "textarea" else kind)
        name = "text" if kind == "textarea" else "label" if kind == "labels" else str(region.get("from_name") or kind)
        if isinstance(held, list) and held:
            part[name] = " ".join(map(str, held)) if kind == "textarea" else (held[0] if len(held) == 1 else held)
    return list(parts.values())


def preferred(data: JsonObject, columns: JsonObject) -> JsonObject:
    """{chosen, rejected} where a control says which of two texts is better, or puts a list of them in order; {} elsewhere."""
    for value in columns.values():
        if value in ("left", "right") and (pair := pair_of_fields(data)):
            chosen, rejected = pair if value == "left" else pair[::-1]
            return {"chosen": chosen, "rejected": rejected}
        ranked = next((order for order in orders_of(value) if len(order) > 1), None)
        if ranked and (texts := texts_of(data, ranked)):
            return {"chosen": texts[0], "rejected": texts[-1]}
    return {}


def pair_of_fields(data: JsonObject) -> tuple[str, str] | None:
    """The two texts that were compared: fields of one name with 1 and 2, a and b, left and right behind it."""
    sides: dict[str, list[tuple[str, str]]] = {}
    for name, value in data.items():
        if isinstance(value, str) and (match := SIDES.search(name)):
            sides.setdefault(name[: match.start()].lower(), []).append((match[1].lower(), value))
    pairs = [sorted(each, key=lambda side: order_of(side[0])) for each in sides.values() if len(each) == 2]
    return (pairs[0][0][1], pairs[0][1][1]) if len(pairs) == 1 else None


def order_of(side: str) -> int:
    return int(side in ("2", "b", "right", "second", "two"))


def orders_of(value: Json) -> Iterator[list[str]]:
    """Of {"rank": ["b", "a"]}, each list of ids."""
    for listed in value.values() if isinstance(value, dict) else ():
        if isinstance(listed, list) and all(isinstance(entry, str) for entry in listed):
            yield [str(entry) for entry in listed]


def texts_of(data: JsonObject, ranked: Sequence[str]) -> list[str]:
    """The texts of a list's entries in the order of their ids; none where one is missing."""
    for listed in data.values():
        entries = {str(entry.get("id")): entry for entry in listed if isinstance(entry, dict)} if isinstance(listed, list) else {}  # fmt: skip
        if set(ranked) <= set(entries):
            bodies = [next((entries[own][key] for key in BODIES if entries[own].get(key)), "") for own in ranked]
            return [str(body) for body in bodies] if all(bodies) else []
    return []
