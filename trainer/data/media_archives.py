"""Pictures or sounds in an archive as rows: by class folders, beside a table, or with boxes (COCO, VOC, YOLO).

Every file is decoded once, in threads, and kept under its hash in the version's media folder; never are all in memory.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from trainer.data import (
    annotations,
    clips,
    cut_tables,
    device_folders,
    file_labels,
    media,
    sidecars,
    unlabelled,
)
from trainer.data.archives import Archive, Entry, EntryError
from trainer.data.box_formats import summary
from trainer.data.box_formats.registry import read_boxes
from trainer.data.box_formats.source import Annotated
from trainer.data.class_names import find_class_names, names_of_columns
from trainer.data.conversion_readings import FRAME_WHAT, conversion_reading
from trainer.data.folder_levels import MIN_GROUPS, UNNAMED_GROUP, groups_of_class
from trainer.data.folder_readings import level_reading
from trainer.data.gathering import Meter
from trainer.data.mask_files import mask_reports
from trainer.data.media_decoding import decode
from trainer.data.media_files import Collection, Files, MediaRow
from trainer.data.media_tables import read_beside_table
from trainer.data.media_video import FRAME_SECONDS, OFFERED_SECONDS, has_pictures
from trainer.data.readings import Choices, LeftOut
from trainer.errors import DataError
from trainer.messages import _, ngettext


def holds_media(archive: Archive, with_pages: bool = False) -> str | None:
    """image or audio, whichever the archive holds more of; None when it holds neither. `with_pages`: pages of PDFs are images."""
    if with_pages and any(entry.suffix == ".pdf" for entry in archive.entries):
        return "image"
    counts = Counter(media.kind_of_suffix(entry.suffix) for entry in archive.entries)
    del counts[None]
    if counts and not any(entry.suffix in media.IMAGE_SUFFIXES for entry in archive.entries):
        # Videos with recordings or with a transcript each are there for what is spoken.
        transcripts = {entry.name.rsplit(".", 1)[0] for entry in archive.entries if entry.suffix in SPOKEN_SUFFIXES}
        videos = [entry for entry in archive.entries if entry.suffix in media.VIDEO_SUFFIXES]
        if videos and all(is_sound(archive, entry) for entry in videos[:SNIFFED_VIDEOS]):
            return "audio"
        if counts["audio"] or sum(entry.name.rsplit(".", 1)[0] in transcripts for entry in videos) > 0.5 * len(videos):
            return "audio"
    return str(counts.most_common(1)[0][0]) if counts else None


SNIFFED_VIDEOS, SNIFFED_BYTES = 3, 256 << 20


def is_sound(archive: Archive, entry: Entry) -> bool:
    """Whether what is called a video holds sound alone."""
    try:
        return not has_pictures(archive.read(entry, SNIFFED_BYTES))
    except EntryError:
        return False


SPOKEN_SUFFIXES = (".txt", ".srt", ".vtt", ".textgrid", ".lab", ".trn")


def is_media_name(name: str, with_pages: bool = False) -> bool:
    suffix = Path(name).suffix.lower()
    return media.kind_of_suffix(suffix) is not None or (with_pages and suffix == ".pdf")


def read_collection(
    archive: Archive,
    kind: str,
    folder: Path,
    meter: Meter,
    choices: Choices | None = None,
    *,
    may_lack_labels: bool = True,
) -> Collection:
    """`choices`: how to read what can be read in several ways. Raises `DataError` when none of the files can be decoded, or nothing
    tells their labels, which `may_lack_labels` allows."""
    files = Files(archive, kind, choices)
    with_annotations = read_annotations(files) if kind == "image" else None
    names = find_class_names(files, files.roles.labels) if with_annotations is None else {}
    if tells_classes(files):
        sidecars.read_part_lists(files)
    collection, media_rows = (
        with_annotations
        or read_clips(files)
        or read_described(files, sidecars.read_lists(files), "list")
        or read_beside_table(files)
        or read_described(files, sidecars.read_sidecars(files), "sidecars")
        or read_described(files, file_labels.read_info_labels(files), "edge_impulse")
        or read_class_folders(files, may_lack_labels)
    )
    if with_annotations is None:
        leave_out_unnamed(files, collection, media_rows)
    media_rows, cut_readings, bad = cut_tables.cut_rows(files, media_rows)
    collection.readings += cut_readings
    collection.bad_count += len(bad)
    collection.bad += bad[: annotations.MAX_REPORTED]
    collection.readings += files.readings
    add_groups(files, collection, media_rows)
    collection.class_names = names or names_of_columns(files, media_rows)
    if any(entry.suffix in (*media.VIDEO_SUFFIXES, ".gif") for entry in files.media) and kind == "image":
        asked = files.choices.pick(FRAME_WHAT, OFFERED_SECONDS, archive.name)
        collection.frame_seconds, collection.is_frame_asked = float(asked or FRAME_SECONDS), asked is not None
    readings, left_out = mask_reports(files.masks, files.choices, archive.name)
    collection.readings += readings
    collection.left_out += left_out
    collection.used = files.used | {entry.name for entry in files.masks if left_out}
    files.used = collection.used
    collection.other_files = len(archive.entries) - len(files.media) - len(files.used)
    collection.other_kinds = Counter(entry.suffix for entry in files.others if entry.name not in files.used)
    return finish_collection(archive, media_rows, collection, folder, meter)


def finish_collection(
    archive: Archive, media_rows: Iterable[MediaRow], collection: Collection, folder: Path, meter: Meter
) -> Collection:
    """Decode what the rows name, into `folder`. Raises `DataError` where none of it can be used."""
    kind = collection.kind
    folder.mkdir(parents=True, exist_ok=True)
    for row, stored in decode(archive, media_rows, kind, folder, collection):
        cells = row.cells
        if collection.boxes is not None:
            cells = cells | {"objects": fit_objects(collection, row.entry, stored, folder)}
        collection.rows.append({kind: stored.name, "file": row.entry.name, **cells, **stored.facts})
        collection.parts.append(row.part)
        meter.add(1, archive.bytes_read)
    collection.readings += conversion_reading(collection, archive.name)
    if collection.boxes is not None and collection.annotated is not None:
        collection.bad_count = collection.boxes.bad_count
        collection.readings += summary.describe_boxes(collection.annotated, archive.name)
    if not collection.rows and collection.bad and not collection.lost:
        raise DataError(
            _("None of the annotations in %(name)s can be used: %(bad)s.", name=archive.name, bad=collection.bad[0]),
            code="bad_boxes",
            hint=_("Export them again, for instance as COCO, VOC, YOLO or CVAT, together with the pictures."),
        )
    if not collection.rows:
        message = (
            _("None of the images in %(archive)s can be used", archive=archive.name)
            if kind == "image"
            else _("None of the recordings in %(archive)s can be used", archive=archive.name)
        )
        example = f"{collection.lost[0][0]} {collection.lost[0][1]}" if collection.lost else ""
        raise DataError(
            _("%(message)s: %(example)s.", message=message, example=example)
            if example
            else _("%(message)s.", message=message),
            code="damaged",
            hint=_("Open a few of them on your own machine, and pack those that open."),
        )
    return collection


def read_annotations(files: Files) -> tuple[Collection, list[MediaRow]] | None:
    """Rows of pictures with boxes, or with the labels that a tool for boxes gave to whole pictures; None where the archive has no
    annotations of a known form."""
    annotated = read_boxes(files)
    if annotated is None:
        return None
    best, others = annotated
    boxes = best.boxes
    labelled = sum(map(bool, files.roles.labels)) if tells_classes(files) and not best.tags else 0
    is_used, source = summary.choose_source(best, others, labelled, files.choices, files.archive.name)
    if not is_used:
        files.readings.append(source)
        return None
    files.used |= best.used
    entries = {entry.name: entry for entry in files.media}
    collection = Collection("image", best.layout, bad=boxes.bad, bad_count=boxes.bad_count)
    if best.tags and not any(boxes.objects.values()):
        media_rows = tagged_rows(best, entries, files)
        leave_out_unnamed(files, collection, media_rows)
        return collection, media_rows
    unlabelled = [entry.name for entry in files.media if entry.name not in boxes.objects]
    reading, empty = summary.choose_unlabelled(best, unlabelled, files.choices, files.archive.name)
    boxes.objects |= {path: [] for path in empty}
    unlabelled = [path for path in unlabelled if path not in boxes.objects]
    collection.boxes, collection.annotated = boxes, best
    collection.readings += [source, *summary.describe_numbers(best, files.archive.name)] + (
        [reading] if reading else []
    )
    collection.left_out += summary.list_left_out(best, unlabelled, files.archive.name)
    media_rows = [
        MediaRow(entries[path], {"objects": ""}, boxes.parts.get(path) or files.part_of(entries[path]))
        for path in boxes.objects
    ]
    return collection, media_rows


def tells_classes(files: Files) -> bool:
    """Whether the folders plainly tell a class."""
    return bool(files.roles.scored) and files.roles.scored[0][0] >= 2


def tagged_rows(annotated: Annotated, entries: dict[str, Entry], files: Files) -> list[MediaRow]:
    """A label for each picture; lists where one has several."""
    is_single = all(len(labels) == 1 for labels in annotated.tags.values())
    return [
        MediaRow(
            entries[path],
            {"label": labels[0]} if is_single else {"labels": json.dumps(labels, ensure_ascii=False)},
            annotated.boxes.parts.get(path) or files.part_of(entries[path]),
        )
        for path, labels in annotated.tags.items()
    ]


def fit_objects(collection: Collection, entry: Entry, stored: media.Media, folder: Path) -> str:
    """The cell of a picture's objects, in its pixels as they are seen."""
    assert collection.boxes is not None
    size = (float(stored.facts["width"]), float(stored.facts["height"]))
    objects = collection.boxes.fit(entry.name, size, lambda: media.read_orientation(folder / stored.name))
    return annotations.to_cell(objects)


