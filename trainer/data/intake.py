"""The rows of files as they were sent: read, their task and roles guessed, and divided."""

import re
from pathlib import Path

import numpy as np

from trainer.columns import number_of
from trainer.data.address_columns import addresses_of
from trainer.data.annotators import join_votes
from trainer.data.class_names import is_names_file, parse_legend, parse_names
from trainer.data.column_readings import read_columns
from trainer.data.columns import map_columns, reconcile_roles
from trainer.data.dataset import Dataset
from trainer.data.exports.known import recognise
from trainer.data.exports.orders import fill_orders
from trainer.data.file_parts import drop_unanswered, file_order, parts_reading
from trainer.data.gathering import gather_rows
from trainer.data.judgements import join_judgements
from trainer.data.label_columns import read_labels
from trainer.data.marks import read_marks
from trainer.data.mixed_tables import read_mixed_table
from trainer.data.readings import Choices, LeftOut, readings_as_json, ways_back
from trainer.data.repeated_files import find_repeated, tell_repeated
from trainer.data.several_tables import join_tables, left_out_problems
from trainer.data.splitting import split_dataset
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import convert_table
from trainer.data.tables.outlines import fill_outline
from trainer.data.tables.table import Table
from trainer.data.tables.word_rows import join_words
from trainer.data.text_columns import read_texts
from trainer.data.unlabelled import mapping_of
from trainer.data.uploads import Sources, read_media_columns, unpack_uploads
from trainer.events import Emit, silent
from trainer.json_types import JsonObject
from trainer.messages import _, ngettext
from trainer.roles import SPLITTING
from trainer.roles import check_roles as check_roles
from trainer.spec import SplitSpec

NOTES = re.compile(
    r"(^|/)((data|columns?|features?|variables?|fields?)[-_ ]?(descriptions?|dictionary|info)|codebook|read[-_ ]?me([-_. ][^/.]*)?"
    r"|licen[cs]e)\.(txt|md|rst)$",
    re.IGNORECASE,
)


def read_files(  # noqa: PLR0913  one call reads any file
    files: list[Path],
    *,
    columns: dict[str, str] | None = None,
    split: SplitSpec | None = None,
    fixed: list[str | None] | None = None,
    task: str | None = None,
    media: Path | None = None,
    sheet: str | None = None,
    header: int | None = None,
    layout: str | None = None,
    roles: dict[str, str] | None = None,
    choices: Choices | None = None,
    fetched: Path | None = None,
    emit: Emit = silent,
) -> Dataset:
    """Read, guess the task and the roles, and split. `fixed`: the part of each file where it is known; names tell it
    otherwise. `media`: where pictures and sounds of an archive go. `sheet`, `header`, `layout`: see `open_table`; `choices`: how
    to read what can be read in several ways (`trainer.data.readings`). `fetched`: what `fetch-media` brought."""
    choices = choices or Choices()
    with unpack_uploads(files, fixed, media, emit, choices, task) as sources:
        if sources.dataset is not None:
            dataset, file_parts, names, named_by = sources.dataset, sources.parts, sources.class_names, ""
        else:
            names, named_by = take_names(sources)
            if fixed is None:
                sort_tables(sources)
                drop_repeated(sources)

            def open_one(place: int, row: int | None = None) -> Table:
                path, name = sources.tables[place]
                asked = header if row is None else row
                table = convert_table(open_table(path, name, sheet, asked, layout, choices), choices)
                recognise(table)
                fill_orders(table, choices)
                return join_words(fill_outline(table, choices), choices)

            tables = [open_one(place) for place in range(len(sources.tables))]
            if read_media_columns(tables, sources, choices, fetched):
                assert sources.dataset is not None
                dataset, file_parts = sources.dataset, sources.parts
            else:
                several = join_judgements(tables, sources.table_parts) or join_tables(
                    tables, sources.table_parts, choices, open_one, is_fixed=fixed is not None
                )
                dataset, file_parts = gather_rows(several.tables, several.parts, emit)
                dataset.answer = several.answer
                dataset.problems += sources.problems + left_out_problems(several.left_out)
                sources.readings += several.readings
                sources.left_out += several.left_out
                if fixed is None:
                    named = [table.name for table in several.tables]
                    sources.readings += parts_reading(named, several.parts, choices)
                    file_parts = None if choices.get("parts") == "drawn" else file_parts
        read_texts(dataset, choices)
        rows_kept = join_votes(dataset, choices)
        file_parts = file_parts[rows_kept] if rows_kept is not None and file_parts is not None else file_parts
        read_labels(dataset, choices, names)
        read_marks(dataset, choices)
        dataset.readings = readings_as_json(sources.readings) + dataset.readings
        dataset.left_out = [left_out.as_dict() for left_out in sources.left_out] + dataset.left_out
        tell_unused_names(dataset, names, named_by)
        tell_repeated(dataset, sources.repeated)
    check_roles(roles or {}, dataset.names)
    dataset.chosen, dataset.split_spec = reconcile_roles(roles or {}, split)
    if not (split and {"group", "time"} & split.model_fields_set) and not set(SPLITTING) & set((roles or {}).values()):
        divide_by_group(dataset)
    file_parts = map_answered(dataset, columns, task, file_parts)
    read_columns(dataset, choices)
    if task is None and not columns:
        read_mixed_table(dataset, choices)
    dataset.readings += ways_back(choices, dataset.readings)
    split_dataset(dataset, dataset.split_spec, file_parts)
    return dataset


