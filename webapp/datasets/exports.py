"""A version's rows as a file to keep, and what two versions have apart."""

import re
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from webapp.accounts import security
from webapp.core.downloads import Download
from webapp.core.files import safe_name
from webapp.core.problems import Problem, check_one_of
from webapp.datasets.models import DatasetVersion, Status
from webapp.datasets.rows import CELL_CHARACTERS, connect, file_of, names_of, rows_sql

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl", "parquet": "application/vnd.apache.parquet"}
DIFFERENCES = 20
INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b-"
"""Also as wide and as small forms, which some spreadsheets read as the usual ones. The hyphen comes last: these are classes."""
FORMULAS = (f"^([{INVISIBLE}]*[\t\r\n{SIGNS}])", f";([{INVISIBLE}\t\r\n]*[{SIGNS}])")
"""What a spreadsheet runs at the beginning of a cell, or behind a semicolon where it splits there. Understood alike by Python
and by DuckDB."""
OPTIONS = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet, COMPRESSION zstd"}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def export(version: DatasetVersion, form: str, to: Path) -> None:
    """Every row with its part, as `csv`, `jsonl` or `parquet`. In CSV a cell that a spreadsheet would run is made harmless
    by an apostrophe in front of it, unless it is a number; so is a column's name."""
    names = names_of(version)
    called = make_unique([*names, part_name(names)], plain=form == "csv")
    cells = [f"c{place}" for place in range(len(names))]
    exported = [harmless(cell) if form == "csv" else cell for cell in cells]
    columns = ", ".join(f"{cell} AS {quoted(name)}" for cell, name in zip([*exported, "part"], called, strict=True))
    source = (
        f"(SELECT * FROM read_parquet(?)) AS t ({', '.join(cells)}) POSITIONAL JOIN "  # noqa: S608
        "(SELECT split FROM read_parquet(?)) AS s (part)"
    )
    target = str(to).replace("'", "''")
    with connect() as cursor:
        cursor.execute(
            f"COPY (SELECT {columns} FROM {source}) TO '{target}' ({OPTIONS[form]})",  # noqa: S608
            [file_of(version, "data"), file_of(version, "split")],
        )


def part_name(names: list[str]) -> str:
    """What the column of the parts is called: a name that no column has, capitals aside."""
    taken = {name.lower() for name in names}
    free = ("split", "part", "maquette_part", *(f"maquette_part_{number}" for number in range(2, len(names) + 3)))
    return next(name for name in free if name not in taken)


def make_unique(names: list[str], *, plain: bool) -> list[str]:
    """Names for the file. DuckDB takes `Text` and `text` for one and would number them, unless it is said how.

    With `plain`, those that a spreadsheet would run begin with an apostrophe.
    """
    seen: set[str] = set()
    unique_names = []
    for name in names:
        safe = harmless_name(name) if plain else name
        candidate, number = safe, 2
        while candidate.lower() in seen:
            candidate, number = f"{safe}_{number}", number + 1
        seen.add(candidate.lower())
        unique_names.append(candidate)
    return unique_names


def harmless_name(name: str) -> str:
    first, later = FORMULAS
    return re.sub(later, r";'\1", re.sub(first, r"'\1", name))


def harmless(cell: str) -> str:
    """SQL for a cell with apostrophes where a spreadsheet would begin a formula; numbers stay as they are."""
    first, later = FORMULAS
    text = (
        f"regexp_replace(regexp_replace({cell}, '{first}', chr(39) || '\\1'), '{later}', ';' || chr(39) || '\\1', 'g')"
    )
    return f"CASE WHEN TRY_CAST({cell} AS DOUBLE) IS NULL THEN {text} ELSE {cell} END"


def difference(before: DatasetVersion, after: DatasetVersion) -> dict[str, Any]:
    """What the later version has that the earlier lacks, and the other way round, over the columns that both have:
    {columns, columns_added, columns_removed, added, removed (rows, repeats counted), added_rows, removed_rows (cells)}."""
    old, new = names_of(before), names_of(after)
    shared = [name for name in new if name in old]
    changes: dict[str, Any] = {
        "columns": shared,
        "columns_added": [name for name in new if name not in old],
        "columns_removed": [name for name in old if name not in new],
    }
    cells = ", ".join(f"SUBSTR(CAST(s{place} AS VARCHAR), 1, {CELL_CHARACTERS})" for place in range(len(shared)))
    with connect() as cursor:
        for key, version, other in (("added", after, before), ("removed", before, after)):
            if not shared:
                changes |= {key: version.rows, f"{key}_rows": []}
                continue
            query = f"({cells_of(version, shared)} EXCEPT ALL {cells_of(other, shared)})"
            files = [file_of(version, "data"), file_of(other, "data")]
            changes[key] = cursor.execute(f"SELECT count(*) FROM {query}", files).fetchone()[0]  # noqa: S608
            changes[f"{key}_rows"] = cursor.execute(
                f"SELECT {cells} FROM {query} LIMIT {DIFFERENCES}",  # noqa: S608
                files,
            ).fetchall()
    return changes


def cells_of(version: DatasetVersion, shared: list[str]) -> str:
    """SQL for the shared columns as `s0`, `s1`, …; takes the file's path."""
    names = names_of(version)
    chosen = ", ".join(f"c{names.index(name)} AS s{place}" for place, name in enumerate(shared))
    return f"SELECT {chosen} FROM {rows_sql(names)}"  # noqa: S608


def download(version: DatasetVersion, form: str) -> Download:
    """All rows as a file to keep; made in a temporary place that goes once it is open."""
    check_one_of(form, FORMATS, _("There is no format “%(name)s”."), code="bad_format")
    if version.status != Status.READY:
        raise Problem(_("This version is not ready yet."), code="not_ready", hint=_("Wait until it has been read."))
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / f"rows.{form}"
        export(version, form, path)
        file = path.open("rb")
    security.record(
        *(None, "data_downloaded"),
        workspace=version.workspace,
        subject="dataset",
        subject_id=version.dataset_id,
        text=f"{version.dataset.name}, v{version.number}, {form}",
    )
    name = f"{safe_name(version.dataset.name)}-v{version.number}.{form}"
    return Download(file, as_attachment=True, filename=name, content_type=FORMATS[form])
