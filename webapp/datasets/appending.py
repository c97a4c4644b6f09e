"""More rows for a dataset: those of a table, or of a request, join the newest version."""

import io
import json
import shutil
from collections.abc import Sequence
from typing import Any

from django.core.files.base import File
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.accounts.models import User
from webapp.core.files import check_room, safe_name
from webapp.core.ids import new_id
from webapp.core.problems import Conflict, Problem
from webapp.datasets.actions import check_count, store_all
from webapp.datasets.models import Dataset, DatasetVersion, Status
from webapp.datasets.quota import room_for
from webapp.datasets.versions import derive, mapping_of

MOST_ROWS = 10_000
"""In one request; more come as a file."""
ADDED = "added"


def append_files(version: DatasetVersion, user: User | None, files: Sequence[Any], note: str = "") -> DatasetVersion:
    """The next version, with the rows of these tables (Django uploads)."""
    if not files:
        raise Problem(_("No file came with the request."), code="no_file", hint=_("Choose a table."))
    check_count(len(files))
    check_newest(version)
    size = sum(file.size or 0 for file in files)
    check_room(size)
    place = f"{ADDED}/{new_id()}"
    folder = version.dataset.upload_folder / place
    try:
        names = [f"{place}/{name}" for name in store_all(files, [""] * len(files), folder)]
        with room_for(version.workspace, size):
            Dataset.objects.filter(pk=version.dataset_id).update(upload_bytes=F("upload_bytes") + size)
        names_told = ", ".join(safe_name(file.name or "") for file in files)
        note = note or _("Rows added: %(names)s") % {"names": names_told}
        return derive(version, user, note[:200], append=names, **mapping_of(version))
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def append_rows(version: DatasetVersion, user: User, rows: Sequence[dict[str, Any]]) -> DatasetVersion:
    """The same of rows as {column: value}; values are texts, numbers, true, false, null, or lists: of labels, of words, of tags."""
    check_rows(rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    name = ngettext("%(n)d row.jsonl", "%(n)d rows.jsonl", len(rows)) % {"n": len(rows)}
    return append_files(version, user, [File(io.BytesIO(lines.encode()), name)])


def check_rows(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        raise Problem(_("No rows were sent."), code="no_rows", hint=_("Send at least one row."))
    if len(rows) > MOST_ROWS:
        raise Problem(
            _("At most %(limit)d rows are taken at once.") % {"limit": MOST_ROWS},
            code="too_many_rows",
            hint=_("Send them as a file, or in several requests."),
        )
    for number, row in enumerate(rows, 1):
        nested = next((name for name, value in row.items() if not is_cell(value)), None)
        if nested is not None or not row:
            raise Problem(
                _("Row %(row)d cannot be read.") % {"row": number},
                code="bad_row",
                hint=_('A row looks like {"text": "Where is my card?", "label": "card"}.'),
            )


def is_cell(value: object) -> bool:
    """Whether a column can hold it: a list of what is no list or object itself may be one's labels, words or tags."""
    items = value if isinstance(value, list) else [value]
    return not any(isinstance(item, dict | list) for item in items)


def check_newest(version: DatasetVersion) -> None:
    """`Conflict` while a later version is being read: one of the two would lack what the other brings."""
    latest = version.dataset.latest
    if latest is not None and latest.status == Status.PROCESSING:
        raise Conflict(
            _("Another version is being made."), code="not_ready", hint=_("Send it again once that is ready.")
        )
