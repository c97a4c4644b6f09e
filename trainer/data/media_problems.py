"""What of archives, pictures and sounds was not kept, as problems and as `left_out`: which files, how many, and what to do."""

from trainer.data.archives import Archive
from trainer.data.media_files import Collection
from trainer.data.problems import Problem, problem
from trainer.data.readings import LeftOut
from trainer.errors import DataError
from trainer.messages import _, ngettext


def skipped_problems(archive: Archive) -> list[Problem]:
    """Files of an archive that were left out, and why."""
    if not archive.skipped_count:
        return []
    examples = [f"{name} {reason}" for name, reason in archive.skipped]
    count = archive.skipped_count
    message = ngettext(
        "%(count)s file of %(archive)s was left out: %(examples)s.",
        "%(count)s files of %(archive)s were left out: %(examples)s.",
        count,
        archive=archive.name,
        examples="; ".join(examples[:3]),
    )
    return [problem("skipped_files", "warning", message, examples=examples, count=count)]


def skipped_left_out(archive: Archive) -> list[LeftOut]:
    if not archive.skipped_count:
        return []
    count = archive.skipped_count
    sentence = ngettext("%(count)s file was skipped.", "%(count)s files were skipped.", count)
    return [LeftOut("skipped", count, sentence, archive.name, "", [f"{name} {why}" for name, why in archive.skipped])]


def collection_left_out(collection: Collection, name: str) -> list[LeftOut]:
    """Of an archive of pictures or sounds: what its reader reported, files that could not be decoded, and other files."""
    left_out = list(collection.left_out)
    if collection.lost:
        count = len(collection.lost)
        sentence = ngettext("%(count)s file cannot be decoded.", "%(count)s files cannot be decoded.", count)
        left_out.append(
            LeftOut("undecodable", count, sentence, name, "", [f"{path} {why}" for path, why in collection.lost])
        )
    if collection.bad_count and collection.boxes is None:
        count = collection.bad_count
        sentence = ngettext("%(count)s row could not be used.", "%(count)s rows could not be used.", count)
        left_out.append(LeftOut("unusable", count, sentence, name, "", collection.bad))
    if collection.other_files:
        count = collection.other_files
        sentence = ngettext("%(count)s file is of another kind.", "%(count)s files are of another kind.", count)
        left_out.append(LeftOut("other_kind", count, sentence, name))
    return left_out


def collection_problems(collection: Collection, name: str) -> list[Problem]:
    """What of an archive of pictures or sounds could not be used, or was passed over."""
    return [
        *lost_media_problems(collection),
        *bad_annotation_problems(collection),
        *other_file_problems(collection, name),
    ]


def lost_media_problems(collection: Collection) -> list[Problem]:
    """Pictures or sounds that could not be decoded."""
    if not collection.lost:
        return []
    count = len(collection.lost)
    examples = [f"{path} {reason}" for path, reason in collection.lost]
    listed = "; ".join(examples[:3])
    message = (
        ngettext(
            "%(count)s image cannot be used and was left out: %(examples)s.",
            "%(count)s images cannot be used and were left out: %(examples)s.",
            count,
            examples=listed,
        )
        if collection.kind == "image"
        else ngettext(
            "%(count)s recording cannot be used and was left out: %(examples)s.",
            "%(count)s recordings cannot be used and were left out: %(examples)s.",
            count,
            examples=listed,
        )
    )
    lost_media = problem("corrupt_media", "warning", message, examples=examples, count=count)
    return [lost_media | {"files": [path for path, _reason in collection.lost[:100]]}]


def bad_annotation_problems(collection: Collection) -> list[Problem]:
    """Boxes, or lines of the table beside the files, that could not be used."""
    if not collection.bad_count:
        return []
    code = "bad_boxes" if collection.boxes is not None else "bad_rows"
    listed = "; ".join(collection.bad[:3])
    message = (
        ngettext(
            "%(count)s annotation could not be used as it is: %(examples)s.",
            "%(count)s annotations could not be used as they are: %(examples)s.",
            collection.bad_count,
            examples=listed,
        )
        if code == "bad_boxes"
        else ngettext(
            "%(count)s row could not be used as it is: %(examples)s.",
            "%(count)s rows could not be used as they are: %(examples)s.",
            collection.bad_count,
            examples=listed,
        )
    )
    bad_annotations = problem(code, "warning", message, examples=collection.bad, count=collection.bad_count)
    return [bad_annotations | {"places": collection.bad[:100]}]


def other_file_problems(collection: Collection, name: str) -> list[Problem]:
    """Files of other kinds, which were passed over: which, how many, and what to do with them."""
    if not collection.other_files:
        return []
    counts = collection.other_kinds.most_common(6)
    listed = ", ".join(f"{count:,} {suffix or '?'}" for suffix, count in counts)
    message = (
        ngettext(
            "%(count)s other file of %(archive)s is not an image and was skipped: %(kinds)s.",
            "%(count)s other files of %(archive)s are not images and were skipped: %(kinds)s.",
            collection.other_files,
            archive=name,
            kinds=listed,
        )
        if collection.kind == "image"
        else ngettext(
            "%(count)s other file of %(archive)s is not audio and was skipped: %(kinds)s.",
            "%(count)s other files of %(archive)s are not audio and were skipped: %(kinds)s.",
            collection.other_files,
            archive=name,
            kinds=listed,
        )
    )
    examples = [f"{suffix}: {advice}" for suffix, _count in counts if (advice := advice_for(suffix))]
    return [problem("other_files", "warning", message, examples=examples, count=collection.other_files)]


ADVICE = {
    **dict.fromkeys(
        (".psd", ".ai", ".xcf", ".svg", ".eps", ".jxl", ".jp2", ".tga", ".exr", ".hdr", ".ico"), "export as PNG or JPEG"
    ),
    **dict.fromkeys((".dcm", ".nii", ".mha"), "export the slices as PNG"),
    **dict.fromkeys((".mid", ".midi", ".ra", ".dss", ".ds2", ".spx"), "convert to WAV, FLAC or MP3"),
    **dict.fromkeys((".tfrecord", ".tfrecords", ".record"), "export as files with a CSV, or as Parquet"),
    **dict.fromkeys((".npy", ".npz", ".mat", ".h5", ".hdf5", ".pkl"), "export as pictures, or as CSV or Parquet"),
    ".cbor": "send a table with a row for each recording, with its label and figures of its signals",
    **dict.fromkeys((".pdf", ".docx", ".html", ".eml"), "send documents as a dataset of their own"),
}
"""What to do with files that are not read, by ending."""


def advice_for(suffix: str) -> str:
    """What to do with a file of this ending, "" where nothing is known; shards count: .tfrecord-00000-of-00010."""
    return ADVICE.get(suffix.partition("-")[0], "")


def hint_for(archive: Archive) -> str:
    """What to send instead of an archive without tables, pictures and sounds."""
    advised = {entry.suffix: advice for entry in archive.entries if (advice := advice_for(entry.suffix))}
    if advised:
        listed = "; ".join(f"{suffix}: {advice}" for suffix, advice in list(advised.items())[:4])
        return _("These formats are not read. %(advice)s.", advice=listed)
    return _("Send the table itself, or pictures or sounds in one folder per class.")


def unnamed_table_error(table: str, archive: str) -> DataError:
    return DataError(
        _(
            "%(tables)s came with %(collections)s, but no column of it names the images or recordings in there.",
            tables=table,
            collections=archive,
        ),
        code="columns_differ",
        hint=_("Give the table a column with the names of the files, or put the table into the archive."),
    )
