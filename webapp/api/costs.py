"""/costs, /limits, /budget, /rates."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from django.utils import timezone
from ninja import Router
from pydantic import StrictFloat, StrictInt, StrictStr

from webapp.accounts import limits
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token
from webapp.api.schemas import Page
from webapp.api.shapes import moment, money
from webapp.api.workspace_schemas import BudgetOut, CostsOut, LimitOut, RateOut
from webapp.core.problems import Problem
from webapp.costs import actions, gate, reports
from webapp.costs.amounts import plain_decimal_of
from webapp.costs.models import Rate

router = Router(tags=["costs"])


def start_of(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day else None


@router.get("/costs", response=CostsOut)
def costs(
    request: AuthedRequest, group_by: str = "kind", since: date | None = None, until: date | None = None
) -> dict[str, Any]:
    """Sums of the ledger by `day`, `prototype`, `kind` (comma-separated), of this month unless `since` is given."""
    groups = [name.strip() for name in group_by.split(",") if name.strip()]
    unknown = [name for name in groups if name not in reports.GROUPS]
    if unknown or not groups:
        raise Problem(
            f"Costs cannot be grouped by “{''.join(unknown)}”.",
            code="bad_group",
            hint="Use day, prototype or kind.",
            allowed=list(reports.GROUPS),
        )
    start = start_of(since) or actions.month_start()
    rows = reports.grouped(request.workspace, groups, start, start_of(until))
    month = gate.month(request.workspace)
    items = [
        {
            name: moment(value) if isinstance(value, datetime) else value
            for name, value in row.items()
            if name not in ("amount", "seconds")
        }
        | {"amount": money(row["amount"]), "seconds": round(row["seconds"], 1)}
        for row in rows
    ]
    total = sum((row["amount"] for row in rows), start=Decimal(0))
    return {"items": items, "next": None, "total": money(total), "currency": month.currency, "since": moment(start)}


@router.get("/limits", response=Page[LimitOut])
def list_limits(request: AuthedRequest) -> dict[str, Any]:
    """What the operator of the site allows this workspace at most, and what it uses of it; `most` is null where it is unlimited."""
    items = [
        {"name": use.limit.name, "used": round(use.used, 2), "most": use.most}
        for use in limits.all_of(request.workspace)
    ]
    return {"items": items, "next": None}


Amount = StrictStr | StrictInt | StrictFloat


class BudgetIn(Body):
    amount: Amount


def budget_shape(request: AuthedRequest) -> dict[str, Any]:
    month = gate.month(request.workspace)
    return {
        "amount": money(month.budget),
        "spent": money(month.spent),
        "left": money(month.left),
        "currency": month.currency,
    }


@router.get("/budget", response=BudgetOut)
def get_budget(request: AuthedRequest) -> dict[str, Any]:
    return budget_shape(request)


@router.put("/budget", response=BudgetOut, auth=Token(Right.ADMINISTER))
def put_budget(request: AuthedRequest, payload: BudgetIn) -> dict[str, Any]:
    actions.set_budget(request.workspace, plain_decimal_of(payload.amount, "The budget", places=2), request.user)
    return budget_shape(request)


def rate_shape(rate: Rate) -> dict[str, Any]:
    return {
        "hardware": rate.hardware,
        "title": rate.title,
        "price_per_hour": str(rate.price_per_hour),
        "currency": rate.currency,
        "source": rate.source,
        "source_date": rate.source_date.isoformat() if rate.source_date else None,
    }


@router.get("/rates", response=Page[RateOut])
def list_rates(request: AuthedRequest) -> dict[str, Any]:
    return {"items": [rate_shape(rate) for rate in actions.rates_of(request.workspace)], "next": None}


class RateIn(Body):
    price_per_hour: Amount


@router.put("/rates/{hardware}", response=RateOut, auth=Token(Right.ADMINISTER))
def put_rate(request: AuthedRequest, hardware: str, payload: RateIn) -> dict[str, Any]:
    if not Rate.objects.for_workspace(request.workspace).filter(hardware=hardware).exists():
        raise Problem(
            "There is no such hardware.", code="bad_hardware", status=404, hint="GET /api/v1/rates lists them."
        )
    price = plain_decimal_of(payload.price_per_hour, "The price", places=5)
    return rate_shape(actions.set_rate(request.workspace, hardware, price, user=request.user))
