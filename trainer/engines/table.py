"""Rows of a table: LightGBM's own trees, plain sums, or the net as a graph, over what `trainer.tables` makes of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer import answers, gbm, table_texts, tables
from trainer.answers import classes_scoring
from trainer.answers.classes_scoring import places_of
from trainer.answers.classes_statistics import softmax
from trainer.engines import ArrayEngine
from trainer.engines.text_vectors import Encoder
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.machine import cores
from trainer.messages import _
from trainer.outputs import Outputs

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

NATIVE = {"lightgbm": "model.txt", "linear": "linear.json"}


class Booster(Protocol):
    """LightGBM's trees (`lightgbm.Booster`)."""

    def predict(self, matrix: np.ndarray, /, *, raw_score: bool, num_threads: int) -> np.ndarray: ...


class TableEngine(ArrayEngine[JsonObject]):
    """By `engine` the model is a graph (`session`), trees (`booster`), or sums (`weights` and `bias`)."""

    parts_name = "columns"
    booster: Booster
    threads: int
    """Of the trees."""
    weights: np.ndarray
    """(features, outputs)."""
    bias: np.ndarray
    """(outputs,)."""

    def __init__(
        self, artifact: Path, manifest: JsonObject, engine: str | None, threads: int | None, *, verify: bool = False
    ) -> None:
        super().__init__(artifact, manifest, engine, threads, verify=verify)
        self.facts: JsonObject = json.loads((self.artifact / "model" / "columns.json").read_text("utf-8"))
        self.columns: list[JsonObject] = self.facts["columns"]
        self.encoder: Encoder | None = None
        if table_texts.needs_encoder(self.columns):
            folder = self.artifact / "model" / table_texts.ENCODER
            self.encoder = Encoder(folder, self.facts["encoder"]["max_length"], threads)
        self.readers = table_texts.load_readers(self.artifact / "model", self.columns)
        self.accepted = {column["name"] for column in self.columns} | set(self.facts["dropped"])

    def model_file(self) -> Path:
        name = NATIVE.get(self.engine)
        return self.artifact / "model" / name if name else super().model_file()

    def open(self, threads: int | None) -> None:
        if self.engine == "linear":
            sums = json.loads(self.path.read_text("utf-8"))
            self.weights, self.bias = np.array(sums["weights"]), np.array(sums["bias"])
        elif self.engine == "lightgbm":
            self.threads = threads or cores()
            self.booster = gbm.lightgbm().Booster(model_file=str(self.path))
        else:
            super().open(threads)

    def other_files(self) -> tuple[Path, ...]:
        model = self.artifact / "model"
        columns = json.loads((model / "columns.json").read_text("utf-8"))["columns"]
        return (model / "columns.json", *table_texts.files_of(model, columns))

    def warm_input(self) -> JsonObject:
        return {column["name"]: column["typical"] for column in self.columns}

    def read(self, value: object) -> JsonObject:
        self.check(value)
        row = cast("JsonObject", value)
        unknown = next((name for name in row if name not in self.accepted), None)
        if unknown is not None:
            known = ", ".join(column["name"] for column in self.columns)
            raise DataError(
                _("has the column “%(unknown)s”, which the model does not know.", unknown=unknown),
                code="bad_input",
                hint=_("There are: %(known)s.", known=known),
            )
        for column in self.columns:
            cell = tables.cell_in(row, column)
            if cell is not None and column["kind"] in ("number", "date"):
                self.check_cell(column, cell)
        return row

    def check_cell(self, column: JsonObject, cell: str) -> None:
        if np.isnan(tables.encode_column(column, [cell])).all():
            raise DataError(
                _(
                    "has “%(cell)s” in the column “%(column)s”, which holds a %(column2)s.",
                    cell=cell[:40],
                    column=column["name"],
                    column2=column["kind"],
                ),
                code="bad_input",
                hint=_("Correct it, or leave it out where it is not known."),
            )

    def outputs(self, inputs: Sequence[JsonObject]) -> np.ndarray:
        return finished(self.raw(self.matrix(inputs)), self.facts)

    def matrix(self, inputs: Sequence[JsonObject]) -> np.ndarray:
        """(inputs, features)."""
        return tables.encode(self.columns, inputs, self.readers, self.encoder)

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """(rows, 1 margin or number, or a logit a label)."""
        if self.engine == "lightgbm":
            threads = self.threads if len(matrix) > 100 else 1
            return self.booster.predict(matrix, raw_score=True, num_threads=threads).reshape(len(matrix), -1)
        scales = self.facts["scales"]
        if self.engine == "linear":
            sums: np.ndarray = tables.expanded(scales, matrix) @ self.weights + self.bias
            return sums
        feed = {"numbers": tables.scaled(scales, matrix).astype(np.float32), "codes": tables.codes_of(scales, matrix)}
        names = {argument.name for argument in self.session.get_inputs()}
        arguments = {name: values for name, values in feed.items() if name in names}
        return self.session.run(None, arguments)[0].astype(float)

    def served(self, outputs: np.ndarray) -> list[JsonObject]:
        """The label answered is that of the threshold, where there is one."""
        answers = super().served(outputs)
        if self.facts.get("decision"):
            for answer, label in zip(answers, self.kept(outputs), strict=True):
                answer["label"] = label
                answer["score"] = next(scored["score"] for scored in answer["scores"] if scored["label"] == label)
        return answers

    def kept(self, outputs: np.ndarray) -> list[Any]:
        if not self.facts.get("decision"):
            return super().kept(outputs)
        return [self.labels[code] for code in decided(softmax(outputs), self.facts)]

    def pieces(self, value: JsonObject) -> list[tuple[JsonObject, JsonObject]]:
        """Each column, and the input with the column's typical value in its place."""
        names = [(column["name"], column["typical"]) for column in self.columns]
        return [({"column": name, "value": value.get(name)}, {**value, name: typical}) for name, typical in names]

    def explain(self, value: JsonObject) -> JsonObject:
        explanation = super().explain(value)
        if not self.facts.get("decision"):
            return explanation
        answer = self.predict([value])[0]
        if answer["label"] != explanation["label"]:  # two labels, and a threshold away from a half
            for piece in explanation["columns"]:
                piece["weight"] = -piece["weight"]
        return explanation | {"label": answer["label"], "score": answer["score"]}

    def report(self, rows: "Loaded", outputs: Outputs, shown: list[str]) -> JsonObject:
        outputs = np.asarray(outputs)
        if not self.facts.get("decision"):
            return self.scoring.report(rows.answers, outputs, self.labels, shown, rows.row_numbers, "input")
        truth = places_of(rows.answers, self.labels)
        return class_report(truth, softmax(outputs), self.labels, shown, rows.row_numbers, self.facts)


