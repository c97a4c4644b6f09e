"""API tokens: who may come in by one, why not, and what ends them."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.actions import audit
from webapp.accounts.factors import check_factor
from webapp.accounts.models import ApiToken, Membership, User, Workspace, hashed
from webapp.core.problems import Problem

REMEMBERED_DAYS = 30
"""So long a token that expired stays in the list."""


def admit_token(secret: str, address: str | None) -> tuple[ApiToken, Membership]:
    """The token and its owner's membership; `Problem` 401 with the reason where it does not work, or no longer."""
    api_token = ApiToken.find(secret, address)
    if api_token is None:
        raise refusal_of_token(secret)
    membership = api_token.membership()
    if membership is None:
        raise ended(ApiToken.End.REMOVED.label)
    check_factor(api_token.user, membership.workspace)
    return api_token, membership


def refusal_of_token(secret: str) -> Problem:
    """Only whoever has the token itself learns what became of it."""
    api_token = ApiToken.objects.select_related("user").filter(digest=hashed(secret)).first()
    if api_token is None:
        return Problem(
            _("The token is missing or wrong."),
            code="bad_token",
            hint=_("Send Authorization: Bearer TOKEN; tokens are on the settings page."),
            status=401,
        )
    if api_token.revoked_at is not None:
        return ended(api_token.get_end_reason_display() or ApiToken.End.REVOKED.label)
    if not api_token.user.is_active:
        return ended(ApiToken.End.DEACTIVATED.label)
    return Problem(
        _("This token expired on %(day)s.") % {"day": f"{api_token.expires_at:%Y-%m-%d}"},
        code="token_expired",
        hint=_("Create a new one under Settings › API tokens."),
        status=401,
    )


def ended(reason: object) -> Problem:
    return Problem(
        _("This token no longer works: %(reason)s.") % {"reason": reason},
        code="token_ended",
        hint=_("Create a new one under Settings › API tokens."),
        status=401,
    )


def end_tokens(user: User, reason: str, workspace: Workspace | None = None) -> int:
    """All tokens of a person, or those of one workspace; how many still worked."""
    tokens = ApiToken.objects.filter(user=user, revoked_at=None)
    if workspace is not None:
        tokens = tokens.filter(workspace=workspace)
    working = list(tokens.select_related("workspace"))
    count = tokens.end(reason)
    audit_ends(working, user)
    return count


def audit_ends(tokens: Iterable[ApiToken], user: User) -> None:
    for token in tokens:
        audit(token.workspace, user, "ended", "token", token.pk, token.name)


def listed_tokens(workspace: Workspace) -> list[ApiToken]:
    """Those that work, and those that expired lately, so that whoever looks for the reason finds it."""
    since = timezone.now() - timedelta(days=REMEMBERED_DAYS)
    tokens = ApiToken.objects.for_workspace(workspace).filter(revoked_at=None).select_related("user")
    return [token for token in tokens if token.expires_at is None or token.expires_at > since]
