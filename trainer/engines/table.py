"""Rows of a table: LightGBM's own trees, plain sums, or the net as a graph, over what `trainer.tables` makes of them."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer import answers, gbm, tables
from trainer.answers import classes_scoring
from trainer.answers.classes_scoring import places_of
from trainer.answers.classes_statistics import softmax
from trainer.engines import Engine
from trainer.errors import DataError
from trainer.messages import _

if TYPE_CHECKING:
    from trainer.data.loading import Loaded

NATIVE = {"lightgbm": "model.txt", "linear": "linear.json"}


class TableEngine(Engine):
    parts_name = "columns"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.facts = json.loads((self.artifact / "model" / "columns.json").read_text("utf-8"))
        self.columns: list[dict[str, Any]] = self.facts["columns"]
        self.known = {one["name"] for one in self.columns}
        self.accepted = self.known | set(self.facts["dropped"])

    def model_file(self) -> Path:
        name = NATIVE.get(self.engine)
        return self.artifact / "model" / name if name else super().model_file()

    def open(self, threads: int | None) -> Any:
        if self.engine == "linear":
            return {name: np.array(value) for name, value in json.loads(self.path.read_text("utf-8")).items()}
        if self.engine == "lightgbm":
            self.threads = threads or len(os.sched_getaffinity(0))
            return gbm.lightgbm().Booster(model_file=str(self.path))
        return super().open(threads)

    def other_files(self) -> tuple[Path, ...]:
        return (self.artifact / "model" / "columns.json",)

    def warm_input(self) -> dict[str, Any]:
        return {one["name"]: one["typical"] for one in self.columns}

    def read(self, value: Any) -> dict[str, Any]:
        value = super().read(value)
        unknown = next((name for name in value if name not in self.accepted), None)
        if unknown is not None:
            known = ", ".join(one["name"] for one in self.columns)
            raise DataError(
                _("has the column “%(unknown)s”, which the model does not know.", unknown=unknown),
                code="bad_input",
                hint=_("There are: %(known)s.", known=known),
            )
        for one in self.columns:
            cell = tables.cell_of(value.get(one["name"]))
            if cell is not None and one["kind"] in ("number", "date"):
                self.check_cell(one, cell)
        return value

    def check_cell(self, column: dict[str, Any], cell: str) -> None:
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

    def outputs(self, inputs: list[Any]) -> np.ndarray:
        return finished(self.raw(tables.encode(self.columns, inputs)), self.facts)

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """(rows, 1 margin or number, or a logit a label)."""
        if self.engine == "lightgbm":
            found = self.session.predict(matrix, raw_score=True, num_threads=self.threads if len(matrix) > 100 else 1)
            return found.reshape(len(matrix), -1)
        scales = self.facts["scales"]
        if self.engine == "linear":
            return tables.expanded(scales, matrix) @ self.session["weights"] + self.session["bias"]
        feed = {"numbers": tables.scaled(scales, matrix).astype(np.float32), "codes": tables.codes_of(scales, matrix)}
        names = {one.name for one in self.session.get_inputs()}
        return self.session.run(None, {name: value for name, value in feed.items() if name in names})[0].astype(float)

    def served(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The label answered is that of the threshold, where there is one."""
        answers = super().served(outputs)
        if self.facts.get("decision"):
            for answer, label in zip(answers, self.kept(outputs), strict=True):
                answer["label"] = label
                answer["score"] = next(one["score"] for one in answer["scores"] if one["label"] == label)
        return answers

    def kept(self, outputs: np.ndarray) -> list[Any]:
        if not self.facts.get("decision"):
            return super().kept(outputs)
        return [self.labels[place] for place in decided(softmax(outputs), self.facts)]

    def pieces(self, value: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
        """Each column, and the input with the column's typical value in its place."""
        return [
            ({"column": one["name"], "value": value.get(one["name"])}, {**value, one["name"]: one["typical"]})
            for one in self.columns
        ]

    def explain(self, value: Any) -> dict[str, Any]:
        found = super().explain(value)
        if not self.facts.get("decision"):
            return found
        answer = self.predict([value])[0]
        if answer["label"] != found["label"]:  # two labels, and a threshold away from a half
            for piece in found["columns"]:
                piece["weight"] = -piece["weight"]
        return found | {"label": answer["label"], "score": answer["score"]}

    def report(self, rows: "Loaded", outputs: np.ndarray, shown: list[str]) -> dict[str, Any]:
        if not self.facts.get("decision"):
            return self.scoring.report(rows.answers, outputs, self.labels, shown, rows.row_numbers, "input")
        truth = places_of(rows.answers, self.labels)
        return class_report(truth, softmax(outputs), self.labels, shown, rows.row_numbers, self.facts)


def finished(raw: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """Calibrated logits, one a label; or the number."""
    if answers.of_file(facts).one_output:
        return raw
    scaled = raw * facts["calibration"]["scale"] + facts["calibration"]["bias"]
    return np.concatenate([np.zeros_like(scaled), scaled], axis=1) if len(facts["labels"]) == 2 else scaled


def decided(probabilities: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """The label that is answered: with two, the positive one from its threshold on."""
    chosen = facts.get("decision")
    if not chosen:
        return probabilities.argmax(1)
    positive = chosen["positive_index"]
    return np.where(probabilities[:, positive] >= chosen["threshold"], positive, 1 - positive)


def class_report(
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    facts: dict[str, Any],
    predicted: np.ndarray | None = None,
) -> dict[str, Any]:
    """`classes_scoring.class_report` by the threshold, the area under the curve being the headline when skewed."""
    predicted = decided(probabilities, facts) if predicted is None else predicted
    report = classes_scoring.class_report(
        truth, probabilities, labels, shown, rows, "input", predicted, headline=facts["headline"]
    )
    if facts.get("decision"):
        report["decision"] = facts["decision"]
    return report