def finished(raw: np.ndarray, facts: JsonObject) -> np.ndarray:
    """Calibrated logits, one a label; or the number."""
    if answers.of_file(facts).one_output:
        return raw
    scaled: np.ndarray = raw * facts["calibration"]["scale"] + facts["calibration"]["bias"]
    return np.concatenate([np.zeros_like(scaled), scaled], axis=1) if len(facts["labels"]) == 2 else scaled


def decided(probabilities: np.ndarray, facts: JsonObject) -> np.ndarray:
    """The label that is answered: with two, the positive one from its threshold on."""
    decision: JsonObject | None = facts.get("decision")
    if not decision:
        likeliest: np.ndarray = probabilities.argmax(1)
        return likeliest
    positive: int = decision["positive_index"]
    return np.where(probabilities[:, positive] >= decision["threshold"], positive, 1 - positive)


def class_report(
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    facts: JsonObject,
    predicted: np.ndarray | None = None,
) -> JsonObject:
    """`classes_scoring.class_report` by the threshold, the area under the curve being the headline when skewed."""
    predicted = decided(probabilities, facts) if predicted is None else predicted
    report = classes_scoring.class_report(
        truth, probabilities, labels, shown, rows, "input", predicted, headline=facts["headline"]
    )
    if facts.get("decision"):
        report["decision"] = facts["decision"]
    return report
