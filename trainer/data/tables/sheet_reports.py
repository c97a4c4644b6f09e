"""What is said of a workbook: which sheet or table was read and what the others hold, its header, merged, hidden and ticked cells."""

from dataclasses import replace

from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.header_readings import check_range, header_sentence, with_found_header
from trainer.data.tables.sheets import Sheet, is_filled, settle_header
from trainer.data.tables.table import Table, named, numbered
from trainer.json_types import JsonObject
from trainer.messages import Message, _, ngettext

ALL = "*"
"""The sheet that stands for all that have the same columns."""
READ, LEAVE_OUT = "read", "leave_out"


def report_sheets(
    table: Table, sheets: list[Sheet], used: list[Sheet], alike: list[Sheet], chosen: Sheet, asked: str | None
) -> None:
    """Which sheet was read, what else could be, and what the others hold."""
    others = [sheet for sheet in sheets if sheet not in used and any(map(is_filled, sheet.rows))]
    for sheet in others:
        count = sum(map(is_filled, sheet.rows))
        sentence = ngettext(
            "Sheet “%(sheet)s” with %(count)s row was not read.",
            "Sheet “%(sheet)s” with %(count)s rows was not read.",
            count,
            sheet=sheet.name,
        )
        examples = [" ".join(cell for cell in row if cell)[:100] for row in sheet.rows[:3] if is_filled(row)]
        table.left_out.append(LeftOut("sheet", count, sentence, table.name, sheet.name, examples))
    if len(sheets) < 2:
        return
    options = [
        Choice(sheet.name, _("Sheet %(name)s", name=sheet.name), preview_sheet(sheet))
        for sheet in others
        if sheet.score > 0
    ]
    count = len(sheets)
    if len(used) > 1 and asked != ALL:
        sentence = _(
            "%(count)s tables with the same columns on the sheet %(name)s joined", count=len(used), name=chosen.whole
        )
        options += [
            Choice(sheet.name, _("Table %(name)s alone", name=sheet.name), preview_sheet(sheet)) for sheet in used
        ]
    elif len(used) > 1:
        sentence = _("%(count)s sheets with the same columns joined", count=len(used))
        options.append(Choice(chosen.name, _("Sheet %(name)s alone", name=chosen.name), preview_sheet(chosen)))
    elif chosen.whole and len(alike) < 2:
        sentence = _("Table %(name)s of %(count)s", name=chosen.name, count=count)
    elif len(alike) > 1:
        sentence = _("Sheet %(name)s of %(count)s with the same columns, read all", name=chosen.name, count=len(alike))
        options.insert(
            0, Choice(ALL, _("All %(count)s sheets with the same columns", count=len(alike)), preview_sheet(chosen))
        )
    else:
        sentence = _("Sheet %(name)s of %(count)s", name=chosen.name, count=count)
    rival = max((sheet.score for sheet in others), default=0.0)
    confidence = (
        1.0 if asked is not None else 0.5 if len(alike) > 1 else 1 - 0.5 * min(rival / max(chosen.score, 1e-9), 1)
    )
    shown = str(table.details["sheet"])
    if len(used) > 1 and asked is None:
        confidence = 0.8
    preview = preview_sheet(chosen)
    table.readings.append(
        Reading(
            "sheet", shown, sentence, options[:6], confidence, table.name, preview=preview, is_asked=asked is not None
        )
    )


def preview_sheet(sheet: Sheet) -> JsonObject:
    return preview_of(sheet.columns, [row for row in sheet.rows[sheet.first_record :][:10] if is_filled(row)])


def report_sheet(table: Table, sheet: Sheet, header_row: int | None, choices: Choices) -> None:
    """The header of a sheet that was read, the rows above it, merged cells, error values."""
    header, rows = sheet.header, [sheet.rows[index] for index in sheet.places]
    titles = rows[: header.first] if header_row is None else []
    if titles:
        sentence = ngettext(
            "%(count)s title line above the header.", "%(count)s title lines above the header.", len(titles)
        )
        examples = [" ".join(cell for cell in row if cell)[:100] for row in titles]
        table.left_out.append(LeftOut("titles", len(titles), sentence, table.name, sheet.name, examples))
    if header.skipped:
        count = len(header.skipped)
        sentence = ngettext(
            "%(count)s row of types, units or ids under the header.",
            "%(count)s rows of types, units or ids under the header.",
            count,
        )
        table.left_out.append(LeftOut("header_rows", count, sentence, table.name, sheet.name))
    reading = sheet_header(table, sheet, header_row)
    if header_row is not None:
        guessed = replace(sheet, rows=list(sheet.rows))
        settle_header(guessed, None)
        with_found_header(reading, sheet_header(table, guessed, None))
    table.readings.append(check_range(reading, choices))
    report_cells(table, sheet)


