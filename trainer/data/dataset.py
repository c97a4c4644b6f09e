"""The rows of a dataset on their way into a version: cells, columns, task, roles and split."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa

from trainer import answers, tasks
from trainer.columns import ColumnProfile, written_form
from trainer.data.problems import Problem
from trainer.data.row_keys import Keys
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.roles import INPUT, roles_of
from trainer.spec import SplitSpec
from trainer.tasks.base import Shape


class LabelSource(TypedDict):
    """Where a label comes from: `source` as in `trainer.data.pool`, the number of the person and the time (RFC 3339), both ""
    where nobody is known. `left_out`: there is no label, and nobody is to be asked for one."""

    source: str
    person: str
    at: str
    left_out: bool


@dataclass
class Dataset:
    """Cells are text or null. `split` has a part for each row, "" for a row that cannot be used."""

    table: pa.Table
    sources: list[JsonObject]
    problems: list[Problem] = field(default_factory=list)
    profile: list[ColumnProfile] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    """Kinds of columns that the reader knows: image, audio, objects."""
    media: Path | None = None
    """The folder of the pictures or sounds that cells name."""
    task: str | None = None
    shape: Shape | None = None
    roles: dict[str, str] = field(default_factory=dict)
    """{role of the task: column}."""
    read_as: dict[str, JsonObject] = field(default_factory=dict)
    """{column: what somebody chose of how it is written} (`trainer.numerals.NumberForm`, `trainer.dates`)."""
    chosen: dict[str, str] = field(default_factory=dict)
    """{column: what somebody said it is for} (see `trainer.roles`)."""
    split_spec: SplitSpec = field(default_factory=SplitSpec)
    suggested: dict[str, str] = field(default_factory=dict)
    """{role of the task: column}, where the form of the files says it."""
    apart: frozenset[str] = frozenset()
    """Columns that are no answer by themselves (`Table.apart`)."""
    answer: str = ""
    """The column to predict, where several files say it by what they have and lack."""
    keys: Keys | None = None
    split: np.ndarray = field(default_factory=lambda: np.array([], dtype=object))
    folds: np.ndarray | None = None
    """The fold of each row, -1 for one that cannot be used, where there is no test part but rounds of tests."""
    label_sources: dict[int, LabelSource] = field(default_factory=dict)
    """By row from 0, of labels that did not come with the file."""
    given_split: bool = False
    kept_split: bool = False
    """Whether rows were drawn for an earlier version and have kept their parts, whatever is read of them now."""
    split_how: str = ""
    readings: list[JsonObject] = field(default_factory=list)
    """How the files were read (`trainer.data.readings.Reading.as_dict`)."""
    left_out: list[JsonObject] = field(default_factory=list)
    """What of the files was not kept (`LeftOut.as_dict`)."""
    group: str | None = None
    """The column that the reader says keeps rows together: folders of cameras, the video that frames are of."""

    @property
    def names(self) -> list[str]:
        return list(self.table.column_names)

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """The cells of a column; `DataError` where there is none of this name."""
        try:
            return self.table.column(name)  # names of thousands of columns are not listed for each of them
        except KeyError:
            raise DataError(
                _("There is no column “%(name)s”.", name=name),
                code="no_column",
                hint=_("There are: %(names)s.", names=", ".join(self.names[:20])),
            ) from None

    @property
    def mapped_shape(self) -> Shape:
        """What the task reads and answers with, of a dataset whose columns suit one."""
        assert self.shape is not None
        return self.shape

    @property
    def mapped_keys(self) -> Keys:
        """The keys of its rows, of a dataset whose columns suit a task."""
        assert self.keys is not None
        return self.keys

    @property
    def labelled(self) -> bool:
        """Whether each row is answered with one of a few classes."""
        answer = answers.find(self.shape.kind) if self.shape is not None else None
        return answer is not None and answer.labelled

    @property
    def has_label_lists(self) -> bool:
        """Whether each row is answered with several labels."""
        answer = answers.find(self.shape.kind) if self.shape is not None else None
        return answer is not None and answer.cells == "labels"

    @property
    def forms(self) -> dict[str, JsonObject]:
        """{column: how it is written}, for `trainer.tables.learn` and `trainer.leaks`."""
        return {column["name"]: written_form(column) for column in self.profile}

    @property
    def inputs(self) -> list[str]:
        """The columns that are read."""
        if self.shape is None:
            return []
        if self.shape.reads:
            return [self.roles[role] for role in self.shape.reads]
        return [name for name, role in self.column_roles.items() if role == INPUT]

    @property
    def linked(self) -> list[str]:
        """The columns of texts that come again in other rows (`Task.linked`)."""
        task = tasks.find(self.task)
        return [self.roles[role] for role in task.linked if role in self.roles] if task else []

    @property
    def column_roles(self) -> dict[str, str]:
        """{column: what it is for}, of every column."""
        split = {"group": self.split_spec.group, "time": self.split_spec.time}
        return roles_of(self.profile, self.shape, self.roles, self.chosen, split)
