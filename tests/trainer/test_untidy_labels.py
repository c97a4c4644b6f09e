"""Labels as tools and competitions leave them: tests that nobody labelled, brush strokes beside choices, boxes deep in a record, boxes that
people checked in a form, folders of noise."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.box_files import BOXES, HIGH, NAMES, WIDE, Files, as_json, pictures
from tests.trainer.data_files import sound, zipped
from tests.trainer.data_made import texts, unmapped
from trainer.data.inspect import inspect
from trainer.data.label_columns import read_labels
from trainer.data.readings import Choices
from trainer.dates import guess_form, value_of


def boxes_read(files: Files, place: Path) -> dict[str, list[tuple[Any, ...]]]:
    """{picture: its boxes as (label, left, top, width, height)} of an archive."""
    inspect([zipped(place / "boxes.zip", files)], place / "v1")
    rows = pq.read_table(place / "v1" / "data.parquet").to_pylist()
    listed = {Path(row["file"]).name: json.loads(row["objects"]) for row in rows}
    return {name: [(mark["label"], *map(round, mark["box"])) for mark in marks] for name, marks in listed.items()}


def labelbox() -> Files:
    def line(name: str) -> str:
        marks = [{"feature_id": "f", "name": label, "value": label, "annotation_kind": "ImageBoundingBox", "bounding_box": {"top": y, "left": x, "height": h, "width": w}} for label, x, y, w, h in BOXES[name]]  # fmt: skip
        labels = [{"label_kind": "Default", "id": "l", "annotations": {"objects": marks, "classifications": [], "relationships": []}}]  # fmt: skip
        row = {"id": "c", "external_id": name, "row_data": f"https://storage.example.com/{name}"}
        return json.dumps({"data_row": row, "media_attributes": {"height": HIGH, "width": WIDE}, "projects": {"p1": {"name": "parts", "labels": labels}}})  # fmt: skip

    return pictures() | {"Export v2 project.ndjson": "\n".join(map(line, NAMES)).encode()}


def v7() -> Files:
    def document(name: str) -> bytes:
        marks = [{"id": "m", "name": label, "bounding_box": {"h": h, "w": w, "x": x, "y": y}, "slot_names": ["0"]} for label, x, y, w, h in BOXES[name]]  # fmt: skip
        slots = [{"type": "image", "slot_name": "0", "width": WIDE, "height": HIGH}]
        return as_json({"version": "2.0", "item": {"name": name, "path": "/", "slots": slots}, "annotations": marks})

    return pictures() | {f"annotations/{name[:-4]}.json": document(name) for name in NAMES}


@pytest.mark.parametrize("files", [labelbox, v7])
def test_boxes_deep_in_a_record(files: Callable[[], Files], tmp_path: Path) -> None:
    assert boxes_read(files(), tmp_path) == {name: [tuple(box) for box in BOXES[name]] for name in NAMES}


def test_a_choice_for_the_whole_picture_counts_where_brush_strokes_have_no_box(tmp_path: Path) -> None:
    def task(number: int, name: str) -> dict[str, Any]:
        stroke = {"id": "s", "from_name": "tag", "to_name": "image", "type": "brushlabels", "value": {"format": "rle", "rle": [0, 1], "brushlabels": ["crack"]}}  # fmt: skip
        choice = {"id": "c", "from_name": "state", "to_name": "image", "type": "choices", "value": {"choices": ["good" if number % 2 else "bad"]}}  # fmt: skip
        return {"id": number, "data": {"image": f"/data/upload/1/ab12cd34-{name}"}, "annotations": [{"result": [stroke, choice]}]}  # fmt: skip

    files = pictures() | {"export.json": as_json([task(number, name) for number, name in enumerate(NAMES)])}
    result = inspect([zipped(tmp_path / "p.zip", files)], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["label_total"]) == ("image-classification", 2)
    assert any("brushlabels" in str(reading["sentence"]) for reading in result["reading"])


def test_rows_of_minus_one_beside_zeros_have_no_label() -> None:
    flags = [("1", "0", "0"), ("0", "1", "1"), ("-1", "-1", "-1"), ("0", "0", "0")] * 8
    columns = dict(zip(("toxic", "threat", "insult"), zip(*flags, strict=True), strict=True))
    made = unmapped(text=texts(32), **columns)
    read_labels(made, Choices())
    assert made.table.column("labels").to_pylist()[:4] == ['["toxic"]', '["threat", "insult"]', None, "[]"]


def test_minus_one_is_no_where_there_are_no_zeros() -> None:
    flags = [("1", "-1", "-1"), ("-1", "1", "1"), ("-1", "-1", "-1")] * 8
    columns = dict(zip(("toxic", "threat", "insult"), zip(*flags, strict=True), strict=True))
    made = unmapped(text=texts(24), **columns)
    read_labels(made, Choices())
    assert made.table.column("labels").to_pylist()[:3] == ['["toxic"]', '["threat", "insult"]', "[]"]


def test_boxes_that_people_checked_in_a_form_are_lists(tmp_path: Path) -> None:
    checked = ["App, Web", "Web", "App, Phone, Web", "Phone"]
    rows = [
        f'2024/05/{n % 28 + 1:02} 10:00:00,{n % 5 + 1},"{checked[n % 4]}",It was slow on day {n}' for n in range(40)
    ]
    header = "Timestamp,How was it all in all?,Which of these do you use?,What could we do better?"
    (tmp_path / "Form Responses 1.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    result = inspect([tmp_path / "Form Responses 1.csv"], tmp_path / "v1")
    cells = pq.read_table(tmp_path / "v1" / "data.parquet").column("Which of these do you use?").to_pylist()
    assert cells[2] == '["App", "Phone", "Web"]'
    assert [reading["doubt"] for reading in result["reading"] if reading["what"].startswith("separator")] == [True]


def test_noise_in_the_background_is_no_word(tmp_path: Path) -> None:
    files = {f"{word}/{n}.wav": sound(300 + 40 * n + 11 * len(word)) for word in ("yes", "off") for n in range(5)}
    files["_background_noise_/white.wav"] = sound(90)
    result = inspect([zipped(tmp_path / "words.zip", files)], tmp_path / "v1")
    assert (result["rows"], sorted(entry["label"] for entry in result["labels"])) == (11, ["off", "yes"])


@pytest.mark.parametrize(("cell", "day"), [("2023. 1. 10.", "2023-01-10"), ("2023. 12. 5. 14:30", "2023-12-05")])
def test_dates_as_koreans_write_them(cell: str, day: str) -> None:
    form = guess_form([cell] * 5, 0.9)
    assert form is not None
    seconds = value_of(cell, form)
    assert seconds is not None
    assert datetime.fromtimestamp(seconds, UTC).date().isoformat() == day