def read_described(
    files: Files, cells: dict[str, dict[str, str | None]] | None, layout: str
) -> tuple[Collection, list[MediaRow]] | None:
    """A row for each file that a list or a file beside it describes; its class folder is its label where nothing else is."""
    if cells is None:
        return None
    collection = Collection(
        files.kind, layout, bad=files.missing[: annotations.MAX_REPORTED], bad_count=len(files.missing)
    )
    label_tells = tells_classes(files)
    if label_tells:
        name_listed_classes(files, cells)
    has_label = any("label" in row for row in cells.values())
    media_rows = []
    for entry in files.media:
        row = dict(cells.get(entry.name, {}))
        if label_tells and (not has_label or entry.name not in cells):
            row["label"] = files.class_of(entry) or None
        if entry.name in cells or label_tells:
            media_rows.append(MediaRow(entry, row, files.part_of(entry)))
    return collection, media_rows


def name_listed_classes(files: Files, cells: dict[str, dict[str, str | None]]) -> None:
    """What a list says of some files is their label where it is one of the class folders of the others (Tiny ImageNet)."""
    folders = {files.class_of(entry) for entry in files.media if entry.name not in cells} - {""}
    texts = [row.get("text") for row in cells.values()]
    if folders and texts and all(text in folders for text in texts):
        for row in cells.values():
            row["label"] = row.pop("text")


