"""Customer reviews of Apple's App Store as its feed has them in JSON: each value of an entry wrapped in an object, as `label`."""

from collections.abc import Iterator, Sequence

from trainer.data.exports.base import Conversion, Export, most_have
from trainer.json_types import Json, JsonObject

RATING, TEXT = "im:rating", "content"
MARKUP = frozenset(["link", "im:contentType"])
"""What an entry says of itself as a part of a feed."""


def feed_entries(value: Json) -> Json:
    """The entries of a feed of reviews; any other document as it is. A feed of one review has it in no list."""
    feed = value.get("feed") if isinstance(value, dict) else None
    entries = feed.get("entry") if isinstance(feed, dict) else None
    listed = [entries] if isinstance(entries, dict) else entries
    if not isinstance(listed, list) or not is_feed([entry for entry in listed if isinstance(entry, dict)]):
        return value
    return listed


def is_feed(records: Sequence[JsonObject]) -> bool:
    """Older feeds begin with an entry of the app itself."""
    return most_have(records, lambda record: is_wrapped(record.get(RATING)) and is_wrapped(record.get(TEXT)), 0.5)


def is_wrapped(value: Json) -> bool:
    return isinstance(value, dict) and "label" in value


def unwrapped(value: Json) -> Json:
    """`{"label": "5"}` as 5; of an object with more than that all that has a value."""
    if not isinstance(value, dict):
        return value
    if set(value) <= {"label", "attributes"}:
        return value.get("label")
    return {key: cell for key, entry in value.items() if (cell := unwrapped(entry)) not in ("", None)}


def convert(record: JsonObject, conversion: Conversion) -> Iterator[JsonObject]:
    row = {key: unwrapped(value) for key, value in record.items() if key not in MARKUP}
    if row.get(RATING) is None:
        conversion.leave_out("other", {"text": str(row.get("im:name") or row.get("title") or "")})
    else:
        yield row


def prepare(_records: Sequence[JsonObject], conversion: Conversion) -> None:
    conversion.suggested = {"text": TEXT, "label": RATING}


EXPORTS = (Export("app_store", "App Store", is_feed, convert, prepare),)
