"""What the costs page draws: the ledger's sums as one column a day, and as prototypes with their runs below."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webapp.core import charts
from webapp.core.formats import dated, money_round, with_sign
from webapp.core.formats import day as day_words
from webapp.costs.models import LedgerEntry

KINDS: dict[str, tuple[str, Callable[[], str]]] = {
    LedgerEntry.HOSTING: ("k1", lambda: _("hosting")),
    LedgerEntry.TRAINING: ("k2", lambda: _("training")),
    LedgerEntry.DATA: ("k3", lambda: _("data")),
}

SUBJECTS = 8
"""Runs and demos that a prototype's row is divided into."""


def day_chart(rows: list[dict[str, Any]], start: datetime, end: datetime, currency: str) -> SafeString | str:
    """Every day of the month, also those without a charge; empty when nothing was charged at all."""
    if not rows:
        return ""
    sums: dict[tuple[Any, str], float] = {(row["day"].date(), row["kind"]): float(row["amount"]) for row in rows}
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    days = [(start + timedelta(days=number)).date() for number in range((end - start).days)]
    columns = [(day_words(day), [sums.get((day, kind), 0.0) for kind in kinds]) for day in days]
    most, parts = max(columns, key=lambda column: sum(column[1]))
    sentence = _("Cost by day in %(month)s; the most was %(sum)s on %(day)s.") % {
        "month": dated(start, "month"),
        "sum": money_round(sum(parts), currency),
        "day": most,
    }
    return charts.stacked_columns(
        columns,
        kinds=[(KINDS[kind][0], KINDS[kind][1]()) for kind in kinds],
        title=_("By day"),
        sentence=sentence,
        format_value=lambda value: with_sign(plain(value), currency) if value else "0",
        labels=[dated(days[0], "day"), "8", "15", "22", str(days[-1].day)],
    )


def plain(value: float) -> str:
    """A mark of an axis, with the digits it needs and no more: “5”, “0.25”, “0.0005”."""
    amount = Decimal(f"{value:.3g}")
    digits = max(0, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{max(digits, 2) if digits > 0 else 0}f}"


def by_prototype(subjects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows `{id, name, kinds, total, subjects, more}` from sums by subject, the dearest first, prototypes and what they
    spent it on; `more` is {count, amount} of the cheapest runs, which the table leaves out."""
    rows: dict[str, dict[str, Any]] = {}
    for row in subjects:
        empty = {"id": row["prototype"], "kinds": {}, "total": Decimal(0), "subjects": []}
        prototype = rows.setdefault(row["prototype"], empty)
        prototype["name"] = row["prototype_name"]
        prototype["kinds"][row["kind"]] = prototype["kinds"].get(row["kind"], Decimal(0)) + row["amount"]
        prototype["total"] += row["amount"]
        prototype["subjects"].append(row)
    for prototype in rows.values():
        dearest = sorted(prototype["subjects"], key=lambda row: -row["amount"])
        prototype["subjects"], rest = dearest[:SUBJECTS], dearest[SUBJECTS:]
        prototype["more"] = {"count": len(rest), "amount": sum((row["amount"] for row in rest), start=Decimal(0))}
    return sorted(rows.values(), key=lambda prototype: -prototype["total"])
