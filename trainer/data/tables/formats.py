"""Opens any table: recognised by its first bytes, read by the module of its kind."""

from pathlib import Path

from trainer.data.readings import Choices
from trainer.data.tables.columnar import is_arrow_stream
from trainer.data.tables.docbin import is_docbin
from trainer.data.tables.table import (
    LAYOUTS,
    OLD_OFFICE,
    OPEN_TEXT,
    WORD,
    ZIP,
    Table,
    display_name,
    is_workbook,
    kind_of_zip,
    refuse_header,
    refuse_other_kinds,
)
from trainer.errors import DataError
from trainer.messages import _


def open_table(
    path: Path,
    name: str | None = None,
    sheet: str | None = None,
    header: int | None = None,
    layout: str | None = None,
    choices: Choices | None = None,
) -> Table:
    """Recognise a file by its first bytes and open it. `name` is shown to people instead of the path's own; `sheet` is the
    one wanted of a workbook; `header` the row of the column names, from 1, or 0 for a table without; `layout` says what
    plain text is where the guess was wrong: a table of delimited cells, or text in paragraphs (see `LAYOUTS`). `choices` may
    name the same three, and whatever else the file's format can be read in several ways by."""
    name, choices = name or display_name(path.name), choices or Choices()
    sheet = choices.get("sheet", name) if sheet is None else sheet
    header = choices.number("header", name) if header is None else header
    layout = choices.pick("layout", LAYOUTS, name) if layout is None else layout
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise DataError(
            _("%(name)s cannot be opened.", name=name), code="no_file", hint=_("Check that the file is there.")
        ) from error
    if size == 0:
        raise DataError(
            _("%(name)s is empty: it has no bytes at all.", name=name),
            code="empty_file",
            hint=_("Export it again and send that."),
        )
    if head.startswith(b"PAR1"):
        from trainer.data.tables.parquet import open_parquet

        refuse_header(header, name, "Parquet")
        return open_parquet(path, name, size)
    if head.startswith(b"ARROW1") or is_arrow_stream(head):
        from trainer.data.tables.arrow import open_arrow

        refuse_header(header, name, "Arrow")
        return open_arrow(path, name, size)
    if name.lower().endswith(".spacy") or is_docbin(head):
        from trainer.data.tables.docbin import open_docbin

        refuse_header(header, name, "a DocBin")
        return open_docbin(path, name, size, choices)
    if head.startswith(OLD_OFFICE) or (head.startswith(ZIP) and is_workbook(path)):
        from trainer.data.tables.excel import open_workbook

        return open_workbook(path, name, size, sheet, header, choices)
    if head.startswith(ZIP) and kind_of_zip(path) in (WORD, OPEN_TEXT):
        from trainer.data.tables.markup import open_document

        if (table := open_document(path, name, size, sheet, header, choices)) is not None:
            return table
    refuse_other_kinds(head, path, name)
    from trainer.data.tables.markup import open_markup

    if (table := open_markup(path, name, size, sheet, header, choices)) is not None:
        return table
    from trainer.data.tables.text import open_text

    return open_text(
        path, name, size, packed=head.startswith(b"\x1f\x8b"), header=header, layout=layout, choices=choices
    )
