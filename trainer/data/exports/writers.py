"""Every export of many files, and the writing of one file of records by the first writer that knows an archive."""

from pathlib import Path

from trainer.data.archives import Archive
from trainer.data.exports import brat, messengers, rasa_files, uima_files
from trainer.data.exports.packed import Packed, Writer
from trainer.data.readings import Choices

WRITERS: tuple[Writer, ...] = (
    brat.write_records,
    uima_files.write_records,
    rasa_files.write_records,
    messengers.write_slack,
)


def write_export(archive: Archive, path: Path, choices: Choices) -> Packed | None:
    return next((packed for write in WRITERS if (packed := write(archive, path, choices))), None)
