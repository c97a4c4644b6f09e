"""The tables of an archive that holds no pictures and no sounds, and what is told of its other files."""

from pathlib import Path

from trainer.data.archives import Archive
from trainer.data.documents import is_note
from trainer.data.media_problems import advice_for, hint_for
from trainer.data.media_tables import TABLE_SUFFIXES
from trainer.data.readings import LeftOut
from trainer.errors import DataError
from trainer.messages import _, ngettext

MAX_TABLES = 100
DESCRIPTIONS = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}  # of the hub: no records
TABLES = TABLE_SUFFIXES | {".gz", ".conll", ".conllu", ".iob", ".bio", ".ods", ".tab", ".dat", ".spacy", ""}


def extract_tables(archive: Archive, place: Path) -> list[tuple[Path, str]]:
    """The archive's tables under names of our own; `DataError` when there are none."""
    tables = [entry for entry in archive.entries if entry.suffix in TABLES and entry.parts[-1] not in DESCRIPTIONS]
    plain = [entry for entry in tables if not is_note(entry)]
    has_others = any(
        advice_for(entry.suffix) for entry in archive.entries
    )  # TFRecord and the like, which are what was meant
    tables = plain if plain or has_others else tables
    if not tables or len(tables) > MAX_TABLES:
        kinds = sorted({entry.suffix or "no ending" for entry in archive.entries})[:8]
        raise DataError(
            (
                _(
                    "%(archive)s holds too many tables, and no images or recordings: %(count)s files with %(kinds)s.",
                    archive=archive.name,
                    count=f"{len(archive.entries):,}",
                    kinds=", ".join(kinds),
                )
                if tables
                else _(
                    "%(archive)s holds no tables, images or recordings: %(count)s files with %(kinds)s.",
                    archive=archive.name,
                    count=f"{len(archive.entries):,}",
                    kinds=", ".join(kinds),
                )
            ),
            code="not_a_table",
            hint=hint_for(archive),
        )
    place.mkdir()
    return [
        (archive.extract(entry, place / f"{number}{entry.suffix}"), entry.name) for number, entry in enumerate(tables)
    ]


def left_beside(archive: Archive, used: set[str]) -> list[LeftOut]:
    """The files of an archive of tables that are none."""
    others = [entry.name for entry in archive.entries if entry.name not in used]
    if not others:
        return []
    sentence = ngettext("%(count)s file is of another kind.", "%(count)s files are of another kind.", len(others))
    return [LeftOut("other_kind", len(others), sentence, archive.name, examples=others[:5])]
