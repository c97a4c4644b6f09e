"""What a workspace may have and do at most, and what it uses of it."""

from django.http import HttpResponse
from django.shortcuts import render

from webapp.accounts import limits
from webapp.accounts.access import member
from webapp.accounts.requests import AuthedRequest
from webapp.costs.gate import month


@member
def limits_page(request: AuthedRequest) -> HttpResponse:
    """Context: uses [`limits.Use`], requests (a minute; None: unlimited), budget (the highest that may be set, or None)."""
    defaults = limits.own_or_default(request.workspace, ["requests_minute", "budget"])
    context = {
        "uses": limits.all_of(request.workspace),
        "requests": defaults["requests_minute"],
        "budget": defaults["budget"],
        "currency": month(request.workspace).currency,
    }
    return render(request, "pages/limits.html", context)
