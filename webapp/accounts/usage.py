"""What of accounts counts for a workspace's limits (`webapp.core.limits`)."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from webapp.accounts.limits import counts
from webapp.accounts.models import ApiToken, Workspace

NEW = timedelta(days=1)
"""What was made and revoked counts for so long: the rows of one who does it again and again are bounded too."""


def in_use_or_new() -> Q:
    return Q(revoked_at=None) | Q(created_at__gt=timezone.now() - NEW)


@counts("tokens")
def tokens(workspace: Workspace) -> int:
    return ApiToken.objects.for_workspace(workspace).filter(in_use_or_new()).count()


@counts("members")
def members(workspace: Workspace) -> int:
    return workspace.memberships.count()
