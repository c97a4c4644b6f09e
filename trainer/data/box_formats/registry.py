"""Every form in which an archive may say what its pictures show; the one that says it of most pictures is read."""

import json
from collections.abc import Iterator

from trainer import columns as kinds
from trainer.data.archives import EntryError
from trainer.data.box_formats.box_columns import place_boxes
from trainer.data.box_formats.box_forms import WHAT as BOXES
from trainer.data.box_formats.box_lists import is_box_list, is_objects_column, parse_lines, read_box_list
from trainer.data.box_formats.cvat import is_cvat, read_cvat
from trainer.data.box_formats.json_tools import COCO_FORMS, JSON_FORMATS, JsonFormat, finish_coco
from trainer.data.box_formats.prompts import is_prompts, read_box_lines, read_prompts
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.source import Annotated, Finder, Pictures, parts_of_entries
from trainer.data.box_formats.table_rows import read_tables
from trainer.data.box_formats.text_files import read_text, read_text_files
from trainer.data.box_formats.via3 import is_via3, read_via3
from trainer.data.box_formats.voc import parse_xml, read_voc, read_voc_root

FORMATS = (
    *JSON_FORMATS,
    JsonFormat("via", "VGG Image Annotator (VIA)", is_via3, read_via3),
    JsonFormat("prompts", "PaliGemma or Florence-2", is_prompts, read_prompts),
    JsonFormat("list", "a list of boxes for each image", is_box_list, read_box_list),
)
LINES = (".jsonl", ".ndjson", ".manifest")
MAX_ANNOTATION_BYTES = 64 * 1024**2
MAX_XML_BYTES = 64 * 1024**2


def read_boxes(pictures: Pictures) -> tuple[Annotated, list[Annotated]] | None:
    """(the annotations to use, others that the archive holds as well); None where there are none. Asked for by `annotations`, else
    those of most pictures."""
    index = PictureIndex(pictures.media)
    forms = [*read_json(pictures, index), *read_xml(pictures, index)]
    texts = (read_text_files(pictures, index), read_box_lines(pictures, index))
    forms += [text for text in texts if text]
    if not any(form.pictures_with_objects for form in forms) and (table := read_tables(pictures, index)):
        forms.append(table)
    if not forms:
        return None
    asked = pictures.choices.get("annotations", pictures.archive.name)
    best = max(forms, key=lambda form: (form.layout == asked, form.pictures_with_objects))
    return best, [form for form in forms if form is not best and form.pictures_with_objects]


def read_json(pictures: Pictures, index: PictureIndex) -> Iterator[Annotated]:
    forms: dict[str, Annotated] = {}
    entries = pictures.with_suffix(".json", ".labels", *LINES)
    parts = parts_of_entries(entries)
    for entry in entries:
        try:
            data = pictures.archive.read(entry, MAX_ANNOTATION_BYTES)
            document = parse_lines(data.decode()) if entry.suffix in LINES else json.loads(data)
        except (EntryError, ValueError, RecursionError):
            continue
        form = next((form for form in FORMATS if form.matches(document)), None)
        if form is None or (entry.suffix in LINES and is_objects_column(document)):
            continue
        if form.layout not in forms:
            asked = pictures.choices.pick(BOXES, COCO_FORMS, pictures.archive.name) if form.layout == "coco" else None
            forms[form.layout] = Annotated(form.layout, form.title, file_parts=parts, box_form=asked or "")
        into = forms[form.layout]
        into.used.add(entry.name)
        into.documents += 1
        form.read(document, entry, Finder(index, entry.parts), into)
    for into in forms.values():
        finish_coco(into, pictures.archive.name)
        for table in into.waiting:
            place_boxes(table, pictures, into)
        yield into


def read_xml(pictures: Pictures, index: PictureIndex) -> Iterator[Annotated]:
    voc, cvat = Annotated("voc", "Pascal VOC"), Annotated("cvat", "CVAT")
    for entry in pictures.with_suffix(".xml"):
        try:
            data = pictures.archive.read(entry, MAX_XML_BYTES)
        except EntryError:
            voc.boxes.refuse(f"{entry.name} cannot be read")
            continue
        if b"<annotation" not in data[:4096]:
            continue
        find, root = Finder(index, entry.parts), parse_xml(data)
        into = cvat if root is not None and is_cvat(root) else voc
        into.used.add(entry.name)
        into.documents += 1
        if root is None:
            read_voc(data, find, voc.boxes, entry.name)
        elif into is cvat:
            read_cvat(root, entry.name, find, cvat)
        elif root.tag == "annotation":
            read_voc_root(root, find, voc.boxes, entry.name)
        else:
            voc.boxes.refuse(f"{entry.name} is no VOC annotation")
    if voc.documents:
        read_image_sets(pictures, index, voc)
        yield voc
    if cvat.documents:
        yield cvat


def read_image_sets(pictures: Pictures, index: PictureIndex, into: Annotated) -> None:
    """ImageSets/Main/train.txt and so on tell the parts of VOC's pictures."""
    for entry in pictures.with_suffix(".txt"):
        part = kinds.SPLIT_VALUES.get(entry.parts[-1].rpartition(".")[0].lower())
        if not part or "imagesets" not in entry.name.lower():
            continue
        into.used.add(entry.name)
        for line in read_text(pictures.archive, entry).splitlines():
            if line.split() and (path := index.find(line.split()[0])):
                into.boxes.parts[path] = part
