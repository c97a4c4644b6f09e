"""Two artifacts side by side, the command `compare`: their scores on the same test rows, whether the difference is real, and the
rows on which one answers better."""

import json
from pathlib import Path
from typing import Any

from trainer import tasks
from trainer.comparison import compare_artifacts
from trainer.errors import UserError
from trainer.messages import _
from trainer.tested_rows import Changes, changed_rows, have_same_rows

NOT_COMPARABLE = "not_comparable"


def compare(first: Path, second: Path, metric: str = "") -> dict[str, Any]:
    """{metric, rows, first, second (their scores), difference {value, low, high}, p, verdict, changed, better {first, second}} of
    the first artifact beside the second, by the headline's metric where no other is asked for. `difference` is positive, and
    `verdict` "better", where the first is better; `changed` are the rows as JSON has them.

    Raises `UserError` with the code `not_comparable` for artifacts that were not asked the same.
    """
    manifests = [read(folder) for folder in (first, second)]
    if manifests[0]["task"] != manifests[1]["task"]:
        names = {"first": manifests[0]["task"], "second": manifests[1]["task"]}
        raise UserError(
            _("They answer different questions: %(first)s and %(second)s.", **names),
            code=NOT_COMPARABLE,
            hint=_("Compare runs of one task."),
        )
    if not have_same_rows(first, second, same_version=False):
        raise other_rows()
    metric = metric or headline_of(first)
    compared = compare_artifacts(metric, first, second)
    changes = changed_rows(tasks.get(manifests[0]["task"]).answer, first, second)
    if compared is None or changes is None:
        raise other_rows()
    return {
        "metric": metric,
        "rows": compared.rows,
        "first": compared.first,
        "second": compared.second,
        "difference": compared.difference,
        "p": compared.p,
        "verdict": compared.outcome,
        **described(changes),
    }


def described(changes: Changes) -> dict[str, Any]:
    """As JSON has them: `better`, on how many rows each answers better, and `changed`, those rows."""
    rows = [change._asdict() for change in changes.rows]
    return {"better": {"first": changes.first, "second": changes.second}, "changed": rows}


def other_rows() -> UserError:
    return UserError(
        _("They were tested on different rows, so their scores cannot be compared."),
        code=NOT_COMPARABLE,
        hint=_("Train both on the same version of the data."),
    )


def read(artifact: Path) -> dict[str, Any]:
    from trainer.packaging.manifest import read_manifest

    return dict(read_manifest(artifact))


def headline_of(artifact: Path) -> str:
    """The metric that the report of an artifact opens with."""
    try:
        return str(json.loads((artifact / "report.json").read_text("utf-8"))["headline"]["name"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise other_rows() from error
