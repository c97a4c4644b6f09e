"""The rows of a table as numbers: what its columns are, what they leave out, and what is simply answered from them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import leaks, tables
from trainer.columns import SPLIT_NAMES, SPLIT_VALUES
from trainer.data.loading import Loaded
from trainer.errors import DataError
from trainer.families.table import texts
from trainer.learning.baselines import MOST_BASELINE_ROWS, Baseline, logistic, word_counting, word_regression
from trainer.learning.job import Job
from trainer.learning.rows import Rows, truth_of
from trainer.messages import Message, _
from trainer.roles import INPUT
from trainer.tasks.table import net_layers

if TYPE_CHECKING:
    import pyarrow as pa

SKEW, HEADLINE_SHARE = 8, 0.8


LEFT_OUT = {
    "ignore": "The column “{name}” is ignored.",
    "id": "The column “{name}” only numbers or names the rows and was left out.",
    "group": "The column “{name}” keeps rows together in the split and is not an input.",
    "time": "The column “{name}” orders the rows for the split and is not an input.",
    "answer": "The column “{name}” is the answer of another task and was left out.",
}


class TableRows(Rows):
    def __init__(self, loaded: Loaded, labels: list[str], truth: np.ndarray) -> None:
        super().__init__(loaded, labels, truth)
        self.target = loaded.columns[loaded.answer]
        self.described: list[dict[str, Any]] = []
        self.dropped: dict[str, str] = {}
        self.leaks: list[dict[str, Any]] = []
        self.leaks_not_looked_at: list[Message] = []
        self.matrix = np.zeros((len(truth), 0))
        self.winner: dict[str, str] = {}
        """What won the search: {family, name, model, title}."""
        self.text_columns: texts.TextColumns | None = None
        """What reads columns of texts; without it, their commonest words are counted."""
        self.encoded = texts.Encoded()

    def describe_columns(self) -> None:
        """Learn the columns from the rows that are not tested on now, and encode all rows.

        Where these rows leave no column to learn from, an earlier description stays.
        """
        known, parts = self.known("train", "validation"), []
        described: list[tables.Description] = []
        dropped: dict[str, str] = {}
        columns: list[texts.Column] = []
        for name in self.loaded.table.column_names:
            if name == self.target:
                continue
            cells, indices = distinct(self.loaded.table.column(name))
            role = self.loaded.roles.get(name, INPUT)
            if role != INPUT and any(cell is not None for cell in cells):
                dropped[name] = LEFT_OUT[role].format(name=name)
                continue
            if tells_parts(name, cells):
                continue
            counts = np.bincount(indices[known], minlength=len(cells))
            description, reason = tables.learn(
                name, cells, counts, is_input=name in self.loaded.roles, form=self.loaded.forms.get(name)
            )
            if description is None:
                dropped[name] = reason
                continue
            if description["kind"] == "text":
                columns.append(texts.Column(len(described), description, cells, indices))
            described.append(description)
            parts.append(tables.encode_column(description, cells)[indices])
        if parts:
            self.read_texts(known, described, parts, columns)
            self.matrix = np.concatenate(parts, axis=1)
        if parts or not self.described:
            self.described, self.dropped = described, dropped

    def read_texts(
        self,
        known: np.ndarray,
        described: list[tables.Description],
        parts: list[np.ndarray],
        columns: list[texts.Column],
    ) -> None:
        """Put what is read of columns of texts in the place of their commonest words, where that is better."""
        self.encoded = texts.Encoded()
        if self.text_columns is None or not columns:
            return
        places = {column.place for column in columns}
        others = [place for place in range(len(described)) if place not in places]
        features = [feature for place in others for feature in tables.features_of(described[place])]
        matrix = np.concatenate([np.zeros((len(self.truth), 0)), *(parts[place] for place in others)], axis=1)
        plain = tables.expanded(tables.scales_of(features, matrix[known]), matrix)
        self.encoded = self.text_columns.encode(self, known, columns, plain)
        for place, part in self.encoded.parts.items():
            parts[place] = part

    def held_out(self, fold: int) -> np.ndarray:
        """The matrix of the rows to learn from as it is where a fold of the search is not learned from."""
        matrix = self.matrix[self.known("train", "validation")]
        widths = [len(tables.features_of(column)) for column in self.described]
        starts = np.cumsum([0, *widths])
        for place, scored in self.encoded.scored.items():
            values = np.concatenate([own.folds[fold] for own in scored], axis=1)
            matrix[:, starts[place] : starts[place] + values.shape[1]] = values
        return matrix

    def features(self) -> list[dict[str, Any]]:
        return [feature for column in self.described for feature in tables.features_of(column)]

    def inputs(self, rows: np.ndarray) -> list[Any]:
        names = [column["name"] for column in self.described]
        return self.loaded.table.select(names).take(rows).to_pylist()

    def shown(self, rows: np.ndarray) -> list[str]:
        return [json.dumps(row, ensure_ascii=False) for row in self.inputs(rows)]

    def manifest(self) -> dict[str, Any]:
        return {"inputs": [declared(column) for column in self.described], "chosen": self.winner}

    def card_facts(self) -> list[str]:
        won = [f"Chosen by cross-validation: {self.winner['title']}."] if self.winner else []
        return [*won, *self.dropped.values()]

    def examples(self, folder: Path) -> list[dict[str, Any]]:
        test, answers = self.part("test"), self.loaded.answers
        chosen = list({answers[row]: row for row in test[::-1].tolist()}.values()) if self.is_class else test.tolist()
        rows = np.array(sorted(chosen)[:6])
        return [{"input": value, "label": answers[row]} for value, row in zip(self.inputs(rows), rows, strict=True)]


def declared(column: dict[str, Any]) -> dict[str, Any]:
    """A column as a form draws it."""
    names: tuple[str, ...] = ("choices", "choice_rows", "min", "max", "p5", "p95", "typical", "decimal", "form", "long")
    facts = {name: column[name] for name in names if name in column}
    return {"name": column["name"], "kind": column["kind"], "required": False, **facts, "example": column["typical"]}


def distinct(column: "pa.ChunkedArray") -> tuple[list[str | None], np.ndarray]:
    """(distinct cells, each row's place among them); spellings of a missing value become None."""
    import pyarrow as pa

    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    encoded = pa.chunked_array([encoded]) if isinstance(encoded, pa.Array) else encoded
    encoded = encoded.unify_dictionaries().chunk(0)
    cells = [tables.cell_of(cell) for cell in encoded.dictionary.to_pylist()]
    return [*cells, None], encoded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False).astype(np.int64)


