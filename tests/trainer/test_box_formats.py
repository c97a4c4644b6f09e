"""Boxes as each labelling tool writes them come to the same boxes, and what is not a box of an object is counted."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.trainer import box_files
from tests.trainer.box_files import BOXES, HIGH, NAMES, TOOLS, WIDE, as_json, pictures
from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError


def read(
    files: dict[str, bytes], place: Path, **options: Any
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """(result, {file's name: its objects})."""
    place.mkdir(exist_ok=True)
    result = inspect([zipped(place / "a.zip", files)], place / "v1", **options)
    rows = pq.read_table(place / "v1" / "data.parquet").to_pylist()
    return result, {row["file"].rsplit("/", 1)[-1]: json.loads(row["objects"]) for row in rows}


def reading(result: dict[str, Any], what: str) -> dict[str, Any]:
    return next(entry for entry in result["reading"] if entry["what"] == what)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_gives_the_same_boxes(tool: str, tmp_path: Path) -> None:
    result, objects = read(TOOLS[tool](), tmp_path)
    assert result["suggestion"]["task"] == "object-detection"
    assert set(objects) == set(NAMES)
    for name, boxes in BOXES.items():
        for entry, (label, *box) in zip(objects[name], boxes, strict=True):
            assert entry["label"] == ("object" if tool == "one cell" else label)
            assert entry["box"] == pytest.approx(box, abs=0.51 if tool == "vott csv" else 0.02)
    assert not [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]


def test_outlines_masks_and_key_points_stay_beside_the_boxes(tmp_path: Path) -> None:
    result, objects = read(box_files.yolo(line=box_files.yolo_outline), tmp_path)
    assert objects[NAMES[0]][0]["segments"] == [pytest.approx([4, 5, 24, 5, 14, 35], abs=0.01)]
    assert reading(result, "shapes")["sentence"].startswith("20 outlines (polygons): used as the boxes around them")


def test_key_points_stay(tmp_path: Path) -> None:
    _result, objects = read(box_files.yolo(line=box_files.yolo_pose), tmp_path)
    assert objects[NAMES[0]][0]["keypoints"] == [[4, 5, 2], [24, 5, 1]]


def test_rectlabel_keeps_outlines_and_key_points(tmp_path: Path) -> None:
    _result, objects = read(box_files.rectlabel(), tmp_path)
    first = objects[NAMES[0]][0]
    assert (first["segments"], first["keypoints"]) == ([[4, 5, 24, 5, 4, 35]], [[4, 5, 2], [24, 5, 1]])


FRAMES: dict[str, tuple[Callable[[int], str], str]] = {
    "CVAT's own": (lambda n: f"frame_{n:06}.png", ""),
    "from 0": (lambda n: f"clip_{n}.png", "numbers"),
    "from 1": (lambda n: f"out{n + 1:04}.png", "numbers"),
    "by order": (lambda n: f"{chr(97 + n)}.png", "order"),
}


@pytest.mark.parametrize("case", FRAMES)
def test_frames_of_a_video_under_names_of_their_own(case: str, tmp_path: Path) -> None:
    name, wanted = FRAMES[case]
    result, objects = read(box_files.cvat_video(name), tmp_path)
    assert [[entry["label"] for entry in objects[name(n)]] for n in range(len(NAMES))] == [
        [box[0] for box in boxes] for boxes in BOXES.values()
    ]
    assert [entry["chosen"] for entry in result["reading"] if entry["what"] == "video_frames"] == [wanted] * bool(
        wanted
    )


def test_frames_that_nothing_tells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"frame 0 of annotations.xml, with objects \(1\), is not in the archive"):
        read(box_files.cvat_video(lambda n: f"{chr(97 + n)}.png", size=99), tmp_path)


def test_run_lengths_are_kept_as_masks_and_read_the_other_way_when_asked(tmp_path: Path) -> None:
    files = box_files.TOOLS["run lengths"]()
    files["annotations.csv"] += (
        f"\n{NAMES[0]},nut,\n{NAMES[0]},nut,1 2 x\n{NAMES[0]},nut,4799 9 4809 1\nlost.png,nut,1 2 4 2".encode()
    )
    result, objects = read(files, tmp_path)
    assert (reading(result, "run_order")["chosen"], reading(result, "run_order")["others"]) == ("columns", ["rows"])
    assert objects[NAMES[0]][0]["mask"]["counts"][:3] == [4 * HIGH + 5, 30, 30]
    assert sum(objects[NAMES[0]][0]["mask"]["counts"]) == WIDE * HIGH
    (told,) = [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]
    assert told["count"] == 3
    _result, turned = read(files, tmp_path / "rows", readings={"run_order": "rows"})
    assert turned[NAMES[0]][0]["mask"]["order"] == "rows"
    assert turned[NAMES[0]][0]["box"] != objects[NAMES[0]][0]["box"]


def test_a_square_picture_leaves_the_order_of_its_runs_in_doubt(tmp_path: Path) -> None:
    lines = "".join(f"{n}.png,{2 * 24 + 1 + n} 4 {3 * 24 + 1 + n} 4\n" for n in range(12))
    files = {f"{n}.png": picture(n, (24, 24)) for n in range(12)} | {"train.csv": f"image,rle\n{lines}".encode()}
    result, objects = read(files, tmp_path)
    assert reading(result, "run_order")["doubt"]
    assert objects["0.png"][0]["box"] == [2, 0, 2, 4]


def masks(*cells: str) -> dict[str, bytes]:
    lines = "".join(f"{n}.png,{cell}\n" for n, cell in enumerate(cells))
    return {f"{n}.png": picture(n, (24, 30)) for n in range(len(cells))} | {"train.csv": f"image,rle\n{lines}".encode()}


def test_one_mask_that_overlaps_moves_no_other(tmp_path: Path) -> None:
    good = ["1 3 31 3 61 3"] * 11
    result, objects = read(masks(*good, "1 30 21 3"), tmp_path / "a")
    assert {tuple(found[0]["box"]) for name, found in objects.items() if found} == {(0, 0, 3, 3)}
    told = reading(result, "run_starts")
    assert (told["chosen"], told["others"], told["confidence"]) == ("picture", ["before"], 0.92)
    (bad,) = [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]
    assert (bad["count"], bad["examples"]) == (1, ["row 12 of train.csv has runs that leave the picture or overlap"])
    _result, objects = read(masks(*good, "1 30 21 3"), tmp_path / "b", readings={"run_starts": "before"})
    assert objects["0.png"][0]["box"] != [0, 0, 3, 3]


@pytest.mark.parametrize(("ahead", "chosen"), [(2, "before"), (8, "picture")])
def test_masks_of_two_kinds_are_a_doubt(ahead: int, chosen: str, tmp_path: Path) -> None:
    result, _objects = read(masks(*["31 3 27 3 27 3"] * 10, *["31 3 61 3 91 3"] * (ahead * 2)), tmp_path)
    told = reading(result, "run_starts")
    assert (told["chosen"], told["doubt"]) == (chosen, True)


@pytest.mark.parametrize("cell", ["1 3 31 " + "3" * 5_000, "1 3 31 3333333333333"])
def test_a_number_beyond_all_bounds_costs_its_own_mask_alone(cell: str, tmp_path: Path) -> None:
    result, objects = read(masks(*["1 3 31 3 61 3"] * 11, cell), tmp_path)
    assert [found[0]["box"] for found in list(objects.values())[:11]] == [[0, 0, 3, 3]] * 11
    (bad,) = [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]
    assert bad["examples"] == ["row 12 of train.csv holds no run lengths"]


def test_lines_of_makesense_are_no_boxes(tmp_path: Path) -> None:
    rows = "".join(f"edge,{70 - n},5,{30 + n},50,{name},{WIDE},{HIGH}\n" for n, name in enumerate(NAMES))
    with pytest.raises(DataError, match=r"marks a line, which has no box"):
        read(pictures() | {"labels.csv": rows.encode()}, tmp_path)


def image_labels(extra: str = "") -> dict[str, bytes]:
    """Open Images: what was checked to be there, and not to be there."""
    rows = "".join(
        f"{name[:-4]},verification,/m/{label},{int((n % 2 == 0) == (label == 'bolt'))}\n"
        for n, name in enumerate(NAMES)
        for label in ("bolt", "nut")
    )
    described = b"/m/bolt,Bolt\n/m/nut,Nut\n"
    labels = f"ImageID,Source,LabelName,Confidence\n{rows}{extra}".encode()
    return pictures() | {"train-annotations-human-imagelabels.csv": labels, "class-descriptions.csv": described}


def test_labels_of_whole_images_of_open_images(tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", image_labels())], tmp_path / "v1")
    assert result["suggestion"]["task"] == "image-classification"
    assert {label["label"]: label["count"] for label in result["labels"]} == {"Bolt": 6, "Nut": 6}


def test_several_and_no_labels_of_an_image_of_open_images(tmp_path: Path) -> None:
    extra = f"{NAMES[0][:-4]},machine,/m/nut,0.9\nlost,machine,/m/nut,1\n{NAMES[0][:-4]},machine,/m/nut,?\n"
    result = inspect(
        [zipped(tmp_path / "a.zip", image_labels(extra) | {"images/new.png": picture(99)})], tmp_path / "v1"
    )
    labels = pq.read_table(tmp_path / "v1" / "data.parquet").column("labels").to_pylist()
    assert labels[:2] == ['["Bolt", "Nut"]', '["Nut"]']
    assert [entry["count"] for entry in result["left_out"] if entry["reason"] == "unnamed"] == [1]
    assert (
        next(
            problem["count"]
            for problem in result["problems"]
            if problem["code"] in ("bad_boxes", "missing_files", "bad_rows")
        )
        == 2
    )


def folders_with_few_boxes() -> dict[str, bytes]:
    """Tiny ImageNet: class folders to learn from, and a list with the class and a box of each image to validate on."""
    ids = ("n01440764", "n01443537")
    files = {
        f"train/{name}/images/{name}_{n}.png": picture(20 * place + n)
        for place, name in enumerate(ids)
        for n in range(8)
    }
    files |= {f"val/images/val_{n}.png": picture(60 + n) for n in range(4)}
    lines = "".join(f"val_{n}.png\t{ids[n % 2]}\t0\t0\t9\t9\n" for n in range(4))
    return files | {"val/val_annotations.txt": lines.encode(), "words.txt": b"n01440764\ttench\nn01443537\tgoldfish\n"}


def test_class_folders_of_most_images_are_read_before_boxes_of_few(tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", folders_with_few_boxes())], tmp_path / "v1")
    assert (reading(result, "annotations")["chosen"], reading(result, "annotations")["others"]) == (
        "folders",
        ["table"],
    )
    assert reading(result, "annotations")["doubt"]
    assert {label["label"]: label["count"] for label in result["labels"]} == {"tench": 10, "goldfish": 10}
    assert result["split"]["validation"] == 4


def test_boxes_of_few_images_are_read_when_asked_for(tmp_path: Path) -> None:
    result, objects = read(folders_with_few_boxes(), tmp_path, readings={"annotations": "table"})
    assert (reading(result, "annotations")["others"], len(objects)) == (["folders"], 4)


def test_another_export_in_the_archive_is_read_when_asked_for(tmp_path: Path) -> None:
    files = box_files.coco() | {name: data for name, data in box_files.cvat().items() if name.endswith("xml")}
    result, _objects = read(files, tmp_path)
    assert (reading(result, "annotations")["chosen"], reading(result, "annotations")["others"]) == ("coco", ["cvat"])
    result, objects = read(files, tmp_path / "again", readings={"annotations": "cvat"})
    assert (reading(result, "annotations")["chosen"], len(objects)) == ("cvat", 12)


def test_a_rotated_box_keeps_its_corners(tmp_path: Path) -> None:
    """A square of 20 turned by 45 degrees about its middle is 28.28 wide; four corners that are upright are a plain box."""
    line = "0 0.5 0.264298 0.676777 0.5 0.5 0.735702 0.323223 0.5\n1 0.1 0.1 0.2 0.1 0.2 0.3 0.1 0.3"
    files = pictures() | {f"images/{name[:-4]}.txt": line.encode() for name in NAMES}
    result, objects = read(files | {"data.yaml": b"names: [bolt, nut]"}, tmp_path)
    turned, upright = objects[NAMES[0]]
    assert turned["box"] == pytest.approx([25.86, 15.86, 28.28, 28.28], abs=0.02)
    assert len(turned["corners"]) == 8
    assert upright == {"label": "nut", "box": pytest.approx([8, 6, 8, 12])}
    assert reading(result, "shapes")["sentence"].startswith("12 rotated boxes")


def test_pictures_without_a_file_of_labels_are_backgrounds_unless_a_person_says_otherwise(tmp_path: Path) -> None:
    files = {name: data for name, data in box_files.yolo().items() if not name.endswith(("00.txt", "01.txt"))}
    (tmp_path / "as it is").mkdir()
    (tmp_path / "asked").mkdir()
    result, objects = read(files, tmp_path / "as it is")
    assert (len(objects), objects[NAMES[0]], objects[NAMES[1]]) == (12, [], [])
    assert reading(result, "unlabelled_images")["others"] == ["leave_out"]
    result, objects = read(files, tmp_path / "asked", readings={"unlabelled_images": "leave_out"})
    assert len(objects) == 10
    assert ("unlabelled", 2) in [(entry["reason"], entry["count"]) for entry in result["left_out"]]


def test_crowds_are_left_out_and_counted(tmp_path: Path) -> None:
    files = box_files.coco()
    document = json.loads(files["result.json"])
    runs = {"size": [HIGH, WIDE], "counts": [10, HIGH * WIDE - 10]}
    document["annotations"].append({"id": 999, "image_id": 0, "category_id": 3, "iscrowd": 1, "segmentation": runs, "bbox": [0, 0, 9, 9]})  # fmt: skip
    result, objects = read(files | {"result.json": as_json(document)}, tmp_path)
    assert len(objects[NAMES[0]]) == len(BOXES[NAMES[0]])
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"] if entry["reason"] == "crowd"] == [("crowd", 1)]  # fmt: skip


@pytest.mark.parametrize("counts", [[125, 5, 55, 5, 4610], "m35g10[^4"])
def test_a_mask_without_a_box_gives_the_box_around_it(counts: Any, tmp_path: Path) -> None:
    """Two columns of five pixels from (2, 5) on, in a picture 60 high; the text is pycocotools' packing of the same runs."""
    files = box_files.coco()
    document = json.loads(files["result.json"])
    document["annotations"] = [
        {"id": n, "image_id": 5 * n, "category_id": 3, "segmentation": {"size": [HIGH, WIDE], "counts": counts}}
        for n in range(12)
    ]
    result, objects = read(files | {"result.json": as_json(document)}, tmp_path)
    assert [entry["box"] for entry in objects[NAMES[0]]] == [[2, 5, 2, 5]]
    assert "mask" in objects[NAMES[0]][0]
    assert reading(result, "shapes")["sentence"].startswith("12 masks")


def turned_jpeg(number: int, orientation: int) -> bytes:
    """80 by 60 as it lies in the file."""
    image = Image.open(io.BytesIO(picture(number, (WIDE, HIGH))))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("orientation", "box"),
    [(1, [10, 5, 20, 30]), (6, [HIGH - 5 - 30, 10, 30, 20]), (8, [5, WIDE - 10 - 20, 30, 20]), (5, [5, 10, 30, 20])],
)
def test_boxes_turn_with_a_picture_that_exif_turns(orientation: int, box: list[float], tmp_path: Path) -> None:
    """The tool measured in the file's own pixels; a person sees the picture turned."""
    files = {f"{n}.jpg": turned_jpeg(n, orientation) for n in range(12)}
    images = [{"id": n, "file_name": f"{n}.jpg", "width": WIDE, "height": HIGH} for n in range(12)]
    marks = [{"id": n, "image_id": n, "category_id": 1, "bbox": [10, 5, 20, 30]} for n in range(12)]
    document = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "cat"}]}
    result, objects = read(files | {"coco.json": as_json(document)}, tmp_path)
    assert objects["3.jpg"] == [{"label": "cat", "box": pytest.approx(box)}]
    assert any(entry["what"] == "turned_boxes" for entry in result["reading"]) == (orientation > 1)


