"""What ends with something else: tokens with the password, with the account, with the membership."""

from typing import Any

from allauth.account.signals import password_reset
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from webapp.accounts.confirming import note_confirmation
from webapp.accounts.models import ApiToken, Membership, User
from webapp.accounts.sessions import end_sessions
from webapp.accounts.tokens import end_tokens


@receiver(user_logged_in)
def confirm_at_sign_in(request: HttpRequest, **_signal: Any) -> None:
    note_confirmation(request)


@receiver(password_reset)
def end_after_reset(user: User, **_signal: Any) -> None:
    """Whoever lost a password may have lost more."""
    end_tokens(user, ApiToken.End.RESET)


@receiver(post_save, sender=User)
def end_after_deactivation(instance: User, created: bool, **_signal: Any) -> None:
    if not created and not instance.is_active:
        end_tokens(instance, ApiToken.End.DEACTIVATED)
        end_sessions(instance)


@receiver(post_delete, sender=Membership)
def end_after_leaving(instance: Membership, origin: Any = None, **_signal: Any) -> None:
    """Not where the whole workspace or account goes: its tokens go with it."""
    if origin is None or isinstance(origin, Membership) or getattr(origin, "model", None) is Membership:
        ApiToken.objects.filter(user_id=instance.user_id, workspace_id=instance.workspace_id).end(ApiToken.End.REMOVED)
