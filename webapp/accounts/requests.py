"""Requests as views get them: the types of what middlewares and guards put onto Django's."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from webapp.accounts.models import ApiToken, Membership, User, Workspace


class SiteRequest(HttpRequest):
    """Any request to the site. `memberships` (the reader's workspaces) and `membership` (the open one) are lazy: whoever reads none of it costs no query; ask for its truth, not whether it
    is None."""

    htmx: HtmxDetails
    memberships: list[Membership]
    membership: Membership | None


class AuthedRequest(SiteRequest):
    """One of a signed-in member: what `member` lets in to a page, and the API's keys to a call."""

    user: User
    membership: Membership
    workspace: Workspace
    api_token: ApiToken | None
    """What a call of the API came in by; absent on pages."""
