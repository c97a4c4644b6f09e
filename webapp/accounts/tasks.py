"""Celery's side of accounts: forgetting what has ended."""

from importlib import import_module

from allauth.account.models import EmailConfirmation
from django.conf import settings
from django.utils import timezone

from webapp.accounts import security
from webapp.accounts.models import SignInLink
from webapp.accounts.token_reminders import remind_of_tokens
from webapp.core.queues import task


@task("webapp.accounts.tasks.sweep")
def sweep() -> None:
    """Sessions, sign-in links, confirmations and events of the security log whose time is over; reminders of tokens
    whose time is nearly over."""
    security.prune()
    remind_of_tokens()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    SignInLink.objects.filter(created_at__lt=timezone.now() - SignInLink.LIFETIME).delete()
    EmailConfirmation.objects.delete_expired_confirmations()


@task("webapp.accounts.tasks.copy_event")
def copy_event(event_id: str) -> None:
    security.copy_by_id(event_id)
