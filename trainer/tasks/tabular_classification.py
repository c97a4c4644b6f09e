"""Tabular classification: read the columns of a row, answer with one of a few labels."""

import random
from typing import Any

from trainer.messages import gettext_noop
from trainer.tasks.base import Role
from trainer.tasks.table import TableTask


class TabularClassification(TableTask):
    slug = "tabular-classification"
    title = gettext_noop("Tabular classification")
    summary = gettext_noop(
        "Reads the columns of a row and answers with one of your labels: who leaves, what is fraud, what sells."
    )
    roles = (Role("target", gettext_noop("Target"), "label", help="The column to answer."),)
    sentence = gettext_noop("Predict %(target)s (%(classes)s classes) from the other columns.")
    metrics = ("accuracy", "macro_f1", "log_loss", "roc_auc", "pr_auc")
    headline = "accuracy"

    @classmethod
    def sample(cls) -> list[dict[str, Any]]:
        return [row | {"target": "yes" if score > 0 else "no"} for row, score in sample_rows()]


def sample_rows() -> list[tuple[dict[str, Any], float]]:
    """Customers and how likely they stay, made by code."""
    generator = random.Random(0)  # noqa: S311
    rows = []
    for _number in range(80):
        age, plan = generator.randint(18, 80), generator.choice(["basic", "plus", "pro"])
        spent = round(generator.uniform(5, 100), 2)
        score = (age - 50) / 20 + {"basic": -1, "plus": 0, "pro": 1}[plan] + (spent - 50) / 50
        rows.append(({"age": age, "plan": plan, "spent": f"${spent}"}, score))
    return rows
