"""The rows of files as they were sent: read, their task and roles guessed, and divided."""

from pathlib import Path

from trainer.data.annotators import join_votes
from trainer.data.columns import map_columns, reconcile_roles
from trainer.data.dataset import Dataset
from trainer.data.exports.known import recognise
from trainer.data.exports.orders import fill_orders
from trainer.data.gathering import gather_rows
from trainer.data.label_columns import is_names_file, parse_names, read_labels
from trainer.data.readings import Choices, readings_as_json
from trainer.data.splitting import split_dataset
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import convert_table
from trainer.data.text_columns import read_texts
from trainer.data.uploads import Sources, read_media_columns, unpack_uploads
from trainer.data.written_dates import read_dates
from trainer.events import Emit, silent
from trainer.roles import SPLITTING
from trainer.roles import check_roles as check_roles
from trainer.spec import SplitSpec


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
    emit: Emit = silent,
) -> Dataset:
    """Read, guess the task and the roles, and split. `fixed`: the part of each file where it is known; names tell it
    otherwise. `media`: where pictures and sounds of an archive go. `sheet`, `header`, `layout`: see `open_table`; `choices`: how
    to read what can be read in several ways (`trainer.data.readings`)."""
    choices = choices or Choices()
    with unpack_uploads(files, fixed, media, emit, choices) as sources:
        names: dict[str, str] = {}
        if sources.dataset is not None:
            dataset, file_parts = sources.dataset, sources.parts
        else:
            names = take_names(sources)
            opened = [open_table(path, name, sheet, header, layout, choices) for path, name in sources.tables]
            tables = [convert_table(table, choices) for table in opened]
            for table in tables:
                recognise(table)
                fill_orders(table, choices)
            if read_media_columns(tables, sources, choices):
                assert sources.dataset is not None
                dataset, file_parts = sources.dataset, sources.parts
            else:
                dataset, file_parts = gather_rows(tables, sources.table_parts, emit)
                dataset.problems += sources.problems
        read_texts(dataset, choices)
        kept = join_votes(dataset, choices)
        file_parts = file_parts[kept] if kept is not None and file_parts is not None else file_parts
        read_labels(dataset, choices, names)
        read_dates(dataset, choices)
        dataset.readings = readings_as_json(sources.readings) + dataset.readings
        dataset.left_out = [left_out.as_dict() for left_out in sources.left_out] + dataset.left_out
    choices.check_used()
    check_roles(roles or {}, dataset.names)
    dataset.chosen, dataset.split_spec = reconcile_roles(roles or {}, split)
    if not (split and {"group", "time"} & split.model_fields_set) and not set(SPLITTING) & set((roles or {}).values()):
        divide_by_group(dataset)
    map_columns(dataset, columns, task)
    split_dataset(dataset, dataset.split_spec, file_parts)
    return dataset


def divide_by_group(dataset: Dataset) -> None:
    """The split goes by the groups that the reader found, which nobody has said otherwise."""
    if dataset.group in dataset.names and dataset.group not in dataset.chosen:
        dataset.split_spec = dataset.split_spec.model_copy(update={"group": dataset.group})


def take_names(sources: Sources) -> dict[str, str]:
    """The names of labels in a file beside the tables, which is no table itself; {} where there is none."""
    if len(sources.tables) < 2:
        return {}
    for place, (path, name) in enumerate(sources.tables):
        if is_names_file(name) and (names := parse_names(path)):
            del sources.tables[place], sources.table_parts[place]
            return names
    return {}
