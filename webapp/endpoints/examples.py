"""What visitors of a demo see of the data: the rows that a member ticked on the share page, and no others.

Beside them stand examples that members typed, and in the fields of tables figures over many rows. Columns in which personal
data was found are never shown, not even those of a ticked row. All of it is worked out whenever a page is drawn, so what is
found later counts as well. How examples are chosen: `webapp.endpoints.choosing`.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from trainer.numerals import number_of, with_mark
from webapp import answers as presentations
from webapp.core.bare_media import NotBareError, bare, can_be_bare
from webapp.core.formats import number
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.endpoints.models import DemoExample, Endpoint
from webapp.runs import inputs
from webapp.runs.artifacts import manifest, report
from webapp.runs.inputs import MEDIA, Field
from webapp.runs.models import Run
from webapp.runs.personal import column_of, flagged_columns
from webapp.runs.reports import examples

FEWEST_ROWS = 3
"""Visitors are offered a category that at least so many rows have: a rarer one may tell of a single row."""
ROWS_OF_COMMON_LEVELS = 60
"""A model that learned from so many rows knows no category that fewer than FEWEST_ROWS rows have (`trainer.tables`)."""
FEWEST_FOR_TYPICAL = 20
"""The median of fewer rows would tell of one of them."""
DIGITS = 2
"""Those of a median that visitors see."""
TYPED = "typed-"
PERSONAL_KINDS = {
    "email": _lazy("email addresses"),
    "phone": _lazy("phone numbers"),
    "card": _lazy("card numbers"),
    "iban": _lazy("IBANs"),
    "id": _lazy("national identity numbers"),
    "ip": _lazy("IP addresses"),
    "name": _lazy("names"),
}


@dataclass(frozen=True)
class Shown:
    """An example as visitors get it. key: what `?example=` calls it; values {name of the input: cell, or Path of a file};
    the others as in `inputs.button`."""

    key: str
    values: Mapping[str, Any]
    text: str = ""
    media: str | None = None
    row: bool = False
    thumb: str = ""


@dataclass(frozen=True)
class Cell:
    """One value of a row on the share page, or why visitors do not get it."""

    name: str
    text: str
    hidden: str = ""


@dataclass(frozen=True)
class Candidate:
    """A row that a member may tick. refusal: why it cannot be ticked."""

    number: int
    text: str
    media: str | None
    thumb: str
    cells: list[Cell]
    refusal: str
    is_ticked: bool


@dataclass(frozen=True)
class Typed:
    """An example that a member typed. fits: whether the model reads these inputs; personal: what of a person seems to be in it."""

    pk: str
    text: str
    fits: bool
    personal: str = ""


class Sight:
    """A run as visitors see it. Reads the artifact and the findings about the data once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.fields = inputs.fields_of(run)
        self.examples = examples(run)
        self.flagged = flagged_columns(run)
        self.hidden = {
            field.name: column for field in self.fields if (column := column_of(run, field.name)) in self.flagged
        }
        self.medium = next((field.kind for field in self.fields if field.kind in MEDIA), None)
        self.names = {field.name for field in self.fields}
        self.is_single = inputs.is_single(run)

    @property
    def quotes_data(self) -> bool:
        """Whether its answers hold texts of the data."""
        return presentations.of_task(self.run.task).quotes_data

    @property
    def flagged_texts(self) -> str:
        """The columns that such texts may come from in which personal data was found; empty where there are none."""
        return "”, “".join(sorted(self.flagged & set(self.run.columns.values()))) if self.quotes_data else ""

    # Rows

    @cached_property
    def hashes(self) -> dict[str, str]:
        """{path of a file of the artifact: its SHA-256}."""
        hashes: dict[str, str] = manifest(self.run).get("files") or {}
        return hashes

    def digest(self, number: int) -> str:
        """Of a row with its files."""
        hashes = self.hashes
        value = inputs.input_of(self.examples[number])
        cells = value.values() if isinstance(value, dict) else [value]
        content = [self.examples[number], [hashes[cell] for cell in cells if isinstance(cell, str) and cell in hashes]]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def row(self, number: int) -> Shown | None:
        """Without what is hidden; None where nothing of it is left, or its file is gone."""
        example = self.examples[number]
        try:
            values = inputs.values_of(self.run, example, self.fields)
        except Problem:
            return None
        visible = self.names - set(self.hidden)
        values = {name: value for name, value in values.items() if name in visible and value not in (None, "")}
        if not all(can_be_bare(value) for value in values.values() if isinstance(value, Path)):
            return None
        button = inputs.button(str(number), example, self.medium)
        if self.medium and self.run.answer in self.flagged:
            button["text"] = ""
        return Shown(values=values, **button) if values else None

    def refusal(self, number: int) -> str:
        """Why a row cannot be ticked; empty where it can."""
        if self.row(number) is not None:
            return ""
        if self.hidden:
            return _("Cannot be shown: personal data was found in “%(columns)s”.") % {"columns": self.hidden_columns}
        try:
            inputs.values_of(self.run, self.examples[number], self.fields)
        except Problem:
            return _("Cannot be shown: its file is gone.")
        return _("Cannot be shown: this format may hold details of the camera or recorder that cannot be removed.")

    @property
    def hidden_columns(self) -> str:
        return "”, “".join(sorted(self.hidden.values()))

    def candidates(self, ticked: Collection[int]) -> list[Candidate]:
        return [self.candidate(number, number in ticked) for number in range(len(self.examples))]

    def candidate(self, number: int, is_ticked: bool) -> Candidate:
        button = inputs.button(str(number), self.examples[number], self.medium)
        refusal = self.refusal(number)
        text, cells = "" if button["row"] else str(button["text"]), self.cells(number)
        return Candidate(number, text, button["media"], button["thumb"], cells, refusal, is_ticked and not refusal)

    def cells(self, number: int) -> list[Cell]:
        values = inputs.input_of(self.examples[number])
        if not isinstance(values, dict):
            return []
        return [
            Cell(field.label, "", _("hidden, personal data"))
            if field.name in self.hidden
            else Cell(field.label, str(values[field.name]))
            for field in self.fields
            if field.kind not in MEDIA and values.get(field.name) not in (None, "")
        ]

    # What members typed

    def fits(self, values: Mapping[str, str]) -> bool:
        return self.medium is None and set(values) <= self.names

    def typed(self, example: DemoExample) -> Shown | None:
        """None where the model reads other inputs."""
        values = example.typed or {}
        if not self.fits(values):
            return None
        text = words_of(values) if self.is_single else ""
        return Shown(f"{TYPED}{example.pk}", values, text, None, not self.is_single)

    # Fields

    def visitor_fields(self) -> list[Field]:
        """The form without a cell of the data: typical values of tables, and categories that several rows share."""
        return [self.visitor_field(field) for field in self.fields]

    def visitor_field(self, field: Field) -> Field:
        """No bounds: the largest number of a column is some row's. Sliders reach over nine of ten rows, where there are many. A
        flagged column gives nothing at all."""
        rows = 0 if field.name in self.hidden else self.learned_rows(field.name)
        offered = common_choices(field, rows)
        kind = "line" if field.kind == "choice" and offered != field.choices else field.kind
        value = typical(replace(field, choices=offered)) if rows >= FEWEST_FOR_TYPICAL and not self.is_single else ""
        slider = field.usual if rows >= ROWS_OF_COMMON_LEVELS else None
        return replace(field, kind=kind, value=value, choices=offered, hint="", slider=slider, usual=None)

    def learned_rows(self, column: str) -> int:
        """At least so many rows with a value in this column the model has learned from."""
        split = self.run.version.split
        parts = ("train", "validation", "test") if split.get("folds") else ("train", "validation")
        missing = next((facts.get("missing") or 0 for facts in self.run.version.columns if facts["name"] == column), 0)
        return sum(split.get(part) or 0 for part in parts) - missing


