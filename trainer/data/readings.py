"""How files were read, and what of them was not: said before it is used, and for a person to overrule.

A reader reports a `Reading` for each decision that it took (the row of the header, the sheet, the decimal mark) with the other
choices that it weighed, and a `LeftOut` for the records that it did not keep. Records that came in are those kept and those
left out. Both are in profile.json (`reading`, `left_out`); `inspect --reading what=choice` asks for another choice.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.errors import SpecError
from trainer.json_types import JsonObject
from trainer.messages import Message, _, sources

SURE = 0.9
"""From this confidence on a reading is stated; below it, it is a doubt, which a page shows with the other choices."""
MAX_EXAMPLES = 5
PREVIEW_ROWS, PREVIEW_COLUMNS, PREVIEW_CHARACTERS = 3, 8, 80
MAX_READINGS = 200
FOUND = "auto"
"""The choice that leaves a question to the reader again."""
ROWS = re.compile(r"\d{1,9}-\d{1,9}")


@dataclass
class Choice:
    """One way to read: `value` names it in requests, `label` on a page; `preview` is what the rows would look like."""

    value: str
    label: Message | str
    preview: JsonObject | None = None
    """{columns, rows}, as `preview_of` makes it."""


@dataclass
class Reading:
    """A decision of a reader. `what`: the question (`header`, `sheet`, `decimal` …), `column` and `file` what it is about."""

    what: str
    chosen: str
    sentence: Message | str
    others: Sequence[Choice] = ()
    confidence: float = 1.0
    """0 to 1, that `chosen` is right; 1 for what a person asked for."""
    file: str = ""
    column: str = ""
    preview: JsonObject | None = None
    is_asked: bool = False
    """Whether a person asked for it."""

    def as_dict(self, name_files: bool = False) -> JsonObject:
        """As in profile.json; `name_files`: several files were read, so that the key names its own."""
        others = [
            {
                "choice": choice.value,
                "label": choice.label,
                "preview": choice.preview,
                **sources({"label": choice.label}),
            }
            for choice in self.others
        ]
        return {
            "what": key_of(self.what, self.file if name_files else "", self.column),
            "chosen": self.chosen,
            "others": [choice.value for choice in self.others],
            "confidence": round(self.confidence, 2),
            "doubt": self.confidence < SURE and bool(self.others),
            "asked": self.is_asked,
            "sentence": self.sentence,
            "file": self.file,
            "column": self.column,
            "preview": self.preview,
            "choices": others,
            **sources({"sentence": self.sentence}),
        }


@dataclass
class LeftOut:
    """Records of one file or sheet that were not kept. `reason`: a code; `sentence` says it; `examples`: lines, names."""

    reason: str
    count: int
    sentence: Message | str
    file: str = ""
    sheet: str = ""
    examples: list[str] = field(default_factory=list)

    def as_dict(self) -> JsonObject:
        return {
            "file": self.file,
            "sheet": self.sheet,
            "reason": self.reason,
            "count": self.count,
            "sentence": self.sentence,
            "examples": self.examples[:MAX_EXAMPLES],
            **sources({"sentence": self.sentence}),
        }


def key_of(what: str, file: str = "", column: str = "") -> str:
    """How a request names a question: `header`, `decimal:price`, `header@orders.csv`."""
    return what + (f":{column}" if column else "") + (f"@{file}" if file else "")


class Choices:
    """What somebody asked for: {question: choice}. A question without a file (`header`) holds for every file."""

    def __init__(self, asked: Mapping[str, str] | None = None) -> None:
        self.asked = dict(asked or {})
        self.known: set[str] = set()
        """Questions that a reader put, whether or not they were asked for."""

    def get(self, what: str, file: str = "", column: str = "") -> str | None:
        """The choice asked for; None where the reader decides."""
        keys = [key_of(what, file, column), key_of(what, "", column)]
        self.known |= set(keys)
        asked = next((self.asked[key] for key in keys if key in self.asked), None)
        return None if asked == FOUND else asked

    def pick(self, what: str, options: Iterable[str], file: str = "", column: str = "") -> str | None:
        """The same, of some options; `SpecError` for one that is not among them."""
        choice = self.get(what, file, column)
        if choice is not None and choice not in (options := list(options)):
            raise bad_reading(key_of(what, "", column), choice, options)
        return choice

    def number(self, what: str, file: str = "") -> int | None:
        """The same, as a whole number from 0 on; None for several rows (1-2), which are those that the reader finds."""
        choice = self.get(what, file)
        if choice is not None and ROWS.fullmatch(choice):
            return None
        if choice is not None and not (choice.isascii() and choice.isdigit() and len(choice) < 10):
            raise bad_reading(what, choice, ["0", "1", "2", "…"])
        return None if choice is None else int(choice)

    def check_used(self) -> None:
        """`SpecError` for a question that no reader of these files puts."""
        unknown = [key for key in self.asked if key not in self.known]
        if unknown:
            raise SpecError(
                _("These files have no reading “%(name)s” to choose.", name=unknown[0][:120]),
                code="bad_reading",
                hint=_("There are: %(names)s.", names=", ".join(sorted(key for key in self.known if "@" not in key))),
            )


def bad_reading(what: str, choice: str, options: Sequence[str]) -> SpecError:
    return SpecError(
        _("“%(what)s” cannot be read as “%(choice)s”.", what=what[:120], choice=choice[:60]),
        code="bad_reading",
        hint=_("Choose one of: %(names)s.", names=", ".join(options[:20])),
    )


def parse_choices(pairs: Sequence[str]) -> dict[str, str]:
    """`what=choice` of the command line, one each; `SpecError` for a pair without an equals sign."""
    choices = {}
    for pair in pairs:
        what, equals, choice = pair.rpartition("=") if pair.count("=") > 1 and "@" in pair else pair.partition("=")
        if not what or not equals:
            raise SpecError(
                _("“%(pair)s” is not a reading.", pair=pair[:120]),
                code="bad_reading",
                hint=_("It looks like header=2 or decimal:price=comma."),
            )
        choices[what] = choice
    return choices


def preview_of(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> JsonObject:
    """{columns, rows}: the first rows and columns, their cells cut."""

    def cut(cell: str | None) -> str:
        text = " ".join((cell or "")[: 4 * PREVIEW_CHARACTERS].split())
        return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"

    shown = [[cut(cell) for cell in row[:PREVIEW_COLUMNS]] for _n, row in zip(range(PREVIEW_ROWS), rows, strict=False)]
    return {"columns": [cut(name) for name in columns[:PREVIEW_COLUMNS]], "rows": shown}


def ways_back(choices: Choices, readings: Sequence[JsonObject]) -> list[JsonObject]:
    """An entry for each choice of a person after which no reader put the question any more, so that it can be taken back;
    `SpecError` for a question that none put at all."""
    choices.check_used()
    keys = {str(reading["what"]) for reading in readings}
    bare = {key.partition("@")[0] for key in keys}

    def is_told(key: str) -> bool:
        question = key.partition("@")[0]
        return key in keys or question in keys or ("@" not in key and question in bare)

    gone = [key for key, choice in choices.asked.items() if choice != FOUND and not is_told(key)]
    label = _("As the reader finds it")
    return [
        Reading(
            key,
            choices.asked[key],
            _("“%(what)s” was chosen as “%(choice)s”", what=key[:120], choice=choices.asked[key][:60]),
            [Choice(FOUND, label)],
            is_asked=True,
        ).as_dict()
        for key in gone
    ]


def readings_as_json(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """Doubts first, each in the order in which they were reported."""
    several = len({reading.file for reading in readings if reading.file}) > 1
    listed = [reading.as_dict(several) for reading in readings[:MAX_READINGS]]
    return sorted(listed, key=lambda reading: not reading["doubt"])
