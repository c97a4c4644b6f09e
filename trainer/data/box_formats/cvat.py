"""CVAT's own XML, for images and for videos: boxes, outlines, ellipses, masks, skeletons, and tags of whole pictures."""

import re
from collections import defaultdict
from xml.etree.ElementTree import Element

from trainer.data.annotations import Shape, Size, parse_numbers, parse_size
from trainer.data.box_formats.geometry import Point, bounds_of, rotate_corners
from trainer.data.box_formats.source import Annotated, Finder
from trainer.data.readings import Reading
from trainer.data.splitting import part_of_name
from trainer.messages import _

MIN_SHARE = 0.9
"""Of the frames with objects that must be among the numbers of the pictures' names."""
SHAPES = frozenset({"box", "polygon", "ellipse", "mask", "skeleton", "polyline", "points", "cuboid"})


def is_cvat(root: Element) -> bool:
    return root.tag == "annotations" and (root.find("image") is not None or root.find("track") is not None)


def read_cvat(root: Element, file: str, find: Finder, into: Annotated) -> None:
    """`file`: the name of the XML file. Pictures that it names count without objects, too."""
    for image in root.iter("image"):
        name = image.get("name") or ""
        path = find(name)
        if path is None:
            into.boxes.refuse(f"the picture “{name[:80]}” of {file} is not in the archive")
            continue
        into.boxes.objects[path]
        size = parse_size(image.get("width"), image.get("height"))
        if part := part_of_name(image.get("subset") or ""):
            into.boxes.parts[path] = part
        for number, element in enumerate(image, 1):
            if element.tag == "tag":
                into.tags.setdefault(path, []).append((element.get("label") or "").strip())
            elif element.tag in SHAPES:
                add_shape(element, element.get("label"), path, size, f"shape {number} of “{name[:80]}” in {file}", into)
    read_tracks(root, file, find, into)


def read_tracks(root: Element, file: str, find: Finder, into: Annotated) -> None:
    """A video's objects, frame by frame; the frames lie in the archive as frame_000000 and so on, or under names of their own."""
    frames = {frame for track in root.iter("track") for part in track if (frame := part.get("frame") or "").isdecimal()}
    paths = find_frames({int(frame) for frame in frames}, root.findtext("meta//size"), find, into)
    size = parse_size(root.findtext("meta//original_size/width"), root.findtext("meta//original_size/height"))
    missing: dict[str, int] = defaultdict(int)
    for track in root.iter("track"):
        for element in track:
            frame = element.get("frame") or ""
            if element.tag not in SHAPES or element.get("outside") == "1" or not frame.isdecimal():
                continue
            path = paths.get(int(frame))
            if path is None:
                missing[frame] += 1
                continue
            label = track.get("label")
            add_shape(element, label, path, size, f"track {track.get('id')} of {file}, frame {frame},", into)
    for frame, count in missing.items():
        into.boxes.refuse(f"frame {frame} of {file}, with objects ({count}), is not in the archive")


def find_frames(frames: set[int], size: str | None, find: Finder, into: Annotated) -> dict[int, str]:
    """{number of a frame: its picture}: by CVAT's own names, else by the numbers at the ends of the pictures' names, counted from 0 or
    from 1, else in the order of the names where there are as many pictures as the video has frames (`size`)."""
    named = {frame: path for frame in frames if (path := find(f"frame_{frame:06d}"))}
    if named or not frames:
        return named
    paths = find.index.paths()
    numbers = {int(digits[-1]): path for path in paths if (digits := re.findall(r"\d{1,9}", path.rpartition("/")[2]))}
    first = 1 if 0 in frames and min(numbers, default=0) == 1 else 0
    if len(numbers) == len(paths) and sum(frame + first in numbers for frame in frames) >= MIN_SHARE * len(frames):
        sentence = _(
            "Frames of the video are the images by the numbers in their names, counted from %(first)s", first=first
        )
        into.readings.append(Reading("video_frames", "numbers", sentence))
        return {frame: numbers[frame + first] for frame in frames if frame + first in numbers}
    if (size or "").strip() == str(len(paths)):
        sentence = _("Frames of the video are the images in the order of their names")
        into.readings.append(Reading("video_frames", "order", sentence))
        return {frame: paths[frame] for frame in frames if frame < len(paths)}
    return {}


def add_shape(element: Element, label: str | None, path: str, size: Size | None, where: str, into: Annotated) -> None:
    label = (label or "").strip()
    edges = parse_numbers([element.get(edge) for edge in ("xtl", "ytl", "xbr", "ybr")], 4)
    middle = parse_numbers([element.get(edge) for edge in ("cx", "cy", "rx", "ry")], 4)
    mask = parse_numbers([element.get(edge) for edge in ("left", "top", "width", "height")], 4)
    turn = (parse_numbers([element.get("rotation") or 0], 1) or [0.0])[0]
    points = parse_cvat_points(element.get("points"))
    if not label:
        into.boxes.refuse(f"{where} has no label")
    elif element.tag == "skeleton" and (marks := skeleton_points(element)):
        shape: Shape = {"keypoints": marks}
        around = bounds_of((x, y) for x, y, visible in marks if visible) or [0.0] * 4
        into.boxes.add(path, label, around, size, where, shape)
    elif element.tag == "box" and edges:
        box = [edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]]
        centre = (box[0] + box[2] / 2, box[1] + box[3] / 2)
        if turn % 360:
            into.boxes.add_points(path, label, rotate_corners(box, turn, centre), size, where)
        else:
            into.boxes.add(path, label, box, size, where)
    elif element.tag == "ellipse" and middle:
        x, y, wide, high = middle
        into.boxes.add(path, label, [x - wide, y - high, 2 * wide, 2 * high], size, where)
    elif element.tag == "mask" and mask:
        runs = {"format": "cvat", "rle": element.get("rle") or "", "box": mask}
        into.boxes.add(path, label, mask, size, where, {"mask": runs})
    elif element.tag == "polygon" and len(points) > 2:
        into.boxes.add_points(path, label, points, size, where)
    else:
        into.boxes.refuse(f"{where} is a point or a line, which has no box")


def skeleton_points(element: Element) -> list[list[float]]:
    marks = []
    for part in element.iter("points"):
        visible = 0.0 if part.get("outside") == "1" else 1.0 if part.get("occluded") == "1" else 2.0
        marks += [[point[0], point[1], visible] for point in parse_cvat_points(part.get("points"))[:1]]
    return marks


def parse_cvat_points(text: str | None) -> list[Point]:
    """`x,y;x,y` → points."""
    pairs = [parse_numbers(pair.split(","), 2) for pair in (text or "").split(";")[:100_000]]
    return [(pair[0], pair[1]) for pair in pairs if pair]
