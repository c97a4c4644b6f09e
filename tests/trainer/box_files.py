"""The same twelve pictures with the same boxes, as each labelling tool writes them."""

import base64
import io
import json
import zlib
from collections.abc import Callable
from itertools import pairwise

from PIL import Image

from tests.trainer.data_files import picture

WIDE, HIGH = 80, 60
Files = dict[str, bytes]
Box = tuple[str, int, int, int, int]
NAMES = [f"shelf {number:02}.png" for number in range(12)]
BOXES: dict[str, list[Box]] = {
    name: [("bolt", 4 + number, 5, 20, 30)] + ([("nut", 40, 10 + number, 30, 24)] if number % 3 else [])
    for number, name in enumerate(NAMES)
}
"""{name: [(label, left, top, width, height)]}."""


def pictures(folder: str = "images/") -> Files:
    return {folder + name: picture(7 + number, (WIDE, HIGH)) for number, name in enumerate(NAMES)}


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def coco(name: Callable[[str], str] = str, folder: str = "images/", box: bool = True) -> Files:
    """`box`: whether there are boxes, or outlines alone."""
    images = [{"id": 5 * n, "file_name": name(file), "width": WIDE, "height": HIGH} for n, file in enumerate(NAMES)]
    marks = [
        {"image_id": 5 * n, "category_id": 3 if label == "bolt" else 90}
        | ({"bbox": [x, y, w, h]} if box else {"segmentation": [[x, y, x + w, y, x + w / 2, y + h]], "bbox": []})
        for n, file in enumerate(NAMES)
        for label, x, y, w, h in BOXES[file]
    ]
    marks = [mark | {"id": 7 * n, "iscrowd": 0} for n, mark in enumerate(marks)]
    listed = [{"id": 3, "name": "bolt"}, {"id": 90, "name": "nut"}]
    return pictures(folder) | {"result.json": as_json({"images": images, "annotations": marks, "categories": listed})}


def cvat() -> Files:
    rows = []
    for n, name in enumerate(NAMES):
        boxes = "".join(
            f'<box label="{label}" occluded="0" xtl="{x}.00" ytl="{y}.00" xbr="{x + w}.00" ybr="{y + h}.00" z_order="0"></box>'
            for label, x, y, w, h in BOXES[name]
        )
        rows.append(f'<image id="{n}" name="{name}" width="{WIDE}" height="{HIGH}">{boxes}</image>')
    xml = f'<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta></meta>{"".join(rows)}</annotations>'
    return pictures() | {"annotations.xml": xml.encode()}


def voc(size: bool = True) -> Files:
    files = pictures("JPEGImages/")
    for name in NAMES:
        stated = f"<size><width>{WIDE}</width><height>{HIGH}</height><depth>3</depth></size>" if size else "<size><width>0</width><height>0</height></size>"  # fmt: skip
        marks = "".join(
            f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x}</xmin><ymin>{y}</ymin>"
            f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
            for label, x, y, w, h in BOXES[name]
        )
        xml = f"<annotation><folder>x</folder><filename>{name}</filename><path>C:\\me\\{name}</path>{stated}{marks}</annotation>"
        files[f"Annotations/{name[:-4]}.xml"] = xml.encode()
    return files


def labelme() -> Files:
    files = pictures("")
    for name in NAMES:
        shapes = [
            {
                "label": label,
                "points": [[x + w, y + h], [x, y]],
                "group_id": None,
                "shape_type": "rectangle",
                "flags": {},
            }
            for label, x, y, w, h in BOXES[name]
        ]
        document = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"..\\photos\\{name}",
            "imageData": "iVBO",
        }
        files[f"{name[:-4]}.json"] = as_json(document | {"imageHeight": HIGH, "imageWidth": WIDE})
    return files


def via(is_project: bool = True) -> Files:
    listed = {
        f"{name}123": {
            "filename": name,
            "size": 123,
            "regions": [
                {
                    "shape_attributes": {"name": "rect", "x": x, "y": y, "width": w, "height": h},
                    "region_attributes": {"part": label} if n % 2 else {"part": {label: True}},
                }
                for n, (label, x, y, w, h) in enumerate(BOXES[name])
            ],
            "file_attributes": {},
        }
        for name in NAMES
    }
    return pictures() | {"via_project.json": as_json({"_via_settings": {}, "_via_img_metadata": listed} if is_project else listed)}  # fmt: skip


def via_csv() -> Files:
    lines = ["filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"]
    for name in NAMES:
        for n, (label, x, y, w, h) in enumerate(BOXES[name]):
            shape = f'"{{""name"":""rect"",""x"":{x},""y"":{y},""width"":{w},""height"":{h}}}"'
            lines.append(f'{name},123,"{{}}",{len(BOXES[name])},{n},{shape},"{{""part"":""{label}""}}"')
    return pictures() | {"via_export_csv.csv": "\n".join(lines).encode()}


