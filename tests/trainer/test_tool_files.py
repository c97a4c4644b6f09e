"""Exports of labelling tools beside the images and recordings that they label, and annotations that came without them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.box_files import BOXES, HIGH, NAMES, WIDE, Files, as_json, coco, cvat, labelme, pictures, voc, yolo
from tests.trainer.data_files import picture, sound, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError

RIPE = [("ripe", "raw")[number % 2] for number in range(12)]
SOUNDS = {f"rec {number}.wav": sound(number + 1) for number in range(12)}


def lines(records: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def cells(header: list[str], rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def task(number: int, kind: str, value: Any, data: dict[str, Any]) -> dict[str, Any]:
    result = [
        {
            "value": {"text" if kind == "textarea" else kind: value},
            "from_name": "transcription" if kind == "textarea" else "answer",
            "to_name": "x",
            "type": kind,
        }
    ]
    return {"id": number, "annotations": [{"was_cancelled": False, "result": result}], "data": data}


IMAGES: dict[str, Files] = {
    "label studio": {"p.json": as_json([task(n, "choices", [RIPE[n]], {"image": f"/data/upload/7/0a1b2c{n:02x}-{name}"}) for n, name in enumerate(NAMES)])},
    "label studio csv": {"p.csv": cells(["image", "id", "choice", "annotator", "annotation_id", "lead_time"], [[f"/data/upload/7/0a1b2c{n:02x}-{name}", n, RIPE[n], 1, n, 2.5] for n, name in enumerate(NAMES)])},
    "doccano": {"all.jsonl": lines([{"id": n, "filename": name, "label": [RIPE[n]]} for n, name in enumerate(NAMES)])},
    "prodigy": {"p.jsonl": lines([{"image": name, "path": f"/home/me/{name}", "options": [], "accept": [RIPE[n]], "answer": "accept", "_input_hash": n, "_task_hash": n} for n, name in enumerate(NAMES)])},
    "labelme flags": {f"{name[:-4]}.json": as_json({"flags": {"ripe": RIPE[n] == "ripe", "raw": RIPE[n] == "raw"}, "shapes": [], "imagePath": name}) for n, name in enumerate(NAMES)},
    "via": {"via.json": as_json({name: {"filename": name, "regions": [], "file_attributes": {"state": RIPE[n]}} for n, name in enumerate(NAMES)})},
}  # fmt: skip


@pytest.mark.parametrize("tool", IMAGES)
def test_labels_of_whole_images_from_every_tool(tool: str, tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", pictures("") | IMAGES[tool])], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["rows"], result["label_total"]) == ("image-classification", 12, 2)


SPOKEN: dict[str, Files] = {
    "label studio": {"p.json": as_json([task(n, "textarea", [f"hello number {n}"], {"audio": f"/data/upload/7/0a1b2c{n:02x}-{name}"}) for n, name in enumerate(SOUNDS)])},
    "doccano": {"all.jsonl": lines([{"id": n, "filename": name, "label": [f"hello number {n}"]} for n, name in enumerate(SOUNDS)])},
    "prodigy": {"p.jsonl": lines([{"audio": name, "transcript": f"hello number {n}", "answer": "accept", "_input_hash": n, "_task_hash": n} for n, name in enumerate(SOUNDS)])},
}  # fmt: skip


@pytest.mark.parametrize("tool", SPOKEN)
def test_transcripts_from_every_tool(tool: str, tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", SOUNDS | SPOKEN[tool])], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["rows"]) == ("speech-recognition", 12)


def test_skipped_tasks_of_images_are_told(tmp_path: Path) -> None:
    tasks = json.loads(IMAGES["label studio"]["p.json"])
    tasks[0]["annotations"][0]["was_cancelled"] = True
    result = inspect([zipped(tmp_path / "a.zip", pictures("") | {"p.json": as_json(tasks)})], tmp_path / "v1")
    told = {entry["reason"]: entry["count"] for entry in result["left_out"]}
    assert (result["rows"], told) == (11, {"skipped": 1, "unnamed": 1})


# Boxes of tools with several forms


def via3() -> Files:
    shapes = {
        f"{n}_{place}": {"vid": str(n), "xy": [2, *box], "av": {"1": str(("bolt", "nut").index(label))}}
        for n, name in enumerate(NAMES)
        for place, (label, *box) in enumerate(BOXES[name])
    }
    document = {
        "file": {str(n): {"fid": n, "fname": name, "src": name} for n, name in enumerate(NAMES)},
        "view": {str(n): {"fid_list": [str(n)]} for n in range(len(NAMES))},
        "attribute": {"1": {"aname": "type", "options": {"0": "bolt", "1": "nut"}}},
        "metadata": shapes,
    }
    return {"via_project.json": as_json(document)}


def keras() -> Files:
    rows = [" ".join([name.replace(" ", "_"), *(f"{x},{y},{x + w},{y + h},{('bolt', 'nut').index(label)}" for label, x, y, w, h in BOXES[name])]) for name in NAMES]  # fmt: skip
    images = {name.replace(" ", "_"): data for name, data in pictures("").items()}
    return images | {"_annotations.txt": "\n".join(rows).encode(), "_classes.txt": b"bolt\nnut"}


def florence(is_paligemma: bool) -> Files:
    def words(label: str, x: int, y: int, w: int, h: int) -> str:
        if is_paligemma:
            places = (1024 * y / HIGH, 1024 * x / WIDE, 1024 * (y + h) / HIGH, 1024 * (x + w) / WIDE)
            return "".join(f"<loc{round(place):04}>" for place in places) + f" {label}"
        places = (1000 * x / WIDE, 1000 * y / HIGH, 1000 * (x + w) / WIDE, 1000 * (y + h) / HIGH)
        return label + "".join(f"<loc_{round(place)}>" for place in places)

    join = " ; " if is_paligemma else ""
    records = [{"image": name, "prefix": "detect", "suffix": join.join(words(*box) for box in BOXES[name])} for name in NAMES]  # fmt: skip
    return {"_annotations.train.jsonl": lines(records)}


def halves() -> Files:
    tasks = []
    for name in NAMES:
        result: list[dict[str, Any]] = []
        for place, (label, x, y, w, h) in enumerate(BOXES[name]):
            value = {
                "x": 100 * x / WIDE,
                "y": 100 * y / HIGH,
                "width": 100 * w / WIDE,
                "height": 100 * h / HIGH,
                "rotation": 0,
            }
            region = {"id": str(place), "original_width": WIDE, "original_height": HIGH}
            result += [
                region | {"type": "rectangle", "value": value},
                region | {"type": "labels", "value": value | {"labels": [label]}},
            ]
        tasks.append({"id": 1, "annotations": [{"result": result}], "data": {"image": name}})
    return {"p.json": as_json(tasks)}


@pytest.mark.parametrize("form", ["via3", "keras", "paligemma", "florence", "halves"])
def test_boxes_of_more_forms(form: str, tmp_path: Path) -> None:
    files = {
        "via3": via3(),
        "keras": keras(),
        "paligemma": florence(True),
        "florence": florence(False),
        "halves": halves(),
    }[form]
    inspect([zipped(tmp_path / "a.zip", (pictures("") if form != "keras" else {}) | files)], tmp_path / "v1")
    rows = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    read = {row["file"].replace("_", " "): json.loads(row["objects"]) for row in rows}
    assert set(read) == set(NAMES)
    for name, boxes in BOXES.items():
        assert [entry["label"] for entry in read[name]] == [label for label, *_box in boxes]
        for entry, (_label, *box) in zip(read[name], boxes, strict=True):
            assert entry["box"] == pytest.approx(box, abs=0.2)


def test_a_cell_beyond_all_bounds_costs_its_own_row(tmp_path: Path) -> None:
    """A row of VIA 3 as CSV with more than a million characters in it."""
    rows = [
        f'"m{n}","[""{name}""]",0,"[]","[2,{x},{y},{w},{h}]","{{""1"":""{label}""}}"'
        for name in NAMES
        for n, (label, x, y, w, h) in enumerate(BOXES[name])
    ]
    head = [
        "# Exported using VGG Image Annotator",
        "# CSV_HEADER = metadata_id,file_list,flags,temporal,spatial,metadata",
    ]
    long = f'"m","[""{NAMES[0]}""]",0,"[]","{"x" * 1_100_000}","{{}}"'
    data = "\n".join([*head, rows[0], long, *rows[1:]]).encode()
    result = inspect([zipped(tmp_path / "a.zip", pictures("") | {"via.csv": data})], tmp_path / "v1")
    read = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    assert sum(len(json.loads(row["objects"])) for row in read) == len(rows)
    (told,) = [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]
    assert (told["count"], told["examples"]) == (1, ["region 2 of via.csv is not a row of CSV"])


def boxes_by_number(more: Files, start: int = 0) -> Files:
    table = ["filename,xmin,ymin,xmax,ymax,class"] + [
        f"{name},{x},{y},{x + w},{y + h},{start + ('bolt', 'nut').index(label)}"
        for name in NAMES
        for label, x, y, w, h in BOXES[name]
    ]
    return pictures("") | {"boxes.csv": "\n".join(table).encode()} | more


LISTS: dict[str, tuple[str, Any, bool]] = {
    "a list of files": ("unlabelled_files.json", ["other0.png", "other1.png"], False),
    "files by number": ("labels_of.json", {"0": "other0.png", "1": "other1.png"}, False),
    "a list of words": ("unlabelled.json", ["later", "never"], False),
    "names of others": ("label_map.json", {"7": "bolt", "8": "nut"}, False),
    "a map": ("label_map.json", {"0": "bolt", "1": "nut"}, True),
    "categories": (
        "label_descriptions.json",
        {"categories": [{"id": 0, "name": "bolt"}, {"id": 1, "name": "nut"}]},
        True,
    ),
    "a list of names": ("labels.json", ["bolt", "nut"], True),
}


@pytest.mark.parametrize("case", LISTS)
def test_only_names_of_labels_name_the_labels_of_boxes(case: str, tmp_path: Path) -> None:
    name, content, is_used = LISTS[case]
    files = boxes_by_number({name: as_json(content)})
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    read = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    labels = {entry["label"] for row in read for entry in json.loads(row["objects"])}
    assert labels == ({"bolt", "nut"} if is_used else {"0", "1"})
    assert [entry["count"] for entry in result["left_out"]] == ([] if is_used else [1])


@pytest.mark.parametrize(
    ("start", "choice", "labels"),
    [
        (0, None, {"bolt", "nut"}),
        (1, None, {"bolt", "nut"}),
        (1, "from_0", {"nut", "2"}),
        (0, "from_1", {"0", "bolt"}),
    ],
)
def test_classes_by_number_may_be_counted_from_1(
    start: int, choice: str | None, labels: set[str], tmp_path: Path
) -> None:
    files = boxes_by_number({"classes.txt": b"bolt\nnut\n"}, start)
    readings = {"class_numbers": choice} if choice else {}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1", readings=readings)
    read = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    assert {entry["label"] for row in read for entry in json.loads(row["objects"])} == labels
    if labels == {"bolt", "nut"}:
        firsts = {row["file"]: json.loads(row["objects"])[0]["label"] for row in read}
        assert firsts == {name: boxes[0][0] for name, boxes in BOXES.items()}
    told = [(entry["chosen"], entry["doubt"]) for entry in result["reading"] if entry["what"] == "class_numbers"]
    assert told == ([(choice, False)] if choice else [("from_1", True)] if start else [])


# Annotations alone


@pytest.mark.parametrize("tool", [coco, cvat, voc, labelme, yolo])
def test_annotations_without_images_are_refused_in_words(tool: Any, tmp_path: Path) -> None:
    files = {name: data for name, data in tool().items() if not name.endswith(".png")}
    with pytest.raises(DataError, match="and no images") as refused:
        inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert refused.value.code == "not_a_table"


def test_a_table_that_names_images_which_were_not_sent(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(IMAGES["label studio csv"]["p.csv"])
    result = inspect([tmp_path / "p.csv"], tmp_path / "v1")
    assert "files_not_sent" in [problem["code"] for problem in result["problems"]]


# Labels in names of files


@pytest.mark.parametrize("name", ["train/{label}.{n}.jpg", "{label}_{n:03}.png", "{label} ({n}).png"])
def test_names_of_files_that_begin_with_their_label(name: str, tmp_path: Path) -> None:
    files = {name.format(label=RIPE[n], n=n): picture(n + 1) for n in range(12)}
    path = zipped(tmp_path / "a.zip", files)
    result = inspect([path], tmp_path / "v1")
    assert sorted(entry["label"] for entry in result["labels"]) == ["raw", "ripe"]
    (reading,) = (entry for entry in result["reading"] if entry["what"] == "label_in_name")
    assert reading["doubt"]
    without = inspect([path], tmp_path / "v2", readings={"label_in_name": "none"})
    assert (without["rows"], without["labels"]) == (12, [])


def test_names_that_cameras_give_are_no_labels(tmp_path: Path) -> None:
    files = {f"{('IMG', 'DSC')[n % 2]}_{n:04}.jpg": picture(n + 1) for n in range(12)}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["split"]["pool"], result["labels"]) == (12, [])


def test_recordings_of_edge_impulse_have_the_labels_of_its_list(tmp_path: Path) -> None:
    named = {f"training/{RIPE[n]}.{n:x}.wav": data for n, data in enumerate(SOUNDS.values())}
    listed = [
        {"path": name, "category": "training", "label": {"type": "label", "label": RIPE[n]}}
        for n, name in enumerate(named)
    ]
    result = inspect(
        [zipped(tmp_path / "a.zip", named | {"info.labels": as_json({"version": 1, "files": listed})})], tmp_path / "v1"
    )
    assert (result["suggestion"]["task"], result["label_total"]) == ("audio-classification", 2)
