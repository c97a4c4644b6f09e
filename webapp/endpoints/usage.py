"""What demos were used for: by kind of limit for a workspace (`webapp.core.limits`), and of one demo in all."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import Workspace
from webapp.accounts.usage import in_use_or_new
from webapp.costs.models import LedgerEntry
from webapp.endpoints.models import Endpoint, EndpointKey, Feedback, ShareLink

DAY = timedelta(days=1)
COUNTED = ("requests", "errors", "rows", "prompt_tokens", "completion_tokens")


@counts("endpoints")
def endpoints(workspace: Workspace) -> int:
    return Endpoint.objects.for_workspace(workspace).count()


@counts("keys")
def keys(workspace: Workspace) -> int:
    return EndpointKey.objects.for_workspace(workspace).filter(in_use_or_new()).count()


@counts("links")
def links(workspace: Workspace) -> int:
    return ShareLink.objects.for_workspace(workspace).filter(in_use_or_new()).count()


@counts("ratings_day")
def ratings_in_a_day(workspace: Workspace) -> int:
    """Those that programs sent; visitors of a demo have limits of their own."""
    since = timezone.now() - DAY
    return Feedback.objects.for_workspace(workspace).filter(created_at__gt=since, answer=None).count()


def used(endpoint: Endpoint) -> dict[str, float]:
    """The sums of all hours: COUNTED and ms."""
    totals = endpoint.usage.aggregate(**{name: Sum(name) for name in (*COUNTED, "ms")})
    return {name: value or 0 for name, value in totals.items()}


def price_per_1000(endpoint: Endpoint, tokens: float) -> Decimal | None:
    """What the demo cost until now for each 1,000 of the `tokens` that it wrote; None while there are none."""
    lines = LedgerEntry.objects.for_workspace(endpoint.workspace).filter(subject="endpoint", subject_id=endpoint.pk)
    cost: Decimal = lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    return round(cost * 1000 / int(tokens), 6) if tokens else None