def via_3_csv() -> Files:
    """Comment lines, the last of which names the columns."""
    lines = ["# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)", "# Notes:"]
    lines.append("# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata")
    for name in NAMES:
        for n, (label, *box) in enumerate(BOXES[name]):
            place = ",".join(map(str, [2, *box]))
            lines.append(f'"{n}_{name[6:8]}","[""{name}""]",0,"[]","[{place}]","{{""1"":""{label}""}}"')
    return pictures() | {"via_project.csv": "\n".join(lines).encode()}


def cvat_video(name: Callable[[int], str], size: int = len(NAMES)) -> Files:
    """Frames under names of their own, which `name` gives for a number from 0 on."""
    marks = "".join(
        f'<track id="{n}" label="{label}"><box frame="{n}" outside="0" xtl="{x}" ytl="{y}" xbr="{x + w}" ybr="{y + h}"/></track>'
        for n, file in enumerate(NAMES)
        for label, x, y, w, h in BOXES[file]
    )
    meta = f"<meta><task><size>{size}</size><original_size><width>{WIDE}</width><height>{HIGH}</height></original_size></task></meta>"
    files = {f"images/{name(n)}": data for n, data in enumerate(pictures().values())}
    return files | {"annotations.xml": f"<annotations>{meta}{marks}</annotations>".encode()}


def rectlabel() -> Files:
    """VOC's XML with an outline and key points beside the box."""
    files = pictures()
    for name in NAMES:
        marks = "".join(
            f"<object><name>{label}</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox>"
            f"<polygon><x1>{x}</x1><y1>{y}</y1><x2>{x + w}</x2><y2>{y}</y2><x3>{x}</x3><y3>{y + h}</y3></polygon>"
            f"<keypoints><x1>{x}</x1><y1>{y}</y1><v1>2</v1><x2>{x + w}</x2><y2>{y}</y2><v2>1</v2></keypoints></object>"
            for label, x, y, w, h in BOXES[name]
        )
        stated = f"<size><width>{WIDE}</width><height>{HIGH}</height><depth>3</depth></size>"
        files[f"annotations/{name[:-4]}.xml"] = (
            f"<annotation><filename>{name}</filename>{stated}{marks}</annotation>".encode()
        )
    return files


def runs(x: int, y: int, w: int, h: int, *, along_rows: bool = False, relative: bool = False) -> str:
    """A box as run lengths, starts counted from 1 (or from the end of the run before)."""
    starts = [(y + n) * WIDE + x + 1 for n in range(h)] if along_rows else [(x + n) * HIGH + y + 1 for n in range(w)]
    length = w if along_rows else h
    if relative:
        starts = [starts[0] - 1, *(later - first - length for first, later in pairwise(starts))]
    return " ".join(f"{start} {length}" for start in starts)


