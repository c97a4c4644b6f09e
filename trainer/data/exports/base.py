"""What an export is, and what its reader counts while the records pass."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from trainer.data.exports.spans import Span, choose_spans, guess_unit, tag_text, to_characters
from trainer.data.readings import Choice, LeftOut, Reading
from trainer.json_types import Json, JsonObject
from trainer.messages import Message, _, ngettext

MAX_EXAMPLES = 5


@dataclass
class Conversion:
    """The state of reading one file: what was decided from its first records, and what was counted."""

    title: str
    file: str
    unit: str = "characters"
    telling: int = 0
    """Texts by which the unit of the offsets could be told."""
    is_unit_asked: bool = False
    multiple: set[str] = field(default_factory=set)
    """Columns in which a record has several values."""
    suggested: dict[str, str] = field(default_factory=dict)
    """{role of a task: column}, as the tool's form says."""
    sentence: Message | None = None
    """What is told of how it was read, where that is not an export of a program."""
    apart: frozenset[str] = frozenset()
    """Columns that are no answer by themselves (`trainer.data.tables.table.Table.apart`)."""
    labels: Counter[str] = field(default_factory=Counter)
    """Labels of the first records."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Records by the reason why they were not kept: skipped, rejected, ignored, unlabelled, discarded, unsubmitted, other."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    number: int = 0
    """Of the record that is being read, from 1."""
    overlapping: int = 0
    parted: int = 0
    """Marked passages of several fragments, read from the first to the last."""
    outside: int = 0
    outside_in: list[str] = field(default_factory=list)
    """The first records with a passage outside of their texts."""
    pieces: int = 0
    votes: int = 0
    disagreed: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    """Parts of records that have no column, by their kind."""

    def leave_out(self, reason: str, record: JsonObject) -> None:
        self.left_out[reason] += 1
        shown = self.examples.setdefault(reason, [])
        if len(shown) < MAX_EXAMPLES:
            shown.append(example_of(record))

    def decide_unit(self, samples: Iterable[tuple[str, Sequence[Span]]]) -> None:
        self.unit, self.telling = guess_unit(samples)

    def tag(self, text: str, spans: Iterable[Span], others: JsonObject) -> Iterator[JsonObject]:
        """Rows of text, tokens, tags and the record's other fields."""
        spans_chosen, overlapping, outside = choose_spans(text, to_characters(text, spans, self.unit))
        self.overlapping += overlapping
        self.outside += outside
        if outside and len(self.outside_in) < MAX_EXAMPLES:
            self.outside_in.append(f"{self.number}: {text[:60]}")
        if outside and not spans_chosen:
            return self.leave_out("misplaced", {"text": text})
        count = 0
        for piece in tag_text(text, spans_chosen):
            count += 1
            yield {"text": piece.text, "tokens": piece.tokens, "tags": piece.tags} | others
        self.pieces += count > 1
        if not count:
            self.leave_out("blank", others)

    def vote(self, values: Sequence[Json]) -> tuple[Json, float]:
        """(what most people said, the share that did); of equal shares the first."""
        texts = [str(value) for value in values]
        (best, count), *_rest = Counter(texts).most_common(1)
        self.votes += len(values) > 1
        self.disagreed += count < len(values)
        return values[texts.index(best)], count / len(values)

    def readings(self) -> list[Reading]:
        """How the export was read; known once its records have passed."""
        sentence: Message = self.sentence or _("An export of %(title)s", title=self.title)
        readings = [Reading("export", self.title, sentence, file=self.file)]
        if self.telling:
            units = {
                "characters": _("characters"),
                "utf16": _("UTF-16 units, as browsers count"),
                "bytes": _("bytes of UTF-8"),
            }
            others = [Choice(unit, title) for unit, title in units.items() if unit != self.unit]
            sentence = _("Positions of marked passages are counted in %(unit)s", unit=units[self.unit])
            readings.append(
                Reading(
                    "offsets",
                    self.unit,
                    sentence,
                    others,
                    confidence=1.0 if self.is_unit_asked else 0.95,
                    file=self.file,
                    is_asked=self.is_unit_asked,
                )
            )
        counted = [
            (
                "overlapping_spans",
                self.overlapping,
                "longest",
                ngettext(
                    "%(count)s marked passage lies inside another or across it; the longer one is used",
                    "%(count)s marked passages lie inside others or across them; the longer ones are used",
                    self.overlapping,
                ),
            ),
            (
                "parted_spans",
                self.parted,
                "whole",
                ngettext(
                    "%(count)s marked passage has gaps; it is read from its beginning to its end",
                    "%(count)s marked passages have gaps; they are read from their beginning to their end",
                    self.parted,
                ),
            ),
            (
                "long_texts",
                self.pieces,
                "sentences",
                ngettext(
                    "%(count)s long text was cut into pieces at the ends of sentences",
                    "%(count)s long texts were cut into pieces at the ends of sentences",
                    self.pieces,
                ),
            ),
            (
                "votes",
                self.votes,
                "majority",
                ngettext(
                    "%(count)s record was labelled by several people; the majority's label is used",
                    "%(count)s records were labelled by several people; the majority's label is used",
                    self.votes,
                ),
            ),
        ]
        readings += [
            Reading(what, chosen, sentence, file=self.file) for what, count, chosen, sentence in counted if count
        ]
        self.passed_over = +self.passed_over  # without what did not occur
        if self.passed_over:
            names = ", ".join(f"{name} ({count:,})" for name, count in self.passed_over.most_common())
            sentence = _("Not used: %(names)s", names=names)
            readings.append(Reading("not_used", "left_out", sentence, file=self.file))
        return readings

    def all_left_out(self) -> list[LeftOut]:
        listed = [
            LeftOut(reason, count, REASONS[reason](count), self.file, "", self.examples.get(reason, []))
            for reason, count in self.left_out.items()
        ]
        if self.outside:
            sentence = ngettext(
                "%(count)s marked passage lies outside its text: write start and end in characters of it.",
                "%(count)s marked passages lie outside their texts: write start and end in characters of them.",
                self.outside,
            )
            listed.append(LeftOut("outside_text", self.outside, sentence, self.file, "", self.outside_in))
        return listed