def common_choices(field: Field, rows: int) -> tuple[str, ...]:
    """Those of a field's choices that enough rows have; none of a column with too few rows to tell."""
    if field.choice_rows and rows:
        pairs = zip(field.choices, field.choice_rows, strict=False)
        return tuple(choice for choice, count in pairs if count >= FEWEST_ROWS)
    return field.choices if rows >= ROWS_OF_COMMON_LEVELS else ()


def typical(field: Field) -> Any:
    """A value that stands for many rows: the median to two digits, the month of the median date, the commonest category. A
    text is some row's, so there is none."""
    if field.kind == "number":
        value = number_of(str(field.value), field.decimal or ".")
        return "" if value is None else with_mark(f"{rounded(value):.10g}", field.decimal or ".")
    if field.kind in ("date", "moment"):
        midnight = "T00:00" if field.kind == "moment" else ""
        return f"{field.value[:8]}01{midnight}" if field.value else ""
    return field.value if field.kind == "choice" and str(field.value) in field.choices else ""


def rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def visitor_answer(endpoint: Endpoint, run: Run, output: dict[str, Any]) -> dict[str, Any]:
    """An answer as visitors get it: with texts of the data only where a member ticked those of this very run, and no personal
    data was found in their columns since."""
    presentation = presentations.of_task(run.task)
    may_read = endpoint.texts_of_id == run.pk and not Sight(run).flagged_texts
    return output if may_read or not presentation.quotes_data else presentation.without_data(output)


def visitor_report(run: Run) -> dict[str, Any]:
    """What an answer is drawn with beside itself: between which values nearly all rows lie, as figures over many rows."""
    figures = report(run)
    truth = figures.get("truth") or {}
    ends = {name: number(truth.get(name)) for name in ("low", "high")}
    if (figures.get("test_rows") or 0) < FEWEST_FOR_TYPICAL or None in ends.values():
        return {}
    return {"truth": {name: rounded(value) for name, value in ends.items() if value is not None}}