def bitmap(width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.new("1", (width, height), 1).save(buffer, "PNG")
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def supervisely(is_bitmap: bool = False) -> Files:
    files = pictures("shop/img/")
    for name in NAMES:
        objects = [
            {
                "classTitle": label,
                "geometryType": "bitmap",
                "bitmap": {"data": bitmap(w, h), "origin": [x, y]},
                "tags": [],
            }
            if is_bitmap
            else {
                "classTitle": label,
                "geometryType": "rectangle",
                "points": {"exterior": [[x, y], [x + w, y + h]], "interior": []},
                "tags": [],
            }
            for label, x, y, w, h in BOXES[name]
        ]
        size = {"height": HIGH, "width": WIDE}
        files[f"shop/ann/{name}.json"] = as_json({"description": "", "tags": [], "size": size, "objects": objects})
    return files | {"meta.json": as_json({"classes": [{"title": "bolt", "shape": "rectangle"}], "tags": []})}


def createml() -> Files:
    listed = [
        {
            "image": name,
            "annotations": [
                {"label": label, "coordinates": {"x": x + w / 2, "y": y + h / 2, "width": w, "height": h}}
                for label, x, y, w, h in BOXES[name]
            ],
        }
        for name in NAMES
    ]
    return pictures("train/") | {"train/_annotations.createml.json": as_json(listed)}


def label_studio(is_short: bool = False) -> Files:
    tasks = []
    for n, name in enumerate(NAMES):
        address = (
            f"/data/upload/4/0a1b2c{n:02x}-{name.replace(' ', '%20')}" if n % 2 else f"/data/local-files/?d=shop/{name}"
        )
        regions = [
            {"x": 100 * x / WIDE, "y": 100 * y / HIGH, "width": 100 * w / WIDE, "height": 100 * h / HIGH, "rotation": 0, "rectanglelabels": [label]}
            for label, x, y, w, h in BOXES[name]
        ]  # fmt: skip
        sized = {"original_width": WIDE, "original_height": HIGH, "image_rotation": 0}
        if is_short:
            tasks.append({"image": address, "id": n, "annotator": 1, "label": [region | sized for region in regions]})
            continue
        result = [sized | {"value": value, "id": "a", "from_name": "label", "to_name": "image", "type": "rectanglelabels"} for value in regions]  # fmt: skip
        answers = [{"id": n, "was_cancelled": False, "result": result}, {"id": 99, "was_cancelled": True, "result": []}]
        tasks.append({"id": n, "annotations": answers[:: (-1) ** n], "data": {"image": address}})
    return pictures() | {"project-1.json": as_json(tasks)}


def edge_impulse() -> Files:
    listed = {
        name: [{"label": label, "x": x, "y": y, "width": w, "height": h} for label, x, y, w, h in BOXES[name]]
        for name in NAMES
    }
    labels = {"version": 1, "type": "bounding-box-labels", "boundingBoxes": listed}
    return pictures("training/") | {"training/bounding_boxes.labels": as_json(labels)}


def edge_impulse_info() -> Files:
    files = [
        {
            "path": f"{'training' if n % 4 else 'testing'}/{name}",
            "name": name,
            "category": "training" if n % 4 else "testing",
            "label": {"type": "unlabeled"},
            "boundingBoxes": [
                {"label": label, "x": x, "y": y, "width": w, "height": h} for label, x, y, w, h in BOXES[name]
            ],
        }
        for n, name in enumerate(NAMES)
    ]
    made = {f"{'training' if n % 4 else 'testing'}/{name}": data for n, (name, data) in enumerate(pictures("").items())}
    return made | {"info.labels": as_json({"version": 1, "files": files})}


def yolo(described: dict[str, bytes] | None = None, line: Callable[..., str] | None = None) -> Files:
    files = pictures("images/train/")
    for name in NAMES:
        lines = [
            (line or yolo_box)(int(label == "nut"), x / WIDE, y / HIGH, w / WIDE, h / HIGH)
            for label, x, y, w, h in BOXES[name]
        ]
        files[f"labels/train/{name[:-4]}.txt"] = "\n".join(lines).encode()
    return files | (described or {"data.yaml": b"train: ../train/images\nnc: 2\nnames: ['bolt', 'nut']\n"})


def yolo_box(index: int, x: float, y: float, w: float, h: float) -> str:
    return f"{index} {x + w / 2:.6f} {y + h / 2:.6f} {w:.6f} {h:.6f}"


def yolo_outline(index: int, x: float, y: float, w: float, h: float) -> str:
    return f"{index} {x:.6f} {y:.6f} {x + w:.6f} {y:.6f} {x + w / 2:.6f} {y + h:.6f}"


def yolo_pose(index: int, x: float, y: float, w: float, h: float) -> str:
    return f"{yolo_box(index, x, y, w, h)} {x:.6f} {y:.6f} 2 {x + w:.6f} {y:.6f} 1"


def kitti() -> Files:
    files = pictures("training/image_2/")
    for name in NAMES:
        lines = [f"{label} 0.00 0 -1.58 {x}.00 {y}.00 {x + w}.00 {y + h}.00 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59" for label, x, y, w, h in BOXES[name]]  # fmt: skip
        lines.append("DontCare -1 -1 -10 1.00 1.00 9.00 9.00 -1 -1 -1 -1000 -1000 -1000 -10")
        files[f"training/label_2/{name[:-4]}.txt"] = "\n".join(lines).encode()
    return files


def dota() -> Files:
    files = pictures("images/")
    for name in NAMES:
        lines = [f"{x}.0 {y}.0 {x + w}.0 {y}.0 {x + w}.0 {y + h}.0 {x}.0 {y + h}.0 {label} 0" for label, x, y, w, h in BOXES[name]]  # fmt: skip
        files[f"labelTxt/{name[:-4]}.txt"] = "\n".join(["imagesource:GoogleEarth", "gsd:0.14", *lines]).encode()
    return files


def table(header: str, row: Callable[..., str], name: str = "annotations.csv") -> Files:
    lines = [header] if header else []
    lines += [row(file, *box) for file in NAMES for box in BOXES[file]]
    return pictures() | {name: "\n".join(lines).encode()}


TOOLS: dict[str, Callable[[], Files]] = {
    "coco": coco,
    "coco from windows": lambda: coco(lambda name: f"..\\..\\label-studio\\media\\upload\\4\\{name}"),
    "coco from a drive": lambda: coco(lambda name: f"C:\\Users\\me\\{name}"),
    "coco with addresses": lambda: coco(lambda name: f"https://shop.example/img/{name.replace(' ', '%20')}?size=full"),
    "coco without endings": lambda: coco(lambda name: name[:-4]),
    "coco with outlines alone": lambda: coco(box=False),
    "coco of roboflow": lambda: {("train/_annotations.coco.json" if "json" in name else name): data for name, data in coco(folder="train/").items()},
    "cvat": cvat,
    "voc": voc,
    "voc without sizes": lambda: voc(size=False),
    "labelme": labelme,
    "via project": via,
    "via json": lambda: via(is_project=False),
    "via csv": via_csv,
    "supervisely": supervisely,
    "supervisely masks": lambda: supervisely(is_bitmap=True),
    "createml": createml,
    "label studio": label_studio,
    "label studio json-min": lambda: label_studio(is_short=True),
    "edge impulse": edge_impulse,
    "edge impulse info.labels": edge_impulse_info,
    "yolo": yolo,
    "yolo names by number": lambda: yolo({"dataset.yml": b"path: .\nnames:\n  0: bolt\n  1: nut\n"}),
    "yolo with classes.txt": lambda: yolo({"classes.txt": b"bolt\nnut\n"}),
    "yolo of cvat": lambda: yolo({"obj.names": b"bolt\nnut\n", "obj.data": b"classes = 2\n", "train.txt": "\n".join(f"data/obj_train_data/{name}" for name in NAMES).encode()}),
    "yolo outlines": lambda: yolo(line=yolo_outline),
    "yolo poses": lambda: yolo(line=yolo_pose),
    "yolo poses with kpt_shape": lambda: yolo({"data.yaml": b"kpt_shape: [2, 3]\nnames:\n- bolt\n- nut\n"}, yolo_pose),
    "kitti": kitti,
    "dota": dota,
    "tensorflow csv": lambda: table("filename,width,height,class,xmin,ymin,xmax,ymax", lambda f, label, x, y, w, h: f"{f},{WIDE},{HIGH},{label},{x},{y},{x + w},{y + h}"),
    "open images": lambda: table(
        "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside",
        lambda f, label, x, y, w, h: f"{f[:-4]},xclick,/m/{label},1,{x / WIDE},{(x + w) / WIDE},{y / HIGH},{(y + h) / HIGH},0,0,0,0,0",
    ) | {"class-descriptions-boxable.csv": b"/m/bolt,bolt\n/m/nut,nut\n"},
    "vott csv": lambda: table('"image","xmin","ymin","xmax","ymax","label"', lambda f, label, x, y, w, h: f'"{f}",{x}.5,{y}.5,{x + w}.5,{y + h}.5,"{label}"'),
    "retinanet, no header": lambda: table("", lambda f, label, x, y, w, h: f"images/{f},{x},{y},{x + w},{y + h},{label}"),
    "makesense, no header": lambda: table("", lambda f, label, x, y, w, h: f"{label},{x},{y},{w},{h},{f},{WIDE},{HIGH}"),
    "automl, no header": lambda: table("", lambda f, label, x, y, w, h: f"TRAIN,gs://shop/{f},{label},{x / WIDE},{y / HIGH},,,{(x + w) / WIDE},{(y + h) / HIGH},,"),
    "one cell": lambda: table("image_id,width,height,bbox,source", lambda f, label, x, y, w, h: f'{f[:-4]},{WIDE},{HIGH},"[{x}.0, {y}.0, {w}.0, {h}.0]",{label}').copy(),
    "centres as shares": lambda: table("image,label,x_center,y_center,width,height", lambda f, label, x, y, w, h: f"{f},{label},{(x + w / 2) / WIDE},{(y + h / 2) / HIGH},{w / WIDE},{h / HIGH}"),
    "via 3 csv": via_3_csv,
    "rectlabel": rectlabel,
    "run lengths": lambda: table("ImageId,ClassId,EncodedPixels", lambda f, label, *box: f"{f},{label},{runs(*box)}"),
    "run lengths, class behind the name": lambda: table("Image_Label,EncodedPixels", lambda f, label, *box: f"{f}_{label},{runs(*box)}"),
    "run lengths along rows": lambda: table("id,annotation,width,height,cell_type", lambda f, label, *box: f"{f[:-4]},{runs(*box, along_rows=True)},{WIDE},{HIGH},{label}"),
    "run lengths from the run before": lambda: table("ImageId,label, EncodedPixels", lambda f, label, *box: f"{f[:-4]},{label},{runs(*box, relative=True)}"),
    "run lengths with names of ids": lambda: table("ImageId,EncodedPixels,Height,Width,ClassId", lambda f, label, *box: f"{f},{runs(*box)},{HIGH},{WIDE},{len(label)}") | {"label_descriptions.json": as_json({"info": {}, "categories": [{"id": 4, "name": "bolt"}, {"id": 3, "name": "nut"}]})},
    "corner and size": lambda: table("file_name;category;bbox_x;bbox_y;bbox_width;bbox_height", lambda f, label, x, y, w, h: f"{f};{label};{x};{y};{w};{h}"),
}  # fmt: skip