def read_clips(files: Files) -> tuple[Collection, list[MediaRow]] | None:
    """Clips of recordings that segments, a TextGrid or subtitles tell, or the recordings with all that is said in them."""
    recordings = clips.read_recordings(files) if files.kind == "audio" else None
    if recordings is None:
        return None
    is_cut, reading = clips.choose(recordings, files.choices, files.archive.name)
    files.used |= recordings.used
    missing = files.missing
    collection = Collection("audio", recordings.form, bad=missing[: annotations.MAX_REPORTED], bad_count=len(missing))
    collection.readings.append(reading)
    entries = {entry.name: entry for entry in files.media}
    media_rows = [
        MediaRow(
            entries[path],
            {} if is_cut else clips.whole_cells(cuts),
            files.part_of(entries[path]),
            cuts if is_cut else (),
        )
        for path, cuts in recordings.cuts.items()
    ]
    return collection, media_rows


def read_class_folders(files: Files, may_lack_labels: bool = True) -> tuple[Collection, list[MediaRow]]:
    """A row a file, its label the folder it lies in, or a part of its name. Where neither tells one, rows without labels, or
    `DataError` unless they `may_lack_labels`."""
    files.readings += device_folders.readings_of(files.paths_of_folders, files.choices, files.archive.name)
    media_rows = [MediaRow(entry, {"label": files.class_of(entry)}, files.part_of(entry)) for entry in files.media]
    named = None if any(row.cells["label"] for row in media_rows) else file_labels.label_by_names(files)
    if named is not None:
        labels, reading = named
        rows = [MediaRow(row.entry, {"label": labels.get(row.entry.name) or None}, row.part) for row in media_rows]
        return Collection(files.kind, "names" if labels else unlabelled.LAYOUT, readings=[reading]), rows
    labels_of_rows = [row.cells["label"] or "" for row in media_rows]
    if may_lack_labels and not any(labels_of_rows):
        return unlabelled.read_unlabelled(files)
    is_no_label, readings = unlabelled.read_one_folder(files, labels_of_rows) if may_lack_labels else (False, [])
    if is_no_label:
        return Collection(files.kind, unlabelled.LAYOUT, readings=readings), [
            MediaRow(entry, {"label": None}) for entry in files.media
        ]
    if not any(labels_of_rows):
        raise unlabelled.no_labels_error(files)
    readings += level_reading(files.roles, files.choices, [entry.name for entry in files.media])
    readings += unlabelled.loose_reading(files, labels_of_rows.count(""))
    return Collection(files.kind, "folders", readings=readings), media_rows


