"""What a person gives a model to read on a page: a field for each input of the run's artifact, and what is kept of it."""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from trainer import dates
from trainer.numerals import with_mark
from webapp import answers as presentations
from webapp.catalog.titles import input_words, reads_table, role_words, widgets_of
from webapp.core.formats import number, size
from webapp.core.media import size_of, type_of
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.runs.artifacts import manifest
from webapp.runs.models import Run
from webapp.runs.reports import examples
from webapp.runs.storage import local

MIB = 2**20
MOST_FILE_BYTES = 10 * MIB
MOST_TEXT = 20_000
KEPT_BYTES = 7_000
"""Pictures and sounds up to here are kept whole in a judgement; of larger ones name and size."""
SHOWN_BYTES = 3 * MIB
"""A picture up to here is sent back with its answer to a browser without script."""
MEDIA = ("image", "audio")
DEVICES = "camera=(self), microphone=(self), geolocation=()"
"""The pages with these fields may ask for the camera and the microphone; no other page of the site may."""
SHOWN_EXAMPLES = 4
CHOICES = ("choices", "values", "categories", "labels")


class Slider(NamedTuple):
    """What a number's slider is given, as HTML writes numbers: where it begins and ends, which is what the rows learned from had, a
    step, and where it stands while nothing is known."""

    low: str
    high: str
    step: str
    start: str


@dataclass(frozen=True)
class Field:
    """`kind`: text, query (of a search), image, audio, or of a table's column: number, choice, date, moment (a date with a time), line.

    `id` is also its name in the form: `text` or `file` where the model reads only that, else by its place.
    """

    id: str
    name: str
    kind: str
    label: str
    value: Any = ""
    choices: tuple[str, ...] = ()
    hint: str = ""
    forms: tuple[str, ...] = ()
    """How a column of dates may write them (`trainer.dates`); a browser's field takes ISO alone."""
    decimal: str = "."
    """The mark before decimals in a column of numbers; empty where the artifact does not say."""
    choice_rows: tuple[int, ...] = ()
    """How many of the rows learned from have each choice; empty where the artifact does not say."""
    is_labelled: bool = False
    """Whether a text's label is seen: where there is another one to write."""
    slider: Slider | None = None
    """Of a number, from the least to the largest that the rows learned from had."""
    usual: Slider | None = None
    """The same for those who may not know whose these are: nine of ten rows lie within, and the ends are rounded."""


@dataclass(frozen=True)
class ModelInput:
    """One input as serving takes it, the text that a judgement keeps, and what the page shows beside the answer."""

    value: Any
    stored: str
    texts: dict[str, str] = field(default_factory=dict)
    media: list[dict[str, Any]] = field(default_factory=list)


def fields_of(run: Run | None) -> list[Field]:
    """The form of a run: what its artifact says that it reads, or its task where the artifact is gone."""
    if run is None:
        return []
    declared = manifest(run).get("inputs") or widgets_of(run.task)["inputs"]
    single = is_single(run)
    titles = {} if reads_table(run.task) else role_words()
    fields = [field_of(index, declaration, titles, single=single) for index, declaration in enumerate(declared)]
    several = sum(field.kind in ("text", "line") for field in fields) > 1
    return [replace(field, is_labelled=several and field.kind == "text") for field in fields]


def is_single(run: Run) -> bool:
    """Whether an input is the text, the picture or the sound itself, not an object of several."""
    return widgets_of(run.task)["widget_in"] in ("text", *MEDIA)


