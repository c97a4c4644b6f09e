"""The security log: who came, who was refused, who took what away and who changed who may do what.

`record` writes one event: a row for the pages and the operator's command, and once it is certain a line of JSON for
fail2ban and a SIEM (`webapp.accounts.security_lines`). Neither holds a password, a token, a link or a key.
"""

import hashlib
import hmac
from functools import partial
from typing import cast

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest

from webapp.accounts import security_lines
from webapp.accounts.models import ApiToken, SecurityEvent, User, Workspace
from webapp.accounts.security_verbs import DONE, outcome_of
from webapp.core.clients import client_address, client_agent, network

MAX_FAILURES_A_MINUTE = 30
"""Events that did not succeed, from one address; what comes beyond is dropped, so that nobody fills the disk with them."""
MAX_FAILURES_OF_ALL_A_MINUTE = 600
MAX_COPIES = 50
"""Workspaces of one person that are told of it."""


def record(
    request: HttpRequest | None,
    verb: str,
    *,
    user: User | None = None,
    workspace: Workspace | None = None,
    subject: str = "",
    subject_id: str = "",
    text: str = "",
    given: str = "",
) -> SecurityEvent | None:
    """Write one event; None where there were too many failures.

    `request`: of whom and from where; None for what the operator's commands and periodic tasks do. `user`: who did it, if not
    whoever is signed in. `workspace`: the one it concerns; without it the event is about the person (a sign-in, a password, a
    factor) and all their workspaces are told.
    `given`: the e-mail address that somebody unknown typed. `verb`: a key of `VERBS`.
    """
    outcome = outcome_of(verb)
    address = client_address(request) if request is not None else ""
    if request is not None:
        cast("dict[str, object]", request.__dict__)["security_event"] = verb
    if outcome != DONE and not may_record_failure(address):
        return None
    user = user or signed_in_user(request)
    event = SecurityEvent(
        verb=verb[:40],
        outcome=outcome,
        user=user,
        workspace=workspace,
        given=shorten_email(given) if given and user is None else "",
        given_digest=digest_email(given) if given and user is None else "",
        address=address,
        agent=client_agent(request) if request is not None else "",
        via=used_token(request),
        subject=subject[:40],
        subject_id=str(subject_id)[:40],
        text=text[:200],
    )
    save(event)
    return event


def save(event: SecurityEvent) -> None:
    """The row, copies for the other workspaces of whom it is about, and the line once all of it is committed."""
    workspaces: list[str | None] = [event.workspace_id] if event.workspace_id else workspaces_of(event.user)
    event.workspace_id = workspaces[0]
    event.save(force_insert=True)
    for workspace_id in workspaces[1:]:
        SecurityEvent.objects.create(**same_fields(event) | {"workspace_id": workspace_id, "is_copy": True})
    transaction.on_commit(partial(security_lines.write, security_lines.fields_of(event)), robust=True)


def workspaces_of(user: User | None) -> list[str | None]:
    ids = user.memberships.values_list("workspace_id", flat=True)[:MAX_COPIES] if user else []
    return list(ids) or [None]


def same_fields(event: SecurityEvent) -> dict[str, object]:
    names = {field.attname for field in event._meta.fields} - {"id", "created_at"}
    return {name: getattr(event, name) for name in names}


def is_recorded(request: HttpRequest) -> bool:
    """Whether this request has left an event already."""
    return "security_event" in request.__dict__


def signed_in_user(request: HttpRequest | None) -> User | None:
    user = getattr(request, "user", None)
    return cast(User, user) if user is not None and user.is_authenticated else None


def used_token(request: HttpRequest | None) -> str:
    api_token = getattr(request, "auth", None)
    return f"token:{api_token.pk}" if isinstance(api_token, ApiToken) else ""


def may_record_failure(address: str) -> bool:
    return count(f"security:{network(address)}") <= MAX_FAILURES_A_MINUTE and (
        count("security:all") <= MAX_FAILURES_OF_ALL_A_MINUTE
    )


def count(name: str) -> int:
    """How often within a minute, this time included."""
    if cache.add(name, 1, timeout=60):
        return 1
    try:
        return int(cache.incr(name))
    except ValueError:  # it ended between the two
        return 1


def shorten_email(email: str) -> str:
    """Enough for an operator to recognise an attack, too little to be somebody's address: a…@example.org. Some type their
    password there: of what is no address nothing is kept."""
    name, sign, domain = email.strip().rpartition("@")
    return f"{name[:1]}…@{domain.lower()}"[:120] if sign and name and "." in domain else "…"


def digest_email(email: str) -> str:
    """The same for the same address, and useless without the site's secret."""
    return hmac.new(settings.SECRET_KEY.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()[:16]
