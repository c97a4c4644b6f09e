"""Whoever has an API token is told once, a week before it expires."""

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from webapp.accounts import token_reminders
from webapp.accounts.actions import create_token
from webapp.accounts.models import ApiToken, SecurityEvent, User, Workspace
from webapp.accounts.tasks import sweep
from webapp.accounts.token_reminders import remind_of_tokens

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def with_mail(settings: Any) -> None:
    settings.MAIL_CONFIGURED = True


def token(user: User, workspace: Workspace, *, left: float, had: float = 90) -> ApiToken:
    """One that expires in `left` days, of `had` in all."""
    row = create_token(user, workspace, "deploy script")[0]
    expires_at = timezone.now() + timedelta(days=left)
    ApiToken.objects.filter(pk=row.pk).update(expires_at=expires_at, created_at=expires_at - timedelta(days=had))
    return row


def test_the_owner_is_told_once(user: User, workspace: Workspace) -> None:
    row = token(user, workspace, left=6.9)
    for _day in range(3):
        sweep()
    (message,) = mail.outbox
    assert message.to == [user.email]
    assert "deploy script" in message.body
    assert f"{timezone.now() + timedelta(days=6.9):%Y-%m-%d}" in message.body
    assert "/settings" in message.body
    event = SecurityEvent.objects.get(verb="token_expires_soon")
    assert (event.user, event.workspace_id, event.subject_id) == (user, workspace.pk, row.pk)


def test_nobody_is_told_too_early_too_late_or_of_what_has_ended(user: User, workspace: Workspace) -> None:
    token(user, workspace, left=7.1)
    token(user, workspace, left=-0.1)
    token(user, workspace, left=3).revoke()
    token(user, workspace, left=5, had=6)  # never had a week
    ApiToken.objects.filter(pk=token(user, workspace, left=3).pk).update(expires_at=None)
    assert remind_of_tokens() == 0
    User.objects.filter(pk=user.pk).update(is_active=False)
    token(user, workspace, left=3)
    assert remind_of_tokens() == 0
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_asked_again(
    user: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise smtplib.SMTPServerDisconnected

    token(user, workspace, left=3)
    with monkeypatch.context() as patch:
        patch.setattr(token_reminders, "send_mail", refuse)
        assert remind_of_tokens() == 0
    assert not SecurityEvent.objects.filter(verb="token_expires_soon").exists()
    assert remind_of_tokens() == 1
    assert len(mail.outbox) == 1


def test_without_email_the_log_says_it(user: User, workspace: Workspace, settings: Any) -> None:
    settings.MAIL_CONFIGURED = False
    token(user, workspace, left=3)
    assert remind_of_tokens() == 1
    assert mail.outbox == []
    assert SecurityEvent.objects.filter(verb="token_expires_soon").exists()
