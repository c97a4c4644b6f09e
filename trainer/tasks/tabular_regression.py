"""Tabular regression: read the columns of a row, answer with a number."""

from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.table import TableTask


class TabularRegression(TableTask):
    slug = "tabular-regression"
    title = gettext_noop("Tabular regression")
    summary = gettext_noop("Reads the columns of a row and answers with a number: a price, a demand, a duration.")
    roles = (Role("target", gettext_noop("Target"), "number", help="The column to answer."),)
    sentence = gettext_noop("Predict the number in %(target)s from the other columns.")
    metrics = ("r2", "rmse", "mae")
    headline = "r2"
    answer = "number"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        from trainer.tasks.tabular_classification import sample_rows

        return [row | {"target": round(score, 3)} for row, score in sample_rows()]
