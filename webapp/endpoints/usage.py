"""What of demos counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import timedelta

from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import Workspace
from webapp.accounts.usage import in_use_or_new
from webapp.endpoints.models import Endpoint, EndpointKey, Feedback, ShareLink

DAY = timedelta(days=1)


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