def test_shares_are_of_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    files = {f"{n}.jpg": turned_jpeg(n, 6) for n in range(12)} | {f"{n}.txt": b"0 0.5 0.5 0.5 0.5" for n in range(12)}
    _result, objects = read(files, tmp_path)
    assert objects["0.jpg"] == [{"label": "0", "box": [15, 20, 30, 40]}]


def test_boxes_of_a_smaller_copy_are_scaled(tmp_path: Path) -> None:
    files = box_files.coco()
    document = json.loads(files["result.json"])
    for image in document["images"]:
        image |= {"width": 2 * WIDE, "height": 2 * HIGH}
    result, objects = read(files | {"result.json": as_json(document)}, tmp_path)
    assert objects[NAMES[0]][0]["box"] == [2, 2.5, 10, 15]
    assert reading(result, "scaled_boxes")["chosen"] == "scaled"


def test_the_same_name_in_several_folders_means_the_nearest_picture(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for place, part in enumerate(("train", "valid")):
        files |= {f"{part}/{n}.png": picture(20 * place + n, (WIDE, HIGH)) for n in range(8)}
        images = [{"id": n, "file_name": f"{n}.png", "width": WIDE, "height": HIGH} for n in range(8)]
        marks = [{"id": n, "image_id": n, "category_id": 1, "bbox": [10 + place, 5, 20, 30]} for n in range(8)]
        document = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "cat"}]}
        name = f"{part}/_annotations.coco.json" if place else "annotations/instances_train2017.json"
        files[name] = as_json(document)
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    rows = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    assert len(rows) == 16
    assert all(json.loads(row["objects"])[0]["box"][0] == 10 + row["file"].startswith("valid") for row in rows)


