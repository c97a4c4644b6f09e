"""The security log: who came, who was refused, who took what away and who changed who may do what.

`record` writes one event: a row for the pages and the operator's command, and once it is certain a line of JSON for
fail2ban and a SIEM (`webapp.accounts.security_lines`). Neither holds a password, a token, a link or a key.
"""

import hashlib
import hmac
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from webapp.accounts import security_lines
from webapp.accounts.models import ApiToken, SecurityEvent, User, Workspace
from webapp.accounts.security_verbs import AUDITED, DONE, FAILED, OWN, kind_of, outcome_of
from webapp.core.clients import client_address, client_agent, network
from webapp.core.queues import enqueue

MAX_FAILURES_A_MINUTE = 30
"""Events that did not succeed, from one address; what comes beyond is dropped, so that nobody fills the disk with them."""
MAX_FAILURES_OF_ALL_A_MINUTE = 600
PRUNED_AT_ONCE = 500
MAX_COPIES = 50
"""Workspaces of one person that are told of it."""
COPY_TASK = "webapp.accounts.tasks.copy_event"
ASKED_BY_STRANGERS = ("password_reset_requested",)
"""Besides failures: whoever asks learns nothing of whether there is such an account."""


request_at_hand: ContextVar[HttpRequest | None] = ContextVar("request_at_hand", default=None)
"""Set by `SecurityLogMiddleware`, so that an action need not be handed the request to say where it was asked from."""


def record(
    request: HttpRequest | None,
    verb: str,
    *,
    user: User | None = None,
    workspace: Workspace | None = None,
    subject: str = "",
    subject_id: object = "",
    text: str = "",
    email: str = "",
) -> SecurityEvent | None:
    """Write one event; None where there were too many failures.

    `request`: from where; None for the request at hand, if there is one: commands and periodic tasks have none. `user`: who did
    it, if not whoever is signed in. `workspace`: the one it concerns; without it the event is about the person (a sign-in, a
    password, a factor) and all their workspaces are told. `subject` and `subject_id`: what was changed or taken; "user" for
    another person, with their e-mail address as `text`, which is erased with the account. `email`: the e-mail address that
    somebody unknown typed. `verb`: a key of `VERBS`.
    """
    request = request or request_at_hand.get()
    outcome = outcome_of(verb)
    address = client_address(request) if request is not None else ""
    if request is not None:
        request.__dict__["security_event"] = verb
    if outcome != DONE and not may_record_failure(address):
        return None
    user = user or signed_in_user(request)
    event = SecurityEvent(
        verb=verb[:40],
        kind=kind_of(verb),
        outcome=outcome,
        user=user,
        workspace=workspace,
        given=shorten_email(email) if email and user is None else "",
        given_digest=digest_email(email) if email and user is None else "",
        address=address,
        agent=client_agent(request) if request is not None else "",
        via=used_token(request),
        subject=subject[:40],
        subject_id=str(subject_id)[:40],
        text=text[:200],
    )
    save(event)
    return event


def record_audited(
    workspace: Workspace, user: User | None, verb: str, subject: str, subject_id: str = "", text: str = ""
) -> None:
    """What the audit log is told of, if it belongs into this one too."""
    if (verb, subject) in AUDITED:
        record(
            None,
            AUDITED[verb, subject],
            user=user,
            workspace=workspace,
            subject=subject,
            subject_id=subject_id,
            text=text,
        )


def save(event: SecurityEvent) -> None:
    """The row, a copy for each workspace of the person whom it is about, and the line once all of it is committed. Where a
    stranger is answered, a worker makes the copies, so that the answer takes as long for an address that nobody here has."""
    event.save(force_insert=True)
    if event.outcome == FAILED or event.verb in ASKED_BY_STRANGERS:
        transaction.on_commit(named(copy_later, event.pk), robust=True)
    else:
        copy_to_workspaces(event)
    transaction.on_commit(named(security_lines.write, security_lines.fields_of(event)), robust=True)


def named(call: Callable[[Any], object], argument: object) -> Callable[[], object]:
    """The call with its argument, and a name of its own, by which Django tells which one failed."""

    def called() -> object:
        return call(argument)

    return called


def copy_later(event_id: str) -> None:
    if not enqueue(import_string(COPY_TASK), event_id):
        copy_by_id(event_id)


def copy_by_id(event_id: str) -> None:
    """Once, however often the message comes."""
    with transaction.atomic():
        event = SecurityEvent.objects.select_for_update(of=("self",)).select_related("user").filter(pk=event_id).first()
        if event is not None and not copies_of(event).exists():
            made = copy_to_workspaces(event)
            SecurityEvent.objects.filter(pk__in=made).update(created_at=event.created_at)


def copies_of(event: SecurityEvent) -> QuerySet[SecurityEvent]:
    same = {"verb": event.verb, "user": event.user, "created_at": event.created_at, "address": event.address}
    return SecurityEvent.objects.filter(is_copy=True, **same)


def copy_to_workspaces(event: SecurityEvent) -> list[str]:
    """The ids of the copies."""
    if event.workspace_id is not None or event.user is None or event.verb in OWN:
        return []
    fields = {field.attname for field in event._meta.fields} - {"id", "created_at"}
    same = {name: getattr(event, name) for name in fields} | {"is_copy": True}
    workspaces = event.user.memberships.values_list("workspace_id", flat=True)[:MAX_COPIES]
    return [SecurityEvent.objects.create(**same | {"workspace_id": workspace_id}).pk for workspace_id in workspaces]


def is_recorded(request: HttpRequest) -> bool:
    """Whether this request has left an event already."""
    return "security_event" in request.__dict__


def signed_in_user(request: HttpRequest | None) -> User | None:
    user = getattr(request, "user", None)
    is_somebody = user is not None and user.is_authenticated and user.pk  # whose account was just deleted has no id
    return cast(User, user) if is_somebody else None


def used_token(request: HttpRequest | None) -> str:
    api_token: ApiToken | None = getattr(request, "api_token", None)
    return f"token:{api_token.pk}" if api_token else ""


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
    password there: of what is not an address nothing is kept."""
    name, sign, domain = email.strip().rpartition("@")
    return f"{name[:1]}…@{domain.lower()}"[:120] if sign and name and "." in domain else "…"


def digest_email(email: str) -> str:
    """The same for the same address, and useless without the site's secret."""
    return hmac.new(settings.SECRET_KEY.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()[:16]


def erase_person(user: User) -> None:
    """What the log holds of an account that is deleted, within the same transaction: their own events go; in the logs of
    workspaces that stay it is still said that something was done, neither by whom nor from where."""
    own = Q(user=user, workspace=None, is_copy=False) | Q(given_digest=digest_email(user.email))
    SecurityEvent.objects.filter(own).delete()
    SecurityEvent.objects.filter(user=user).update(user=None, address="", agent="", via="", text="")
    named = Q(subject="user", subject_id=str(user.pk)) | Q(text__icontains=user.email)
    SecurityEvent.objects.filter(named).update(text="")


def prune() -> int:
    """Delete what is older than SECURITY_LOG_DAYS, a few at a time so that nobody waits for the database; how many they were.
    Lines that were put aside go by the age of their file."""
    if not settings.SECURITY_LOG_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.SECURITY_LOG_DAYS)
    old = SecurityEvent.objects.filter(created_at__lt=before).order_by("created_at").values_list("pk", flat=True)
    pruned = 0
    while ids := list(old[:PRUNED_AT_ONCE]):
        pruned += SecurityEvent.objects.filter(pk__in=ids).delete()[0]
    security_lines.prune(before.timestamp())
    return pruned
