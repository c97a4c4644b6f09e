"""`spend` in every page's bar: this month's money, read only when the template shows it."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from webapp.costs.gate import month


def spend(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {"spend": SimpleLazyObject(lambda: month(membership.workspace)) if membership else None}
