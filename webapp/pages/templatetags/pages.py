"""What stands around every page, and home's title: `{% load pages %}`."""

from collections.abc import Callable
from typing import Any

from django import template
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts.rights import Right
from webapp.core import states
from webapp.endpoints.models import Endpoint
from webapp.endpoints.models import Status as DemoStatus
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run
from webapp.runs.querysets import ENDED, LISTED, Status

register = template.Library()


NAVIGATION: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("home", "tiles", lambda: _("Prototypes")),
    ("models", "cube", lambda: _("Models")),
    ("workers", "chip", lambda: _("Workers")),
    ("costs", "coin", lambda: _("Costs")),
    ("docs", "book", lambda: _("Docs")),
)

OWN_PAGES = ("/settings", "/storage", "/workspaces", "/accounts/", "/confirm")
"""Where the pages of a person and of the workspace begin."""


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> list[dict[str, Any]]:
    """The main menu; a page that is neither an entry nor about the person and the workspace belongs to the prototypes."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = match.url_name if match else ""
    entries = {name for name, _icon, _word in NAVIGATION}
    is_own = request is not None and request.path.startswith(OWN_PAGES)
    section = here if here in entries or is_own else "home"
    return [{"name": name, "icon": icon, "title": word(), "here": name == section} for name, icon, word in NAVIGATION]


SETTINGS: tuple[tuple[str, Right | None, Callable[[], str]], ...] = (
    ("settings", Right.VIEW, lambda: _("General")),
    ("security", None, lambda: _("Security")),
    ("members", Right.VIEW, lambda: _("Members")),
    ("storage", Right.VIEW, lambda: _("Storage")),
    ("limits", Right.VIEW, lambda: _("Limits")),
    ("judge_settings", Right.ADMINISTER, lambda: _("Judge model")),
    ("security_log", Right.ADMINISTER, lambda: _("Security log")),
    ("workspaces", None, lambda: _("Workspaces")),
)
"""The tabs of the settings, and the right in the open workspace that each takes; None: everybody's own."""
BELOW = {"own_security_log": "security"}


@register.simple_tag(takes_context=True)
def settings_tabs(context: template.Context) -> list[dict[str, Any]]:
    """[{address, title, here}] of those that the reader may open."""
    request = context["request"]
    match = request.resolver_match
    here = BELOW.get(match.url_name, match.url_name) if match else ""
    membership = getattr(request, "membership", None)
    return [
        {"address": reverse(name), "title": word(), "here": name == here}
        for name, right, word in SETTINGS
        if right is None or (membership and membership.can(right))
    ]


@register.simple_tag(takes_context=True)
def prototype_state(context: template.Context, prototype: Prototype) -> dict[str, Any]:
    """{state, runs, live, paused} of a prototype, for its sculpture and its tabs. `paused`: live, but its budget is spent."""
    runs = Run.objects.filter(prototype=prototype).order_by().values_list("status")
    counted = list(runs.annotate(runs=Count("pk", filter=LISTED), models=Count("pk", filter=Q(model_removed_at=None))))
    statuses = {status: runs for status, runs, _models in counted}
    endpoint = Endpoint.objects.filter(prototype=prototype).only("status").first()
    live = endpoint is not None and endpoint.status == DemoStatus.LIVE
    spend = context.get("spend")
    budget_is_spent = bool(spend and spend.is_spent)
    state = states.state_of(
        live=live,
        endpoint=bool(endpoint),
        active=bool(set(statuses) - set(ENDED)),
        finished=any(status == Status.SUCCEEDED and models for status, _runs, models in counted),
        removed=Status.SUCCEEDED in statuses,
        budget_is_spent=budget_is_spent,
    )
    paused = live and budget_is_spent
    return {"state": state, "runs": sum(statuses.values()), "live": live and not paused, "paused": paused}


@register.simple_tag
def home_sentence(counts: dict[str, int]) -> str:
    """The home page's title: what the prototypes are doing, in one sentence."""
    sentences = (
        ("live", _("%(n)s live")),
        ("paused", _("%(n)s paused by the budget")),
        ("training", _("%(n)s training")),
        ("clay", _("%(n)s ready to share")),
        ("asleep", _("%(n)s paused")),
        ("removed", _("%(n)s without a model")),
        ("draft", _("%(n)s not trained")),
    )
    return " · ".join(text % {"n": counts[state]} for state, text in sentences if counts.get(state)) or _(
        "Your prototypes"
    )
