"""/tokens: seen and ended. None is made here, so that whoever copies a token cannot keep what it opens by making another."""

from typing import Any, Literal

from ninja import Router, Schema, Status

from webapp.accounts.access import load
from webapp.accounts.actions import audit
from webapp.accounts.models import ApiToken
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right, check, refusal_of_scope
from webapp.accounts.tokens import listed_tokens
from webapp.api.auth import Token
from webapp.api.schemas import Page
from webapp.api.shapes import moment

router = Router(tags=["tokens"])


class TokenOut(Schema):
    id: str
    name: str
    hint: str
    scope: Literal["read", "write", "admin"]
    owner: str
    created_at: str
    expires_at: str | None
    expired: bool
    last_used_at: str | None
    last_used_from: str | None
    is_this: bool


def token_shape(token: ApiToken, request: AuthedRequest) -> dict[str, Any]:
    this = getattr(request, "api_token", None)
    return {
        "id": token.pk,
        "name": token.name,
        "hint": token.hint,
        "scope": token.scope,
        "owner": token.user.email,
        "created_at": moment(token.created_at),
        "expires_at": moment(token.expires_at) if token.expires_at else None,
        "expired": token.has_expired,
        "last_used_at": moment(token.last_used_at) if token.last_used_at else None,
        "last_used_from": token.last_used_from,
        "is_this": this is not None and this.pk == token.pk,
    }


@router.get("/tokens", response=Page[TokenOut])
def list_tokens(request: AuthedRequest) -> dict[str, Any]:
    """The workspace's tokens that work, and those that expired in the last 30 days; never the tokens themselves."""
    return {"items": [token_shape(token, request) for token in listed_tokens(request.workspace)], "next": None}


@router.delete("/tokens/{token}", response={204: None}, auth=Token(Right.VIEW))
def end_token(request: AuthedRequest, token: str) -> Status[None]:
    """Ends it at once: itself with any scope, another of one's own with `write`, somebody else's with `admin`."""
    row = load(ApiToken, request.workspace, token)
    if row.user_id != request.user.pk:
        check(request.membership, Right.ADMINISTER)
    elif row != request.api_token and Right.EDIT not in request.membership.scope:
        raise refusal_of_scope(request.membership.scope, Right.EDIT)
    if row.revoked_at is None:
        row.revoke()
        audit(request.workspace, request.user, "revoked", "token", row.pk, row.name)
    return Status(204, None)