def example_of(record: JsonObject) -> str:
    """How a record is called: its id, its text, else its first value that is neither a list nor a file in base64."""
    cells = [value for value in record.values() if isinstance(value, str | int | float)]
    values = (value for value in cells or record.values() if str(value)[:5] != "data:")
    return str(record.get("id") or record.get("text") or next(values, ""))[:80]


REASONS: dict[str, Callable[[int], Message]] = {
    "skipped": lambda count: ngettext(
        "%(count)s record was skipped by the annotator.", "%(count)s records were skipped by the annotator.", count
    ),
    "misplaced": lambda count: ngettext(
        "%(count)s record has all its marked passages outside its text.",
        "%(count)s records have all their marked passages outside their texts.",
        count,
    ),
    "unlabelled": lambda count: ngettext(
        "%(count)s record has no annotation yet.", "%(count)s records have no annotation yet.", count
    ),
    "rejected": lambda count: ngettext(
        "%(count)s record was rejected by the annotator.", "%(count)s records were rejected by the annotator.", count
    ),
    "ignored": lambda count: ngettext(
        "%(count)s record was ignored by the annotator.", "%(count)s records were ignored by the annotator.", count
    ),
    "disliked": lambda count: ngettext(
        "%(count)s answer was not liked and is not learned from.",
        "%(count)s answers were not liked and are not learned from.",
        count,
    ),
    "discarded": lambda count: ngettext("%(count)s record was discarded.", "%(count)s records were discarded.", count),
    "notice": lambda count: ngettext(
        "%(count)s notice of the program (who joined, who left) is not a message.",
        "%(count)s notices of the program (who joined, who left) are not messages.",
        count,
    ),
    "media": lambda count: ngettext(
        "%(count)s message is a picture, a sound or a file without text.",
        "%(count)s messages are pictures, sounds or files without text.",
        count,
    ),
    "attachment": lambda count: ngettext(
        "%(count)s file that was sent with a message is not read.",
        "%(count)s files that were sent with messages are not read.",
        count,
    ),
    "reaction": lambda count: ngettext(
        "%(count)s reaction to a message is no message.", "%(count)s reactions to messages are no messages.", count
    ),
    "quoted": lambda count: ngettext(
        "%(count)s line of a message that another one answers.",
        "%(count)s lines of messages that others answer.",
        count,
    ),
    "blank": lambda count: ngettext("%(count)s record has no text.", "%(count)s records have no text.", count),
    "places": lambda count: ngettext(
        "%(count)s record marks places in an image that did not come with it: send the images too, beside it or in one zip.",
        "%(count)s records mark places in images that did not come with them: send the images too, beside them or in one zip.",
        count,
    ),
    "segments": lambda count: ngettext(
        "%(count)s record marks parts of a recording, which is not read: send the recordings with a table of file, start, end and label.",
        "%(count)s records mark parts of recordings, which is not read: send the recordings with a table of file, start, end and label.",
        count,
    ),
    "other": lambda count: ngettext(
        "%(count)s record does not have the form of the export.",
        "%(count)s records do not have the form of the export.",
        count,
    ),
}


@dataclass(frozen=True)
class Export:
    """One tool's form. `recognise`: whether first records are of it; `prepare`: what is decided from them; `convert`: a record's
    rows, none where it is left out."""

    slug: str
    title: str
    recognise: Callable[[Sequence[JsonObject]], bool]
    convert: Callable[[JsonObject, Conversion], Iterable[JsonObject]]
    prepare: Callable[[Sequence[JsonObject], Conversion], None] = lambda records, conversion: None


def most_have(records: Sequence[JsonObject], test: Callable[[JsonObject], bool], share: float = 0.9) -> bool:
    return bool(records) and sum(map(test, records)) >= share * len(records)


def one_or_list(values: Sequence[Json], name: str, conversion: Conversion) -> Json:
    """The only value of a column in which no record has several; else the list of them."""
    if name in conversion.multiple:
        return list(values)
    return values[0] if len(values) == 1 else (list(values) if values else None)


def parse_span(start: Json, end: Json, label: Json, words: Json = None) -> Span | None:
    """A span of any JSON values; None where they make none."""
    if isinstance(label, list):
        label = label[0] if label else None
    if isinstance(start, bool) or not isinstance(start, int | float | str) or not isinstance(end, int | float | str):
        return None
    try:
        places = int(start), int(end)
    except (ValueError, OverflowError):
        return None
    name = "" if label is None else " ".join(str(label).split())
    return Span(*places, name, words if isinstance(words, str) else None) if name else None
