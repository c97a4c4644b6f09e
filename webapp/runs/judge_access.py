"""How a workspace reaches its judge: set by its admins, read by the worker alone."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from trainer.errors import SpecError
from trainer.source_addresses import check_web
from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import User, Workspace
from webapp.core.problems import Conflict, Problem
from webapp.core.sealed import seal_text, unseal_text
from webapp.runs.judge_models import JudgeAccess

PURPOSE = "judges of answers"
LONGEST_URL, LONGEST_KEY = 500, 1_000
PRICES = ("price_read", "price_written", "cap")
LEAST_CAP = Decimal("0.00001")


def find(workspace: Workspace) -> JudgeAccess | None:
    return JudgeAccess.objects.filter(workspace=workspace).first()


def needed(workspace: Workspace) -> JudgeAccess:
    access = find(workspace)
    if access is None:
        raise Conflict(
            _("This workspace has no judge model."),
            code="no_judge",
            hint=_("An admin sets one up under Settings, Judge model."),
        )
    return access


def keep(
    workspace: Workspace, user: User, url: str, model: str, key: str, prices: Mapping[str, Decimal]
) -> JudgeAccess:
    """`key` "": the one that is kept stays, unless the address is another server's. `Problem` for an address that is never asked;
    nothing is asked here."""
    url = url.strip().rstrip("/")
    check_url(url)
    if not key.isascii() or not key.isprintable() or len(key) > LONGEST_KEY:
        raise bad_judge(_("The key has characters that it cannot have."), _("Copy it again."), field="key")
    with transaction.atomic():
        before = JudgeAccess.objects.select_for_update().filter(workspace=workspace).first()
        fields: dict[str, Any] = {"url": url, "model": model.strip(), "created_by": user, **prices}
        if key or before is None or host_of(before.url) != host_of(url):
            fields |= {"sealed": seal_text(PURPOSE, key), "has_key": bool(key)}
        made, _is_new = JudgeAccess.objects.update_or_create(workspace=workspace, defaults=fields)
        audit(workspace, user, "set", "judge", made.pk, f"{made.model}, {host_of(url)}")
    return made


def remove(access: JudgeAccess, user: User) -> None:
    """With its key. What it has graded stays with the runs."""
    with transaction.atomic():
        audit(access.workspace, user, "deleted", "judge", access.pk)
        erase_names(access.workspace_id, [access.pk])
        access.delete()


def check_url(url: str) -> None:
    try:
        check_web(url)
        parts = urlsplit(url)
        is_fine = len(url) <= LONGEST_URL and url.isascii() and not parts.query and not parts.fragment
    except SpecError:
        raise no_address() from None
    if not is_fine:
        raise no_address()
    if parts.scheme != "https" and not is_allowed(url):
        raise bad_judge(
            _("The key would be sent unencrypted."), _("The address of a judge begins with https://."), field="url"
        )


def no_address() -> Problem:
    return bad_judge(
        _("This is not an address of a judge."), _("It looks like https://api.example.com/v1."), field="url"
    )


def bad_judge(message: str, hint: str, field: str) -> Problem:
    return Problem(message, code="bad_judge", hint=hint, field=field)


def host_of(url: str) -> str:
    """As it is shown: whom the answers are sent to."""
    return urlsplit(url).netloc


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}[parts.scheme]


def is_allowed(url: str) -> bool:
    """Whether the operator names its host and port, wherever they are."""
    return f"{urlsplit(url).hostname}:{port_of(url)}" in settings.JUDGE_HOSTS


def key_of(access: JudgeAccess) -> str:
    """`Problem` where it was stored under another SECRET_KEY."""
    key = unseal_text(PURPOSE, access.sealed)
    if key is None:
        raise bad_judge(
            _("The key of the judge was stored under another SECRET_KEY."),
            _("An admin sets it again under Settings, Judge model."),
            field="key",
        )
    return key
