"""Celery's side of accounts: forgetting what has ended."""

from importlib import import_module

from allauth.account.models import EmailConfirmation
from django.conf import settings
from django.utils import timezone

from webapp.accounts import security
from webapp.accounts.models import SignInLink
from webapp.core.queues import task


@task("webapp.accounts.tasks.sweep")
def sweep() -> None:
    """Sessions, sign-in links, confirmations and events of the security log whose time is over."""
    security.prune()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    SignInLink.objects.filter(created_at__lt=timezone.now() - SignInLink.LIFETIME).delete()
    EmailConfirmation.objects.delete_expired_confirmations()
