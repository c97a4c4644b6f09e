"""A source that could not be read: said on the data page, in the activity of the workspace, and once by email."""

import logging
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from webapp.accounts.actions import audit
from webapp.accounts.models import User
from webapp.accounts.rights import Right
from webapp.core.problems import Problem
from webapp.core.sentences import translated
from webapp.datasets.source_models import DataSource

log = logging.getLogger(__name__)


class Told(Problem):
    """One of a worker's, which knows no reader's language: kept with what it takes to say it in theirs."""

    code = "source_not_read"

    def __init__(self, message: Promise, hint: Promise) -> None:
        with override("en"):
            super().__init__(str(message), hint=str(hint))

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"i18n": {"message": {"text": self.message}, "hint": {"text": self.hint}}}


def writer_of(source: DataSource) -> User | None:
    """Whoever added it, as long as they may change the data; else nobody's name stands at what it brings."""
    user = source.created_by
    membership = user.memberships.filter(workspace=source.workspace_id).first() if user and user.is_active else None
    return user if membership is not None and membership.can(Right.EDIT) else None


def tell_failure(source: DataSource) -> None:
    user = writer_of(source)
    audit(source.workspace, user, "not read", "dataset", source.dataset_id, source.dataset.name)
    if user is not None and settings.MAIL_CONFIGURED:
        transaction.on_commit(lambda: write_to(user, source))


def write_to(user: User, source: DataSource) -> None:
    try:
        send_mail(_("A source could not be read again"), message_about(source), None, [user.email])
    except (SMTPException, OSError) as error:
        log.warning("whoever added source %s could not be told: %s", source.pk, type(error).__name__)


def message_about(source: DataSource) -> str:
    source.refresh_from_db()
    return _(
        "The source %(address)s of the dataset “%(dataset)s” in the workspace “%(workspace)s” could not be read again:\n\n"
        "%(reason)s %(hint)s\n\n"
        "The data is as it was. It is tried again at its time; you hear of it no more until it worked once.\n\n%(link)s"
    ) % {
        "address": source.address,
        "dataset": source.dataset.name,
        "workspace": source.workspace.name,
        "reason": translated(source.error),
        "hint": translated(source.error, "hint"),
        "link": settings.PUBLIC_URL,
    }