def tells_parts(name: str, cells: list[str | None]) -> bool:
    """Whether a column only says which rows are learned from and which tested on."""
    parts = [cell.strip().lower() for cell in cells if cell is not None]
    return name.strip().lower() in SPLIT_NAMES and bool(parts) and set(parts) <= set(SPLIT_VALUES)


def prepare(job: Job) -> TableRows:
    loaded = job.load_rows()
    labels, truth = truth_of(job.task, loaded)
    rows = TableRows(loaded, labels, truth)
    rows.text_columns = texts.TextColumns(job)
    rows.describe_columns()
    if not rows.described:
        raise DataError(
            _("No column is left to learn from."),
            code="no_columns",
            hint=_("Give columns that differ from row to row."),
        )
    for sentence in rows.dropped.values():
        job.log(sentence)
    warn_of_leaks(job, rows)
    job.tell_rows(rows, f"{len(rows.described)} columns")
    return rows


def warn_of_leaks(job: Job, rows: TableRows) -> None:
    """Columns that alone tell the answer nearly perfectly: often they are known only after it. Looked for in all rows, as on
    the data page, so that both name the same ones; nothing that is learned depends on it."""
    known = rows.known("train", "validation", "test")
    kinds = {column["name"]: column["kind"] for column in rows.described}
    truth = np.full(len(rows.truth), -1 if rows.is_class else np.nan)
    truth[known] = rows.truth[known]
    labels = rows.labels if rows.is_class else None
    rows.leaks = leaks.find_leaks(rows.loaded.table, kinds, truth, labels, forms=rows.loaded.forms)
    rows.leaks_not_looked_at = leaks.describe_unchecked(kinds, truth, labels)
    for sentence in rows.leaks_not_looked_at:
        job.log(sentence)
    for leak in rows.leaks:
        job.warn(
            "leakage",
            _("The column “%(one)s” gives the answer away on its own. Was it known at the time?", one=leak["column"]),
            _("If it is known only after the answer, give it the role “ignore” and train again."),
        )


