"""A version folder, written and read again: data.parquet, split.parquet, profile.json, problems.json (docs/architecture.md)."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trainer import tasks
from trainer.data import column_statistics
from trainer.data.checks import find_problems
from trainer.data.columns import map_columns, reconcile_roles
from trainer.data.dataset import Dataset
from trainer.data.health import find_health_problems
from trainer.data.indexing import write_indices
from trainer.data.languages import forget_identifier
from trainer.data.memory import release_memory
from trainer.data.pool import POOL, pool_rows, read_sources, write_sources
from trainer.data.problems import ORDER, Problem, problem
from trainer.data.profiling import label_counts
from trainer.data.splitting import PARTS, keep_split, part_names, split_dataset
from trainer.data.tables.arrow_cells import bytes_of
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _, sources
from trainer.roles import ANSWER, SPLITTING
from trainer.roles import check_roles as check_roles
from trainer.spec import SplitSpec
from trainer.suggestion import sentence

HASHED_ROWS = 50_000
LARGE_BYTES = 64 * 2**20
"""A table from this size on gets the memory of what is no longer needed while its copies are written."""
FILE_PROBLEMS = {
    "rows_added",
    "columns_added",
    "columns_lacking",
    "test_copies",
    "bad_rows",
    "mended_rows",
    "columns_differ",
    "garbled_characters",
    "skipped_files",
    "corrupt_media",
    "bad_boxes",
    "other_files",
    "left_out_rows",
    "empty_folders",
    "left_out_files",
    "given_part_unanswered",
}
"""Findings about the files themselves, which another version of their rows keeps."""
PLAIN_KINDS = {"image", "audio", "objects", "date", "boolean", "empty"}
"""Columns that hold nobody's data."""
MEDIA_KINDS = {"image", "audio", "objects"}


def parent_split(folder: Path) -> SplitSpec:
    """What was wished for the version that this one comes from."""
    try:
        profile = json.loads((folder / "profile.json").read_text("utf-8"))
        return SplitSpec.model_validate(profile["split"].get("wanted", {}))
    except (OSError, ValueError, KeyError):
        return SplitSpec()


def read_version(
    folder: Path,
    columns: dict[str, str] | None,
    split_wanted: SplitSpec | None,
    task: str | None = None,
    roles: dict[str, str] | None = None,
    added: Sequence[str] = (),
) -> Dataset:
    """A version's rows again, maybe under other columns and roles, which join those chosen before. Parts that the upload
    gave stay as given. Without `wanted` the rows are divided as was wished before: they keep their parts while what is
    predicted, and what the split goes by, are the same. `added`: empty columns beside them."""
    try:
        table = pq.read_table(folder / "data.parquet")
        before = json.loads((folder / "profile.json").read_text("utf-8"))
        problems = json.loads((folder / "problems.json").read_text("utf-8"))
        parts = pq.read_table(folder / "split.parquet").column("split").to_pylist()
    except (OSError, ValueError) as error:
        raise DataError(
            _("%(name)s is not a dataset version.", name=folder.name),
            code="no_file",
            hint=_("Name a folder that `inspect` wrote."),
        ) from error
    lasting = [problem for problem in problems if problem["code"] in FILE_PROBLEMS]
    for name in set(added) - set(table.column_names):
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    dataset = Dataset(table, before["source"], lasting)
    dataset.readings, dataset.left_out = before.get("reading") or [], before.get("left_out") or []
    dataset.kinds = {column["name"]: column["kind"] for column in before["columns"] if column["kind"] in MEDIA_KINDS}
    dataset.read_as = {column["name"]: column["read_as"] for column in before["columns"] if column.get("read_as")}
    dataset.media = folder / "media" if (folder / "media").is_dir() else None
    dataset.label_sources = read_sources(folder)
    check_roles(roles or {}, dataset.names)
    chosen = merge_roles(before["suggestion"].get("chosen") or {}, roles or {}, set((columns or {}).values()))
    dataset.chosen, dataset.split_spec = reconcile_roles(
        chosen, split_wanted or merge_split(parent_split(folder), chosen, roles or {})
    )
    if columns:
        map_columns(dataset, columns, task)
    else:
        slug = task or before["suggestion"]["task"]
        mapped = before["suggestion"]["columns"] or {}
        if slug and ANSWER in (roles or {}).values():
            mapped = {role: name for role, name in mapped.items() if role != tasks.shapes()[slug].answer}
        map_columns(dataset, mapped or None, slug)
    was_given, file_parts = bool(before["split"].get("given")), part_names(parts)
    split_dataset(dataset, dataset.split_spec, file_parts if was_given else None)
    if was_given:
        dataset.split_how = before["split"]["how"]
    elif split_wanted is None and is_same_question(dataset, before, parent_split(folder)):
        keep_split(dataset, file_parts, before["split"]["how"])
    return dataset


