"""Exports of labelling tools with anything in their places are read or counted, and nothing else happens."""

import json
import random
from typing import Any, NamedTuple

import pytest

from tests.trainer.box_files import TOOLS
from tests.trainer.test_label_exports import CLASSES, PASSAGES, passages
from trainer.data.box_formats.json_tools import JSON_FORMATS, finish_coco
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.source import Annotated, Finder
from trainer.data.exports.base import Conversion
from trainer.data.exports.registry import EXPORTS, unwrap_document

JUNK: list[Any] = [
    None,
    True,
    1,
    -1,
    1e400,
    float("nan"),
    "",
    "x",
    [],
    {},
    [[]],
    [None],
    {"a": None},
    10**400,
    "\ud800",
    "1.png",
]
ROUNDS = 40


class File(NamedTuple):
    """An entry of an archive."""

    name: str
    parts: tuple[str, ...]


def spoil(value: Any, share: float, source: random.Random) -> Any:
    """The value with so large a share of its parts replaced or left out."""
    if source.random() < share:
        return source.choice(JUNK)
    if isinstance(value, dict):
        return {name: spoil(part, share, source) for name, part in value.items() if source.random() > share / 3}
    return [spoil(part, share, source) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
@pytest.mark.parametrize("tool", TOOLS)
def test_any_document_of_boxes_is_read_or_counted(tool: str, share: float) -> None:
    source = random.Random(f"{tool}{share}")
    texts = [data for name, data in TOOLS[tool]().items() if name.endswith((".json", ".labels"))]
    index = PictureIndex([File("images/shelf 00.png", ("images", "shelf 00.png"))])
    for text in texts * ROUNDS:
        document = spoil(json.loads(text), share, source)
        form = next((form for form in JSON_FORMATS if form.matches(document)), None)
        if form is None:
            continue
        into, entry = Annotated(form.layout, form.title), File("shelf 00.json", ("shelf 00.json",))
        form.read(document, entry, Finder(index, entry.parts), into)  # type: ignore[arg-type]
        finish_coco(into, "a.zip")
        for path in list(into.boxes.objects):
            for entry in into.boxes.fit(path, (80.0, 60.0), lambda: 6):
                left, top, width, height = entry["box"]
                assert 0 <= left <= left + width <= 80
                assert 0 <= top <= top + height <= 60
                assert entry["label"]


RECORDS = CLASSES | {f"passages of {tool}": passages(build) for tool, build in PASSAGES.items()}


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
@pytest.mark.parametrize("tool", RECORDS)
def test_any_records_are_read_or_counted(tool: str, share: float) -> None:
    source = random.Random(f"{tool}{share}")
    for _round in range(ROUNDS):
        document = unwrap_document(spoil(RECORDS[tool], share, source))
        records = [record for record in document if isinstance(record, dict)] if isinstance(document, list) else []
        export = next((export for export in EXPORTS if records and export.recognise(records)), None)
        if export is None:
            continue
        conversion = Conversion(export.title, "a.json")
        export.prepare(records, conversion)
        rows = [list(export.convert(record, conversion)) for record in records]
        without_a_row = sum(not made for made in rows)
        assert without_a_row == sum(conversion.left_out.values())
        assert all(left_out.count > 0 for left_out in conversion.all_left_out())
        assert conversion.readings()[0].what == "export"