def field_of(
    index: int, declaration: dict[str, Any], titles: Mapping[str, str] = MappingProxyType({}), *, single: bool
) -> Field:
    """`titles`: what inputs are called that are not columns of a table, by their names."""
    name, kind = declaration["name"], declaration.get("kind", "text")
    choices: list[Any] = next(
        (declaration[key] for key in CHOICES if isinstance(declaration.get(key), list) and declaration[key]), []
    )
    if kind in MEDIA or kind == "query":
        control = kind
    elif single or kind == "text":
        control = "text" if single or declaration.get("long") else "line"
    elif choices:
        control = "choice"
    else:
        control = kind if kind in ("number", "date") else "line"
    own = {"text": "text", "query": "text", "image": "file", "audio": "file"}.get(control) if single else None
    title = input_words(kind) if single or kind in MEDIA else _(titles[name]) if name in titles else name
    forms, cells = date_forms(declaration) if control == "date" else ((), [])
    if any(moment_of(cell, forms, "%H:%M:%S") not in ("", "00:00:00") for cell in cells):
        control = "moment"
    rows = tuple(declaration.get("choice_rows") or ())
    hint, texts = hint_of(declaration), tuple(map(str, choices))
    decimal = declaration.get("decimal", "") if control == "number" else "."
    slider, usual = (slider_of(declaration, *ends) if control == "number" else None for ends in ENDS)
    field = Field(own or f"in-{index}", name, control, title, "", texts, hint, forms, decimal, rows)
    field = replace(field, slider=slider, usual=usual)
    return replace(field, value=shown_value(field, one_example(declaration)))


def date_forms(declaration: dict[str, Any]) -> tuple[tuple[str, ...], list[str]]:
    """(how an input's dates are written, the dates that its artifact names)."""
    cells = [str(declaration[name]) for name in ("min", "max", "typical", "example") if declaration.get(name)]
    if declaration.get("form"):
        return (str(declaration["form"]), "iso"), cells
    matching = [form for form in dates.FORMS if all(dates.value_of(cell, form) is not None for cell in cells)]
    return (*matching, "iso"), cells


def moment_of(cell: str, forms: Iterable[str], pattern: str) -> str:
    """A cell's date by the first of the ways to write one that it is written in; empty where it is not a date."""
    timestamps = (seconds for form in forms if (seconds := dates.value_of(cell, form)) is not None)
    seconds = next(timestamps, None)
    return "" if seconds is None else dates.moment_at(seconds).strftime(pattern)


def shown_value(field: Field, value: object) -> Any:
    """What a field holds: dates as browsers take them, since “27/10/2024” would leave a date field empty; numbers as their
    column writes them."""
    if isinstance(value, float):
        return with_mark(str(value), field.decimal or ".")
    pattern = {"date": "%Y-%m-%d", "moment": "%Y-%m-%dT%H:%M"}.get(field.kind)
    return moment_of(str(value), field.forms, pattern) if pattern else value


def one_example(declaration: dict[str, Any]) -> Any:
    example = declaration.get("example")
    return "" if example is None else example


def hint_of(declaration: dict[str, Any]) -> str:
    """The bounds that a number had in the rows learned from."""
    low, high = (
        number(declaration.get("min", declaration.get("low"))),
        number(declaration.get("max", declaration.get("high"))),
    )
    if low is None or high is None:
        return ""
    ends = (with_mark(f"{end:.10g}", declaration.get("decimal", ".")) for end in (low, high))
    return _("%(low)s to %(high)s in the rows") % dict(zip(("low", "high"), ends, strict=True))


STEPS = 100
"""About so many of a slider."""
ENDS = (("min", "max", 10), ("p5", "p95", 2))
"""Of the sliders of members and of visitors, by what a declaration calls them, and digits that count."""


def slider_of(declaration: dict[str, Any], least: str, most: str, digits: int) -> Slider | None:
    """None where the rows had one number alone, or nobody knows which."""
    ends = [number(declaration.get(name)) for name in (least, most, "typical")]
    low, high, start = (None if end is None else float(f"{end:.{digits}g}") for end in ends)
    if low is None or high is None or not low < high:
        return None
    start = (low + high) / 2 if start is None else min(max(start, low), high)
    step = 10.0 ** math.floor(math.log10((high - low) / STEPS))
    if all(end.is_integer() for end in (low, high, start)):
        step = max(step, 1.0)
    return Slider(*(f"{end:.10g}" for end in (low, high, step, start)))