def leave_out_unnamed(files: Files, collection: Collection, media_rows: list[MediaRow]) -> None:
    """Say which pictures or sounds are in no row, because nothing names them."""
    named = {row.entry.name for row in media_rows}
    unnamed = [entry.name for entry in files.media if entry.name not in named]
    if not unnamed:
        return
    sentence = ngettext(
        "%(count)s file is named by no list or table and was left out: %(examples)s.",
        "%(count)s files are named by no list or table and were left out: %(examples)s.",
        len(unnamed),
        examples="; ".join(unnamed[:3]),
    )
    collection.left_out.append(LeftOut("unnamed", len(unnamed), sentence, files.archive.name, examples=unnamed[:5]))


def add_groups(files: Files, collection: Collection, media_rows: list[MediaRow]) -> None:
    """A column with the camera, person or day of each row, by which the rows are divided where there are enough of them."""
    groups, name = files.roles.groups, files.roles.group_name
    if not groups and not any("label" in row.cells for row in media_rows):
        groups, name = groups_of_class(files.roles)
        is_spoken = files.kind == "audio" and any("text" in row.cells for row in media_rows[:100])
        name = "speaker" if name == UNNAMED_GROUP and is_spoken else name
    if not groups:
        return
    of_rows = [groups[files.index_of[row.entry.name]] for row in media_rows]
    group_column = column_of_groups(media_rows, of_rows)
    if not group_column and any(name in row.cells for row in media_rows[:100]):
        return
    for row, group in zip(media_rows, of_rows, strict=True):
        row.cells[group_column or name] = group or None
    if len(set(of_rows) - {""}) >= MIN_GROUPS:
        collection.group = group_column or name


def column_of_groups(media_rows: Sequence[MediaRow], groups: Sequence[str]) -> str | None:
    """The column of a table beside the folders that says the group of each row already."""
    columns = media_rows[0].cells if media_rows else {}
    return next((name for name in columns if [row.cells.get(name) for row in media_rows] == groups), None)