def sheet_header(table: Table, sheet: Sheet, header_row: int | None) -> Reading:
    """Which row of a sheet names its columns, with what else could be: no header, one row of several."""
    header, rows = sheet.header, [sheet.rows[index] for index in sheet.places]
    line = sheet.top + sheet.places[header.first] + 1
    is_named = header.row >= header.first
    count = header.row + 1 - header.first
    sentence: Message = header_sentence(line, header.first, count) if is_named else _("No header")
    below = rows[header.first if not is_named else header.first + 1 :]
    nothing = Choice("0", _("No header"), preview_of(numbered(len(sheet.columns)), rows[header.first :]))
    one_row = Choice(
        str(line), header_sentence(line, 0, 1), preview_of(named(rows[header.first]), below[is_named is False :])
    )
    chosen, others = (str(line), [nothing]) if is_named else ("0", [one_row])
    if is_named and count > 1:
        chosen, others = f"{line}-{sheet.top + sheet.places[header.row] + 1}", [one_row, nothing]
    is_asked = header_row is not None
    return Reading(
        "header",
        chosen,
        sentence,
        others,
        header.confidence,
        table.name,
        preview=preview_sheet(sheet),
        is_asked=is_asked,
    )


def report_cells(table: Table, sheet: Sheet) -> None:
    """What its cells are besides their values: merged, codes, errors, formulas, ticked; and whether it is hidden."""
    if sheet.filled_down:
        sentence = ngettext(
            "%(count)s cell filled down from a merged one",
            "%(count)s cells filled down from merged ones",
            sheet.filled_down,
        )
        table.readings.append(Reading("merged", "filled-down", sentence, (), 0.95, table.name))
    if sheet.codes:
        sentence = ngettext(
            "%(count)s number read as the sheet shows it, with the zeros of its format",
            "%(count)s numbers read as the sheet shows them, with the zeros of their format",
            sheet.codes,
        )
        table.readings.append(Reading("codes", "as-shown", sentence, (), 0.95, table.name))
    if sheet.errors:
        sentence = ngettext(
            "%(count)s error value (#N/A and the like) read as empty",
            "%(count)s error values (#N/A and the like) read as empty",
            sheet.errors,
        )
        table.readings.append(Reading("errors", "empty", sentence, (), 0.95, table.name))
    if sheet.formulas:
        sentence = ngettext(
            "%(count)s formula has no value in the file and is read as empty: open the workbook in a spreadsheet program and save it",
            "%(count)s formulas have no value in the file and are read as empty: open the workbook in a spreadsheet program and save it",
            sheet.formulas,
        )
        table.readings.append(Reading("formulas", "empty", sentence, (), 0.95, table.name))
    if sheet.ticked:
        sentence = ngettext(
            "%(count)s check box read as true or false", "%(count)s check boxes read as true or false", sheet.ticked
        )
        table.readings.append(Reading("checkboxes", "read", sentence, (), 0.95, table.name))
    if sheet.is_hidden:
        table.readings.append(Reading("hidden", "read", _("The sheet is hidden in the workbook"), (), 0.95, table.name))


def report_hidden(table: Table, used: list[Sheet], asked: dict[str, str | None]) -> None:
    """Hidden rows and columns with something in them, which are read unless somebody wants them left out."""
    rows = sum(
        number < len(sheet.rows) and number >= sheet.first_record and is_filled(sheet.rows[number])
        for sheet in used
        for number in sheet.marks.rows
    )
    columns = sum(
        len(sheet.marks.columns & set(range(max(map(len, sheet.rows), default=0) + len(sheet.marks.columns))))
        for sheet in used
    )
    sentences = {
        "hidden_rows": ngettext("%(count)s row is hidden or filtered away in the workbook", "%(count)s rows are hidden or filtered away in the workbook", rows),
        "hidden_columns": ngettext("%(count)s column is hidden in the workbook", "%(count)s columns are hidden in the workbook", columns),
    }  # fmt: skip
    labels = {READ: _("Read them"), LEAVE_OUT: _("Leave them out")}
    for what, count in (("hidden_rows", rows), ("hidden_columns", columns)):
        if not count:
            continue
        chosen = asked[what] or READ
        others = [Choice(other, labels[other]) for other in labels if other != chosen]
        table.readings.append(
            Reading(
                what,
                chosen,
                sentences[what],
                others,
                1.0 if asked[what] else 0.7,
                table.name,
                is_asked=asked[what] is not None,
            )
        )
