"""Tells the owner of an API token, once, that it expires soon: by email where there is one, and in the security log."""

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import security
from webapp.accounts.models import ApiToken

log = logging.getLogger(__name__)
BEFORE = timedelta(days=7)
"""So long before the token expires. One that never had longer to live is not worth a reminder."""


def remind_of_tokens() -> int:
    """How many owners were told. Where the mail server does not take the mail, the next sweep tries again."""
    now = timezone.now()
    due = ApiToken.objects.working().filter(reminded_at=None, expires_at__lte=now + BEFORE)
    lasting = due.filter(expires_at__gt=F("created_at") + BEFORE)
    return sum(remind(token) for token in lasting.select_related("user", "workspace"))


def remind(token: ApiToken) -> bool:
    mine = ApiToken.objects.filter(pk=token.pk)
    if not mine.filter(reminded_at=None).update(reminded_at=timezone.now()):
        return False  # another sweep does
    if settings.MAIL_CONFIGURED:
        try:
            send_mail(_("An API token expires soon"), message_of(token), None, [token.user.email])
        except (SMTPException, OSError) as error:
            log.warning("the reminder of a token could not be sent: %s", type(error).__name__)
            mine.update(reminded_at=None)
            return False
    security.record(
        None,
        "token_expires_soon",
        user=token.user,
        workspace=token.workspace,
        subject="token",
        subject_id=token.pk,
        text=token.name,
    )
    return True


def message_of(token: ApiToken) -> str:
    """No part of the token itself but the beginning that its list shows."""
    return _(
        "Your API token “%(name)s” (%(hint)s…) of the workspace “%(workspace)s” expires on %(day)s.\n\n"
        "If a program still uses it, create another one and replace it there:\n\n%(link)s\n\n"
        "If nothing does, there is nothing to do."
    ) % {
        "name": token.name,
        "hint": token.hint,
        "workspace": token.workspace.name,
        "day": f"{token.expires_at:%Y-%m-%d}",
        "link": f"{settings.PUBLIC_URL}{reverse('settings')}#tokens",
    }
