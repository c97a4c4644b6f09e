"""The rows of a training: from a version folder or straight from a file, by the same code."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer import answers, label_lists, tasks
from trainer.answers.base import Cells
from trainer.columns import canonical_label, written_form
from trainer.data.answer_checks import MIN_ROWS, unseen_labels_problem
from trainer.data.cells import is_missing_mask
from trainer.data.conversation_rows import read_written
from trainer.data.dataset import Dataset
from trainer.data.label_list_checks import many_labels_problem
from trainer.data.pair_rows import read_pairs
from trainer.data.passage_rows import read_learned as read_passages
from trainer.data.problems import Problem, problem
from trainer.data.splitting import part_names
from trainer.data.tag_rows import read_learned as read_tags
from trainer.errors import DataError, SpecError
from trainer.json_types import JsonObject
from trainer.messages import _, ngettext, restored
from trainer.number_forms import guess_form
from trainer.numerals import LARGEST_ANSWER, form_of, number_of
from trainer.spec import DatasetSpec
from trainer.suggestion import FACTS, shape_of
from trainer.tasks.base import Shape, Task


@dataclass
class Loaded:
    """Usable rows only. `values[role][i]` belongs to `split[i]` and to `row_numbers[i]`, counted from 1 in the file."""

    values: dict[str, list[Any]]
    split: np.ndarray
    row_numbers: list[int]
    columns: dict[str, str]
    problems: list[Problem]
    answer: str = "label"
    """The role that holds what is to be learned."""
    kind: str = "class"
    """The kind of these answers (`trainer.tasks.base.Task.answer`)."""
    table: pa.Table = field(default_factory=lambda: pa.table({}))
    """All columns of the same rows (`pyarrow.Table`), for tasks that read whichever there are."""
    roles: dict[str, str] = field(default_factory=dict)
    """{column: what it is for} (see `trainer.roles`); nothing for a version of before there were roles."""
    forms: dict[str, JsonObject] = field(default_factory=dict)
    """{column: how it is written} (`trainer.columns.written_form`)."""
    folds: np.ndarray | None = None
    """The fold of each row, where rounds of tests take the place of a test part."""
    media: Path | None = None
    """The folder of the pictures or sounds that cells name."""
    every: pa.Table = field(default_factory=lambda: pa.table({}))
    """All rows of these columns, the unusable ones too."""

    @property
    def documents(self) -> list[tuple[str, int]]:
        """(text, row from 1) of the rows that have nothing but the text of `second`: what a search goes through besides."""
        if "second" not in self.columns or not self.every.num_columns:
            return []
        others = [name for role, name in self.columns.items() if role != "second"]
        texts = self.every.column(self.columns["second"]).to_pylist()
        alone = [is_missing_mask(self.every.column(name)).to_numpy() for name in others]
        return [(text, row + 1) for row, text in enumerate(texts) if text and all(lacks[row] for lacks in alone)]

    @property
    def answers(self) -> list[Any]:
        return self.values[self.answer]

    def part(self, name: str) -> np.ndarray:
        """Indices of the rows of one part."""
        return np.flatnonzero(self.split == name)

    def keep(self, is_kept: np.ndarray) -> None:
        """Leave out the rows that are False."""
        rows = np.flatnonzero(is_kept)
        self.values = {role: [cells[row] for row in rows] for role, cells in self.values.items()}
        self.split, self.row_numbers = self.split[rows], [self.row_numbers[row] for row in rows]
        self.table = self.table.take(rows) if self.table.num_columns else self.table
        self.folds = None if self.folds is None else self.folds[rows]


def load(
    spec: DatasetSpec, task: "type[Task] | None" = None, media: Path | None = None, dataset: Dataset | None = None
) -> Loaded:
    """Rows, roles and split of a specification's dataset; `DataError` when nothing can be learned from them.

    `media`: where a plain file's pictures or sounds are put. `dataset`: what `read_plain` read of the file, if it did.
    """
    path = Path(spec.path)
    slug = task.slug if task is not None else "text-classification"
    if path.is_dir() and not (path / "profile.json").exists():
        raise not_a_version(path)
    loaded = load_version(path, spec, slug) if path.is_dir() else load_files(path, spec, slug, media, dataset)
    shape = shape_for(slug, loaded.columns)
    loaded.answer, loaded.kind = shape.answer or shape.reads[0], shape.kind
    check_loaded(loaded, shape.kind)
    return loaded


def load_version(folder: Path, spec: DatasetSpec, task: str) -> Loaded:
    """A version as it was frozen; under other columns than its own it is divided anew."""
    if spec.test_path:
        raise SpecError(
            _("dataset.test_path goes with a plain file; a dataset version has its test rows already."),
            hint=_("Leave test_path out, or name the files themselves."),
        )
    profile = read_profile(folder)
    suggested = profile["suggestion"]["columns"] if profile["suggestion"]["task"] == task else {}
    columns = suggested | spec.columns
    check_roles(columns, shape_for(task, columns).roles, [column["name"] for column in profile["columns"]])
    media = folder / "media" if (folder / "media").is_dir() else None
    roles = profile["suggestion"].get("roles") or {}
    changed = columns != suggested or any(roles.get(name) != role for name, role in spec.roles.items())
    if changed:
        from trainer.data.version import read_version

        split_wanted = spec.split if "split" in spec.model_fields_set else None
        return learnable(read_version(folder, columns, split_wanted, task, spec.roles), media)
    refuse_blocked(folder)
    facts = [column["name"] for column in profile["columns"] if column["name"] in FACTS]
    names = None if reads_all(task) else list(dict.fromkeys([*columns.values(), *facts]))
    try:
        table = pq.read_table(folder / "data.parquet", columns=names)
        parts = pq.read_table(folder / "split.parquet")
    except (OSError, ValueError) as error:
        raise DataError(
            _("The dataset version in %(name)s is damaged.", name=folder.name),
            code="damaged",
            hint=_("Upload the file again."),
        ) from error
    split = part_names(parts.column("split").to_pylist())
    folds = parts.column("fold").fill_null(-1).to_numpy() if "fold" in parts.column_names else None
    loaded = select_usable(table, columns, split, [], media, folds)
    loaded.roles = roles
    loaded.forms = {column["name"]: written_form(column) for column in profile["columns"]}
    return loaded


def refuse_blocked(folder: Path) -> None:
    """What the reading of the version found to be in the way of learning, in its own words."""
    try:
        problems = json.loads((folder / "problems.json").read_text("utf-8"))
    except (OSError, ValueError):
        return
    for listed in problems:
        if listed["severity"] == "error":
            hint = _("Fix it in the file and upload it again, or choose other columns.")
            raise DataError(restored(listed), code=listed["code"], hint=hint)


def shape_for(task: str, columns: dict[str, str]) -> Shape:
    """What the task reads and answers with by the columns that there are."""
    return shape_of(task, columns) or tasks.shapes()[task]


def reads_all(task: str) -> bool:
    return not tasks.shapes()[task].reads


def read_profile(folder: Path) -> JsonObject:
    """profile.json of a version; `DataError` where it is none."""
    try:
        profile: JsonObject = json.loads((folder / "profile.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise not_a_version(folder) from error
    return profile


def not_a_version(folder: Path) -> DataError:
    return DataError(
        _("%(name)s is not a dataset version.", name=folder.name),
        code="no_file",
        hint=_("Name a folder that `inspect` wrote, or a file."),
    )


def check_roles(columns: dict[str, str], needed: Sequence[str], names: list[str]) -> None:
    """`DataError` for a role without a column, and for a column that is not there."""
    for role in needed:
        if role not in columns:
            raise DataError(
                _("No column was found for the %(role)s.", role=role),
                code="no_column",
                hint=_("Name one in dataset.columns; there are: %(names)s.", names=join_names(names)),
            )
    for role, name in columns.items():
        if name not in names:
            raise DataError(
                _("There is no column “%(name)s” for the %(role)s.", name=name, role=role),
                code="no_column",
                hint=_("There are: %(names)s.", names=join_names(names)),
            )


def join_names(names: list[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def load_files(
    path: Path, spec: DatasetSpec, task: str, media: Path | None = None, dataset: Dataset | None = None
) -> Loaded:
    dataset = dataset or read_plain(path, spec, task, media)
    check_roles(dataset.roles, shape_for(task, dataset.roles).roles, dataset.names)
    return learnable(dataset, media)


def learnable(dataset: Dataset, media: Path | None) -> Loaded:
    """The rows of a dataset; `DataError` with what its data page would say is in the way of learning."""
    from trainer.data.checks import refuse_unlearnable

    refuse_unlearnable(dataset)
    return from_dataset(dataset, media)


def read_plain(path: Path, spec: DatasetSpec, task: str | None, media: Path | None = None) -> Dataset:
    """A plain file, and perhaps a fixed test file, read and split in memory by the code that `inspect` uses."""
    from trainer.data.intake import read_files

    files = [path] + ([Path(spec.test_path)] if spec.test_path else [])
    fixed: list[str | None] | None = [None, "test"] if spec.test_path else None
    return read_files(
        files,
        columns=spec.columns or None,
        split=spec.split if "split" in spec.model_fields_set else None,
        fixed=fixed,
        task=task,
        media=media,
        roles=spec.roles,
    )


def from_dataset(dataset: Dataset, media: Path | None = None) -> Loaded:
    loaded = select_usable(dataset.table, dataset.roles, dataset.split, list(dataset.problems), media, dataset.folds)
    loaded.roles, loaded.forms = dataset.column_roles, dataset.forms
    return loaded


def select_usable(
    table: pa.Table,
    columns: dict[str, str],
    split: np.ndarray,
    problems: list[Problem],
    media: Path | None = None,
    folds: np.ndarray | None = None,
) -> Loaded:
    """Keep the rows that have a part, which are those that have everything; say how many have not."""
    rows = np.flatnonzero(split != "")
    dropped = len(split) - len(rows)
    if dropped:
        message = ngettext(
            "%(count)s of %(rows)s rows lacks an input or an answer and is not used.",
            "%(count)s of %(rows)s rows lack an input or an answer and are not used.",
            dropped,
            rows=f"{len(split):,}",
        )
        problems.append(problem("unusable_rows", "warning", message, np.flatnonzero(split == "")))
    every = table
    table = table.take(pa.array(rows, pa.int64()))
    values = {role: table.column(name).to_pylist() for role, name in columns.items()}
    if "label" in values:
        values["label"] = [canonical_label(label) for label in values["label"]]
    values = {role: ["" if cell is None else cell for cell in cells] for role, cells in values.items()}
    return Loaded(
        values,
        split[rows],
        (rows + 1).tolist(),
        columns,
        problems,
        table=table,
        every=every,
        media=media,
        folds=None if folds is None else folds[rows],
    )


def check_loaded(loaded: Loaded, kind: str) -> None:
    """Whether anything can be learned; `kind` of answer as in `trainer.tasks.base.Task.answer`."""
    if not loaded.answers:
        raise DataError(
            _("No row has both an input and an answer."), code="no_rows", hint=_("Check which columns were chosen.")
        )
    READERS[answers.get(kind).cells](loaded)
    if len(loaded.answers) < MIN_ROWS:
        raise DataError(
            _("%(count)s rows are too few to learn from.", count=len(loaded.answers)),
            code="too_few_rows",
            hint=_("About 50 per label is a start, a few hundred is good."),
        )
    check_parts(loaded, kind)


def read_labels(loaded: Loaded) -> None:
    loaded.values[loaded.answer] = [canonical_label(label) for label in loaded.answers]
    check_classes(loaded.answers)


def read_numbers(loaded: Loaded) -> None:
    """Answers as numbers; a row whose answer is none is left out, and it is said which."""
    settled = loaded.forms.get(loaded.columns.get(loaded.answer, ""))
    form = form_of(settled) if settled else guess_form(loaded.answers)
    numbers = [number_of(cell, **form) for cell in loaded.answers]
    numbers = [None if value is None or abs(value) > LARGEST_ANSWER else value for value in numbers]
    bad = [loaded.row_numbers[row] for row, value in enumerate(numbers) if value is None]
    if bad:
        rows = join_names([str(row) for row in bad])
        message = ngettext(
            "%(count)s row has an answer that is not a number of a usable size and is not used: row %(rows)s.",
            "%(count)s rows have an answer that is not a number of a usable size and are not used: rows %(rows)s.",
            len(bad),
            rows=rows,
        )
        loaded.problems.append(problem("not_a_number", "warning", message, np.array(bad) - 1))
        loaded.keep(np.array([value is not None for value in numbers]))
    loaded.values[loaded.answer] = [value for value in numbers if value is not None]
    if len(set(loaded.answers)) < 2:
        raise DataError(
            _("There are not two different answers to learn."),
            code="one_value",
            hint=_("Check which column was chosen."),
        )


def read_label_lists(loaded: Loaded) -> None:
    """Answers as lists of labels in JSON, each in one order; an empty one is an answer too."""
    lists = [label_lists.read_labels(cell) for cell in loaded.answers]
    loaded.values[loaded.answer] = [label_lists.write_labels(labels) for labels in lists]
    if len(set(loaded.answers)) < 2:
        raise DataError(
            _("Every row has the same labels."), code="one_class", hint=_("Add rows with other labels, or with none.")
        )
    counts = label_lists.count_labels(loaded.answers)
    if len(counts) > label_lists.MAX_LEARNED_LABELS:
        loaded.problems.append(many_labels_problem(counts))


READERS: dict[Cells, Callable[[Loaded], None]] = {
    "label": read_labels,
    "labels": read_label_lists,
    "number": read_numbers,
    "tags": read_tags,
    "passages": read_passages,
    "boxes": lambda _loaded: None,
    "words": lambda _loaded: None,
    "pairs": read_pairs,
    "conversations": read_written,
    "any": lambda _loaded: None,
}
"""By how a kind of answer reads its cells (`Answer.cells`)."""


def check_classes(labels: list[str]) -> None:
    """`DataError` for one class alone, and for answers that are all different."""
    counts = Counter(labels)
    if len(counts) < 2:
        raise DataError(
            _("Every row has the label “%(labels)s”.", labels=labels[0]),
            code="one_class",
            hint=_("Add rows of at least one other label."),
        )
    if len(labels) >= MIN_ROWS and max(counts.values()) < 2:
        raise DataError(
            _("Every label occurs only once."),
            code="all_unique_label",
            hint=_("Check which column was chosen as the label."),
        )


def check_parts(loaded: Loaded, kind: str) -> None:
    """`DataError` without test rows, or with one label to learn; a problem where the test rows have other labels."""
    cells = loaded.answers
    if not len(loaded.part("test")) and loaded.folds is None:
        raise DataError(
            _("No row is left to test on."), code="no_test_rows", hint=_("Add rows, or raise dataset.split.test.")
        )
    if not answers.get(kind).labelled:
        return
    learned = {cells[row] for row in loaded.part("train")}
    if len(learned) < 2:
        raise DataError(
            _("The training rows have only one label."), code="one_class", hint=_("Add rows, or change the split.")
        )
    unseen = sorted({cells[row] for row in loaded.part("test")} - learned)
    if unseen:
        loaded.problems.append(unseen_labels_problem(unseen))