def map_answered(
    dataset: Dataset, columns: dict[str, str] | None, task: str | None, file_parts: np.ndarray | None
) -> np.ndarray | None:
    """Map the columns of the rows that have an answer; the parts of those. Those that wait for one are all kept."""
    if task is None and not columns and (mapping := mapping_of(dataset)):
        map_columns(dataset, mapping[1], mapping[0])
        return file_parts if mapping[0] == "text-generation" else None
    map_columns(dataset, columns, task)
    before = dataset.rows
    file_parts = drop_unanswered(dataset, file_parts)
    if dataset.rows < before:
        map_columns(dataset, columns, task)
    return file_parts


def open_tables(
    sources: Sources, choices: Choices, sheet: str | None = None, header: int | None = None, layout: str | None = None
) -> list[Table]:
    opened = [open_table(path, name, sheet, header, layout, choices) for path, name in sources.tables]
    return [convert_table(table, choices) for table in opened]


def list_addresses(
    files: list[Path],
    to: Path,
    *,
    sheet: str | None = None,
    header: int | None = None,
    layout: str | None = None,
    choices: Choices | None = None,
) -> JsonObject:
    """The addresses of pictures and sounds in tables, one a line in the file `to`: {addresses}, how many."""
    choices = choices or Choices()
    with unpack_uploads(files, None, None, silent, choices) as sources:
        tables = [] if sources.dataset is not None else open_tables(sources, choices, sheet, header, layout)
        addresses = list(dict.fromkeys(addresses_of(tables, choices)))
    to.write_text("".join(f"{address}\n" for address in addresses), "utf-8")
    return {"addresses": len(addresses)}


def divide_by_group(dataset: Dataset) -> None:
    """The split goes by the groups that the reader found, which nobody has said otherwise."""
    if dataset.group in dataset.names and dataset.group not in dataset.chosen:
        dataset.split_spec = dataset.split_spec.model_copy(update={"group": dataset.group})


def leave_out_notes(sources: Sources) -> None:
    """A text that says what the columns of other files mean (Kaggle's data_description.txt) is no table beside them; it is told."""
    notes = [place for place, (_path, name) in enumerate(sources.tables) if NOTES.search(name)]
    if len(notes) == len(sources.tables):
        return
    for place in reversed(notes):
        sentence = ngettext("%(count)s file is of another kind.", "%(count)s files are of another kind.", 1)
        sources.left_out.append(LeftOut("other_kind", 1, sentence, sources.tables[place][1]))
        del sources.tables[place], sources.table_parts[place]


def sort_tables(sources: Sources) -> None:
    leave_out_notes(sources)
    places = sorted(
        range(len(sources.tables)), key=lambda place: file_order(sources.tables[place][1], sources.table_parts[place])
    )
    sources.tables = [sources.tables[place] for place in places]
    sources.table_parts = [sources.table_parts[place] for place in places]


def drop_repeated(sources: Sources) -> None:
    """Tables that are the same file as an earlier one are not read again; those to learn from are earlier than those to test on."""
    repeated = find_repeated([path for path, _name in sources.tables])
    sources.repeated += [(sources.tables[place][1], sources.tables[first][1]) for place, first in repeated.items()]
    places = [place for place in range(len(sources.tables)) if place not in repeated]
    sources.tables = [sources.tables[place] for place in places]
    sources.table_parts = [sources.table_parts[place] for place in places]
    if not {"test", "validation"} & set(sources.table_parts):
        sources.table_parts = [None] * len(sources.tables)


def are_names(names: dict[str, str]) -> bool:
    """Whether each id has a name of its own: labels of rows come again, and answers are numbers."""
    return 0 < len(names) == len(set(names.values())) and not all(
        number_of(name) is not None for name in names.values()
    )


def take_names(sources: Sources) -> tuple[dict[str, str], str]:
    """(the names of labels in a file beside the tables, which is not a table itself; its name); ({}, "") where there is none."""
    if len(sources.tables) < 2:
        return {}, ""
    largest = max(path.stat().st_size for path, _name in sources.tables)
    for place, (path, name) in enumerate(sources.tables):
        if (is_names_file(name) and are_names(names := parse_names(path))) or (
            path.stat().st_size < largest and (names := parse_legend(path, name))
        ):
            del sources.tables[place], sources.table_parts[place]
            return names, name
    return {}, ""


def tell_unused_names(dataset: Dataset, names: dict[str, str], file: str) -> None:
    """A file of names that no column of labels has ids of is left out, and said to be."""
    if file and not any(str(reading["what"]).startswith("label_names") for reading in dataset.readings):
        sentence = _("%(name)s has names of labels, but no column has their ids.", name=file)
        dataset.left_out.append(LeftOut("unused_names", len(names), sentence, file, "", list(names.values())).as_dict())
