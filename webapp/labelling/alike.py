"""Look-alikes of a row: those of the pool that are nearest to it, to be given one label in one step. `trainer suggest` works them out
(`trainer.labelling.alike`); here they are only looked up, without those that have got a label since."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from webapp.core.problems import Conflict, Problem
from webapp.datasets.models import DatasetVersion
from webapp.datasets.rows import Cursor, connect, names_of, read
from webapp.labelling.models import Decision, Guide
from webapp.labelling.queue import CHARACTERS, Item, item_of, suggestions_file, suggestions_of

SHOWN, MOST = 12, 36


@dataclass(frozen=True)
class Alike:
    """A row without a label, and how like it is: a cosine, at most 1."""

    item: Item
    similarity: float

    def as_dict(self) -> dict[str, Any]:
        return self.item.as_dict() | {"similarity": self.similarity}


def alike_file(version: DatasetVersion) -> Path:
    return suggestions_file(version).with_name("alike.parquet")


def alike(version: DatasetVersion, row: int, count: int = SHOWN) -> list[Alike]:
    """The nearest rows that nobody has decided on, the least alike first; `Problem` where nothing is known of the row."""
    if not 1 <= row <= version.rows:
        raise Problem(
            _("There is no row %(row)s.") % {"row": str(row)[:20]},
            code="no_row",
            hint=_("They are counted from 1 to %(rows)d.") % {"rows": version.rows},
        )
    decided = set(Decision.objects.filter(version=version).values_list("row", flat=True))
    with connect() as cursor:
        near = nearest(cursor, version, row)
        free = [(number, similarity) for number, similarity in near if number not in decided]
        chosen = dict(reversed(free[: min(max(count, 1), MOST)]))
        rows = read(cursor, version, names_of(version), [number - 1 for number in chosen], CHARACTERS)
        suggested = suggestions_of(cursor, version, list(chosen))
    return [
        Alike(item_of(version, row, suggested.get(row["number"], (None, ""))[0], ""), chosen[row["number"]])
        for row in rows
    ]


def nearest(cursor: Cursor, version: DatasetVersion, row: int) -> list[tuple[int, float]]:
    """(row from 1, similarity), the nearest first."""
    path = alike_file(version)
    query = "SELECT alike, similarity FROM read_parquet(?) WHERE row = ?"
    record = cursor.execute(query, [str(path), row]).fetchone() if path.exists() else None
    if record is None:
        raise nothing_known(version)
    return [(number, round(similarity, 4)) for number, similarity in zip(*record, strict=True)]


def nothing_known(version: DatasetVersion) -> Problem:
    """Why no look-alikes are known: nothing reads such rows, or they are not worked out yet."""
    guide = Guide.objects.filter(dataset=version.dataset_id).first()
    vectors = guide.facts.get("vectors", guide.facts.get("reader")) if guide is not None else None
    if guide is not None and guide.result is not None and not guide.due and vectors is None:
        return Problem(
            _("Nothing on this machine reads such rows, so it is not known which are alike."),
            code="no_vectors",
            hint=_("Label them one by one, or by a rule."),
        )
    return Conflict(
        _("Rows that are like this one are not known yet."),
        code="not_ready",
        hint=_("They are computed in the background, again after every ten labels. Label on, then try again."),
    )