def words_of(values: Mapping[str, str]) -> str:
    return ", ".join(str(value) for value in values.values())


def personal_in(values: Mapping[str, str]) -> str:
    """The kinds of personal data in a typed example by the rules of the reader, as words; empty where it finds none. The name
    of an input counts as a column's does: what is typed as a phone number is one."""
    from trainer.personal_data import kinds_in  # half a second, and only the share page asks

    kinds = {kind for text in values.values() for kind in kinds_in(str(text))}
    return ", ".join(str(words) for kind, words in PERSONAL_KINDS.items() if kind in kinds)


def stored_of(endpoint: Endpoint | None, run: Run) -> list[DemoExample]:
    """The rows of this run that were ticked, then what members typed."""
    return [example for example in endpoint.examples.all() if example.run_id in (run.pk, None)] if endpoint else []


def ticked_rows(sight: Sight, stored: Iterable[DemoExample]) -> list[int]:
    """The numbers of the rows that are still those that were ticked."""
    digests = {row.number: row.digest for row in stored if row.number is not None and row.run_id}
    row_numbers = range(len(sight.examples))
    return [number for number, digest in digests.items() if number in row_numbers and digest == sight.digest(number)]


def shown_to_visitors(endpoint: Endpoint | None, sight: Sight) -> list[Shown]:
    stored = stored_of(endpoint, sight.run)
    rows = [sight.row(number) for number in ticked_rows(sight, stored)]
    typed = [sight.typed(example) for example in stored if example.run_id is None]
    return [shown for shown in (*rows, *typed) if shown is not None]


def visitor_context(endpoint: Endpoint | None, run: Run, key: str = "") -> dict[str, Any]:
    """{fields, examples ([Shown]), kinds_of_media, slides} of a demo's form. Its fields hold the example asked for; those of a table
    else the first, or typical values. Another key than those of its examples is passed over."""
    sight = Sight(run)
    visible = shown_to_visitors(endpoint, sight)
    chosen = next((example for example in visible if example.key == key), None)
    if chosen is None and visible and not sight.is_single and sight.medium is None:
        chosen = visible[0]
    fields = sight.visitor_fields()
    if chosen:
        blank = [replace(field, value="") for field in fields]
        fields = inputs.filled(blank, inputs.texts_of(blank, chosen.values))
    return {
        "fields": fields,
        "examples": visible,
        "kinds_of_media": inputs.kinds_of_media(fields),
        "slides": inputs.slides(fields),
    }


def values_shown(endpoint: Endpoint, run: Run, key: str) -> Mapping[str, Any]:
    """The values of one of the examples that visitors see, files without what cameras write into them; `Problem` for all else,
    whatever the artifact holds."""
    for example in shown_to_visitors(endpoint, Sight(run)):
        if example.key == key:
            return {
                name: bare_file(value) if isinstance(value, Path) else value for name, value in example.values.items()
            }
    raise inputs.no_example()


def bare_file(path: Path) -> inputs.File:
    try:
        return inputs.File(path.name, bare(path.read_bytes()))
    except NotBareError as error:
        raise inputs.no_example() from error


def sharing_context(endpoint: Endpoint | None, run: Run, ticked: Iterable[str] | None = None) -> dict[str, Any]:
    """For the share page: candidates, typed ([Typed]), hidden (columns with personal data that the model reads), answer_column
    (where the answers themselves are such data, else empty), preview (what `visitor_context` says), own (fields to type an
    example in; none for pictures and sounds), has_typical (whether the preview's fields hold typical values), quotes_data,
    shows_texts, flagged_texts (of answers that hold texts of the data). `ticked`: numbers of a form that was just refused."""
    sight = Sight(run)
    stored = stored_of(endpoint, run)
    numbers = ticked_rows(sight, stored) if ticked is None else [whole(text, -1) for text in ticked]
    preview = visitor_context(endpoint, run)
    typed = [
        Typed(example.pk, words_of(example.typed), sight.fits(example.typed), personal_in(example.typed))
        for example in stored
        if example.run_id is None and example.typed is not None
    ]
    own = (
        [replace(field, id=f"own-{field.id}", value="") for field in sight.visitor_fields()]
        if sight.medium is None
        else []
    )
    return {
        "candidates": sight.candidates(numbers),
        "typed": typed,
        "hidden": sight.hidden_columns,
        "answer_column": run.answer if run.answer in sight.flagged else "",
        "preview": preview,
        "own": own,
        "quotes_data": sight.quotes_data,
        "shows_texts": endpoint is not None and endpoint.texts_of_id == run.pk and not sight.flagged_texts,
        "flagged_texts": sight.flagged_texts,
        "has_typical": not preview["examples"] and any(field.value != "" for field in preview["fields"]),
    }
