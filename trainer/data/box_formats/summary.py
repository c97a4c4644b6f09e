"""How the boxes of an archive were read, in sentences: the form, what became of outlines, and pictures that nothing is said of."""

from trainer.data.box_formats.box_forms import swapped_reading
from trainer.data.box_formats.source import Annotated
from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.messages import Message, _, joined, ngettext

BACKGROUND, LEAVE_OUT = "background", "leave_out"
FOLDERS = "folders"
SHAPES = ("segments", "corners", "mask", "keypoints")


def beside_annotated(best: Annotated, unlabelled: list[str]) -> list[str]:
    """Those in a folder of which other pictures are annotated: a whole folder without annotations is one that nobody labelled,
    such as a competition's test images."""
    folders = {path.rpartition("/")[0] for path in best.boxes.objects}
    return [path for path in unlabelled if path.rpartition("/")[0] in folders]


def choose_unlabelled(
    best: Annotated, unlabelled: list[str], choices: Choices, file: str
) -> tuple[Reading | None, list[str]]:
    """(whether pictures without annotations are pictures without objects, or None where there are none of them; those that
    are)."""
    asked = choices.pick("unlabelled_images", (BACKGROUND, LEAVE_OUT), file)
    if not unlabelled:
        return None, []
    empty = unlabelled if asked == BACKGROUND else beside_annotated(best, unlabelled)
    chosen = asked or (BACKGROUND if best.has_backgrounds and empty else LEAVE_OUT)
    empty = empty if chosen == BACKGROUND else []
    count = len(empty or unlabelled)
    sentences = {
        BACKGROUND: ngettext(
            "%(count)s image without annotations counts as an image without objects",
            "%(count)s images without annotations count as images without objects",
            count,
        ),
        LEAVE_OUT: ngettext(
            "%(count)s image without annotations was left out",
            "%(count)s images without annotations were left out",
            count,
        ),
    }
    labels = {BACKGROUND: _("Read as images without objects"), LEAVE_OUT: _("Leave out")}
    other = LEAVE_OUT if chosen == BACKGROUND else BACKGROUND
    reading = Reading(
        "unlabelled_images",
        chosen,
        sentences[chosen],
        [Choice(other, labels[other])],
        confidence=1.0 if asked else 0.7,
        file=file,
        is_asked=asked is not None,
    )
    return reading, empty


def choose_source(
    best: Annotated, others: list[Annotated], labelled: int, choices: Choices, file: str
) -> tuple[bool, Reading]:
    """(whether the annotations are read and not the class folders, the reading with the other ways). `labelled`: pictures of which
    their folders tell a class: more than twice as many as have annotations are what is meant."""
    options = [form.layout for form in (best, *others)] + ([FOLDERS] if labelled else [])
    asked = choices.pick("annotations", options, file)
    is_folders = asked == FOLDERS or (asked is None and labelled > 2 * best.pictures_with_objects)
    chosen = FOLDERS if is_folders else best.layout
    titles = {form.layout: _("Annotations of %(title)s", title=form.title) for form in (best, *others)}
    titles[FOLDERS] = _("The class folders as labels")
    sentence: Message = describe_source(best, others)
    if is_folders:
        sentence = _(
            "The label is the class folder; annotations of %(title)s of %(count)s images are not used",
            title=best.title,
            count=f"{best.pictures_with_objects:,}",
        )
    offered = [Choice(option, titles[option]) for option in dict.fromkeys(options) if option != chosen]
    confidence = 0.6 if is_folders and asked is None else 1.0
    return not is_folders, Reading(
        "annotations", chosen, sentence, offered, confidence, file=file, is_asked=asked is not None
    )


def describe_source(best: Annotated, others: list[Annotated]) -> Message:
    """The form that was read, and the ones beside it."""
    objects = sum(map(len, best.boxes.objects.values()))
    pictures = best.pictures_with_objects
    sentence: Message = _(
        "Annotations of %(title)s: %(objects)s objects in %(pictures)s images",
        title=best.title,
        objects=f"{objects:,}",
        pictures=f"{pictures:,}",
    )
    if others:
        names = ", ".join(other.title for other in others)
        sentence = joined([sentence, _("also in the archive, and not used: %(names)s", names=names)], "; ")
    return sentence


def describe_numbers(best: Annotated, file: str) -> list[Reading]:
    """How the numbers of the form were counted."""
    readings = list(best.readings)
    if best.unit:
        units = {"pixels": _("pixels"), "shares": _("fractions of the image"), "percent": _("percent of the image")}
        sentence = _("Box coordinates in %(unit)s", unit=units[best.unit])
        readings.append(Reading("box_unit", best.unit, sentence, file=file))
    if best.boxes.swapped:
        readings.append(swapped_reading(best.boxes.swapped, file))
    if best.several_answers:
        sentence = ngettext(
            "%(count)s image was labelled by several people; the first answer is used",
            "%(count)s images were labelled by several people; the first answer is used",
            best.several_answers,
        )
        readings.append(Reading("several_answers", "first", sentence, file=file))
    return readings


def describe_boxes(best: Annotated, file: str) -> list[Reading]:
    """What became of objects that were no upright boxes in the picture's own pixels; known once the pictures are decoded."""
    readings = []
    if counts := shape_counts(best):
        sentence = joined(
            [joined(counts, ", "), _("used as the boxes around them; the originals stay in the version")], ": "
        )
        readings.append(Reading("shapes", "boxes", sentence, file=file))
    if turned := len(best.boxes.turned):
        sentence = ngettext(
            "Boxes of %(count)s image were turned upright with it, as its EXIF says",
            "Boxes of %(count)s images were turned upright with them, as their EXIF says",
            turned,
        )
        readings.append(Reading("turned_boxes", "upright", sentence, file=file))
    if scaled := len(best.boxes.scaled):
        sentence = ngettext(
            "Boxes of %(count)s image were measured at another size and scaled to it",
            "Boxes of %(count)s images were measured at another size and scaled to them",
            scaled,
        )
        readings.append(Reading("scaled_boxes", "scaled", sentence, file=file))
    return readings


def shape_counts(best: Annotated) -> list[Message]:
    """How many outlines, rotated boxes, masks and objects with key points there were, of those that there were."""
    outlines, rotated, masks, marked = (best.boxes.shapes[shape] for shape in SHAPES)
    counts = [
        (outlines, ngettext("%(count)s outline (polygon)", "%(count)s outlines (polygons)", outlines)),
        (rotated, ngettext("%(count)s rotated box", "%(count)s rotated boxes", rotated)),
        (masks, ngettext("%(count)s mask", "%(count)s masks", masks)),
        (marked, ngettext("%(count)s object with key points", "%(count)s objects with key points", marked)),
    ]
    return [message for count, message in counts if count]


def list_left_out(best: Annotated, unlabelled: list[str], file: str) -> list[LeftOut]:
    """Crowds, and pictures of which the annotations say nothing where those are left out."""
    left_out = []
    if count := len(best.boxes.crowds):
        sentence = ngettext(
            "%(count)s region of many objects in one (crowd) is not a box of one object.",
            "%(count)s regions of many objects in one (crowd) are not boxes of one object.",
            count,
        )
        left_out.append(LeftOut("crowd", count, sentence, file, "", best.boxes.crowds))
    if count := len(unlabelled):
        sentence = ngettext("%(count)s image has no annotations.", "%(count)s images have no annotations.", count)
        left_out.append(LeftOut("unlabelled", count, sentence, file, "", unlabelled))
    return left_out