def is_same_question(dataset: Dataset, before: JsonObject, split: SplitSpec) -> bool:
    """Whether the task, its own columns and what the split goes by are those of the profile `before`: other inputs of a table
    may have come or gone. In folds every row is tested on anyway."""
    suggestion = before["suggestion"]
    same = (dataset.task, dataset.roles) == (suggestion["task"], suggestion["columns"])
    return same and dataset.split_spec == split and not split.folds


def merge_roles(before: dict[str, str], roles: dict[str, str], named: set[str]) -> dict[str, str]:
    """Roles chosen before and now; where only one column can have a role, the one chosen now has it. Columns that the task
    now names (`named`) lose what was chosen for them before."""
    single = {role for role in roles.values() if role in (ANSWER, *SPLITTING)}
    return {name: role for name, role in before.items() if role not in single and name not in named} | roles


def merge_split(before: SplitSpec, chosen: dict[str, str], roles: dict[str, str]) -> SplitSpec:
    """The split wished for before, by the columns that are now chosen for it."""
    goes_by = {
        role: next((name for name, chosen_role in chosen.items() if chosen_role == role), None) for role in SPLITTING
    }
    changed = {role: name for role, name in goes_by.items() if name or getattr(before, role) in roles}
    return before.model_copy(update=changed)


def write_version(dataset: Dataset, part: Path, out: Path) -> JsonObject:
    """Everything into a temporary folder, then one rename: a version is whole or not there."""
    profile, problems = describe_dataset(dataset)
    parts = np.where(pool_rows(dataset), POOL, dataset.split)
    dataset.keys = None
    release_all(dataset)
    profile["sha256"] = hash_dataset(dataset, split_table(dataset.split, dataset.folds))
    split = split_table(parts, dataset.folds)
    write_media(dataset, part / "media")
    if not any((part / "thumbs").iterdir()):
        (part / "thumbs").rmdir()
    pq.write_table(dataset.table, part / "data.parquet", compression="zstd", row_group_size=group_rows(dataset.table))
    release_memory(dataset.table.nbytes)
    write_indices(dataset.table, dataset.profile, part)
    pq.write_table(split, part / "split.parquet", compression="zstd")
    write_sources(dataset, part)
    (part / "profile.json").write_text(json.dumps(profile, ensure_ascii=False), "utf-8")
    (part / "problems.json").write_text(json.dumps(problems, ensure_ascii=False), "utf-8")
    os.replace(part, out)
    summary_keys = (
        "rows",
        "sha256",
        "columns",
        "suggestion",
        "labels",
        "label_total",
        "label_rows",
        "split",
        "source",
        "reading",
        "left_out",
    )
    return {name: profile[name] for name in summary_keys} | {"problems": problems}


def group_rows(table: pa.Table) -> int:
    """Rows that are unpacked together: few, so that a page is read quickly, unless the columns are many."""
    return 10_000 if table.num_columns <= 50 else 100_000


def write_media(dataset: Dataset, folder: Path) -> None:
    """Only the pictures and sounds that a row names; another version's are linked, not copied."""
    columns = [name for name, kind in dataset.kinds.items() if kind in ("image", "audio")]
    if dataset.media is None or not columns:
        return
    names = {cell for column in columns for cell in dataset.table.column(column).to_pylist() if cell}
    folder.mkdir(exist_ok=True)
    if dataset.media == folder:
        for path in folder.iterdir():
            if path.name not in names:
                path.unlink()
        return
    for name in names:
        link_or_copy(dataset.media / name, folder / name)
        thumb = f"{name.partition('.')[0]}.jpg"
        if (dataset.media.parent / "thumbs" / thumb).exists():
            link_or_copy(dataset.media.parent / "thumbs" / thumb, folder.parent / "thumbs" / thumb)


def link_or_copy(source: Path, to: Path) -> None:
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)


def split_table(split: np.ndarray, folds: np.ndarray | None) -> pa.Table:
    """A column of parts, "pool" for a row that lacks its label alone, null for one that is not used; where there are folds, one of their numbers from 0."""
    column = pa.array(split, pa.string()) if len(split) else pa.array([], pa.string())
    columns = {"split": pc.if_else(pc.equal(column, ""), None, column)}
    if folds is not None:
        columns["fold"] = pa.array(folds, pa.int8(), mask=folds < 0)
    return pa.table(columns)


