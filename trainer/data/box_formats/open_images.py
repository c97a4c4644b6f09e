"""Open Images: codes of classes with their names in a file of their own, and labels of whole pictures."""

from collections.abc import Iterable

from trainer.columns import number_of
from trainer.data.box_formats.source import Annotated, Finder, Pictures
from trainer.data.box_formats.text_files import read_text

MIN_CONFIDENCE = 0.5


def code_names(pictures: Pictures) -> dict[str, str]:
    """Open Images' codes of classes with their names, from class-descriptions-boxable.csv."""
    names: dict[str, str] = {}
    for entry in pictures.with_suffix(".csv"):
        if "class-descriptions" in entry.parts[-1].lower():
            lines = (line.partition(",") for line in read_text(pictures.archive, entry).splitlines())
            names |= {code.strip(): name.strip().strip('"') for code, comma, name in lines if comma}
    return names


def is_image_labels(names: list[str]) -> bool:
    """Open Images' labels of whole pictures, which somebody or something checked."""
    lowered = {name.strip().lower() for name in names}
    return {"imageid", "labelname", "confidence"} <= lowered and "xmin" not in lowered


def read_image_labels(
    columns: list[str],
    rows: Iterable[tuple[str | None, ...]],
    file: str,
    find: Finder,
    into: Annotated,
    names: dict[str, str],
) -> bool:
    """Labels that are more likely there than not; a picture of which every label is denied has none."""
    places = {name.strip().lower(): place for place, name in enumerate(columns)}
    into.layout, into.title = "open_images", "Open Images"
    for line, row in enumerate(rows, 1):
        path, label = find(row[places["imageid"]] or ""), row[places["labelname"]] or ""
        likely = number_of(row[places["confidence"]] or "")
        if path is None:
            into.boxes.refuse(
                f"row {line} of {file} names “{(row[places['imageid']] or '')[:80]}”, which is not in the archive"
            )
        elif likely is None or not label:
            into.boxes.refuse(f"row {line} of {file} has no label or no confidence")
        else:
            listed = into.tags.setdefault(path, [])
            listed += (
                [names.get(label, label)] if likely >= MIN_CONFIDENCE and names.get(label, label) not in listed else []
            )
            if into.file_parts[file]:
                into.boxes.parts[path] = into.file_parts[file] or ""
    return True