def slides(fields: Iterable[Field]) -> bool:
    """Whether the form needs the script of sliders."""
    return any(field.slider for field in fields)


def filled(fields: list[Field], texts: Mapping[str, Any]) -> list[Field]:
    """The same fields with what was written in them."""
    return [
        replace(field, value=shown_value(field, texts[field.id])) if field.id in texts else field for field in fields
    ]


def shown_examples(run: Run) -> list[dict[str, Any]]:
    """[{key, text, media: image | audio | None, row, thumb}] of the artifact's examples, for buttons that members see; `thumb`
    is a small picture as a `data:` URL, empty where the artifact has none."""
    medium = next((field.kind for field in fields_of(run) if field.kind in MEDIA), None)
    return [button(str(index), example, medium) for index, example in enumerate(examples(run)[:SHOWN_EXAMPLES])]


def button(key: str, example: Any, medium: str | None) -> dict[str, Any]:
    value = input_of(example)
    label = str(example.get("label", example.get("target", ""))) if isinstance(example, dict) else ""
    thumb = str(example.get("thumb", "")) if isinstance(example, dict) else ""
    text = value if isinstance(value, str) and not medium else label
    return {"key": key, "text": text, "media": medium, "row": isinstance(value, dict) and not medium, "thumb": thumb}


def input_of(example: Any) -> Any:
    """What the model reads of an entry of examples.json."""
    return example.get("input", example.get("text")) if isinstance(example, dict) else example


def try_it(run: Run, example: str = "") -> dict[str, Any]:
    """Context of the fields, for members: fields, examples, kinds_of_media (image, audio: which scripts they need), slides (the same of sliders). The fields
    hold the example asked for, else the first. What visitors get says `webapp.endpoints.examples`."""
    chosen = example or ("0" if examples(run) else "")
    fields = filled(fields_of(run), example_texts(run, chosen)) if chosen else fields_of(run)
    return {
        "fields": fields,
        "examples": shown_examples(run),
        "kinds_of_media": kinds_of_media(fields),
        "slides": slides(fields),
    }


def kinds_of_media(fields: Iterable[Field]) -> set[str]:
    return {field.kind for field in fields if field.kind in MEDIA}


ASKED_KINDS = ({"text"}, {"image"}, {"audio"}, {"image", "text"})
"""Inputs that a report keeps whole beside its mistakes, other than rows of tables."""


def can_be_asked(run: Run, shown: dict[str, Any]) -> bool:
    """Whether a mistake as the page shows it has all that the model read, and the model can say what its answer depends on."""
    if not presentations.of_task(run.task).is_explained:
        return False
    return bool(shown["fields"]) if reads_table(run.task) else {field.kind for field in fields_of(run)} in ASKED_KINDS


def example_values(run: Run, index_text: str) -> dict[str, Any]:
    """What the fields hold for an example: {name of the input: value}; files as `Path`s within the artifact."""
    stored, index = examples(run), whole(index_text, None)
    if index is None or index >= len(stored):
        raise no_example()
    return values_of(run, stored[index], fields_of(run))


def no_example() -> Problem:
    return Problem(_("There is no such example."), hint=_("Choose another one."), code="no_example")


def values_of(run: Run, example: Any, fields: list[Field]) -> dict[str, Any]:
    """{name of the input: value} of an entry of examples.json; files as `Path`s within the artifact."""
    value = input_of(example)
    values = value if isinstance(value, dict) else {fields[0].name: value}
    media = {each.name for each in fields if each.kind in MEDIA}
    return {name: artifact_file(run, cell) if name in media else cell for name, cell in values.items()}


def artifact_file(run: Run, name: object) -> Path:
    """A file of the artifact by its relative path; `Problem` for anything outside it."""
    folder = local(run).resolve()
    path = (folder / str(name)).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise Problem(_("This example is not there any more."), hint=_("Choose another one."), status=404)
    return path


def example_texts(run: Run, index_text: str) -> dict[str, Any]:
    """An example as texts by the fields' ids, to fill a form with."""
    return texts_of(fields_of(run), example_values(run, index_text))