def describe_dataset(dataset: Dataset) -> tuple[JsonObject, list[Problem]]:
    """The fields of profile.json without the hash, and problems.json."""
    columns = column_statistics.describe_columns(
        dataset
    )  # first: so the tables of languages are loaded once, and freed before personal data
    problems, labels = list(dataset.problems), label_counts(None)
    suggestion: JsonObject = {
        "task": None,
        "columns": {},
        "sentence": explain_no_roles(dataset),
        "trainable": False,
    }
    if dataset.keys is not None and dataset.shape is not None:
        labels = label_counts(dataset.keys if dataset.labelled else None)
        problems += find_problems(dataset)
        if not any(problem["severity"] == "error" for problem in problems):
            problems += find_health_problems(dataset)
        description = sentence(dataset.shape, dataset.roles, labels["label_total"])
        suggestion |= {"task": dataset.task, "columns": dataset.roles, "sentence": description}
    elif is_of_label_lists(dataset):
        problems.append(problem("several_labels", "warning", explain_no_roles(dataset)))
    suggestion |= {"roles": dataset.column_roles, "chosen": dataset.chosen, **sources(suggestion)}
    problems += personal_problems(dataset)
    blocked = any(problem["severity"] == "error" for problem in problems)
    suggestion["trainable"] = not blocked and dataset.task in {task.slug for task in tasks.all()}
    counts = {name: int((dataset.split == name).sum()) for name in PARTS}
    counts[POOL] = int(pool_rows(dataset).sum())
    split = counts | {
        "unused": dataset.rows - sum(counts.values()),
        "seed": dataset.split_spec.seed,
        "wanted": dataset.split_spec.model_dump(exclude_defaults=True),
        "how": dataset.split_how,
        "given": dataset.given_split,
        "folds": None if dataset.folds is None else int(dataset.folds.max(initial=0)) + 1,
    }
    profile = {
        "rows": dataset.rows,
        "columns": columns,
        "suggestion": suggestion,
        **labels,
        "split": split,
        "source": dataset.sources,
        "reading": dataset.readings,
        "left_out": dataset.left_out,
    }
    return profile, sorted(problems, key=lambda problem: ORDER[problem["severity"]])


def release_all(dataset: Dataset) -> None:
    """What was freed, and beside large data the tables of languages too: they are loaded again in half a second."""
    if dataset.table.nbytes >= LARGE_BYTES:
        forget_identifier()
    release_memory(dataset.table.nbytes)


def personal_problems(dataset: Dataset) -> list[Problem]:
    from trainer.data import privacy  # its tables of phone numbers are large

    release_all(dataset)
    looked = [column["name"] for column in dataset.profile if column["kind"] not in PLAIN_KINDS]
    counts_by_column = {name: privacy.find_personal_data(name, dataset.table.column(name)) for name in looked}
    return privacy.personal_data_problems({name: kinds for name, kinds in counts_by_column.items() if kinds})


def is_of_label_lists(dataset: Dataset) -> bool:
    """Whether images or recordings have lists of labels, which no task learns."""
    kinds = {column["kind"] for column in dataset.profile}
    return "list" in kinds and bool(kinds & {"image", "audio"})


def explain_no_roles(dataset: Dataset) -> str:
    """What to tell somebody whose columns suit no task."""
    texts = [column["name"] for column in dataset.profile if column["kind"] == "text"]
    if len(dataset.profile) == 1:
        return _(
            "There is only one column, and it holds no text to learn from; an input and its answer are needed, each in a column of its own."
        )
    media = next((column["kind"] for column in dataset.profile if column["kind"] in ("image", "audio")), None)
    lists = [column["name"] for column in dataset.profile if column["kind"] == "list"]
    if media and lists:
        return _(
            "“%(column)s” holds several labels in a cell, which no task learns of images or recordings: give each one label.",
            column=lists[0],
        )
    if media == "image" and texts:
        return _(
            "“%(column)s” describes each image in words, which no task learns: give each a label, in a column or by class folders.",
            column=texts[0],
        )
    if texts:
        text = dataset.suggested.get("text")
        return _(
            "“%(column)s” could be the input, but no column looks like its label: choose both below.",
            column=text if text in texts else texts[0],
        )
    return _("No column looks like an answer to predict. If one is, choose it below.")


def hash_dataset(dataset: Dataset, split: pa.Table) -> str:
    """SHA-256 over columns, cells, roles and split: the same for the same content, whatever file it came in."""
    what = [dataset.names, dataset.roles, *([dataset.chosen] if dataset.chosen else [])]
    names = json.dumps(what, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(names.encode("utf-8", "surrogatepass"))
    folds = [split.column("fold").cast(pa.string())] if "fold" in split.column_names else []
    for column in [*dataset.table.itercolumns(), split.column("split"), *folds]:
        for start in range(0, len(column), HASHED_ROWS):
            cells = pa.concat_arrays(column.slice(start, HASHED_ROWS).chunks)
            digest.update(pc.fill_null(pc.binary_length(cells), -1).cast(pa.int64()).to_numpy().astype("<i8").tobytes())
            data, offsets = bytes_of(pc.fill_null(cells, ""))
            digest.update(data[offsets[0] : offsets[-1]].tobytes())
    return digest.hexdigest()
