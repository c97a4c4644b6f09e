"""Pictures, sounds and documents that nothing says the labels of: people label them."""

from collections.abc import Sequence

from trainer.data.dataset import Dataset
from trainer.data.documents import is_note
from trainer.data.media_files import Collection, Files, MediaRow, stem_of
from trainer.data.media_tables import IS_NO_TRUTH, TABLE_SUFFIXES, describes_one
from trainer.data.readings import Choice, Reading
from trainer.errors import DataError
from trainer.messages import Message, _, ngettext

LAYOUT = "unlabelled"
"""Of a collection whose rows have no label."""
TASKS = {"image": "image-classification", "audio": "audio-classification"}
"""What such rows are labelled for unless somebody chooses otherwise."""
WHAT, NONE, LABEL = "one_folder", "none", "label"
"""The question whether the one folder that holds all files is their label."""
TRUTHS = TABLE_SUFFIXES | {".xml", ".yaml", ".yml"}
"""Endings of files that may say labels."""


def read_unlabelled(files: Files) -> tuple[Collection, list[MediaRow]]:
    """A row for each file, without a label; `DataError` where files beside them seem to say labels."""
    if truths := files_with_labels(files):
        raise no_labels_error(files, truths)
    reading = Reading(LAYOUT, NONE, sentence_of(files.kind, len(files.media)), file=files.archive.name)
    return Collection(files.kind, LAYOUT, readings=[reading]), [
        MediaRow(entry, {"label": None}) for entry in files.media
    ]


def read_one_folder(files: Files, labels: Sequence[str]) -> tuple[bool, list[Reading]]:
    """Whether a folder that holds all files is not a label of theirs, as which it would say nothing; and the reading that tells so."""
    if len(set(labels)) != 1 or not labels[0]:
        return False, []
    asked = files.choices.pick(WHAT, (NONE, LABEL), files.archive.name)
    folder = _("The folder “%(name)s” that holds all files is their label", name=labels[0])
    if asked == LABEL:
        other = Choice(NONE, sentence_of(files.kind, len(files.media)))
        return False, [Reading(WHAT, LABEL, folder, [other], file=files.archive.name, is_asked=True)]
    sentence = sentence_of(files.kind, len(files.media))
    return True, [
        Reading(WHAT, NONE, sentence, [Choice(LABEL, folder)], 0.95, files.archive.name, is_asked=asked is not None)
    ]


def files_with_labels(files: Files) -> list[str]:
    """Paths of files that may say the labels, though no reader understood them."""
    names = {name for entry in files.media for name in (stem_of(entry).rsplit("/", 1)[-1], entry.parts[-1].casefold())}
    return [
        entry.name
        for entry in files.others
        if entry.suffix in TRUTHS
        and not (is_note(entry) or IS_NO_TRUTH.search(entry.parts[-1]) or describes_one(entry, names))
    ]


def no_labels_error(files: Files, truths: Sequence[str] = ()) -> DataError:
    what = "pictures" if files.kind == "image" else "sounds"
    values = {"count": f"{len(files.media):,}", "what": what, "name": files.archive.name}
    if not truths:
        return DataError(
            _(
                "There are no labels for the %(count)s %(what)s in %(name)s: they are in no class folders, and no table names them.",
                **values,
            ),
            code="no_labels",
            hint=_(
                "Make one folder per class, put the files inside, and zip the folders; or add a CSV with the columns file_name and label."
            ),
        )
    return DataError(
        _("%(file)s names none of the %(count)s %(what)s in %(name)s.", file=truths[0], **values),
        code="no_labels",
        hint=_("Give it a column with the names of the files. To label them here instead, send them without it."),
    )


def sentence_of(kind: str, count: int) -> Message:
    """“120 pictures without labels: label them here”."""
    if kind == "image":
        return ngettext(
            "%(count)s picture without a label: label it here",
            "%(count)s pictures without labels: label them here",
            count,
        )
    if kind == "audio":
        return ngettext(
            "%(count)s recording without a label: label it here",
            "%(count)s recordings without labels: label them here",
            count,
        )
    return ngettext(
        "%(count)s text without a label: label it here", "%(count)s texts without labels: label them here", count
    )


def loose_reading(files: Files, count: int) -> list[Reading]:
    """That some lie in no class folder."""
    return [Reading(LAYOUT, NONE, sentence_of(files.kind, count), file=files.archive.name)] if count else []


def documents_reading(count: int, file: str) -> Reading:
    return Reading(LAYOUT, NONE, sentence_of("text", count), file=file)


def mapping_of(dataset: Dataset) -> tuple[str, dict[str, str]] | None:
    """(task, {role: column}) of pictures, sounds or documents without any label; None of other rows."""
    layouts = {source.get("format") for source in dataset.sources}
    if layouts == {"documents"} and set(dataset.names) == {"text", "file"}:
        return "text-generation", {"text": "text"}
    media = next((name for name in TASKS if dataset.kinds.get(name) == name), None)
    if layouts != {LAYOUT} or media is None:
        return None
    return TASKS[media], {media: media, "label": "label"}
