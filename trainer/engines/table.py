"""Rows of a table: LightGBM's own trees, plain sums, or the net as a graph, over what `trainer.tables` makes of them."""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from trainer import answers, gbm, table_texts, tables
from trainer.activations import softmax
from trainer.answers import classes_scoring
from trainer.answers.classes_scoring import places_of
from trainer.engines import ArrayEngine
from trainer.engines.explanations import MOST_PARTS, Parts, Weighed
from trainer.engines.text_vectors import Encoder
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.machine import cores
from trainer.messages import _
from trainer.outputs import Outputs

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

EXACT = {"lightgbm": ("shap",), "linear": ("sums",)}
"""Methods of these models beside those that ask again."""
NATIVE = {"lightgbm": "model.txt", "linear": "linear.json"}


class Booster(Protocol):
    """LightGBM's trees (`lightgbm.Booster`)."""

    def predict(
        self, matrix: np.ndarray, /, *, raw_score: bool = False, pred_contrib: bool = False, num_threads: int
    ) -> np.ndarray: ...


class TableEngine(ArrayEngine[JsonObject]):
    """By `engine` the model is a graph (`session`), trees (`booster`), or sums (`weights` and `bias`)."""

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
        self.methods = (*EXACT.get(self.engine, ()), "occlusion", "lime")

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
            for answer, label in zip(answers, self.stored(outputs), strict=True):
                answer["label"] = label
                answer["score"] = next(scored["score"] for scored in answer["scores"] if scored["label"] == label)
        return answers

    def stored(self, outputs: np.ndarray) -> list[Any]:
        if not self.facts.get("decision"):
            return super().stored(outputs)
        return [self.labels[code] for code in decided(softmax(outputs), self.facts)]

    # Why

    def parts(self, value: JsonObject, most: int = MOST_PARTS) -> Parts[JsonObject]:
        """The columns; one that is left out has its typical value."""
        typical = self.warm_input()
        names = list(typical)

        def without(places: Collection[int]) -> JsonObject:
            return {**value, **{names[place]: typical[names[place]] for place in places}}

        return Parts(self.described(value), without)

    def described(self, value: JsonObject) -> list[JsonObject]:
        return [
            {"kind": "column", "column": column["name"], "value": value.get(column["name"])} for column in self.columns
        ]

    def exact(self, value: JsonObject) -> tuple[list[JsonObject], Weighed]:
        """What each column adds: SHAP values of the trees (LightGBM's own, Lundberg et al. 2020), or the terms of a sum against
        those of a row of typical values."""
        matrix = self.matrix([value])
        by_feature = self.tree_values(matrix) if self.engine == "lightgbm" else self.sum_values(matrix)
        direction, base = self.raw_direction(matrix)
        weights = np.bincount(self.owners(), by_feature[:, :-1].T @ direction, len(self.columns))
        base += float(by_feature[:, -1] @ direction)
        return self.described(value), Weighed(weights, self.scoring.sums_in, 1, base)

    def owners(self) -> np.ndarray:
        """(features,): the place of the column that each comes from."""
        counts = [len(tables.features_of(column)) for column in self.columns]
        return np.repeat(np.arange(len(self.columns)), counts)

    def tree_values(self, matrix: np.ndarray) -> np.ndarray:
        """(raw outputs, features + 1): what each feature of the one row adds, and last what is answered without any."""
        values = self.booster.predict(matrix, pred_contrib=True, num_threads=1)
        return values.reshape(-1, matrix.shape[1] + 1)

    def sum_values(self, matrix: np.ndarray) -> np.ndarray:
        """The same of a linear model, where without any means that all are typical."""
        scales = self.facts["scales"]
        typical = tables.expanded(scales, self.matrix([self.warm_input()]))[0]
        differences = (tables.expanded(scales, matrix)[0] - typical)[:, None] * self.weights
        places = tables.expanded_from(scales)
        values = np.zeros((self.weights.shape[1], matrix.shape[1] + 1))
        for place, difference in zip(places, differences, strict=True):
            values[:, place] += difference
        values[:, -1] = typical @ self.weights + self.bias
        return values

    def raw_direction(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """(weights of the raw outputs under which they say the answer, what calibration adds to that)."""
        raw = self.raw(matrix)
        outputs = finished(raw, self.facts)
        direction = self.sign(outputs[:1]) * self.scoring.direction(outputs[0], self.manifest)
        if answers.of_file(self.facts).one_output:
            return direction, 0.0
        direction = direction[-raw.shape[1] :]  # of two labels the first one's logit is always 0
        calibration = self.facts["calibration"]
        return direction * calibration["scale"], float(np.sum(direction * calibration["bias"]))

    def sign(self, outputs: np.ndarray) -> int:
        """-1 where a threshold away from a half makes the less likely one of two labels the answer."""
        if not self.facts.get("decision"):
            return 1
        probabilities = softmax(outputs)
        return 1 if decided(probabilities, self.facts)[0] == probabilities[0].argmax() else -1

    def falls(self, value: JsonObject, others: Iterable[JsonObject]) -> np.ndarray:
        return self.sign(self.outputs([value])) * super().falls(value, others)

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