def texts_of(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names of inputs as texts by the fields' ids; empty where a value is missing."""
    return {
        field.id: "" if values.get(field.name) is None else values[field.name]
        for field in fields
        if field.kind not in MEDIA
    }


def read(
    run: Run,
    data: Mapping[str, str],
    files: Mapping[str, "UploadedFile[bytes]"],
    example: Mapping[str, Any] | None = None,
) -> ModelInput:
    """The input that a form sent, or the `example` ({name of the input: value}) whose button was pressed; `Problem` where there
    is nothing to read. Which example that is, and who may use it, is for the view to say."""
    fields = fields_of(run)
    given = [of_example(field, example) if example else of_form(field, data, files) for field in fields]
    if not any(part is not None and part.value not in ("", None) for part in given):
        raise Problem(_("There was nothing to read."), hint=nothing(fields))
    parts = [part or ModelInput("", "") for part in given]
    texts = {field.id: part.stored for field, part in zip(fields, parts, strict=True) if field.kind not in MEDIA}
    media = [medium for part in parts for medium in part.media]
    if is_single(run):
        return replace(parts[0], texts=texts)
    row = {field.name: part.value for field, part in zip(fields, parts, strict=True)}
    judged_row = {
        field.name: part.stored if field.kind in MEDIA else part.value
        for field, part in zip(fields, parts, strict=True)
    }
    return ModelInput(row, json.dumps(judged_row, ensure_ascii=False), texts, media)


def nothing(fields: list[Field]) -> str:
    kinds = {field.kind for field in fields}
    if "image" in kinds:
        return _("Choose a picture first.")
    return _("Record or choose a sound first.") if "audio" in kinds else _("Write something first.")


def of_form(field: Field, data: Mapping[str, str], files: Mapping[str, "UploadedFile[bytes]"]) -> ModelInput | None:
    if field.kind in MEDIA:
        file = files.get(field.id)
        if not file:
            return None
        if (file.size or 0) > MOST_FILE_BYTES:
            raise too_large()
        return of_media(file.read(), field.kind, file.name or "")
    return of_text(field, data.get(field.id, "").strip()[:MOST_TEXT])


class File(NamedTuple):
    """A file that is given in memory."""

    name: str
    content: bytes


def of_example(field: Field, values: Mapping[str, Any]) -> ModelInput | None:
    value = values.get(field.name)
    if isinstance(value, Path):
        value = File(value.name, value.read_bytes())
    if isinstance(value, File):
        return of_media(value.content, field.kind, value.name)
    return None if value is None else of_text(field, str(value))


def of_text(field: Field, text: str) -> ModelInput:
    """A number where the column holds numbers with a decimal point; what is not a number, or written in another way (1.200,50),
    is sent as it is, for the model to read as it has read the rows or to refuse in words."""
    if field.kind == "number" and field.decimal == "." and number(text) is not None:
        return ModelInput(number(text), text)
    return ModelInput(text if text or field.kind in ("text", "query") else None, text)


def of_media(content: bytes, kind: str, name: str) -> ModelInput:
    mime_type = type_of(content)
    address = f"data:{mime_type};base64,{base64.b64encode(content).decode()}"
    small = len(content) <= KEPT_BYTES and mime_type.startswith(kind)
    shape = size_of(content)
    preview = {"kind": kind, "name": name[:120], "bytes": len(content), "width": None, "height": None, "address": ""}
    if mime_type.startswith(kind) and len(content) <= SHOWN_BYTES:
        preview["address"] = address
    if shape:
        preview |= {"width": shape[0], "height": shape[1]}
    return ModelInput(address, address if small else f"{name[:120]}, {size(len(content))}", media=[preview])


def too_large() -> Problem:
    most = MOST_FILE_BYTES // MIB
    return Problem(
        _("The file is larger than %(most)d MB.") % {"most": most},
        code="too_large",
        hint=_("Send a smaller picture or a shorter sound."),
        status=413,
    )