def test_percent_of_large_pictures(tmp_path: Path) -> None:
    files = {f"{n}.png": picture(n, (400, 300)) for n in range(12)}
    lines = ["image,label,x,y,width,height", *(f"{n}.png,cat,{10 + n},50,{80 - n},50" for n in range(12))]
    result, objects = read(files | {"boxes.csv": "\n".join(lines).encode()}, tmp_path)
    assert objects["2.png"] == [{"label": "cat", "box": [48, 150, 312, 150]}]
    assert reading(result, "box_unit")["chosen"] == "percent"


def test_tags_of_whole_pictures_are_their_labels(tmp_path: Path) -> None:
    """CVAT's tags and Edge Impulse's labels: images with a class and without boxes."""
    rows = "".join(
        f'<image id="{n}" name="{name}" width="80" height="60"><tag label="{("good", "bad")[n % 2]}" source="manual"></tag></image>'
        for n, name in enumerate(NAMES)
    )
    xml = f"<annotations><version>1.1</version>{rows}</annotations>"
    result = inspect([zipped(tmp_path / "a.zip", pictures() | {"annotations.xml": xml.encode()})], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["label_total"]) == ("image-classification", 2)


def parts_of(names: tuple[str, str], place: Path, *, is_table: bool) -> tuple[int, int, int, bool]:
    """(train, validation and test, and whether they were given) of two annotation files with half of the pictures each."""
    files = pictures()
    for name, half in zip(names, (NAMES[:6], NAMES[6:]), strict=True):
        listed = [(file, box) for file in half for box in BOXES[file]]
        if is_table:
            lines = [f"{file},{label},{x},{y},{x + w},{y + h}" for file, (label, x, y, w, h) in listed]
            files[f"{name}.csv"] = "\n".join(["filename,class,xmin,ymin,xmax,ymax", *lines]).encode()
            continue
        images = [{"id": n, "file_name": file, "width": WIDE, "height": HIGH} for n, file in enumerate(half)]
        marks = [{"image_id": half.index(file), "category_id": 1, "bbox": list(box)} for file, (_label, *box) in listed]
        files[f"{name}.json"] = as_json(
            {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "a"}]}
        )
    split = read(files, place)[0]["split"]
    return split["train"], split["validation"], split["test"], split["given"]


@pytest.mark.parametrize("is_table", [False, True], ids=["coco", "table"])
def test_names_of_annotation_files_are_parts_only_where_they_make_a_split(is_table: bool, tmp_path: Path) -> None:
    given = parts_of(("train", "test"), tmp_path, is_table=is_table)
    assert given[2:] == (6, True)
    (tmp_path / "b").mkdir()
    drawn = parts_of(("user-test-1", "orders-2"), tmp_path / "b", is_table=is_table)
    assert (sum(drawn[:3]), drawn[3]) == (12, False)