def facts_of(job: Job, rows: TableRows) -> dict[str, Any]:
    known = rows.known("train", "validation")
    features = rows.features()
    commonest = np.bincount(rows.truth[known]).max() / len(known) if rows.is_class else 0
    return {
        "columns": rows.described,
        "encoder": rows.encoded.encoder,
        "dropped": list(rows.dropped),
        "features": features,
        "answer": rows.answer.key,
        "labels": rows.labels,
        "outputs": len(rows.labels) if len(rows.labels) > 2 else 1,
        "scales": tables.scales_of(features, rows.matrix[known]),
        "layers": net_layers(job.params),
        "epochs": job.params.epochs,
        "calibration": {"scale": 1.0, "bias": 0.0},
        "decision": None,
        "headline": "roc_auc" if len(rows.labels) == 2 and commonest > HEADLINE_SHARE else job.task.headline,
    }


def weights_of(job: Job, rows: TableRows, known: np.ndarray) -> np.ndarray:
    """Rare labels count for more (inverse root of frequency, mean one) when labels are skewed."""
    if not rows.is_class:
        return np.ones(len(known))
    counts = np.bincount(rows.truth[known], minlength=len(rows.labels)).clip(min=1)
    if counts.max() < SKEW * counts.min():
        return np.ones(len(known))
    job.log(_("The labels are imbalanced, so rare ones get more weight."))
    weights = 1 / np.sqrt(counts[rows.truth[known]])
    return weights / weights.mean()


def baselines(job: Job, rows: TableRows) -> dict[str, Baseline]:
    """The commonest answer or the mean, logistic or ridge regression on the number columns alone, and on the texts alone where
    they are read."""
    from sklearn.linear_model import Ridge

    known, test = rows.known("train", "validation"), rows.part("test")
    known = np.random.default_rng(job.spec.seed).permutation(known)[:MOST_BASELINE_ROWS]
    features = [
        feature | {"kind": "read" if feature["column"] in rows.encoded.readers else feature["kind"]}
        for feature in rows.features()
    ]
    scales = tables.scales_of(features, rows.matrix[rows.known("train", "validation")]) | {"categories": []}
    numbers, test_numbers = tables.scaled(scales, rows.matrix[known]), tables.scaled(scales, rows.matrix[test])
    if not numbers.shape[1]:
        numbers, test_numbers = np.zeros((len(known), 1)), np.zeros((len(test), 1))
    truth = rows.truth[known]
    name, simple = (
        ("logistic", lambda: logistic(numbers, truth, test_numbers, len(rows.labels), max_iter=1000))
        if rows.is_class
        else ("ridge", lambda: Ridge().fit(numbers, truth).predict(test_numbers))
    )
    simple_models: dict[str, Baseline] = rows.scoring.baselines(truth, len(test), rows.labels, name, simple)
    if rows.encoded.readers:
        simple_models = text_baseline(job, rows, known, test) | simple_models
    return simple_models


def text_baseline(job: Job, rows: TableRows, known: np.ndarray, test: np.ndarray) -> dict[str, Baseline]:
    """Counted words of all columns of texts together, without the other columns."""
    cells = rows.loaded.table.select(list(rows.encoded.readers)).to_pylist()
    joined = [" ".join(tables.cell_of(cell) or "" for cell in row.values()) for row in cells]
    learned, asked = [joined[row] for row in known], [joined[row] for row in test]
    truth, seed = rows.truth[known], job.spec.seed
    name, simple = (
        ("tfidf_logistic", lambda: word_counting(learned, truth, asked, len(rows.labels), seed))
        if rows.is_class
        else ("tfidf_ridge", lambda: word_regression(learned, truth, asked, seed))
    )
    simple_models: dict[str, Baseline] = rows.scoring.baselines(truth, len(test), rows.labels, name, simple)
    return simple_models
